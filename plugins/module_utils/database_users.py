# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Database users: which passwords they have, and which of them no host needs any more.

Since 10.4 MariaDB can accept several passwords of a user. So a host changes over while both its old
and its new one work.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: The plugin that every client knows. Only of its passwords are the hashes compared.
PLUGIN = "mysql_native_password"


class User(NamedTuple):
    """A database user, and the address that it connects from."""

    name: str
    address: str

    def __str__(self):
        """Return how messages call it."""
        return f"{self.name}@{self.address or '(an address that the inventory does not say)'}"


def has_several(cursor):
    """Say whether the server can accept several passwords of a user: MariaDB 10.4 and newer.

    Args:
        cursor: an open cursor.
    """
    cursor.execute(
        "SELECT COUNT(*) FROM information_schema.tables"
        " WHERE table_schema = 'mysql' AND table_name = 'global_priv'"
    )
    return cursor.fetchone()[0] > 0


def read_hashes(cursor, user, several):
    """Read the hashes of the passwords that a user has.

    Args:
        cursor: an open cursor of root's.
        user: a User.
        several: what :func:`has_several` said.

    Returns:
        The hashes, in the server's order; None where there is no such user.
    """
    if not several:
        cursor.execute(
            "SELECT plugin, authentication_string, Password FROM mysql.user"
            " WHERE user = %s AND host = %s",
            user,
        )
        row = cursor.fetchone()
        return row and hash_of_old_row(*row)
    cursor.execute("SELECT Priv FROM mysql.global_priv WHERE user = %s AND host = %s", user)
    row = cursor.fetchone()
    return row and hashes_of(json.loads(row[0]))


def hash_of_old_row(plugin, authentication_string, password):
    """Return the hash in a row of ``mysql.user`` before MariaDB 10.4, as a list of one or none."""
    if plugin not in ("", None, PLUGIN):
        return []
    return [text for text in (authentication_string or password,) if text]


def hashes_of(privileges):
    """Return the hashes in a row of ``mysql.global_priv``.

    Args:
        privileges: its JSON, read. ``auth_or`` lists the ways to prove who one is; the one that is
            empty there stands for what the row itself says.
    """
    ways = [way or privileges for way in privileges.get("auth_or", [{}])]
    return [
        way["authentication_string"]
        for way in ways
        if way.get("plugin") == PLUGIN and way.get("authentication_string")
    ]


def wanted_hashes(there, new, update):
    """Say which passwords a user should have.

    Args:
        there: the hashes that it has; None where there is no such user.
        new: the hash of the password that it has to accept.
        update: what the module ``database_user`` is told.

    Returns:
        Hashes.
    """
    if update == "add":
        return [new, *(other for other in there or [] if other != new)]
    if update == "if_needed" and new in (there or []):
        return there
    return [new]


def write_hashes(cursor, user, hashes, several):
    """Write which passwords a user accepts. A server that can't have several gets the first.

    Args:
        cursor: an open cursor of root's.
        user: a User that is there.
        hashes: the hashes.
        several: what :func:`has_several` said.
    """
    if not several:
        cursor.execute("SET PASSWORD FOR %s@%s = %s", (*user, hashes[0]))
        return
    ways = " OR ".join([f"{PLUGIN} USING %s"] * len(hashes))
    cursor.execute(f"ALTER USER %s@%s IDENTIFIED VIA {ways}", (*user, *hashes))


def create_user(cursor, user, new):
    """Create a user that may do nothing yet.

    Args:
        cursor: an open cursor of root's.
        user: a User.
        new: the hash of its password.
    """
    cursor.execute(f"CREATE USER %s@%s IDENTIFIED VIA {PLUGIN} USING %s", (*user, new))


def requires_tls(cursor, user):
    """Say whether a user is let in over TLS only.

    Args:
        cursor: an open cursor of root's.
        user: a User.

    Returns:
        A bool; False where there is no such user.
    """
    cursor.execute("SELECT ssl_type <> '' FROM mysql.user WHERE user = %s AND host = %s", user)
    row = cursor.fetchone()
    return bool(row and row[0])


def require_tls(cursor, user, required):
    """Let a user in over TLS only, or without it too.

    Args:
        cursor: an open cursor of root's.
        user: a User that is there.
        required: whether it has to use TLS.
    """
    cursor.execute(f"ALTER USER %s@%s REQUIRE {'SSL' if required else 'NONE'}", user)


def read_max_connections(cursor, user):
    """Read how many connections a user may have at a time.

    Args:
        cursor: an open cursor of root's.
        user: a User.

    Returns:
        The number; 0 for no limit of its own, or where there is no such user.
    """
    cursor.execute(
        "SELECT max_user_connections FROM mysql.user WHERE user = %s AND host = %s", user
    )
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def write_max_connections(cursor, user, number):
    """Limit how many connections a user may have at a time. Those that are open stay.

    Args:
        cursor: an open cursor of root's.
        user: a User that is there.
        number: how many; 0 for no limit.
    """
    cursor.execute(
        f"ALTER USER %s@%s WITH MAX_USER_CONNECTIONS {int(number)}", (user.name, user.address)
    )


def read_users(cursor, names):
    """Read which users of some names there are.

    Args:
        cursor: an open cursor of root's.
        names: the users' names.

    Returns:
        A list of User.
    """
    cursor.execute(
        "SELECT user, host FROM mysql.user WHERE user IN %s ORDER BY user, host", (tuple(names),)
    )
    return [User(name, address) for name, address in cursor.fetchall()]


class Stale(NamedTuple):
    """What has become of users that no host has.

    Attributes:
        dropped: those that no host needs.
        kept: those that may be a host's that hasn't got its new one yet.
        awaited: the users that hosts don't have yet.
    """

    dropped: list
    kept: list
    awaited: list


def find_stale(there, addresses, optional=()):
    """Find the users that no host of the inventory has.

    As long as a host lacks its own user, one of them may be that host's, under the address that it
    had before. So none of that name is dropped.

    Args:
        there: the users that are there, of the names in ``addresses``.
        addresses: the addresses of the inventory's hosts, by the users' name; empty for a host
            whose address isn't known, which is one that lacks its own user.
        optional: the names that a cluster may have no hosts for.

    Returns:
        A Stale.

    Raises:
        InventoryError: there are no hosts for a name that isn't optional. That isn't an order to
            drop all its users.
    """
    for name, found in addresses.items():
        if not found and name not in optional:
            what, fix = "belong to no host of the inventory", "see that its groups are loaded"
            raise InventoryError(Problem(f"database users {name}", what, fix, is_subject=True))
    wanted = [User(name, address) for name, found in addresses.items() for address in found]
    awaited = [user for user in dict.fromkeys(wanted) if user not in there]
    unsure = {user.name for user in awaited}
    stale = [user for user in there if user.name in addresses and user not in wanted]
    return Stale(
        dropped=[user for user in stale if user.name not in unsure],
        kept=[user for user in stale if user.name in unsure],
        awaited=[user for user in awaited if user.name in {other.name for other in stale}],
    )
