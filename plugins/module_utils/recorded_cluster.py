# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose cluster a database is, as the database says. Needs an open cursor and no driver.

An inventory whose group_vars aren't loaded says the default flavor, and one that was copied may
still lead to another cluster's database. Whoever believed them would treat somebody else's phones
as their own.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import DIALER
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import FLAVORS, flavor_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import Flavor
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

_THIS = "this database"
_UNCHANGED = "Nothing has been changed"
#: How many dialers a message names.
_NAMED = 5


class Record(NamedTuple):
    """What is recorded about a cluster; None for what isn't.

    Attributes:
        flavor: the value of ``cluster_flavor``.
        name: the value of ``cluster_name``.
    """

    flavor: str | None = None
    name: str | None = None


def check_cluster(cursor, params, dialers=()) -> Flavor:
    """Check that a database is the cluster that a module was told.

    A database in which no flavor is recorded yet is taken for what its tables look like, and one
    without a name for anybody's: clusters of earlier releases have none. A module that is given no
    name checks neither name nor dialers.

    Args:
        cursor: an open cursor.
        params: the module's: ``cluster_flavor`` and ``cluster_name``.
        dialers: the inventory's, dicts with ``server_ip``, and ``server_id`` or ``name``; empty
            where the module isn't told.

    Returns:
        The cluster's flavor.

    Raises:
        InventoryError: it is another cluster's database.
    """
    flavor = flavor_of(params["cluster_flavor"])
    record = read_record(cursor)
    _check_flavor(record.flavor or _seen_flavor(cursor, flavor), flavor.name)
    if params["cluster_name"]:
        _check_name(record.name, params["cluster_name"])
        if dialers:
            _check_dialers(read_opened_servers(cursor), dialers)
    return flavor


def read_record(cursor) -> Record:
    """Read what is recorded.

    Table and column may be missing, and a user of earlier releases may not read them; such a user
    doesn't see them, either.
    """
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = 'evenfloor_cluster'"
    )
    there = {row[0] for row in cursor.fetchall()}
    if not there:
        return Record()
    name = "cluster_name" if "cluster_name" in there else "NULL"
    cursor.execute(f"SELECT flavor, {name} FROM evenfloor_cluster")
    return Record(*(cursor.fetchone() or ()))


def write_record(cursor, record: Record):
    """Record whose cluster a database is; what is recorded already stays."""
    cursor.execute(
        "INSERT INTO evenfloor_cluster (id, flavor, created, cluster_name)"
        " VALUES (1, %s, NOW(), %s)"
        " ON DUPLICATE KEY UPDATE cluster_name = COALESCE(cluster_name, VALUES(cluster_name))",
        (record.flavor, record.name),
    )


def read_opened_servers(cursor):
    """Read the dialers that have been opened for logins.

    Returns:
        Pairs of ``server_id`` and ``server_ip``, in order.
    """
    cursor.execute(
        "SELECT s.server_id, s.server_ip FROM servers s JOIN evenfloor_dialers d"
        f" ON d.server_ip = {DIALER} WHERE d.opened IS NOT NULL ORDER BY s.server_id"
    )
    return list(cursor.fetchall())


def _check_flavor(found, wanted):
    if found in (None, wanted):
        return
    what = f"belongs to a cluster of flavor {found}; the inventory says {wanted}"
    fix = f"set cluster_flavor: {found} in group_vars/all. {_UNCHANGED}"
    raise InventoryError(Problem(_THIS, what, fix, is_subject=True))


def _check_name(found, wanted):
    if found in (None, "", wanted):
        return
    what = f"belongs to the cluster {found}; the inventory says {wanted}"
    fix = (
        f"use the inventory of {found}, or if the folder was only renamed, set cluster_name:"
        f" {found} in group_vars/all. {_UNCHANGED}"
    )
    raise InventoryError(Problem(_THIS, what, fix, is_subject=True))


def _check_dialers(opened, dialers):
    """Check that some dialer of the inventory is in service, if any is."""
    wanted = [(server_id_of(dialer), dialer["server_ip"]) for dialer in dialers]
    known = {text.lower() for pair in opened for text in pair}
    if not opened or any(text.lower() in known for pair in wanted for text in pair):
        return
    what = f"has the dialers {_named(opened)}; the inventory has {_named(wanted)}"
    fix = (
        "use the inventory of this cluster. If all of its dialers are new, keep an old one in the"
        f" group dialers until a new one is open. {_UNCHANGED}"
    )
    raise InventoryError(Problem(_THIS, what, fix, is_subject=True))


def server_id_of(dialer) -> str:
    """Return the short name of an inventory's dialer."""
    return str(dialer.get("server_id") or dialer["name"])


def _named(pairs):
    shown = [f"{server_id} ({server_ip})" for server_id, server_ip in pairs[:_NAMED]]
    return ", ".join(shown) + (", …" if len(pairs) > _NAMED else "")


def _seen_flavor(cursor, flavor):
    """Find another flavor whose columns the database has; None where there is none."""
    for other in FLAVORS.values():
        if other is not flavor and other.own_columns and _has_columns(cursor, other.own_columns):
            return other.name
    return None


def _has_columns(cursor, columns):
    cursor.execute(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()"
        " AND (table_name, column_name) IN %s",
        (columns,),
    )
    return cursor.fetchone()[0] > 0
