# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps phones from reaching dialers."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import phone_networks
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    BROWSER,
    EDGE,
    entry_name,
    kind_of_phone,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.addresses import (
    own_address_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.shared import (
    known_flavor,
)


def network_problems(hostvars, groups):
    """Find dialers whose phones are anywhere and in some networks at once."""
    found = []
    for name in groups.get("dialers", []):
        networks = phone_networks(hostvars[name])
        if limits.ANY_NETWORK in networks and len(networks) > 1:
            what = f"phone_networks has {limits.ANY_NETWORK} and networks besides"
            fix = f"write either the networks or phone_networks: {limits.ANY_NETWORK}"
            found.append(Problem(name, what, fix))
    return found


def transport_problems(hostvars, groups):
    """Find phones that speak to a dialer in a way that it doesn't serve.

    One with TLS may reach a dialer over UDP that serves nothing else, but not all of them.
    """
    seats = [(name, "softphone_transport") for name in groups.get("seats", [])]
    hosts = _provisioning_hosts(hostvars, groups)
    return [
        problem
        for name, setting in [*seats, *((name, "login_provisioning_transport") for name in hosts)]
        for problem in _transport_problem(hostvars, groups, name, setting)
    ]


def _transport_problem(hostvars, groups, host, setting):
    dialers = groups.get("dialers", [])
    served = {dialer: hostvars[dialer].get("phone_transport", "both") for dialer in dialers}
    wanted = hostvars[host].get(setting)
    if wanted is None and setting == "login_provisioning_transport":
        wanted = "tls" if hostvars[host].get("phone_transport") == "tls" else "udp"
    others = [dialer for dialer in dialers if served[dialer] not in ("both", wanted)]
    if others and (wanted == "udp" or (wanted == "tls" and others == dialers)):
        name = others[-1]
        what = f"{setting} is {wanted}, and {name}'s phone_transport is {served[name]}"
        return [Problem(host, what, "make them agree, or set phone_transport: both")]
    return []


def _provisioning_hosts(hostvars, groups):
    """List the login hosts from which phones fetch their accounts."""
    return [name for name in groups.get("login", []) if hostvars[name].get("login_provisioning")]


def provisioning_problems(hostvars, groups, shared):
    """Find login hosts that can't provision phones, or that would do so without encryption."""
    flavor = known_flavor(shared)
    found = []
    for name in _provisioning_hosts(hostvars, groups):
        variables = hostvars[name]
        if flavor is not None and not flavor.has_login:
            what = f"login_provisioning is on, but cluster_flavor is {flavor.name}"
            found.append(Problem(name, what, "leave it out"))
        elif variables.get("login_tls") == "off" and not variables.get(
            "login_provisioning_unencrypted"
        ):
            what = "login_provisioning is on, but login_tls is off"
            fix = (
                'set login_tls: "on", or login_provisioning_unencrypted: true if everybody on the'
                " way may read registration passwords"
            )
            found.append(Problem(name, what, fix))
    return found


def _entries_of(kind, shared):
    """Return the entries of ``phone_aliases`` with this kind of phone."""
    return [entry for entry in shared.get("phone_aliases") or [] if kind_of_phone(entry) == kind]


def browser_problems(hostvars, groups, shared):
    """Find what keeps the login page from being a phone."""
    entries = _entries_of(BROWSER, shared)
    flavor = known_flavor(shared)
    if not entries:
        return []
    if flavor is not None and not flavor.has_login:
        what = f"phone is browser, but cluster_flavor is {flavor.name}"
        return [Problem(entry_name(entries[0]), what, "leave it out")]
    found = []
    for name in groups.get("login", []):
        if hostvars[name].get("login_tls") == "off":
            what = "login_tls is off, but aliases have phone: browser"
            fix = 'set login_tls: "on": without it, browsers give no page the microphone'
            found.append(Problem(name, what, fix))
    return found


def edge_problems(hostvars, groups, shared):
    """Find what keeps phones from registering at an edge."""
    edges = groups.get("sip_edge", [])
    entries = _entries_of(EDGE, shared)
    flavor = known_flavor(shared)
    if (edges or entries) and flavor is not None and not flavor.manages_dialers:
        where = entry_name(entries[0]) if entries else f"{edges[0]}, in the group sip_edge,"
        what = f"needs dialers that Evenfloor makes, but cluster_flavor is {flavor.name}"
        return [Problem(where, what, "leave it out", is_subject=True)]
    if entries and not edges:
        fix = "put a host for it into the group sip_edge, or leave phone: edge out"
        return [Problem(entry_name(entries[0]), "phone is edge, but there is no edge", fix)]
    found = _edge_address_problems(hostvars, groups)
    without_udp = [
        name
        for name in groups.get("dialers", [])
        if edges and hostvars[name].get("phone_transport", "both") == "tls"
    ]
    if without_udp:
        what = "phone_transport is tls, but the edge speaks SIP over UDP alone"
        found.append(
            Problem(without_udp[0], what, "set phone_transport: both, or do without an edge")
        )
    return found


def _edge_address_problems(hostvars, groups):
    """Check that every edge has an address of its own."""
    found = []
    owners = {dialer["server_ip"]: dialer["name"] for dialer in list_dialers(hostvars, groups)}
    for name in groups.get("sip_edge", []):
        variables = hostvars[name]
        wrong = own_address_problems(name, variables, ("sip_edge_address",))
        address = variables.get("sip_edge_address", variables.get("ansible_host"))
        if name in groups.get("dialers", []):
            what = "is in the groups sip_edge and dialers"
            fix = "take another host for the edge: both serve SIP"
            wrong = [Problem(name, what, fix, is_subject=True)]
        elif not wrong and address in owners:
            what = f"its address {address} is also {owners[address]}'s"
            fix = "dialers and edges serve SIP, so each needs an address of its own"
            wrong = [Problem(name, what, fix)]
        if not wrong:
            owners[address] = name
        found += wrong
    return found
