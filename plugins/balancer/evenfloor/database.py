"""Reads a floor and writes sessions. Every SQL statement of the package is in this file.

Times are the database's own, so that clocks of hosts don't matter: ``NOW()`` where VICIdial has
it, and UTC in Evenfloor's reservations, so that no hour comes twice. All counts
follow VICIdial: an agent is remote where the extension starts with R, and a row without
an extension isn't counted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add
from typing import NamedTuple

from .config import DatabaseConfig
from .connection import Connection, Lock, Reply, Statement
from .policy import Dialer

REGISTERED_STATES = frozenset({"REGISTERED", "REACHABLE", "LAGGED"})
DEFAULT_GROUPING_LIMIT = 50
DEFAULT_SYSTEM_LIMIT = 100

_ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}
_FREE = "(extension = '' OR extension IS NULL)"

# How many sessions have ended: read before the floor, so that none that was counted is missed.
_MOVES = "(SELECT moves FROM evenfloor_moves)"
# The newest live agent when the oldest reservation was made: read after the floor, so that what
# has gone live by an older row is no reservation any more that will be read.
_OLDEST_RESERVATION = (
    "SELECT MIN(newest_id) FROM evenfloor_reservations WHERE expires > UTC_TIMESTAMP()"
)

# The alias and the campaign, one row whatever is there of them.
_REQUEST = f"""
SELECT {_MOVES}, (SELECT COALESCE(logins_list, '') FROM phones_alias WHERE alias_id = %(typed)s),
  c.campaign_id, c.pllb_grouping, c.pllb_grouping_limit,
  (SELECT pllb_grouping_limit FROM system_settings LIMIT 1)
FROM (SELECT 1) one
LEFT JOIN vicidial_campaigns c ON c.campaign_id = %(campaign)s AND c.active = 'Y'
"""

# A dialer's state, in the order of policy.Dialer. An index answers for each dialer that is asked
# for, and nothing is read of the others. The last column is the same in every row: the newest live
# agent says who was there to be counted, and so belongs to the same view of the table. No table in
# memory is read here: this statement takes milliseconds, and they would be locked for as long.
_LOCAL = "l.extension NOT LIKE 'R%%'"
# A dialer's address, to be compared with another table's. VICIdial's tables have come in different
# years with different collations, and such columns can't be compared; ASCII can be with any, and
# their indexes are found.
_DIALER = "CONVERT(s.server_ip USING ascii)"
_STATE = f"""s.server_ip, s.active, s.active_agent_login_server,
  TIMESTAMPDIFF(SECOND, u.last_update, NOW()),
  IF(s.conf_engine = 'CONFBRIDGE', {{confbridge}}, {{meetme}}),
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = {_DIALER} AND {_LOCAL}),
  {{campaign_agents}},
  d.max_agents, s.conf_engine, s.active_twin_server_ip,
  IF(s.active_twin_server_ip = '', NULL, (SELECT TIMESTAMPDIFF(SECOND, t.last_update, NOW())
    FROM server_updater t WHERE t.server_ip = CONVERT(s.active_twin_server_ip USING ascii))),
  (SELECT MAX(live_agent_id) FROM vicidial_live_agents)"""
_STATE_TABLES = f"""LEFT JOIN server_updater u ON u.server_ip = {_DIALER}
LEFT JOIN evenfloor_dialers d ON d.server_ip = {_DIALER}"""
_CAMPAIGN_AGENTS = f"""(SELECT COUNT(*) FROM vicidial_live_agents l
   WHERE l.server_ip = {_DIALER} AND l.campaign_id = %(campaign)s AND {_LOCAL})"""


def _state(count_rooms: bool, campaign: bool) -> str:
    """Say whether free rooms are counted or one is enough, and whether a campaign is counted."""
    kind = "COUNT(*)" if count_rooms else "1"
    rooms = f"(SELECT {kind} FROM {{}} r WHERE r.server_ip = {_DIALER} AND {_FREE})"
    if not count_rooms:
        rooms = f"EXISTS {rooms}"
    tables = {engine.lower(): rooms.format(name) for engine, name in _ROOM_TABLES.items()}
    return _STATE.format(**tables, campaign_agents=_CAMPAIGN_AGENTS if campaign else "0")


# Texts of a union, whatever collations the columns have that they are made of.
_TEXT = "CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin"


def _phones_statement(count_rooms: bool, campaign: bool, form: str = "{}") -> str:
    """Read phones. Each is one JSON array: the driver is slow with columns, the parser is not."""
    array = f"""JSON_ARRAY(p.login, p.server_ip, p.extension, p.protocol, p.active, p.pass,
  p.peer_status, {_state(count_rooms, campaign)})"""
    return f"""
SELECT {form.format(array)}
FROM phones p LEFT JOIN servers s ON s.server_ip = CONVERT(p.server_ip USING ascii)
{_STATE_TABLES}
WHERE p.login IN %(logins)s
"""


_PHONES = {
    (count_rooms, campaign): _phones_statement(count_rooms, campaign)
    for count_rooms in (False, True)
    for campaign in (False, True)
}

_FLOOR = f"""
SELECT s.server_id,
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = {_DIALER}
   AND l.extension LIKE 'R%%'),
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = {_DIALER} AND p.active = 'Y'),
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = {_DIALER} AND p.active = 'Y'
   AND p.peer_status IN ('REGISTERED', 'REACHABLE', 'LAGGED')),
  {_state(count_rooms=True, campaign=False)}
FROM servers s
{_STATE_TABLES}
WHERE s.active_asterisk_server = %(yes)s ORDER BY s.server_id
"""

# A live agent's user, to be compared with a reservation's: the tables need not have the same
# character set or collation, and would else not be comparable.
_SAME_USER = "CONVERT(l.user USING utf8mb4) COLLATE utf8mb4_general_ci"
# A reservation that counts.
_RESERVED = "r.expires > UTC_TIMESTAMP() AND r.user <> %(user)s"

# What logins at the same time have changed: live agents newer than those that were counted, and
# the reservations, less those that have gone live, less the old sessions of those who reserve. The
# caller's own don't count. One statement, because it has to be one view of both tables: VICIdial's
# page writes its live-agent row when it likes. A reservation knows the newest live-agent row of
# its time, so only a newer row can be its login; hence a range of the primary key is enough, from
# the oldest reservation's time or the floor's, whichever is earlier.
# Columns: server_ip, agents, of them in the campaign, of them reserved, the caller's own session;
# the last row has no server_ip, but how many sessions have ended.
_CHANGES = f"""
SELECT l.server_ip, 1 AS agents, l.campaign_id <=> %(campaign)s AS in_campaign, 0 AS reserved,
  0 AS own_id
FROM vicidial_live_agents l
WHERE l.live_agent_id > %(newest_id)s AND l.user <> %(user)s AND {_LOCAL}
UNION ALL
SELECT l.server_ip, -(l.live_agent_id <= %(newest_id)s),
  -(l.live_agent_id <= %(newest_id)s AND l.campaign_id <=> %(campaign)s), 0,
  CAST(l.live_agent_id AS SIGNED)
FROM vicidial_live_agents l WHERE l.user = %(user)s AND {_LOCAL}
UNION ALL
SELECT r.server_ip, COUNT(*), COUNT(IF(r.campaign_id = %(campaign)s, 1, NULL)), COUNT(*), 0
FROM evenfloor_reservations r WHERE {_RESERVED} GROUP BY r.server_ip
UNION ALL
SELECT STRAIGHT_JOIN MAX(r.server_ip), -1, -MAX(r.campaign_id = %(campaign)s), -1, 0
FROM vicidial_live_agents l JOIN evenfloor_reservations r ON r.user = {_SAME_USER}
  AND r.server_ip = CONVERT(l.server_ip USING ascii) AND r.newest_id < l.live_agent_id
WHERE l.live_agent_id > %(oldest_id)s AND {_RESERVED} AND {_LOCAL}
GROUP BY r.user
UNION ALL
SELECT STRAIGHT_JOIN l.server_ip, -1, -(l.campaign_id <=> %(campaign)s), 0, 0
FROM evenfloor_reservations r JOIN vicidial_live_agents l ON l.live_agent_id = r.old_id
WHERE r.old_id > 0 AND {_RESERVED} AND r.user = {_SAME_USER} AND {_LOCAL}
UNION ALL
SELECT NULL, moves, 0, 0, 0 FROM evenfloor_moves
"""
# Phones, dialers and changes as one view of all tables, for who has the lock already. Engines
# without transactions lock every table of a statement for as long as it runs.
_CHANGES_NOW = _CHANGES.replace(
    "%(newest_id)s", "(SELECT MAX(live_agent_id) FROM vicidial_live_agents)"
).replace("%(oldest_id)s", f"({_OLDEST_RESERVATION})")
_PHONES_NOW = {
    campaign: f"""{_phones_statement(False, campaign, _TEXT)}
UNION ALL
SELECT {_TEXT.format("JSON_ARRAY(NULL, server_ip, agents, in_campaign, reserved, own_id)")}
FROM ({_CHANGES_NOW}) changes
"""
    for campaign in (False, True)
}
_COUNT_MOVE = (
    "INSERT INTO evenfloor_moves (moves) VALUES (1) ON DUPLICATE KEY UPDATE moves = moves + 1"
)

# In the order of LiveSession.
_SESSIONS = """
SELECT live_agent_id, COALESCE(user, ''), server_ip, COALESCE(conf_exten, ''),
  COALESCE(callerid, ''), COALESCE(extension, ''), COALESCE(extension NOT LIKE 'R%%', 0),
  COALESCE(campaign_id, ''), COALESCE(TIMESTAMPDIFF(SECOND, last_call_time, NOW()), 0)
FROM vicidial_live_agents WHERE """

_QUEUE_HANGUP = """
INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, channel, action,
  callerid) VALUES ('', NOW(), 'NEW', 'N', %s, '', 'Hangup', %s)
"""
_QUEUE_ORIGINATE = """
INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, channel, action,
  callerid, cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e, cmd_line_f)
SELECT '', NOW(), 'NEW', 'N', server_ip, '', 'Originate', %s, %s,
  CONCAT('Context: ', ext_context), %s, 'Priority: 1', %s FROM servers WHERE server_ip = %s
"""
_FINISH_ACTIONS = "UPDATE vicidial_manager SET status = %s, response = 'Y' WHERE callerid = %s"
_INSERT_LIVE_AGENT = """
INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, status, lead_id,
  campaign_id, uniqueid, callerid, channel, random_id, last_call_time, last_call_finish)
VALUES (%s, %s, %s, %s, 'PAUSED', 0, %s, '', %s, '', %s, NOW(), NOW())
"""
_RESERVE = """
REPLACE INTO evenfloor_reservations (user, server_ip, campaign_id, newest_id, old_id, expires)
VALUES (%s, %s, %s, %s, %s, UTC_TIMESTAMP() + INTERVAL %s SECOND)
"""
_RECORD_DECISION = """
INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, server_ip, phone_login,
  outcome, detail)
VALUES (NOW(), %(user)s, %(alias)s, %(campaign)s, %(server_ip)s, %(phone_login)s, %(outcome)s,
  %(detail)s)
"""
#: What is expired is removed at most so often, and a few decisions at a time: seconds, rows.
PRUNE_INTERVAL = 1.0
PRUNED_AT_ONCE = 1000


class PhoneRow(NamedTuple):
    """A row of ``phones``, as far as the choice needs it."""

    login: str
    server_ip: str
    extension: str
    protocol: str
    active: bool
    password: str
    registered: bool

    @property
    def channel(self) -> str:
        """The phone as Asterisk dials it and as live-agent rows name it: ``PJSIP/101``."""
        return f"{self.protocol}/{self.extension}"


@dataclass(frozen=True)
class Campaign:
    """A row of ``vicidial_campaigns`` with the system's limit beside it."""

    grouping: str
    limit: int
    system_limit: int


class Change(NamedTuple):
    """What came to a dialer: agents in all, of them in the campaign, of them only reserved.

    ``own_id`` is the caller's own session there, which went.
    """

    agents: int = 0
    in_campaign: int = 0
    reserved: int = 0
    own_id: int = 0


class Changes(dict):
    """Changes by ``server_ip``; where nothing is known of, there is none.

    Attributes:
        overtaken: whether sessions have ended that were counted: the floor is to be read again.
    """

    overtaken = False

    def __missing__(self, server_ip: str) -> Change:
        """Nothing has changed on a dialer that nothing was found of."""
        return Change()

    def take_away(self, sessions: Iterable[LiveSession], campaign_id: str) -> None:
        """Don't count sessions that were counted and are about to end.

        Args:
            sessions: of other users than the caller.
            campaign_id: the campaign that is counted besides all.
        """
        for session in sessions:
            if session.local:
                of_campaign = session.campaign_id.lower() == campaign_id.lower()
                change = self[session.server_ip]
                self[session.server_ip] = change._replace(
                    agents=change.agents - 1, in_campaign=change.in_campaign - of_campaign
                )

    @property
    def own_id(self) -> int:
        """The caller's own session that was counted; 0 for none."""
        return max((change.own_id for change in self.values()), default=0)


class LiveSession(NamedTuple):
    """A row of ``vicidial_live_agents``. ``age`` is in seconds."""

    live_agent_id: int
    user: str
    server_ip: str
    room: str
    tag: str
    channel: str
    local: bool
    campaign_id: str
    age: int


@dataclass(frozen=True)
class DialerRow:
    """What a person wants to know of a dialer besides its state."""

    server_id: str
    server_ip: str
    remote_agents: int
    phones: int
    registered: int


@dataclass(frozen=True)
class QueuedAction:
    """A row of ``vicidial_manager``: an AMI action that waits for its dialer's daemon."""

    man_id: int
    action: str
    tag: str
    age: int
    headers: tuple[str, ...]


@dataclass
class Floor:
    """Dialers by ``server_ip``, as they were read.

    Attributes:
        dialers: their states.
        campaign_id: the campaign that was counted; empty for none.
        newest_id: the newest live-agent row that was counted; what is newer is a change.
        oldest_id: no reservation has gone live by this row or an earlier one.
        moves: how many sessions logins and logouts had ended before it was read.
    """

    dialers: dict[str, Dialer]
    campaign_id: str
    newest_id: int = 0
    oldest_id: int = 0
    moves: int = 0

    def add(self, row: Sequence) -> None:
        """Take in the columns of ``_STATE``."""
        server_ip, active, takes, age, rooms, agents, of_campaign, most, engine, twin = row[:10]
        self.newest_id = row[11] or 0
        self.dialers[server_ip] = Dialer(
            server_ip,
            active == "Y",
            takes == "Y",
            age,
            rooms,
            agents,
            of_campaign,
            most,
            engine or "MEETME",
            twin or "",
            row[10],
        )

    def note_oldest(self, reply: Reply) -> None:
        """Take in the answer to ``_OLDEST_RESERVATION``."""
        oldest = reply.rows[0][0]
        self.oldest_id = self.newest_id if oldest is None else min(oldest, self.newest_id)

    def changed(self, changes: Changes, rooms_counted: bool = False) -> dict[str, Dialer]:
        """Return the dialers with changes added.

        Args:
            changes: by ``server_ip``.
            rooms_counted: whether all free rooms were counted, so that reserved ones come off.
        """
        dialers = dict(self.dialers)
        for server_ip, change in changes.items():
            dialer = dialers.get(server_ip)
            if dialer is not None:
                dialers[server_ip] = dialer._replace(
                    local_agents=dialer.local_agents + change.agents,
                    campaign_agents=dialer.campaign_agents + change.in_campaign,
                    free_rooms=dialer.free_rooms - (change.reserved if rooms_counted else 0),
                )
        return dialers

    def mark_full(self, addresses: Iterable[str]) -> None:
        """Note which dialers turned out to have no room left."""
        for server_ip in self.dialers.keys() & set(addresses):
            self.dialers[server_ip] = self.dialers[server_ip]._replace(free_rooms=0)


class Database:
    """What the package asks of the database and writes to it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        longest_lock: the longest that a lock is waited for, in seconds.
    """

    def __init__(self, config: DatabaseConfig, longest_lock: int = 0):
        self._connection = Connection(config, longest_lock)
        self._run = self._connection.run
        self._batch = self._connection.batch
        self.close = self._connection.close
        self.lock = self._connection.lock

    def ping(self) -> None:
        """Ask for an answer.

        Raises:
            DatabaseUnreachable: there is none.
        """
        self._run("SELECT 1")

    # -- what a choice reads --------------------------------------------------------------

    def request(self, typed: str, campaign_id: str) -> tuple[list[str], Campaign | None, int]:
        """Read what was asked for.

        Args:
            typed: an alias, a comma-separated list, or one phone login.
            campaign_id: a campaign's id.

        Returns:
            The logins list; the campaign, None where there is no active one of this id; and how
            many sessions have ended, for :meth:`phones`.
        """
        ((moves, listed, there, grouping, limit, system_limit),) = self._run(
            _REQUEST, {"typed": typed, "campaign": campaign_id}
        ).rows
        text = typed if listed is None else listed
        logins = [login.strip() for login in text.split(",") if login.strip()]
        if there is None:
            return logins, None, moves or 0
        campaign = Campaign(
            grouping or "DISABLED",
            DEFAULT_GROUPING_LIMIT if limit is None else limit,
            DEFAULT_SYSTEM_LIMIT if system_limit is None else system_limit,
        )
        return logins, campaign, moves or 0

    def phones(
        self, logins: Sequence[str], campaign_id: str, moves: int = 0, count_rooms: bool = False
    ) -> tuple[dict[str, list[PhoneRow]], Floor]:
        """Read the phones of a logins list and their dialers.

        Args:
            logins: phone logins. VICIdial's aren't unique: one can have several phones.
            campaign_id: the campaign whose agents are counted besides all; none if empty.
            moves: how many sessions had ended before.
            count_rooms: count all free rooms; else 1 stands for «at least one».

        Returns:
            The phones by login in lower case, and the dialers.
        """
        floor = Floor({}, campaign_id, moves=moves)
        if not logins:
            return {}, floor
        text = _PHONES[count_rooms, campaign_id != ""]
        values = {"logins": tuple(logins), "campaign": campaign_id}
        found, oldest = self._batch([Statement(text, values), Statement(_OLDEST_RESERVATION)])
        phones = _phones(_unpacked(found), floor)
        floor.note_oldest(oldest)
        return phones, floor

    def phones_now(
        self, logins: Sequence[str], campaign_id: str, user: str, lock: Lock
    ) -> tuple[dict[str, list[PhoneRow]], Floor, Changes]:
        """Read at once the phones of a list, their dialers, and what logins under way change.

        Args:
            logins: as for :meth:`phones`.
            campaign_id: as for :meth:`phones`.
            user: whose own sessions and reservation don't count.
            lock: taken in the same trip, before anything is read.

        Returns:
            The phones by login in lower case, the dialers, and the changes.
        """
        text = _PHONES_NOW[campaign_id != ""]
        # A list of none would be no list to the database.
        values = {"logins": tuple(logins) or ("",), "campaign": campaign_id, "user": user}
        taken, found = self._batch([lock.take(), Statement(text, values)])
        lock.note(taken)
        rows = _unpacked(found)
        floor = Floor({}, campaign_id)
        phones = _phones([row for row in rows if row[0] is not None], floor)
        return phones, floor, _changes([row[1:] for row in rows if row[0] is None])[0]

    def changes(
        self, floor: Floor, user: str, lock: Lock | None = None, more: Sequence[Statement] = ()
    ) -> tuple[Changes, list[Reply]]:
        """Read what logins at the same time have changed since a floor was read.

        Args:
            floor: the floor.
            user: whose own sessions and reservation don't count.
            lock: taken in the same trip, before anything is read.
            more: what else is to be read in the same trip.

        Returns:
            The changes, and the replies to ``more``.
        """
        values = {
            "user": user,
            "campaign": floor.campaign_id,
            "newest_id": floor.newest_id,
            "oldest_id": floor.oldest_id,
        }
        asked = [Statement(_CHANGES, values), *more]
        if lock is None:
            changed, *replies = self._batch(asked)
        else:
            taken, changed, *replies = self._batch([lock.take(), *asked])
            lock.note(taken)
        changes, moves = _changes(changed.rows)
        changes.overtaken = moves != floor.moves
        return changes, replies

    def look_before_login(
        self, floor: Floor, phones: Sequence[PhoneRow], user: str, lock: Lock | None
    ) -> tuple[Changes, list[LiveSession], list[LiveSession]]:
        """Read what has changed, who is logged in on these phones and where the user is.

        Args:
            floor: as for :meth:`changes`.
            phones: the phones behind the alias.
            user: who logs in.
            lock: taken first; None where it was.

        Returns:
            The changes, the sessions of others on these phones, and the user's own.
        """
        channels = tuple({phone.channel for phone in phones})
        more = [
            Statement(_SESSIONS + "user = %s", (user,)),
            Statement(_SESSIONS + "extension IN %s AND user <> %s", (channels, user)),
        ]
        changes, (own, others) = self.changes(floor, user, lock, more)
        places = {(phone.server_ip, phone.channel) for phone in phones}
        return (
            changes,
            [other for other in _found(others) if (other.server_ip, other.channel) in places],
            _found(own),
        )

    def floor(self) -> list[tuple[DialerRow, Dialer]]:
        """Read every dialer."""
        floor = Floor({}, "")
        read, oldest = self._batch(
            [Statement(_FLOOR, {"yes": "Y"}), Statement(_OLDEST_RESERVATION)]
        )
        rows = read.rows
        for row in rows:
            floor.add(row[4:])
        floor.note_oldest(oldest)
        changes, _nothing = self.changes(floor, "")
        dialers = floor.changed(changes, rooms_counted=True)
        return [(DialerRow(row[0], row[4], *row[1:4]), dialers[row[4]]) for row in rows]

    def sessions_of(self, *users: str) -> list[LiveSession]:
        """Find where users are logged in."""
        return _found(self._run(_SESSIONS + "user IN %s", (users,))) if users else []

    # -- what a login writes --------------------------------------------------------------

    def reserve(
        self,
        phone: PhoneRow,
        dialer: Dialer,
        user: str,
        campaign_id: str,
        seconds: int,
        newest_id: int,
        changes: Changes,
        lock: Lock,
        decision: dict,
    ) -> bool:
        """Count a choice until its live-agent row is there, give the lock back, keep the decision.

        Args:
            phone: the winner.
            dialer: the winner's.
            user: for whom.
            campaign_id: the campaign.
            seconds: for how long.
            newest_id: the newest live-agent row that can't be this choice's login.
            changes: what the choice was made with.
            lock: is given back.
            decision: for ``evenfloor_decisions``.

        Returns:
            Whether there is a room left for it. If not, nothing stays reserved.
        """
        table = _ROOM_TABLES[dialer.conf_engine]
        reserved = max(0, changes[phone.server_ip].reserved)
        replies = self._batch(
            [
                Statement(
                    _RESERVE,
                    (user, phone.server_ip, campaign_id, newest_id, changes.own_id, seconds),
                ),
                lock.release(),
                Statement(
                    f"SELECT 1 FROM {table} WHERE server_ip = %s AND {_FREE} LIMIT %s, 1",
                    (phone.server_ip, reserved),
                ),
                Statement(_RECORD_DECISION, decision, optional=True),
            ]
        )
        lock.done = True
        if replies[2].rows:
            return True
        # Nobody else reads the reservation as long as the decision isn't told.
        undo = [_forget_reservation(user)]
        if len(replies) > 3:
            undo.append(
                Statement(
                    "DELETE FROM evenfloor_decisions WHERE decision_id = %s",
                    (replies[3].last_id,),
                    optional=True,
                )
            )
        self._batch(undo)
        return False

    def write_session(
        self,
        phone: PhoneRow,
        dialer: Dialer,
        user: str,
        campaign_id: str,
        tag: str,
        ended: Sequence[LiveSession],
        lock: Lock,
        decision: dict,
    ) -> str | None:
        """Claim a room, end the sessions it replaces, ask for the call, write what is counted.

        Everything is one transaction where the engine has them. Where it hasn't, nobody's session
        ends before there is a room, and the live-agent row comes last: it never stands without its
        room and its call.

        Args:
            phone: the winner.
            dialer: the winner's.
            user: who logs in.
            campaign_id: the campaign.
            tag: the session's name.
            ended: the sessions that this one replaces.
            lock: is given back.
            decision: for ``evenfloor_decisions``.

        Returns:
            The room; None where none was free, and nothing has changed.
        """

        def work() -> str | None:
            _started, claimed = self._batch(
                [
                    Statement("START TRANSACTION"),
                    _claim_room(phone, _ROOM_TABLES[dialer.conf_engine]),
                ]
            )
            if not claimed.touched:
                self._run("ROLLBACK")
                return None
            room = str(claimed.last_id)
            self._batch(
                [
                    *_endings(ended),
                    _originate(phone, room, tag),
                    _live_agent(phone, user, campaign_id, room, tag),
                    Statement("COMMIT"),
                    _forget_reservation(user),
                    *([Statement(_COUNT_MOVE)] if ended else []),
                    lock.release(),
                    Statement(_RECORD_DECISION, decision, optional=True),
                ]
            )
            lock.done = True
            return room

        return self._connection.transaction(work)

    def end_sessions(self, user: str, sessions: Sequence[LiveSession]) -> None:
        """Stop counting a user's sessions, and ask their dialers to end the calls."""
        self._connection.transaction(
            lambda: self._batch(
                [
                    Statement("START TRANSACTION"),
                    *_endings(sessions),
                    Statement("COMMIT"),
                    _forget_reservation(user),
                    Statement(_COUNT_MOVE),
                ]
            )
        )

    def record_decision(self, decision: dict) -> None:
        """Keep a decision that nobody won."""
        self._batch([Statement(_RECORD_DECISION, decision, optional=True)])

    def prune(self, decisions_kept: int) -> None:
        """Remove reservations that have expired and decisions older than ``decisions_kept`` s."""
        self._batch(
            [
                Statement(
                    "DELETE FROM evenfloor_reservations WHERE expires <= UTC_TIMESTAMP()",
                    optional=True,
                ),
                Statement(
                    "DELETE FROM evenfloor_decisions WHERE decided < NOW() - INTERVAL %s SECOND"
                    " LIMIT %s",
                    (decisions_kept, PRUNED_AT_ONCE),
                    optional=True,
                ),
            ]
        )

    # -- what a dialer's daemon does ------------------------------------------------------

    def beat(self, server_ip: str) -> None:
        """Write the heartbeat."""
        self._run(
            "UPDATE server_updater SET last_update = NOW() WHERE server_ip = %s", (server_ip,)
        )

    def take_actions(self, server_ip: str) -> list[QueuedAction]:
        """Take the waiting AMI actions of a dialer, oldest first."""
        rows = self._run(
            "SELECT man_id, action, callerid, TIMESTAMPDIFF(SECOND, entry_date, NOW()),"
            " cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e, cmd_line_f, cmd_line_g, cmd_line_h,"
            " cmd_line_i, cmd_line_j, cmd_line_k FROM vicidial_manager"
            " WHERE server_ip = %s AND status = 'NEW' ORDER BY man_id",
            (server_ip,),
        ).rows
        if rows:
            self._run(
                "UPDATE vicidial_manager SET status = 'SENT' WHERE man_id IN %s",
                ([row[0] for row in rows],),
            )
        return [
            QueuedAction(
                row[0],
                row[1] or "",
                row[2] or "",
                row[3] or 0,
                tuple(line for line in row[4:] if line),
            )
            for row in rows
        ]

    def note_late(self, tag: str) -> None:
        """Note that a session's action came too late to be sent."""
        self._run(_FINISH_ACTIONS, ("DEAD", tag))

    def note_answered(self, server_ip: str, tag: str, channel: str) -> None:
        """Note that a session's phone answered, and the channel that it has got."""
        self._connection.transaction(
            lambda: self._batch(
                [
                    Statement("START TRANSACTION"),
                    Statement(_FINISH_ACTIONS, ("UPDATED", tag)),
                    Statement(
                        "UPDATE vicidial_live_agents SET channel = %s, uniqueid = %s"
                        " WHERE server_ip = %s AND callerid = %s",
                        (channel, tag, server_ip, tag),
                    ),
                    Statement("COMMIT"),
                ]
            )
        )

    def forget_actions(self, server_ip: str, seconds: int) -> None:
        """Remove a dialer's actions that are older than ``seconds``."""
        self._run(
            "DELETE FROM vicidial_manager WHERE server_ip = %s AND status <> 'NEW'"
            " AND entry_date < NOW() - INTERVAL %s SECOND",
            (server_ip, seconds),
        )

    def sessions_on(self, server_ip: str) -> list[LiveSession]:
        """Find the sessions of a dialer that Evenfloor made (remote agents are VICIdial's)."""
        condition = "server_ip = %s AND extension NOT LIKE 'R%%' AND callerid LIKE 'S%%'"
        return _found(self._run(_SESSIONS + condition, (server_ip,)))

    def taken_rooms(self, server_ip: str) -> dict[str, str]:
        """Find the rooms of a dialer that aren't free: ``{room: phone's channel}``."""
        rows = self._run(
            "SELECT conf_exten, extension FROM vicidial_confbridges"
            f" WHERE server_ip = %s AND NOT {_FREE}",
            (server_ip,),
        ).rows
        return {str(room): extension for room, extension in rows}

    def end_session(self, server_ip: str, tag: str) -> None:
        """Remove a session's live-agent row. Its room is freed with :meth:`free_room`."""
        self._run(
            "DELETE FROM vicidial_live_agents WHERE server_ip = %s AND callerid = %s",
            (server_ip, tag),
        )

    def free_room(self, server_ip: str, room: str) -> None:
        """Free a room, unless a session lives in it."""
        self._run(
            "UPDATE vicidial_confbridges SET extension = '' WHERE server_ip = %s"
            " AND conf_exten = %s AND NOT EXISTS (SELECT 1 FROM vicidial_live_agents l WHERE"
            " l.server_ip = %s AND l.conf_exten = %s)",
            (server_ip, room, server_ip, room),
        )

    def peer_states(self, server_ip: str) -> dict[str, str]:
        """Read what ``phones`` says of each extension's registration on a dialer."""
        rows = self._run(
            "SELECT extension, peer_status FROM phones WHERE server_ip = %s", (server_ip,)
        ).rows
        return {extension: state or "UNKNOWN" for extension, state in rows}

    def set_peer_state(self, server_ip: str, extensions: Sequence[str], state: str) -> None:
        """Write the registration's state of some extensions on a dialer."""
        if extensions:
            self._run(
                "UPDATE phones SET peer_status = %s WHERE server_ip = %s AND extension IN %s",
                (state, server_ip, list(extensions)),
            )


def _unpacked(reply: Reply) -> list[list]:
    """Read rows that are a JSON array each."""
    return json.loads(f"[{','.join([row for (row,) in reply.rows])}]")


def _phones(rows: Iterable[Sequence], floor: Floor) -> dict[str, list[PhoneRow]]:
    """Take in the columns of ``_PHONES``: returns the phones by login in lower case."""
    phones: dict[str, list[PhoneRow]] = {}
    for row in rows:
        login, server_ip, extension, protocol, active, password, peer_status = row[:7]
        phones.setdefault(login.lower(), []).append(
            PhoneRow(
                login,
                server_ip,
                extension,
                protocol or "SIP",
                active == "Y",
                password or "",
                peer_status in REGISTERED_STATES,
            )
        )
        if row[7] is not None:
            floor.add(row[7:])
    return phones


def _changes(rows: Iterable[Sequence]) -> tuple[Changes, int]:
    """Take in the columns of ``_CHANGES``: the changes, and how many sessions have ended."""
    changes, moves = Changes(), 0
    for server_ip, *change in rows:
        if server_ip is None:
            moves = change[0]
            continue
        changes[server_ip] = Change(*map(add, change, changes[server_ip]))
    return changes, moves


def _found(reply: Reply) -> list[LiveSession]:
    return [LiveSession(*row) for row in reply.rows]


def _endings(sessions: Sequence[LiveSession]) -> list[Statement]:
    """Stop counting sessions and have their dialers end the calls."""
    return [
        statement
        for session in sessions
        for statement in (
            Statement(
                "DELETE FROM vicidial_live_agents WHERE live_agent_id = %s",
                (session.live_agent_id,),
            ),
            Statement(_QUEUE_HANGUP, (session.server_ip, session.tag)),
        )
    ]


def _forget_reservation(user: str) -> Statement:
    """Don't count a user's choice any more. In memory, and so after a transaction, not in it."""
    return Statement("DELETE FROM evenfloor_reservations WHERE user = %s", (user,))


def _claim_room(phone: PhoneRow, table: str) -> Statement:
    """Take the lowest free room on the phone's dialer; its number is the reply's last id."""
    return Statement(
        f"UPDATE {table} SET extension = %s, conf_exten = LAST_INSERT_ID(conf_exten)"
        f" WHERE server_ip = %s AND {_FREE} ORDER BY conf_exten LIMIT 1",
        (phone.channel, phone.server_ip),
    )


def _originate(phone: PhoneRow, room: str, tag: str) -> Statement:
    """Ask the phone's dialer to ring it and put it into its room."""
    return Statement(
        _QUEUE_ORIGINATE,
        (
            tag,
            f"Channel: {phone.channel}",
            f"Exten: {room}",
            f'Callerid: "{tag}" <{room}>',
            phone.server_ip,
        ),
    )


def _live_agent(phone: PhoneRow, user: str, campaign_id: str, room: str, tag: str) -> Statement:
    """Write the row that is counted."""
    number = random.randrange(10**7, 10**8)
    return Statement(
        _INSERT_LIVE_AGENT,
        (user, phone.server_ip, room, phone.channel, campaign_id, tag, number),
    )
