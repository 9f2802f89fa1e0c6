# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flavor that a cluster's database says it has. Needs an open cursor and no driver.

An inventory whose group_vars aren't loaded says the default flavor. Whoever believed it would treat
somebody else's phones as Evenfloor's own.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import FLAVORS, flavor_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import Flavor
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)


def flavor_of_cluster(cursor, name: str) -> Flavor:
    """Return the flavor of a name, if the database is of that flavor.

    A database in which no flavor is noted yet is taken for what its tables look like: clusters of
    earlier releases have none.

    Args:
        cursor: an open cursor.
        name: the value of ``cluster_flavor``.

    Raises:
        InventoryError: the database belongs to a cluster of another flavor.
    """
    flavor = flavor_of(name)
    found = read_flavor(cursor) or _seen_flavor(cursor, flavor) or name
    if found != name:
        what = f"belongs to a cluster of flavor {found}; the inventory says {name}"
        fix = f"set cluster_flavor: {found} in group_vars/all. Nothing has been changed"
        raise InventoryError(Problem("this database", what, fix, is_subject=True))
    return flavor


def read_flavor(cursor) -> str | None:
    """Read the flavor that is noted; None where there is none.

    The table may be missing, and a user of earlier releases may not read it; such a user doesn't
    see it, either.
    """
    cursor.execute(
        "SELECT COUNT(*) FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'evenfloor_cluster'"
    )
    if not cursor.fetchone()[0]:
        return None
    cursor.execute("SELECT flavor FROM evenfloor_cluster")
    row = cursor.fetchone()
    return row[0] if row else None


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
