# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with databases, login hosts and monitoring hosts."""

from __future__ import annotations

import difflib

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import (
    GROUPS,
    hosts_of_cluster,
    login_peers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.addresses import (
    is_ipv4,
    own_address_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.shared import (
    known_flavor,
)

#: The group of the host that votes beside an even number of databases.
ARBITRATOR = "database_arbitrator"
#: How alike a group's name is to the one that was meant, from 0 to 1.
_ALIKE = 0.8
#: By what the database knows a host that connects to it.
_CLIENT_ADDRESS = ("balancer_address", "server_ip")


def database_problems(groups, flavor_name=flavors.DEFAULT):
    """Check how many databases and arbitrators vote: of an even number, half is no majority."""
    databases, arbitrators = groups.get("database", []), groups.get(ARBITRATOR, [])
    flavor = flavors.FLAVORS.get(flavor_name)
    software = flavor.software if flavor else "this flavor"
    may_be_several = flavor is not None and not flavor.adopted
    is_even = len(databases) % 2 == 0 and not (len(databases) == 2 and arbitrators)
    found = []
    if is_even or (len(databases) > 1 and not may_be_several):
        what = f"has {len(databases)} hosts ({', '.join(databases) or 'none'})"
        fix = f"leave only the one that {software} writes to"
        fix += "; balancer_database_host names its replicas, too"
        if may_be_several or not databases:
            fix = "put one host into it"
        if may_be_several:
            fix += ", or three (any odd number); or put a third host beside two into the group"
            fix += f" {ARBITRATOR}"
        found.append(Problem("group database", what, fix, is_subject=True))
    if arbitrators:
        found += _arbitrator_problems(databases, arbitrators, "" if may_be_several else software)
    return found


def _arbitrator_problems(databases, arbitrators, alone_with):
    """Check an arbitrator: the third vote beside two databases.

    Args:
        databases: the group's hosts.
        arbitrators: those of its own group.
        alone_with: what runs on one database, and so needs none; empty where there may be several.
    """
    both = [name for name in arbitrators if name in databases]
    what, fix = f"has {', '.join(arbitrators)}", ""
    if alone_with:
        fix = f"empty it: {alone_with} runs on one database, and nobody votes"
    elif both:
        what, fix = f"has {both[0]}, which is a database", "put a host of its own into it"
    elif len(databases) == 1:
        what += ", and the group database has one host"
        fix = "put a second database into that group, or empty this one"
    elif len(databases) > 2:
        what += f", and {len(databases)} databases vote already"
        fix = "empty it: it is the third vote beside two databases"
    elif len(arbitrators) > 1:
        fix = "leave only one of them: it is a single vote"
    return [Problem(f"group {ARBITRATOR}", what, fix, is_subject=True)] if fix else []


def group_name_problems(groups):
    """Find a group that is called nearly like one of Evenfloor's, which has no host."""
    found = []
    for name in sorted(set(groups) - set(GROUPS)):
        alike = difflib.get_close_matches(name, GROUPS, 1, _ALIKE)
        if alike and not groups.get(alike[0]):
            what = f"is none of Evenfloor's, and {alike[0]} is empty"
            found.append(Problem(f"group {name}", what, f"is it {alike[0]}?", is_subject=True))
    return found


def login_problems(groups):
    """Check that somebody can log agents in."""
    fix = "put at least one host for the login service into it"
    return empty_group_problems(groups, "login", fix)


def empty_group_problems(groups, group, fix):
    """Check that a group has a host; ``fix`` says what to do if not."""
    if groups.get(group):
        return []
    return [Problem(f"group {group}", "is empty", fix, is_subject=True)]


def server_problems(hostvars, groups):
    """Check the addresses that other hosts, or the database's grants, know a host by."""
    found = []
    for name in groups.get("database", []):
        found += own_address_problems(name, hostvars[name], ("database_address",))
    for name in groups.get("login", []):
        # A dialer's own address is checked with the dialers'.
        if name not in groups.get("dialers", []):
            found += own_address_problems(name, hostvars[name], _CLIENT_ADDRESS)
    for name in groups.get("monitoring", []):
        if name not in groups.get("dialers", []):
            found += own_address_problems(name, hostvars[name], _CLIENT_ADDRESS)
    # A host that is both has one mistake.
    return list({(problem.where, problem.what): problem for problem in found}.values())


def floating_problems(hostvars, groups):
    """Check the addresses that move between login hosts."""
    floating = {
        str(hostvars[name]["login_address"]): name
        for name in groups.get("login", [])
        if login_peers(hostvars, groups, name)
    }
    names, keys = hosts_of_cluster(groups), ("ansible_host", "database_address", *_CLIENT_ADDRESS)
    owners = {str(hostvars[name].get(key)): name for name in names for key in keys}
    found = []
    for address, name in floating.items():
        where = f"login_address {address}"
        fix = "login hosts share an address of their network that no host has itself"
        if not is_ipv4(address):
            what = "is shared by login hosts, and is not an IPv4 address"
            found.append(Problem(where, what, f"{fix}; names belong into login_names", True))
        elif address in owners:
            what = f"is shared by login hosts, and is {owners[address]}'s own"
            found.append(Problem(where, what, fix, True))
        found += _listening_problems(name, hostvars[name])
    return found


def _listening_problems(name, variables):
    """Find a login host whose nginx, which listens on all addresses, meets the login service."""
    encrypts = variables.get("login_tls", "on") == "on"
    usual = limits.HTTPS_PORT if encrypts else limits.HTTP_PORT
    port = str(variables.get("login_port", usual))
    if port != str(variables.get("balancer_port", limits.HTTP_PORT)):
        return []
    what = f"login_port {port} is balancer_port, too, and where login hosts share a login_address"
    return [Problem(name, f"{what}, nginx listens on all addresses", "set login_port to another")]


def backup_problems(hostvars, groups, shared):
    """Find a time for backups of a database whose backups are somebody else's."""
    flavor = known_flavor(shared)
    if flavor is None or not flavor.adopted:
        return []
    what = f"backup_time is set, but the database is {flavor.software}'s, and so are its backups"
    return [
        Problem(name, what, "leave it out: Evenfloor makes none there")
        for name in groups.get("database", [])
        if hostvars[name].get("backup_time")
    ]


def monitoring_problems(hostvars, groups, shared):
    """Find monitoring hosts that could not see the cluster, or could tell nobody."""
    hosts = groups.get("monitoring", [])
    flavor = known_flavor(shared)
    if hosts and flavor is not None and not flavor.manages_dialers:
        what = f"has {hosts[0]}, but cluster_flavor is {flavor.name}"
        fix = "leave it out: there, only the login host itself can read /metrics"
        return [Problem("group monitoring", what, fix, is_subject=True)]
    return [problem for name in hosts for problem in _mail_problems(name, hostvars[name])]


def _mail_problems(name, variables):
    """Find what is missing for a monitoring host's mails."""
    given = {
        setting
        for setting in ("to", "from", "server", "user", "password")
        if variables.get(f"monitoring_mail_{setting}")
    }
    needed = {"to", "from", "server"} if given else set()
    if given & {"user", "password"}:
        needed |= {"user", "password"}
    return [
        Problem(
            name,
            f"monitoring_mail_{setting} is missing",
            "set it, or leave all of monitoring_mail_* out",
        )
        for setting in sorted(needed - given)
    ]
