"""The SQL of a dialer's daemon. Times are the database's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .floor_statements import FREE_ROOM, SESSION
from .sql import Columns, Statement
from .vicidial import ROOM_TABLES

#: The daemon's Asterisk has ConfBridge rooms.
_ROOMS = ROOM_TABLES["CONFBRIDGE"]
#: ``vicidial_manager`` has a column for each header of an action.
_HEADER_COLUMNS = [f"cmd_line_{letter}" for letter in "bcdefghijk"]


class ActionRow(NamedTuple):
    """A row of ``vicidial_manager``; ``age`` is in seconds, ``headers`` a line each."""

    man_id: int
    action: str
    tag: str
    age: int
    headers: str


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
    age="COALESCE(TIMESTAMPDIFF(SECOND, entry_date, NOW()), 0)",
    headers=f"CONCAT_WS(CHAR(10), {', '.join(_HEADER_COLUMNS)})",
)
ROOM = Columns(RoomRow, room="conf_exten", channel="extension")
PEER = Columns(PeerRow, extension="extension", state="COALESCE(NULLIF(peer_status, ''), 'UNKNOWN')")


def beat(server_ip: str) -> Statement:
    """Write the heartbeat."""
    return Statement(
        "UPDATE server_updater SET last_update = NOW() WHERE server_ip = %(server_ip)s",
        {"server_ip": server_ip},
    )


# -- the queue of actions -----------------------------------------------------------------


def waiting_actions(server_ip: str) -> Statement:
    """Select a dialer's new actions, oldest first."""
    return Statement(
        f"SELECT {ACTION.listed} FROM vicidial_manager"
        " WHERE server_ip = %(server_ip)s AND status = 'NEW' ORDER BY man_id",
        {"server_ip": server_ip},
    )


def note_sent(man_ids: Sequence[int]) -> Statement:
    """Note that actions, at least one, were taken."""
    return Statement(
        "UPDATE vicidial_manager SET status = 'SENT' WHERE man_id IN %(ids)s",
        {"ids": tuple(man_ids)},
    )


def finish_actions(tag: str, status: str) -> Statement:
    """Note what became of a session's actions: UPDATED or DEAD."""
    return Statement(
        "UPDATE vicidial_manager SET status = %(status)s, response = 'Y' WHERE callerid = %(tag)s",
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
