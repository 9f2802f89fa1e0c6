# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of clusters, by the name that ``cluster_flavor`` gives.

A module or filter asks ``flavor_of`` once and then talks to what it got. Nothing but this file
knows which flavors there are: a new one is a file beside the others and a line in ``FLAVORS``.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import Flavor
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.plain import Plain
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.vicidial import Vicidial
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: The flavors by name.
FLAVORS: dict[str, Flavor] = {flavor.name: flavor for flavor in (Plain(), Vicidial())}
#: The flavor of a cluster that doesn't say which it has.
DEFAULT = Plain.name


def flavor_of(name: str) -> Flavor:
    """Return the flavor of a name.

    Args:
        name: the value of ``cluster_flavor``.

    Raises:
        InventoryError: there is no such flavor; the message names those that there are.
    """
    try:
        return FLAVORS[name]
    except (KeyError, TypeError):
        known = " or ".join(f"{flavor.name} ({flavor.meaning})" for flavor in FLAVORS.values())
        where = f"cluster_flavor '{name}'"
        problem = Problem(where, "is not known", f"use {known}", is_subject=True)
        raise InventoryError(problem) from None


def facts_of(name: str) -> dict:
    """Return what roles need to know about a flavor.

    Args:
        name: the value of ``cluster_flavor``.

    Raises:
        InventoryError: there is no such flavor.
    """
    return flavor_of(name).facts()
