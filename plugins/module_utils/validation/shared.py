# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the settings that hosts share, or that belong together."""

from __future__ import annotations

import re
from pathlib import PurePath

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import hosts_of_cluster
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

_CLUSTER_NAME_CHARACTERS = re.compile(r"[-_.0-9a-zA-Z]+")
#: The settings that all hosts have to agree on, because hosts read them for each other.
_SAME_EVERYWHERE = (
    "cluster_flavor",
    "phone_aliases",
    "agents",
    "campaigns",
    "database_name",
    "dialer_wake_port",
    "phone_wss_port",
)


def known_flavor(shared):
    """Return the flavor that the inventory names; None where none is called so."""
    return flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))


def flavor_problems(variables):
    """Check that there is a flavor of this name."""
    name = variables.get("cluster_flavor", flavors.DEFAULT)
    try:
        flavors.flavor_of(name)
    except InventoryError as error:
        return [error.problem]
    return []


def not_adoptable(variables):
    """Check that the inventory says which software the cluster to adopt runs."""
    name = variables.get("cluster_flavor", flavors.DEFAULT)
    adoptable = [flavor for flavor in flavors.FLAVORS.values() if flavor.adopted]
    if name in [flavor.name for flavor in adoptable]:
        return []
    kinds = " or ".join(flavor.software for flavor in adoptable)
    names = " or ".join(flavor.name for flavor in adoptable)
    fix = (
        f"adopting is for a cluster that runs {kinds}: set cluster_flavor: {names} in"
        " group_vars/all"
    )
    return [Problem("cluster_flavor", f"is '{name}'", fix, is_subject=True)]


def cluster_name_problems(hostvars, groups):
    """Check the cluster's name, which is by default that of the inventory's folder."""
    variables = next((hostvars[name] for name in groups.get("database", [])), {})
    folder = PurePath(variables.get("inventory_dir") or "").name
    name = str(variables.get("cluster_name", folder))
    longest = limits.LONGEST_CLUSTER_NAME
    if _CLUSTER_NAME_CHARACTERS.fullmatch(name) and len(name) <= longest:
        return []
    if not name and "cluster_name" not in variables:
        return []
    what = f"is '{name}'"
    fix = (
        "set cluster_name in group_vars/all to a name of its own for this cluster, at most"
        f" {longest} letters, digits, dots, hyphens and underscores"
    )
    return [Problem("cluster_name", what, fix, is_subject=True)]


def different_problems(hostvars, groups):
    """Find settings that hosts don't agree on."""
    found = []
    names = hosts_of_cluster(groups)
    for setting in _SAME_EVERYWHERE:
        first = hostvars[names[0]].get(setting) if names else None
        other = next((name for name in names if hostvars[name].get(setting) != first), None)
        if other:
            what = f"differs between {names[0]} and {other}"
            found.append(Problem(setting, what, "set it once, in group_vars/all", True))
    return [*found, *_port_problems({name: hostvars[name] for name in names})]


def _port_problems(hostvars):
    """Find hosts that would look for the database at another port than its own."""
    ports = {
        name: str(variables.get("database_port", limits.DATABASE_PORT))
        for name, variables in hostvars.items()
        if "balancer_database_port" not in variables
    }
    first = next(iter(ports), None)
    other = next((name for name, port in ports.items() if port != ports[first]), None)
    if other is None:
        return []
    what = f"is {ports[first]} on {first} and {ports[other]} on {other}"
    fix = "set it in group_vars/all: login hosts and dialers connect to it"
    return [Problem("database_port", what, fix, True)]


def pair_problems(hostvars, groups):
    """Check the settings that are the first and the last of something."""
    found = []
    for first, last in limits.PAIRS:
        for name in hosts_of_cluster(groups):
            ends = [hostvars[name].get(setting) for setting in (first, last)]
            found += _range_problems((first, last), *map(_whole, ends))
    return list(dict.fromkeys(found))


def _whole(value):
    return None if value is None else int(value)


def _range_problems(settings, first, last):
    """Check a range of which both ends are given, or, of rooms, one."""
    is_rooms = settings[0] == "dialer_first_room"
    if is_rooms:
        first = limits.FIRST_ROOM if first is None else first
        last = limits.LAST_ROOM if last is None else last
    if first is None or last is None:
        return []
    where = f"{settings[0]} {first}"
    if first > last:
        what = f"is above {settings[1]} {last}"
        return [Problem(where, what, "the first may not be above the last", True)]
    if not is_rooms:
        return []
    if str(first)[0] != str(last)[0]:
        what = f"and {settings[1]} {last} begin with different digits"
        fix = "the dialplan needs rooms that all begin with the same digit"
        return [Problem(where, what, fix, True)]
    if last - first >= limits.MOST_ROOMS:
        what = f"to {settings[1]} {last} are {last - first + 1} rooms"
        return [Problem(where, what, f"at most {limits.MOST_ROOMS} are made", True)]
    return []


def timeout_problems(hostvars, groups):
    """Find waits that are longer than the requests that they are a part of."""
    setting, found = "balancer_request_timeout", []
    for name in hosts_of_cluster(groups):
        variables = hostvars[name]
        most = float(variables.get(setting, limits.REQUEST_TIMEOUT))
        for wait, usual in limits.WAITS_OF_REQUESTS.items():
            seconds = variables.get(wait, usual)
            if float(seconds) > most:
                what = f"is above {setting}, which is {most:g}"
                fix = "raise that one, or lower this one: no request is waited for longer"
                found.append(Problem(f"{wait} {seconds}", what, fix, True))
    return list(dict.fromkeys(found))
