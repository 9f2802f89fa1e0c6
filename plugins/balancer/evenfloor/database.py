"""Reads a floor and writes sessions. Every SQL statement of the package is in this file.

Times are the database's own (``NOW()``), so that clocks of hosts don't matter. All counts
follow VICIdial: an agent is remote where the extension starts with R, and a row without
an extension isn't counted.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pymysql
from pymysql.constants import CR, ER

from .config import DatabaseConfig
from .errors import DatabaseUnreachable
from .policy import Dialer

CONNECT_TIMEOUT = 2
ANSWER_TIMEOUT = 10
#: How often a transaction that lost a deadlock is tried in all.
TRANSACTION_TRIES = 4

REGISTERED_STATES = frozenset({"REGISTERED", "REACHABLE", "LAGGED"})
DEFAULT_SYSTEM_LIMIT = 100

_ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}
_FREE = "(extension = '' OR extension IS NULL)"

_GONE = {
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
    CR.CR_CONN_HOST_ERROR,
    CR.CR_CONNECTION_ERROR,
    CR.CR_SERVER_LOST_EXTENDED,
    ER.SERVER_SHUTDOWN,
    ER.CON_COUNT_ERROR,
    1927,  # MariaDB: the connection was killed
}
_TRY_AGAIN = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, 1020}  # 1020: MariaDB's snapshot conflict

#: Statements that do no harm when they are run once more.
_REPEATABLE = ("SELECT", "START TRANSACTION")

_PHONES = """
SELECT login, server_ip, extension, protocol, active, pass, peer_status
FROM phones WHERE login IN %s ORDER BY active
"""

_LOCAL = "l.extension NOT LIKE 'R%%'"
_FREE_CONFBRIDGE = (
    "FROM vicidial_confbridges r WHERE r.server_ip = s.server_ip"
    " AND (r.extension = '' OR r.extension IS NULL)"
)
_FREE_MEETME = _FREE_CONFBRIDGE.replace("vicidial_confbridges", "vicidial_conferences")

# Each count is an index look-up for each dialer asked for; nothing is read of the others. The
# caller's own rows and the reservations are few and are read once for all dialers.
_DIALERS = f"""
SELECT s.server_ip, s.active, s.active_agent_login_server, s.active_twin_server_ip,
  s.conf_engine,
  TIMESTAMPDIFF(SECOND, u.last_update, NOW()) AS heartbeat_age,
  (SELECT TIMESTAMPDIFF(SECOND, t.last_update, NOW()) FROM server_updater t
   WHERE t.server_ip = s.active_twin_server_ip) AS twin_heartbeat_age,
  d.max_agents,
  CASE
    WHEN %(exact)s OR v.reserved > 0 THEN IF(s.conf_engine = 'CONFBRIDGE',
      (SELECT COUNT(*) {_FREE_CONFBRIDGE}), (SELECT COUNT(*) {_FREE_MEETME}))
    ELSE IF(s.conf_engine = 'CONFBRIDGE',
      EXISTS (SELECT 1 {_FREE_CONFBRIDGE}), EXISTS (SELECT 1 {_FREE_MEETME}))
  END AS free_rooms,
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = s.server_ip AND {_LOCAL})
    - COALESCE(o.own, 0) AS live,
  IF(%(campaign)s = '', 0, (SELECT COUNT(*) FROM vicidial_live_agents l
    WHERE l.server_ip = s.server_ip AND l.campaign_id = %(campaign)s AND {_LOCAL}))
    - COALESCE(o.own_in_campaign, 0) AS live_in_campaign,
  COALESCE(v.reserved, 0) AS reserved,
  COALESCE(v.reserved_in_campaign, 0) AS reserved_in_campaign
FROM servers s
LEFT JOIN server_updater u ON u.server_ip = s.server_ip
LEFT JOIN evenfloor_dialers d ON d.server_ip = s.server_ip
LEFT JOIN (
  SELECT l.server_ip, COUNT(*) AS own, COALESCE(SUM(l.campaign_id = %(campaign)s), 0)
    AS own_in_campaign
  FROM vicidial_live_agents l WHERE l.user = %(user)s AND {_LOCAL} GROUP BY l.server_ip
) o ON o.server_ip = s.server_ip
LEFT JOIN (
  SELECT r.server_ip, COUNT(*) AS reserved, SUM(r.campaign_id = %(campaign)s)
    AS reserved_in_campaign
  FROM evenfloor_reservations r WHERE r.expires > NOW() AND r.user <> %(user)s
  AND NOT EXISTS (SELECT 1 FROM vicidial_live_agents l
    WHERE l.user = r.user AND l.server_ip = r.server_ip)
  GROUP BY r.server_ip
) v ON v.server_ip = s.server_ip
WHERE s.server_ip IN %(addresses)s
"""

_FLOOR = """
SELECT s.server_id, s.server_ip,
  (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = s.server_ip
   AND l.extension LIKE 'R%') AS remote_agents,
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = s.server_ip AND p.active = 'Y') AS phones,
  (SELECT COUNT(*) FROM phones p WHERE p.server_ip = s.server_ip AND p.active = 'Y'
   AND p.peer_status IN ('REGISTERED', 'REACHABLE', 'LAGGED')) AS registered
FROM servers s WHERE s.active_asterisk_server = 'Y' ORDER BY s.server_id
"""


@dataclass(frozen=True)
class PhoneRow:
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


@dataclass(frozen=True)
class LiveSession:
    """A row of ``vicidial_live_agents``."""

    live_agent_id: int
    user: str
    server_ip: str
    room: str
    tag: str
    age: int = 0


@dataclass(frozen=True)
class QueuedAction:
    """A row of ``vicidial_manager``: an AMI action that waits for its dialer's daemon."""

    man_id: int
    action: str
    tag: str
    age: int
    headers: tuple[str, ...]


class Database:
    """One connection, made when it is needed and made again when it broke.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._config = config
        self._connection: pymysql.Connection | None = None
        #: Whether a lock or a transaction would be lost with the connection.
        self._bound = False

    # -- the connection -------------------------------------------------------------------

    def close(self) -> None:
        """Give the connection back; the next statement makes a new one."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None
            self._bound = False

    def _connected(self) -> pymysql.Connection:
        if self._connection is None:
            where = self._config
            target = (
                {"unix_socket": where.unix_socket}
                if where.unix_socket
                else {"host": where.host, "port": where.port}
            )
            self._connection = pymysql.connect(
                **target,
                user=where.user,
                password=where.password,
                database=where.name,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=ANSWER_TIMEOUT,
                write_timeout=ANSWER_TIMEOUT,
            )
        return self._connection

    def _run(self, statement: str, values=None, *, names: bool = False):
        """Run a statement and return its cursor.

        A connection that broke while nobody used it (the database was restarted) is made
        again and a reading statement is run once more, unless a lock or a transaction died
        with it.
        """
        was_idle = self._connection is not None and not self._bound
        try:
            return self._execute(statement, values, names)
        except DatabaseUnreachable:
            if was_idle and statement.lstrip().startswith(_REPEATABLE):
                return self._execute(statement, values, names)
            raise

    def _execute(self, statement: str, values, names: bool):
        kind = pymysql.cursors.DictCursor if names else pymysql.cursors.Cursor
        try:
            connection = self._connected()
        except (pymysql.err.Error, OSError) as error:
            raise DatabaseUnreachable(_in_words(error)) from error
        try:
            cursor = connection.cursor(kind)
            cursor.execute(statement, values)
            return cursor
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError) as error:
            if isinstance(error, pymysql.err.OperationalError) and error.args[0] not in _GONE:
                raise
            self.close()
            raise DatabaseUnreachable(_in_words(error)) from error

    @contextlib.contextmanager
    def lock(self, timeout: int) -> Iterator[bool]:
        """Hold the cluster's one named lock. It is the connection's: a dead process holds none.

        Args:
            timeout: seconds to wait for it.

        Yields:
            Whether it was to be had.
        """
        name = f"evenfloor.{self._config.name}"[:64]
        held = self._run("SELECT GET_LOCK(%s, %s)", (name, timeout)).fetchone()[0] == 1
        self._bound = held
        try:
            yield held
        finally:
            if held and self._connection is not None:
                with contextlib.suppress(DatabaseUnreachable):
                    self._run("DO RELEASE_LOCK(%s)", (name,))
            self._bound = False

    def transaction(self, work):
        """Run ``work`` as one transaction where the engine has them, again if it lost a deadlock.

        Args:
            work: called without arguments; what it returns is returned.
        """
        was_bound = self._bound
        for tries_left in reversed(range(TRANSACTION_TRIES)):
            self._run("START TRANSACTION")
            self._bound = True
            try:
                result = work()
                self._run("COMMIT")
                self._bound = was_bound
                return result
            except pymysql.err.OperationalError as error:
                self._rollback(was_bound)
                if error.args[0] not in _TRY_AGAIN or not tries_left:
                    raise
                time.sleep(random.uniform(0.001, 0.02))
            except BaseException:
                self._rollback(was_bound)
                raise
        raise AssertionError("unreachable")

    def _rollback(self, bound: bool) -> None:
        if self._connection is not None:
            with contextlib.suppress(DatabaseUnreachable):
                self._run("ROLLBACK")
            self._bound = bound and self._connection is not None

    # -- what a choice reads --------------------------------------------------------------

    def logins_list(self, typed: str) -> list[str]:
        """Resolve what the agent typed: an alias, a comma-separated list, or one phone login."""
        row = self._run(
            "SELECT logins_list FROM phones_alias WHERE alias_id = %s", (typed,)
        ).fetchone()
        text = typed if row is None else (row[0] or "")
        return [login.strip() for login in text.split(",") if login.strip()]

    def phones(self, logins: Sequence[str]) -> dict[str, list[PhoneRow]]:
        """Read the phones of a logins list, by login in lower case.

        VICIdial's ``login`` isn't unique: a login can have several phones.
        """
        found: dict[str, list[PhoneRow]] = {}
        if logins:
            for row in self._run(_PHONES, (tuple(logins),)):
                login, server_ip, extension, protocol, active, password, peer_status = row
                phone = PhoneRow(
                    login,
                    server_ip,
                    extension,
                    protocol or "SIP",
                    active == "Y",
                    password or "",
                    peer_status in REGISTERED_STATES,
                )
                found.setdefault(login.lower(), []).append(phone)
        return found

    def campaign(self, campaign_id: str) -> Campaign | None:
        """Read an active campaign and the system's grouping limit; None where there is none."""
        row = self._run(
            "SELECT pllb_grouping, pllb_grouping_limit,"
            " (SELECT pllb_grouping_limit FROM system_settings LIMIT 1)"
            " FROM vicidial_campaigns WHERE campaign_id = %s AND active = 'Y'",
            (campaign_id,),
        ).fetchone()
        if row is None:
            return None
        grouping, limit, system_limit = row
        return Campaign(
            grouping or "DISABLED",
            50 if limit is None else limit,
            DEFAULT_SYSTEM_LIMIT if system_limit is None else system_limit,
        )

    def dialers(
        self, addresses: Iterable[str], user: str, campaign_id: str, exact: bool = False
    ) -> dict[str, Dialer]:
        """Read the dialers' states and counts in one query.

        Args:
            addresses: the ``server_ip`` of each.
            user: whose own sessions and reservation aren't counted.
            campaign_id: the campaign whose agents are counted besides all; none if empty.
            exact: count all free rooms; else 1 stands for «at least one» where that is enough.
        """
        wanted = tuple(sorted(set(addresses)))
        if not wanted:
            return {}
        rows = self._run(
            _DIALERS,
            {"addresses": wanted, "user": user, "campaign": campaign_id, "exact": exact},
            names=True,
        )
        return {
            row["server_ip"]: Dialer(
                server_ip=row["server_ip"],
                active=row["active"] == "Y",
                takes_logins=row["active_agent_login_server"] == "Y",
                heartbeat_age=row["heartbeat_age"],
                free_rooms=row["free_rooms"] - row["reserved"],
                conf_engine=row["conf_engine"] or "MEETME",
                local_agents=row["live"] + row["reserved"],
                campaign_agents=int(row["live_in_campaign"] + row["reserved_in_campaign"]),
                max_agents=row["max_agents"],
                twin=row["active_twin_server_ip"] or "",
                twin_heartbeat_age=row["twin_heartbeat_age"],
            )
            for row in rows
        }

    def other_users_of(self, phones: Iterable[PhoneRow], user: str) -> list[LiveSession]:
        """Find live agents other than ``user`` on any of these phones."""
        places = [(phone.server_ip, phone.channel) for phone in phones]
        if not places:
            return []
        return self._live_sessions("(server_ip, extension) IN %s AND user <> %s", (places, user))

    def floor(self) -> tuple[list[dict], dict[str, Dialer]]:
        """Read every dialer: ids and what only a person wants to know, and the states."""
        rows = list(self._run(_FLOOR, names=True))
        return rows, self.dialers([row["server_ip"] for row in rows], "", "", exact=True)

    def _live_sessions(self, condition: str, values) -> list[LiveSession]:
        rows = self._run(
            "SELECT live_agent_id, user, server_ip, conf_exten, callerid,"
            " TIMESTAMPDIFF(SECOND, last_call_time, NOW())"
            f" FROM vicidial_live_agents WHERE {condition}",
            values,
        )
        return [
            LiveSession(number, user or "", server_ip, room or "", tag or "", age or 0)
            for number, user, server_ip, room, tag, age in rows
        ]

    def sessions_of(self, user: str) -> list[LiveSession]:
        """Find where a user is logged in."""
        return self._live_sessions("user = %s", (user,))

    # -- what a login writes --------------------------------------------------------------

    def claim_room(self, phone: PhoneRow, conf_engine: str) -> str | None:
        """Take the lowest free room on the phone's dialer, in one statement.

        Args:
            phone: whose room it becomes.
            conf_engine: the dialer's, MEETME or CONFBRIDGE.

        Returns:
            The room, or None where none is free.
        """
        table = _ROOM_TABLES[conf_engine]
        cursor = self._run(
            f"UPDATE {table} SET extension = %s, conf_exten = LAST_INSERT_ID(conf_exten)"
            f" WHERE server_ip = %s AND {_FREE} ORDER BY conf_exten LIMIT 1",
            (phone.channel, phone.server_ip),
        )
        return str(cursor.lastrowid) if cursor.rowcount else None

    def queue_originate(self, phone: PhoneRow, room: str, tag: str) -> None:
        """Ask the phone's dialer to ring it and put it into its room."""
        self._run(
            "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip,"
            " channel, action, callerid, cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e,"
            " cmd_line_f) SELECT '', NOW(), 'NEW', 'N', server_ip, '', 'Originate', %s, %s,"
            " CONCAT('Context: ', ext_context), %s, 'Priority: 1', %s"
            " FROM servers WHERE server_ip = %s",
            (
                tag,
                f"Channel: {phone.channel}",
                f"Exten: {room}",
                f'Callerid: "{tag}" <{room}>',
                phone.server_ip,
            ),
        )

    def queue_hangup(self, session: LiveSession) -> None:
        """Ask a session's dialer to end its call."""
        self._run(
            "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip,"
            " channel, action, callerid) VALUES ('', NOW(), 'NEW', 'N', %s, '', 'Hangup', %s)",
            (session.server_ip, session.tag),
        )

    def insert_live_agent(
        self, phone: PhoneRow, user: str, campaign_id: str, room: str, tag: str
    ) -> None:
        """Write the row that is counted."""
        self._run(
            "INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, status,"
            " lead_id, campaign_id, uniqueid, callerid, channel, random_id, last_call_time,"
            " last_call_finish) VALUES (%s, %s, %s, %s, 'PAUSED', 0, %s, '', %s, '', %s, NOW(),"
            " NOW())",
            (
                user,
                phone.server_ip,
                room,
                phone.channel,
                campaign_id,
                tag,
                random.randrange(10**7, 10**8),
            ),
        )

    def delete_live_agent(self, session: LiveSession) -> None:
        """Stop counting a session."""
        self._run(
            "DELETE FROM vicidial_live_agents WHERE live_agent_id = %s", (session.live_agent_id,)
        )

    def reserve(self, phone: PhoneRow, user: str, campaign_id: str, seconds: int) -> None:
        """Count a choice until its live-agent row is there, or ``seconds`` have passed."""
        self._run(
            "REPLACE INTO evenfloor_reservations (user, server_ip, extension, campaign_id,"
            " expires) VALUES (%s, %s, %s, %s, NOW() + INTERVAL %s SECOND)",
            (user, phone.server_ip, phone.channel, campaign_id, seconds),
        )

    def drop_reservation(self, user: str) -> None:
        """Stop counting a user's reservation."""
        self._run("DELETE FROM evenfloor_reservations WHERE user = %s", (user,))

    def record_decision(self, record: dict, detail: list, keep: int) -> None:
        """Keep what was chosen and why, and forget a few of what is older than ``keep`` seconds."""
        self._run(
            "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, server_ip,"
            " phone_login, outcome, detail) VALUES (NOW(), %(user)s, %(alias)s, %(campaign)s,"
            " %(server_ip)s, %(phone_login)s, %(outcome)s, %(detail)s)",
            {**record, "detail": json.dumps(detail)},
        )
        self._run(
            "DELETE FROM evenfloor_decisions WHERE decided < NOW() - INTERVAL %s SECOND LIMIT 10",
            (keep,),
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
        ).fetchall()
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
        return self._live_sessions(
            "server_ip = %s AND extension NOT LIKE 'R%%' AND callerid LIKE 'S%%'", (server_ip,)
        )

    def taken_rooms(self, server_ip: str) -> dict[str, str]:
        """Find the rooms of a dialer that aren't free: ``{room: phone's channel}``."""
        rows = self._run(
            "SELECT conf_exten, extension FROM vicidial_confbridges"
            f" WHERE server_ip = %s AND NOT {_FREE}",
            (server_ip,),
        )
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
        )
        return {extension: state or "UNKNOWN" for extension, state in rows}

    def set_peer_state(self, server_ip: str, extensions: Sequence[str], state: str) -> None:
        """Write the registration's state of some extensions on a dialer."""
        if extensions:
            self._run(
                "UPDATE phones SET peer_status = %s WHERE server_ip = %s AND extension IN %s",
                (state, server_ip, list(extensions)),
            )


def _in_words(error: Exception) -> str:
    """Say what the driver said, without its error number."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
