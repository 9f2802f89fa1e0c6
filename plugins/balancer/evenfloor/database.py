"""Reads a floor and writes sessions. Every SQL statement of the package is in this file.

Times are the database's own (``NOW()``), so that clocks of hosts don't matter. All counts
follow VICIdial: an agent is remote where the extension starts with R, and a row without
an extension isn't counted.
"""

from __future__ import annotations

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

# The alias and the campaign, one row whatever is there of them.
_REQUEST = """
SELECT (SELECT COALESCE(logins_list, '') FROM phones_alias WHERE alias_id = %(typed)s),
  c.campaign_id, c.pllb_grouping, c.pllb_grouping_limit,
  (SELECT pllb_grouping_limit FROM system_settings LIMIT 1)
FROM (SELECT 1) one
LEFT JOIN vicidial_campaigns c ON c.campaign_id = %(campaign)s AND c.active = 'Y'
"""

# A dialer's state besides its counts, in the order of policy.Dialer.
_STATE = """s.server_ip, s.active, s.active_agent_login_server, s.conf_engine,
  TIMESTAMPDIFF(SECOND, u.last_update, NOW()),
  s.active_twin_server_ip, TIMESTAMPDIFF(SECOND, t.last_update, NOW()),
  d.max_agents, IF(s.conf_engine = 'CONFBRIDGE', {confbridge}, {meetme})"""
_STATE_TABLES = """LEFT JOIN server_updater u ON u.server_ip = s.server_ip
LEFT JOIN server_updater t ON t.server_ip = s.active_twin_server_ip
LEFT JOIN evenfloor_dialers d ON d.server_ip = s.server_ip"""


def _state(rooms: str) -> str:
    """Fill in how free rooms are looked at: counted, or whether there is one."""
    of_dialer = f"(SELECT {rooms} FROM {{}} r WHERE r.server_ip = s.server_ip AND {_FREE})"
    if rooms == "1":
        of_dialer = f"EXISTS {of_dialer}"
    tables = {engine.lower(): of_dialer.format(name) for engine, name in _ROOM_TABLES.items()}
    return _STATE.format(**tables)


_PHONES = f"""
SELECT p.login, p.server_ip, p.extension, p.protocol, p.active, p.pass, p.peer_status,
  {{state}}
FROM phones p LEFT JOIN servers s ON s.server_ip = p.server_ip
{_STATE_TABLES}
WHERE p.login IN %s
"""
_PHONES_AND_ROOMS_LEFT = _PHONES.format(state=_state("1"))
_PHONES_AND_ROOMS_COUNTED = _PHONES.format(state=_state("COUNT(*)"))

_FLOOR = f"""
SELECT s.server_id, s.server_ip,
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = s.server_ip
   AND l.extension LIKE 'R%'),
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = s.server_ip AND p.active = 'Y'),
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = s.server_ip AND p.active = 'Y'
   AND p.peer_status IN ('REGISTERED', 'REACHABLE', 'LAGGED')),
  {_state("COUNT(*)")}
FROM servers s
{_STATE_TABLES}
WHERE s.active_asterisk_server = 'Y' ORDER BY s.server_id
"""

# Who counts: the dialers' local agents, less the caller's own, and the reservations, less those
# that have gone live since. One statement, because it has to be one view of both tables:
# VICIdial's page writes its live-agent row when it likes. An index answers for each dialer that
# is asked for, and nothing is read of the others. A reservation knows the newest live-agent row
# of its time, so only rows that are newer can be its login; the variable makes that a range of
# the primary key. The last row is for the reservation that may follow.
# Columns: server_ip, agents, of them in the campaign, of them reserved.
_OLDEST_RESERVATION = """
SET @evenfloor_oldest = (SELECT MIN(newest_id) FROM evenfloor_reservations WHERE expires > NOW())
"""
_LOCAL = "l.extension NOT LIKE 'R%%'"
_COUNTS = f"""
SELECT s.server_ip,
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = s.server_ip AND {_LOCAL}),
  {{campaign_agents}}, 0
FROM servers s WHERE s.server_ip IN %(addresses)s
UNION ALL
SELECT l.server_ip, -1, -({{campaign_row}}), 0
FROM vicidial_live_agents l WHERE l.user = %(user)s AND {_LOCAL}
UNION ALL
SELECT r.server_ip, COUNT(*), {{campaign_reservations}}, COUNT(*)
FROM evenfloor_reservations r WHERE r.expires > NOW() AND r.user <> %(user)s GROUP BY r.server_ip
UNION ALL
SELECT STRAIGHT_JOIN r.server_ip, -1, -({{campaign_reserved}}), -1
FROM vicidial_live_agents l JOIN evenfloor_reservations r ON r.user = l.user
  AND r.server_ip = l.server_ip AND r.newest_id < l.live_agent_id
WHERE l.live_agent_id > @evenfloor_oldest AND r.expires > NOW() AND r.user <> %(user)s
UNION ALL
SELECT '', CAST(COALESCE(MAX(live_agent_id), 0) AS SIGNED), 0, 0 FROM vicidial_live_agents
"""
_COUNTS_IN_ALL = _COUNTS.format(
    campaign_agents="0", campaign_row="0", campaign_reservations="0", campaign_reserved="0"
)
_COUNTS_WITH_CAMPAIGN = _COUNTS.format(
    campaign_agents=f"""(SELECT COUNT(*) FROM vicidial_live_agents l
   WHERE l.server_ip = s.server_ip AND l.campaign_id = %(campaign)s AND {_LOCAL})""",
    campaign_row="l.campaign_id = %(campaign)s",
    campaign_reservations="COUNT(IF(r.campaign_id = %(campaign)s, 1, NULL))",
    campaign_reserved="r.campaign_id = %(campaign)s",
)

_SESSIONS = """
SELECT live_agent_id, user, server_ip, conf_exten, callerid, extension,
  TIMESTAMPDIFF(SECOND, last_call_time, NOW())
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
_INSERT_LIVE_AGENT = """
INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, status, lead_id,
  campaign_id, uniqueid, callerid, channel, random_id, last_call_time, last_call_finish)
VALUES (%s, %s, %s, %s, 'PAUSED', 0, %s, '', %s, '', %s, NOW(), NOW())
"""
_RESERVE = """
REPLACE INTO evenfloor_reservations (user, server_ip, campaign_id, newest_id, expires)
VALUES (%s, %s, %s, %s, NOW() + INTERVAL %s SECOND)
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


class Count(NamedTuple):
    """Who counts on a dialer: agents in all, of them in the campaign, of them only reserved."""

    agents: int = 0
    in_campaign: int = 0
    reserved: int = 0


class Counts(dict):
    """Counts by ``server_ip``; a dialer that isn't there has none.

    Attributes:
        newest_id: the newest live-agent row that was there.
    """

    def __init__(self, newest_id: int = 0):
        super().__init__()
        self.newest_id = newest_id

    def __missing__(self, server_ip: str) -> Count:
        """Nobody is on a dialer that nothing was found of."""
        return Count()


@dataclass(frozen=True)
class LiveSession:
    """A row of ``vicidial_live_agents``. ``age`` is in seconds."""

    live_agent_id: int
    user: str
    server_ip: str
    room: str
    tag: str
    channel: str = ""
    age: int = 0


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


class Database:
    """What the package asks of the database and writes to it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._connection = Connection(config)
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

    def request(self, typed: str, campaign_id: str) -> tuple[list[str], Campaign | None]:
        """Read what was asked for.

        Args:
            typed: an alias, a comma-separated list, or one phone login.
            campaign_id: a campaign's id.

        Returns:
            The logins list, and the campaign; None where there is no active one of this id.
        """
        ((listed, there, grouping, limit, system_limit),) = self._run(
            _REQUEST, {"typed": typed, "campaign": campaign_id}
        ).rows
        text = typed if listed is None else listed
        logins = [login.strip() for login in text.split(",") if login.strip()]
        if there is None:
            return logins, None
        return logins, Campaign(
            grouping or "DISABLED",
            DEFAULT_GROUPING_LIMIT if limit is None else limit,
            DEFAULT_SYSTEM_LIMIT if system_limit is None else system_limit,
        )

    def phones(
        self, logins: Sequence[str], count_rooms: bool = False
    ) -> tuple[dict[str, list[PhoneRow]], dict[str, Dialer]]:
        """Read the phones of a logins list and the state of their dialers, nobody counted yet.

        Args:
            logins: phone logins. VICIdial's aren't unique: one can have several phones.
            count_rooms: count all free rooms; else 1 stands for «at least one».

        Returns:
            The phones by login in lower case, and the dialers by ``server_ip``.
        """
        phones: dict[str, list[PhoneRow]] = {}
        dialers: dict[str, Dialer] = {}
        if not logins:
            return phones, dialers
        text = _PHONES_AND_ROOMS_COUNTED if count_rooms else _PHONES_AND_ROOMS_LEFT
        for row in self._run(text, (tuple(logins),)).rows:
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
                dialers[server_ip] = _dialer(row[7:])
        return phones, dialers

    def counts(
        self,
        addresses: Iterable[str],
        user: str,
        campaign_id: str,
        lock: Lock | None = None,
        more: Sequence[Statement] = (),
    ) -> tuple[Counts, list[Reply]]:
        """Count the local agents of dialers, reservations included, in one statement.

        Args:
            addresses: the ``server_ip`` of each dialer.
            user: whose own sessions and reservation aren't counted.
            campaign_id: the campaign whose agents are counted besides all; none if empty.
            lock: taken in the same trip, before anything is read.
            more: what is to be read in the same trip.

        Returns:
            The counts, by ``server_ip``, and the replies to ``more``.
        """
        values = {
            "addresses": tuple(addresses) or ("",),
            "user": user,
            "campaign": campaign_id,
        }
        text = _COUNTS_WITH_CAMPAIGN if campaign_id else _COUNTS_IN_ALL
        asked = [Statement(_OLDEST_RESERVATION), Statement(text, values), *more]
        if lock is None:
            replies = self._batch(asked)
        else:
            answer, *replies = self._batch([lock.take(), *asked])
            lock.note(answer)
        *rows, (_last, newest_id, _zero, _none) = replies[1].rows
        counts = Counts(newest_id)
        for server_ip, *found in rows:
            so_far = counts.get(server_ip)
            counts[server_ip] = Count(*(map(add, found, so_far) if so_far else found))
        return counts, replies[2:]

    def look_before_login(
        self,
        lock: Lock | None,
        phones: Sequence[PhoneRow],
        addresses: Iterable[str],
        user: str,
        campaign_id: str,
    ) -> tuple[Counts, list[LiveSession], list[LiveSession]]:
        """Count, and find who is logged in on these phones and where the user is, in one trip.

        Args:
            lock: taken first; None where it was.
            phones: the phones behind the alias.
            addresses: the ``server_ip`` of each dialer.
            user: who logs in.
            campaign_id: as for :meth:`counts`.

        Returns:
            The counts, the sessions of others on these phones, and the user's own.
        """
        channels = tuple({phone.channel for phone in phones})
        more = [
            Statement(_SESSIONS + "user = %s", (user,)),
            Statement(_SESSIONS + "extension IN %s AND user <> %s", (channels, user)),
        ]
        counts, (own, others) = self.counts(addresses, user, campaign_id, lock, more)
        places = {(phone.server_ip, phone.channel) for phone in phones}
        return (
            counts,
            [other for other in _found(others) if (other.server_ip, other.channel) in places],
            _found(own),
        )

    def floor(self) -> list[tuple[DialerRow, Dialer]]:
        """Read every dialer, counts included."""
        rows = self._run(_FLOOR).rows
        counts, _nothing = self.counts([row[1] for row in rows], "", "")
        return [
            (DialerRow(*row[:5]), counted(_dialer(row[5:]), counts, rooms_counted=True))
            for row in rows
        ]

    def sessions_of(self, user: str) -> list[LiveSession]:
        """Find where a user is logged in."""
        return _found(self._run(_SESSIONS + "user = %s", (user,)))

    # -- what a login writes --------------------------------------------------------------

    def reserve(
        self,
        phone: PhoneRow,
        dialer: Dialer,
        user: str,
        campaign_id: str,
        seconds: int,
        counts: Counts,
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
            counts: what the choice was made of.
            lock: is given back.
            decision: for ``evenfloor_decisions``.

        Returns:
            Whether there is a room left for it. If not, nothing stays reserved.
        """
        table = _ROOM_TABLES[dialer.conf_engine]
        replies = self._batch(
            [
                Statement(
                    _RESERVE, (user, phone.server_ip, campaign_id, counts.newest_id, seconds)
                ),
                lock.release(),
                Statement(
                    f"SELECT 1 FROM {table} WHERE server_ip = %s AND {_FREE} LIMIT %s, 1",
                    (phone.server_ip, counts[phone.server_ip].reserved),
                ),
                Statement(_RECORD_DECISION, decision, optional=True),
            ]
        )
        lock.done = True
        if replies[2].rows:
            return True
        # Nobody else reads the reservation as long as the decision isn't told.
        undo = [Statement("DELETE FROM evenfloor_reservations WHERE user = %s", (user,))]
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
        own: Sequence[LiveSession],
        lock: Lock,
        decision: dict,
    ) -> str | None:
        """End the user's old sessions, claim a room, ask for the call, and write what is counted.

        Everything is one transaction where the engine has them. Where it hasn't, the live-agent
        row comes last: it never stands without its room and its call.

        Args:
            phone: the winner.
            dialer: the winner's.
            user: who logs in.
            campaign_id: the campaign.
            tag: the session's name.
            own: the user's old sessions.
            lock: is given back.
            decision: for ``evenfloor_decisions``.

        Returns:
            The room; None where none was free, and nothing has changed.
        """

        def work() -> str | None:
            *_others, claimed = self._batch(
                [
                    Statement("START TRANSACTION"),
                    *_endings(own),
                    _claim_room(phone, _ROOM_TABLES[dialer.conf_engine]),
                ]
            )
            if not claimed.touched:
                self._run("ROLLBACK")
                return None
            room = str(claimed.last_id)
            self._batch(
                [
                    _originate(phone, room, tag),
                    _live_agent(phone, user, campaign_id, room, tag),
                    Statement("DELETE FROM evenfloor_reservations WHERE user = %s", (user,)),
                    Statement("COMMIT"),
                    lock.release(),
                    Statement(_RECORD_DECISION, decision, optional=True),
                ]
            )
            lock.done = True
            return room

        return self._connection.transaction(work)

    def end_sessions(self, sessions: Sequence[LiveSession]) -> None:
        """Stop counting sessions, and ask their dialers to end the calls."""
        self._connection.transaction(
            lambda: self._batch(
                [Statement("START TRANSACTION"), *_endings(sessions), Statement("COMMIT")]
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
                    "DELETE FROM evenfloor_reservations WHERE expires <= NOW()", optional=True
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

    def finish_actions(self, tags: Iterable[str], answered: bool) -> None:
        """Note how the actions of these sessions ended."""
        wanted = list(tags)
        if wanted:
            self._run(
                "UPDATE vicidial_manager SET status = %s, response = 'Y' WHERE callerid IN %s",
                ("UPDATED" if answered else "DEAD", wanted),
            )

    def forget_actions(self, server_ip: str, seconds: int) -> None:
        """Remove a dialer's actions that are older than ``seconds``."""
        self._run(
            "DELETE FROM vicidial_manager WHERE server_ip = %s AND status <> 'NEW'"
            " AND entry_date < NOW() - INTERVAL %s SECOND",
            (server_ip, seconds),
        )

    def note_channel(self, server_ip: str, tag: str, channel: str) -> None:
        """Write the channel that a session got into its live-agent row."""
        self._run(
            "UPDATE vicidial_live_agents SET channel = %s, uniqueid = %s"
            " WHERE server_ip = %s AND callerid = %s",
            (channel, tag, server_ip, tag),
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


def counted(dialer: Dialer, counts: Counts, rooms_counted: bool = False) -> Dialer:
    """Put the counts into a dialer's state.

    Args:
        dialer: the state.
        counts: by ``server_ip``.
        rooms_counted: whether the state has all free rooms, so that reserved ones come off.
    """
    count = counts[dialer.server_ip]
    return dialer._replace(
        local_agents=count.agents,
        campaign_agents=count.in_campaign,
        free_rooms=dialer.free_rooms - (count.reserved if rooms_counted else 0),
    )


def _dialer(row: tuple) -> Dialer:
    """Make a dialer of the columns of ``_STATE``."""
    server_ip, active, takes_logins, engine, age, twin, twin_age, max_agents, rooms = row
    return Dialer(
        server_ip=server_ip,
        active=active == "Y",
        takes_logins=takes_logins == "Y",
        heartbeat_age=age,
        free_rooms=rooms,
        local_agents=0,
        max_agents=max_agents,
        conf_engine=engine or "MEETME",
        twin=twin or "",
        twin_heartbeat_age=twin_age,
    )


def _found(reply: Reply) -> list[LiveSession]:
    return [
        LiveSession(number, user or "", server_ip, room or "", tag or "", channel or "", age or 0)
        for number, user, server_ip, room, tag, channel, age in reply.rows
    ]


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
