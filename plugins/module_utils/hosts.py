# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks ask about the hosts of a run.

Pure. ``hostvars`` and ``groups`` are Ansible's.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_extensions,
    list_dialers,
)

#: The groups whose hosts the playbooks work on, in the order of a report.
WORKED_ON = ("database", "login", "managed_dialers", "seats")


def seats(hostvars, groups):
    """List the seats with their extensions.

    Returns:
        Dicts with ``name`` and ``extensions``.

    Raises:
        InventoryError: a range can't be read.
    """
    return [
        {"name": name, "extensions": expand_extensions(ranges) if ranges else []}
        for name in groups.get("seats", [])
        for ranges in [hostvars[name].get("softphone_extensions")]
    ]


def managed_extensions(hostvars, groups):
    """List what the seats' ``softphone_extensions`` name, ranges as they are written.

    Returns:
        A flat list of texts.
    """
    found = []
    for name in groups.get("seats", []):
        ranges = hostvars[name].get("softphone_extensions")
        if isinstance(ranges, (list, tuple)):
            found += map(str, ranges)
        elif ranges not in (None, ""):
            found.append(str(ranges))
    return found


def addresses(hostvars, groups):
    """List the hosts' addresses, as far as the inventory says them.

    Returns:
        Addresses by host.
    """
    found = {
        name: hostvars[name].get("server_ip") or hostvars[name].get("ansible_host")
        for name in groups["all"]
    }
    return {name: str(address) for name, address in found.items() if address}


def database_addresses(hostvars, names):
    """List the addresses from which hosts connect to the database.

    Args:
        hostvars: Ansible's.
        names: the hosts' names.

    Returns:
        An address for each host; empty where the inventory doesn't say it.
    """
    keys = ("balancer_address", "server_ip", "ansible_host")
    return [str(next(filter(None, map(hostvars[name].get, keys)), "")) for name in names]


def ready_dialers(hostvars, groups):
    """List the dialers that may take logins from now on: their hosts have ``dialer_ready``.

    Returns:
        Dialers, as ``inventory.list_dialers`` gives them.
    """
    return [
        dialer
        for dialer in list_dialers(hostvars, groups)
        if hostvars[dialer["name"]].get("dialer_ready") is not None
    ]


def silent_hosts(hostvars, groups):
    """List the hosts that were never looked at, because they couldn't be reached.

    Returns:
        The names of those that lack ``preflight_done``, each once.
    """
    everybody = dict.fromkeys(name for group in WORKED_ON for name in groups.get(group, []))
    return [name for name in everybody if hostvars[name].get("preflight_done") is None]


def preflight_problems(hostvars, hosts):
    """Collect what the preflight found.

    Args:
        hostvars: Ansible's.
        hosts: the names of the hosts that were looked at.

    Returns:
        Their ``preflight_problem``, where there is any.
    """
    found = [hostvars[name].get("preflight_problem") for name in hosts]
    return [problem for problem in found if problem]


def clone_source(dialers, opened, clone_from=""):
    """Find the dialer that a new one is made like.

    Args:
        dialers: the inventory's, dicts with ``name`` and ``server_ip``.
        opened: the ``server_ip`` of those that have been opened for logins.
        clone_from: the name of the one to take, or its ``server_ip``; empty for the first opened.

    Returns:
        Its ``server_ip``; empty where there is none.
    """
    if clone_from:
        named = {dialer["name"]: dialer["server_ip"] for dialer in dialers}
        return named.get(clone_from, clone_from)
    in_service = (dialer["server_ip"] for dialer in dialers if dialer["server_ip"] in opened)
    return next(in_service, "")
