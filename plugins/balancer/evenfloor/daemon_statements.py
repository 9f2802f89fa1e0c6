"""The SQL of a dialer's daemon. Times are the database's own, and UTC in Evenfloor's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .floor_statements import FREE_ROOM, SESSION
from .sql import Columns, Statement, note
from .vicidial import ROOM_TABLES

#: The daemon's Asterisk has ConfBridge rooms.
_ROOMS = ROOM_TABLES["CONFBRIDGE"]
#: ``vicidial_manager`` has a column for each header of an action.
_HEADER_COLUMNS = [f"cmd_line_{letter}" for letter in "bcdefghijk"]
#: The most actions that are claimed at once.
CLAIMED_AT_ONCE = 100
#: What ``evenfloor_daemons.restored`` says: nothing; the database was restored and the daemon has
#: not compared it with Asterisk yet; it has, and found calls whose rows are gone.
NOT_RESTORED, NOT_COMPARED, CALLS_KEPT = 0, 1, 2


class ActionRow(NamedTuple):
    """A row of ``vicidial_manager``; ``headers`` are a line each.

    ``age`` is in seconds by local time, in which an hour comes twice: it may be negative.
    """

    man_id: int
    action: str
    tag: str
    age: int | None
    headers: str


class ChargeRow(NamedTuple):
    """The daemon in charge of a dialer; ``started`` is UTC in words."""

    token: str
    host: str
    started: str


class Work(NamedTuple):
    """For monitoring: how many calls go on, and what a daemon has counted since it started.

    ``findings`` are what it has found wrong, ``asterisk_connections`` how often it has connected.
    """

    calls: int
    findings: int
    asterisk_connections: int


class RoomRow(NamedTuple):
    """A room and the phone in it."""

    room: int
    channel: str


class PeerRow(NamedTuple):
    """A phone's extension and what ``phones`` says of its registration."""

    extension: str
    state: str


ACTION = Columns(
    ActionRow,
    man_id="man_id",
    action="COALESCE(action, '')",
    tag="COALESCE(callerid, '')",
    age="TIMESTAMPDIFF(SECOND, entry_date, NOW())",
    headers=f"CONCAT_WS(CHAR(10), {', '.join(_HEADER_COLUMNS)})",
)
CHARGE = Columns(
    ChargeRow,
    token="token",  # noqa: S106 - a column
    host="host",
    started="DATE_FORMAT(started, '%%Y-%%m-%%d %%H:%%i:%%s')",
)
ROOM = Columns(RoomRow, room="conf_exten", channel="extension")
PEER = Columns(PeerRow, extension="extension", state="COALESCE(NULLIF(peer_status, ''), 'UNKNOWN')")


# -- the daemon in charge -----------------------------------------------------------------


def charge(server_ip: str) -> Statement:
    """Select who is in charge of a dialer."""
    return Statement(
        f"SELECT {CHARGE.listed} FROM evenfloor_daemons WHERE server_ip = %(server_ip)s",
        {"server_ip": server_ip},
    )


def take_charge(
    server_ip: str, token: str, host: str, lease: int, new_secret: str
) -> list[Statement]:
    """Take charge of a dialer if nobody is in charge.

    The last two replies say whether the connection has the lock, and who is in charge.

    Args:
        server_ip: the dialer.
        token: the daemon's own.
        host: where it runs.
        lease: a connection that is silent for so many seconds loses the lock.
        new_secret: becomes a part of the lock's name where the dialer has none yet.
    """
    values = {
        "server_ip": server_ip,
        "token": token,
        "host": host,
        "lease": lease,
        "new_secret": new_secret,
    }
    lock = "@evenfloor_charge_lock"
    return [
        Statement("SET SESSION wait_timeout = %(lease)s", values),
        Statement(
            "INSERT INTO evenfloor_daemons (server_ip, token, host, started, charge_secret)"
            " VALUES (%(server_ip)s, '', '', UTC_TIMESTAMP(), %(new_secret)s)"
            " ON DUPLICATE KEY UPDATE"
            " charge_secret = IF(charge_secret = '', VALUES(charge_secret), charge_secret)",
            values,
        ),
        note(
            "evenfloor_charge_lock",
            Statement(
                "SELECT CONCAT('evenfloor.daemon.', charge_secret) FROM evenfloor_daemons"
                " WHERE server_ip = %(server_ip)s",
                values,
            ),
        ),
        # A connection that took the same lock twice would have to release it twice.
        note(
            "evenfloor_charge",
            Statement(
                f"SELECT IF(COALESCE(IS_USED_LOCK({lock}) = CONNECTION_ID(), 0), 1,"
                f" GET_LOCK({lock}, 0))"
            ),
        ),
        Statement(
            "INSERT INTO evenfloor_daemons (server_ip, token, host, started)"
            " SELECT %(server_ip)s, %(token)s, %(host)s, UTC_TIMESTAMP() FROM DUAL"
            " WHERE @evenfloor_charge = 1 ON DUPLICATE KEY UPDATE"
            " started = IF(token = VALUES(token), started, VALUES(started)),"
            " token = VALUES(token), host = VALUES(host)",
            values,
        ),
        Statement("SELECT @evenfloor_charge"),
        charge(server_ip),
    ]


def beat(server_ip: str, token: str, work: Work, connections: int) -> list[Statement]:
    """Write the heartbeat, where VICIdial has it and in UTC, and look for actions.

    The second heartbeat counts. After a restore nobody knows which rooms are taken until the daemon
    has compared them with Asterisk, so the dialer gets no login before. With it goes, for
    monitoring, which of several databases the daemon reaches.

    The last reply is that of :func:`any_action`.

    Args:
        server_ip: the dialer.
        token: the daemon's own.
        work: for monitoring, what it does.
        connections: how often it has connected to the database since it started.
    """
    values = {
        "server_ip": server_ip,
        "token": token,
        "connections": connections,
        "not_compared": NOT_COMPARED,
        **work._asdict(),
    }
    return [
        Statement(
            "UPDATE server_updater SET last_update = NOW() WHERE server_ip = %(server_ip)s", values
        ),
        # By way of a variable: a replica would put in its own name for ``@@hostname``.
        note("evenfloor_writes_to", Statement("SELECT LEFT(@@hostname, 64)")),
        Statement(
            "UPDATE evenfloor_daemons SET beat = UTC_TIMESTAMP(), calls = %(calls)s,"
            " findings = %(findings)s, asterisk_connections = %(asterisk_connections)s,"
            " database_connections = %(connections)s, writes_to = @evenfloor_writes_to"
            " WHERE server_ip = %(server_ip)s AND token = %(token)s"
            " AND restored <> %(not_compared)s",
            values,
        ),
        any_action(server_ip, token),
    ]


def note_kept(server_ip: str, calls: int) -> Statement:
    """Note how many calls without a live-agent row go on."""
    return Statement(
        "UPDATE evenfloor_daemons SET calls_kept = %(calls)s WHERE server_ip = %(server_ip)s",
        {"calls": calls, "server_ip": server_ip},
    )


def note_busy(server_ip: str, load: int, channels: int, idle: int) -> Statement:
    """Note how busy a dialer is, in the columns in which VICIdial's processes do.

    Args:
        server_ip: the dialer.
        load: the load average of the last minute, in hundredths.
        channels: how many channels Asterisk has.
        idle: for which part of the time the processors have nothing to do, in percent.
    """
    return Statement(
        "UPDATE servers SET sysload = %(load)s, channels_total = %(channels)s,"
        " cpu_idle_percent = %(idle)s WHERE server_ip = %(server_ip)s",
        {"load": load, "channels": channels, "idle": idle, "server_ip": server_ip},
    )


# -- the queue of actions -----------------------------------------------------------------


def any_action(server_ip: str, token: str) -> Statement:
    """Select a row if a dialer has actions that are new, or were claimed and never read."""
    return Statement(
        "SELECT 1 FROM vicidial_manager WHERE server_ip = %(server_ip)s AND (status = 'NEW'"
        " OR (status = 'QUEUE' AND uniqueid = %(token)s)) LIMIT 1",
        {"server_ip": server_ip, "token": token},
    )


def claim_actions(server_ip: str, token: str) -> list[Statement]:
    """Claim a dialer's new actions, select them, oldest first, in the second reply, and note it.

    One UPDATE claims a row for one claimant, whatever the table's engine. An action is sent once,
    or not at all if the reply is lost.
    """
    values = {"server_ip": server_ip, "token": token, "most": CLAIMED_AT_ONCE}
    claimed = "server_ip = %(server_ip)s AND status = 'QUEUE' AND uniqueid = %(token)s"
    return [
        Statement(
            "UPDATE vicidial_manager SET status = 'QUEUE', uniqueid = %(token)s"
            " WHERE server_ip = %(server_ip)s AND status = 'NEW' ORDER BY man_id LIMIT %(most)s",
            values,
        ),
        Statement(
            f"SELECT {ACTION.listed} FROM vicidial_manager WHERE {claimed} ORDER BY man_id", values
        ),
        Statement(f"UPDATE vicidial_manager SET status = 'SENT' WHERE {claimed}", values),
    ]


def finish_actions(tag: str, status: str) -> Statement:
    """Note what became of a session's actions: UPDATED or DEAD.

    Only of those that were sent: a logout may have asked for the call's end meanwhile.
    """
    return Statement(
        "UPDATE vicidial_manager SET status = %(status)s, response = 'Y'"
        " WHERE callerid = %(tag)s AND status = 'SENT'",
        {"status": status, "tag": tag},
    )


def forget_actions(server_ip: str, seconds: int) -> Statement:
    """Remove a dialer's actions that were taken and are older than ``seconds``."""
    return Statement(
        "DELETE FROM vicidial_manager WHERE server_ip = %(server_ip)s AND status <> 'NEW'"
        " AND entry_date < NOW() - INTERVAL %(seconds)s SECOND",
        {"server_ip": server_ip, "seconds": seconds},
    )


# -- sessions and rooms -------------------------------------------------------------------


def name_channel(server_ip: str, tag: str, channel: str) -> Statement:
    """Write the channel that a session has got."""
    return Statement(
        "UPDATE vicidial_live_agents SET channel = %(channel)s, uniqueid = %(tag)s"
        " WHERE server_ip = %(server_ip)s AND callerid = %(tag)s",
        {"channel": channel, "tag": tag, "server_ip": server_ip},
    )


def sessions_on(server_ip: str) -> Statement:
    """Select the sessions of a dialer that Evenfloor made (remote agents are VICIdial's)."""
    return Statement(
        f"SELECT {SESSION.listed} FROM vicidial_live_agents l WHERE l.server_ip = %(server_ip)s"
        " AND l.extension NOT LIKE 'R%%' AND l.callerid LIKE 'S%%'",
        {"server_ip": server_ip},
    )


def restored(server_ip: str) -> Statement:
    """Select what a dialer's row says of a restore."""
    return Statement(
        "SELECT restored FROM evenfloor_daemons WHERE server_ip = %(server_ip)s",
        {"server_ip": server_ip},
    )


def note_compared(server_ip: str, restored: int) -> Statement:
    """Note what the comparison after a restore has found."""
    return Statement(
        "UPDATE evenfloor_daemons SET restored = %(restored)s WHERE server_ip = %(server_ip)s",
        {"restored": restored, "server_ip": server_ip},
    )


def end_session(server_ip: str, tag: str) -> Statement:
    """Remove a session's live-agent row."""
    return Statement(
        "DELETE FROM vicidial_live_agents WHERE server_ip = %(server_ip)s AND callerid = %(tag)s",
        {"server_ip": server_ip, "tag": tag},
    )


def taken_rooms(server_ip: str) -> Statement:
    """Select the rooms of a dialer that aren't free."""
    return Statement(
        f"SELECT {ROOM.listed} FROM {_ROOMS} WHERE server_ip = %(server_ip)s AND NOT {FREE_ROOM}",
        {"server_ip": server_ip},
    )


def hold_room(server_ip: str, room: str, channel: str) -> Statement:
    """Take a room that a call is in, if it counts as free."""
    return Statement(
        f"UPDATE {_ROOMS} SET extension = %(channel)s WHERE server_ip = %(server_ip)s"
        f" AND conf_exten = %(room)s AND {FREE_ROOM}",
        {"channel": channel, "server_ip": server_ip, "room": room},
    )


def free_room(server_ip: str, room: str) -> Statement:
    """Free a room, unless a session lives in it."""
    return Statement(
        f"UPDATE {_ROOMS} SET extension = '' WHERE server_ip = %(server_ip)s"
        " AND conf_exten = %(room)s AND NOT EXISTS (SELECT 1 FROM vicidial_live_agents l"
        " WHERE l.server_ip = %(server_ip)s AND l.conf_exten = %(room)s)",
        {"server_ip": server_ip, "room": room},
    )


# -- registrations ------------------------------------------------------------------------


def peer_states(server_ip: str) -> Statement:
    """Select what ``phones`` says of each extension's registration on a dialer."""
    return Statement(
        f"SELECT {PEER.listed} FROM phones WHERE server_ip = %(server_ip)s",
        {"server_ip": server_ip},
    )


def set_peer_state(server_ip: str, extensions: Sequence[str], state: str) -> Statement:
    """Write the registration's state of extensions, at least one."""
    return Statement(
        "UPDATE phones SET peer_status = %(state)s WHERE server_ip = %(server_ip)s"
        " AND extension IN %(extensions)s",
        {"state": state, "server_ip": server_ip, "extensions": tuple(extensions)},
    )
