"""The SQL that watches heartbeats: what is to be seen now, and what has been noted of it."""

from __future__ import annotations

from typing import NamedTuple

from .floor_statements import DIALER, heartbeat_age
from .sql import Columns, Statement

#: For how many seconds after the database's start last known heartbeats are used. VICIdial's
#: keepalive writes the rows again once a minute: two chances.
LONGEST_START = 120
#: A heartbeat that was older than this at the start says nothing any more, in seconds.
LONGEST_KNOWN = 600


class Heartbeat(NamedTuple):
    """A dialer's heartbeat, and what is noted of it.

    Attributes:
        server_ip: the dialer.
        age: the heartbeat's age in seconds; None where none is known.
        is_late: whether it is noted as late; None where nothing is noted.
        noted_age: the age of the last heartbeat that is noted, in seconds.
    """

    server_ip: str
    age: int | None
    is_late: int | None
    noted_age: int | None


_AGE = heartbeat_age("u", "e")
_TABLES = f"""servers s
LEFT JOIN server_updater u ON u.server_ip = {DIALER}
LEFT JOIN evenfloor_daemons e ON e.server_ip = {DIALER}"""

HEARTBEAT = Columns(
    Heartbeat,
    server_ip="s.server_ip",
    age=_AGE,
    is_late="h.is_late",
    noted_age="TIMESTAMPDIFF(SECOND, h.last_update, UTC_TIMESTAMP())",
)


def look() -> Statement:
    """Select a :class:`Heartbeat` for each dialer."""
    return Statement(
        f"SELECT {HEARTBEAT.listed} FROM {_TABLES}"
        f" LEFT JOIN evenfloor_heartbeats h ON h.server_ip = {DIALER}"
    )


def last_known() -> Statement:
    """Select the dialers that were alive when the database was stopped, just after its start.

    Beside VICIdial, heartbeats are in memory, and after a start nobody knows of any until each
    dialer writes its row again. As soon as one has, this finds nothing.
    """
    return Statement(
        "SELECT server_ip FROM evenfloor_heartbeats WHERE is_late = 0"
        " AND TIMESTAMPDIFF(SECOND, last_update, UTC_TIMESTAMP()) BETWEEN 0 AND %(longest)s"
        " AND NOT EXISTS (SELECT 1 FROM server_updater)"
        " AND NOT EXISTS (SELECT 1 FROM evenfloor_daemons WHERE beat IS NOT NULL)"
        " AND (SELECT CAST(variable_value AS UNSIGNED) FROM information_schema.global_status"
        " WHERE variable_name = 'UPTIME') < %(uptime)s",
        {"longest": LONGEST_KNOWN, "uptime": LONGEST_START},
    )


def note(server_ip: str, timeout: int) -> Statement:
    """Note what is to be seen of a dialer's heartbeat.

    It looks again: whoever was frozen after a look would note what isn't so any more. Two who note
    the same at once note it once.

    Args:
        server_ip: the dialer.
        timeout: a heartbeat that is so many seconds old is late.
    """
    return Statement(
        "INSERT INTO evenfloor_heartbeats (server_ip, last_update, is_late)"
        " SELECT server_ip, UTC_TIMESTAMP() - INTERVAL age SECOND, age >= %(timeout)s"
        f" FROM (SELECT s.server_ip, {_AGE} AS age FROM {_TABLES}"
        " WHERE s.server_ip = %(server_ip)s) seen WHERE age IS NOT NULL ON DUPLICATE KEY UPDATE"
        " back_since = IF(VALUES(is_late), NULL,"
        " IF(evenfloor_heartbeats.is_late, UTC_TIMESTAMP(), back_since)),"
        " last_update = VALUES(last_update), is_late = VALUES(is_late)",
        {"server_ip": server_ip, "timeout": timeout},
    )
