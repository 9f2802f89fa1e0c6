# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plugins and the package ``evenfloor`` both have to know.

The plugins run where the package isn't installed, so each side has these facts once.
tests/unit/test_boundary.py says that both sides are equal.
"""

from __future__ import annotations

#: The values of ``phones.peer_status`` with which a phone can be called.
REGISTERED_STATES = ("REGISTERED", "REACHABLE", "LAGGED")
#: The table of the rooms that agents are put into, by ``servers.conf_engine``.
ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}
#: The condition that a room is free.
FREE_ROOM = "(extension = '' OR extension IS NULL)"
#: The name of a session's call, which VICIdial keeps in ``callerid``.
TAG_PATTERN = r"S[0-9]{12}[a-z0-9]{7}"
#: A dialer's address, for comparing with another table's. Texts of different collations can't be
#: compared, but ASCII can be compared with any.
DIALER = "CONVERT(s.server_ip USING ascii)"
#: The longest name of a lock that MariaDB accepts, in characters.
LONGEST_LOCK_NAME = 64


def lock_name(database: str) -> str:
    """Return the name of the lock under which agents are counted and placed.

    Args:
        database: the name of the cluster's database.
    """
    return f"evenfloor.{database}"[:LONGEST_LOCK_NAME]


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
