# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plugins and the package ``evenfloor`` both have to know.

The plugins run where the package isn't installed, so each side has these facts once.
tests/unit/test_boundary.py says that both sides are equal.
"""

from __future__ import annotations

#: The values of ``phones.peer_status`` with which a phone can be called.
REGISTERED_STATES = ("REGISTERED", "REACHABLE", "LAGGED")
#: Those of a phone of which nobody has noted anything. A value that the column lacks is ''.
UNKNOWN_STATES = ("UNKNOWN", "")
#: What ``phones.phone_type`` says on a cluster that Evenfloor built. ``is_webphone`` is something
#: else: a phone that VICIdial's page opens after the choice.
SIP_PHONE, BROWSER_PHONE, EDGE_PHONE = "PJSIP", "BROWSER", "EDGE"
#: The values of ``phones.is_webphone`` of a phone that VICIdial's login page opens in the browser.
WEBPHONES = ("Y", "Y_API_LAUNCH")
#: The table of the rooms that agents are put into, by ``servers.conf_engine``.
ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}
#: The condition that a room is free.
FREE_ROOM = "(extension = '' OR extension IS NULL)"
#: The name of a session's call, which VICIdial keeps in ``callerid``.
TAG_PATTERN = r"S[0-9]{12}[a-z0-9]{7}"
#: A dialer's address, for comparing with another table's. Texts of different collations can't be
#: compared, but ASCII can be compared with any.
DIALER = "CONVERT(s.server_ip USING ascii)"
#: A reservation that counts. One that has longer than any reservation lasts was written before the
#: clock was set back.
UNEXPIRED = "expires > UTC_TIMESTAMP() AND expires <= UTC_TIMESTAMP() + INTERVAL 3600 SECOND"
#: Two columns of a heartbeat were written together if they are no more seconds apart.
WRITTEN_TOGETHER = 2
#: A heartbeat may be so many seconds from the future: it came while the statement was waiting, or
#: it is VICIdial's and dated by the dialer's clock.
FROM_THE_FUTURE = 5
FROM_ANOTHER_CLOCK = 60
#: The longest name of a lock that MariaDB accepts, in characters.
LONGEST_LOCK_NAME = 64


def lock_name(database: str, secret: str = "") -> str:
    """Return the name of the lock under which agents are counted and placed.

    Args:
        database: the name of the cluster's database.
        secret: the cluster's ``lock_secret``; empty on a cluster that has none yet.
    """
    return f"evenfloor.{secret and secret + '.'}{database}"[:LONGEST_LOCK_NAME]


def heartbeat_age(heartbeat: str, daemon: str) -> str:
    """Return the SQL of a heartbeat's age in seconds: never negative, NULL where it isn't known.

    Evenfloor's daemon writes its heartbeat in UTC. VICIdial writes the local time, in which an hour
    comes twice a year, and beside it ``db_time``, a TIMESTAMP, which is UTC inside. It counts where
    it was written with the heartbeat. A heartbeat from the future says nothing: a clock was set
    back, and the dialer may have died since.

    Args:
        heartbeat: the alias of ``server_updater`` in the statement.
        daemon: that of ``evenfloor_daemons``.
    """
    apart = f"TIMESTAMPDIFF(SECOND, {heartbeat}.last_update, {heartbeat}.db_time)"
    own = f"TIMESTAMPDIFF(SECOND, {daemon}.beat, UTC_TIMESTAMP())"
    vicidials = (
        f"IF(ABS({apart}) <= {WRITTEN_TOGETHER},"
        f" UNIX_TIMESTAMP() - UNIX_TIMESTAMP({heartbeat}.db_time) + {apart},"
        f" TIMESTAMPDIFF(SECOND, {heartbeat}.last_update, NOW()))"
    )
    return (
        f"IF({daemon}.beat IS NULL, {_not_negative(vicidials, FROM_ANOTHER_CLOCK)},"
        f" {_not_negative(own, FROM_THE_FUTURE)})"
    )


def _not_negative(age: str, tolerance: int) -> str:
    """Return the SQL that makes 0 of an age that is a little below, and NULL of one far below."""
    unknown = -tolerance - 1
    return f"GREATEST(0, NULLIF(GREATEST({age}, {unknown}), {unknown}))"


def split_logins(logins_list: str | None) -> list[str]:
    """Return the phone logins of a logins list, in their order.

    VICIdial's forms let people type spaces around the commas.

    Args:
        logins_list: ``phones_alias.logins_list``; None is an empty list.
    """
    return [login for login in map(str.strip, (logins_list or "").split(",")) if login]


def join_logins(logins) -> str:
    """Return a logins list as ``phones_alias.logins_list`` holds it.

    Args:
        logins: the phone logins, in their order.
    """
    return ",".join(logins)
