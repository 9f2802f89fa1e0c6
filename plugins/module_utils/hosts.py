# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks ask about the hosts of a run.

Pure. ``hostvars`` and ``groups`` are Ansible's.
"""

from __future__ import annotations

import ipaddress

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    BROWSER,
    expand_extensions,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import ANY_NETWORK

#: The groups of an inventory.
GROUPS = (
    "database", "database_arbitrator", "login", "dialers", "sip_edge", "seats", "monitoring",
)  # fmt: skip
#: The groups whose hosts the playbooks work on, in the order of a report.
WORKED_ON = (
    "database", "database_arbitrator", "login", "managed_dialers", "sip_edge", "seats",
    "monitoring",
)  # fmt: skip


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


def edges(hostvars, groups):
    """List the hosts at which phones register that hold a single account.

    Returns:
        Dicts with ``name`` and ``address``.
    """
    return [
        {
            "name": name,
            "address": str(variables.get("sip_edge_address") or variables["ansible_host"]),
        }
        for name in groups.get("sip_edge", [])
        for variables in [hostvars[name]]
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


def certificates_in_use(variables, group_names):
    """List the certificates that a host's services use, so that somebody looks at them.

    Args:
        variables: the host's.
        group_names: its groups.

    Returns:
        Dicts with ``path``, and ``name``: what clients type, where a certificate of the operator's
        has to fit; else empty.
    """
    found = []
    if "database" in group_names:
        found.append({"path": "/etc/evenfloor/ca.pem", "name": ""})
        if variables.get("database_tls", "on") == "on":
            found.append({"path": "/etc/evenfloor/database.pem", "name": ""})
    if "database" in group_names or "database_arbitrator" in group_names:
        # Where there are several databases.
        found.append({"path": "/etc/evenfloor/galera.pem", "name": ""})
    in_browser = any(
        isinstance(entry, dict) and entry.get("phone") == BROWSER
        for entry in variables.get("phone_aliases") or []
    )
    encrypts = in_browser or variables.get("phone_transport", "both") != "udp"
    if "managed_dialers" in group_names and encrypts:
        found.append({"path": "/etc/evenfloor/dialer.pem", "name": ""})
    if "login" in group_names and variables.get("login_tls", "on") == "on":
        own = variables.get("login_certificate") or ""
        names = [*(variables.get("login_names") or []), variables.get("login_address", "")]
        typed = next((name for name in names if name), "") if own else ""
        found.append({"path": own or "/etc/evenfloor/login.pem", "name": typed})
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


def phone_networks(variables):
    """List the networks that a dialer's phones are in.

    Args:
        variables: the dialer's.

    Returns:
        What ``phone_networks`` names; empty where the inventory doesn't say it.
    """
    value = variables.get("phone_networks") or []
    return [value] if isinstance(value, str) else list(map(str, value))


def is_filtered(variables):
    """Say whether a dialer drops what doesn't come from its phones.

    Args:
        variables: the dialer's.
    """
    networks = phone_networks(variables)
    return bool(networks) and ANY_NETWORK not in networks


def phone_sources(hostvars, groups, dialer):
    """List where packets for a dialer's SIP and RTP ports may come from.

    A seat counts by its ``ansible_host``, and so do an edge, and a monitoring host, which looks at
    the certificate. Names aren't looked up: a firewall that does is as good as the name service.

    Args:
        hostvars: Ansible's.
        groups: Ansible's.
        dialer: the dialer's name.

    Returns:
        IPv4 networks, in order, none within another.
    """
    named = [text for text in phone_networks(hostvars[dialer]) if text != ANY_NETWORK]
    names = [
        name for group in ("seats", "sip_edge", "monitoring") for name in groups.get(group, [])
    ]
    own = [str(hostvars[name].get("ansible_host", "")) for name in names]
    texts = [*named, *filter(_is_ipv4, own)]
    networks = [ipaddress.IPv4Network(text, strict=False) for text in texts]
    return [str(network) for network in ipaddress.collapse_addresses(networks)]


def _is_ipv4(text):
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


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


def login_peers(hostvars, groups, host):
    """List the login hosts that share another's ``login_address``: it moves between them.

    Args:
        hostvars: Ansible's.
        groups: Ansible's.
        host: the other's name.

    Returns:
        Names; empty where the host has an address of its own, or one that only it reaches.
    """
    address = hostvars[host].get("login_address")
    if str(address).startswith("127."):
        return []
    names = [name for name in groups.get("login", []) if name != host]
    return [name for name in names if address and hostvars[name].get("login_address") == address]


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


def new_dialers(hostvars, groups):
    """List the dialers that are ready and about to open for the first time.

    Returns:
        Those of ``ready_dialers`` of which the role ``dialer`` has seen that they had never been
        open, when it read their phones.
    """
    return [
        dialer
        for dialer in ready_dialers(hostvars, groups)
        for found in [hostvars[dialer["name"]].get("dialer_phones") or {}]
        if dialer["server_ip"] not in found.get("opened", [dialer["server_ip"]])
    ]


def unfinished_dialers(hostvars, groups):
    """List the dialers that the role ``vicidial_dialer`` makes and that may take no logins yet.

    Returns:
        The names of those that have a ``vicidial_source``, but not the fact
        ``vicidial_dialer_ready``.
    """
    return [
        name
        for name in groups.get("dialers", [])
        if hostvars[name].get("vicidial_source")
        and hostvars[name].get("vicidial_dialer_ready") is None
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


def hosts_of_cluster(groups):
    """List the hosts that Evenfloor works on.

    Args:
        groups: Ansible's ``groups``.

    Returns:
        The names, each once.
    """
    return list(dict.fromkeys(name for group in GROUPS for name in groups.get(group, [])))
