# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several databases: how each stands in its cluster, and to which one the HAProxies lead.

Pure, without Ansible and without a database. With one database there is nothing to look at.
"""

from __future__ import annotations

import csv
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding

#: So many writes may wait at a database until they are applied there. From about 27 on, with three
#: databases, Galera makes the others wait for it.
LAG = 16
#: What Galera's numbers for the state of a database mean.
SYNCED = "4"
_STATES = {"1": "gets its data", "2": "gives its data to another", "3": "catches up"}
#: HAProxy's name for the way to the databases (role database_proxy).
_PROXY = "database"


class Node(NamedTuple):
    """A database.

    Attributes:
        name: its host's.
        members: how many databases it sees in its cluster, itself included; None if it is silent.
        state: in words; ``synced`` is the only good one.
        waiting: how many writes wait until they are applied here.
        holds_up: whether it makes the others wait, by Galera's flow control.
        in_majority: whether it is a part of the cluster that goes on.
    """

    name: str
    members: int | None = None
    state: str = "doesn't answer"
    waiting: int = 0
    holds_up: bool = False
    in_majority: bool = False


class Proxy(NamedTuple):
    """The HAProxy of a login host or dialer.

    Attributes:
        name: its host's.
        leads_to: the databases that it passes connections on to, those it has sessions with
            included; None where it doesn't answer.
    """

    name: str
    leads_to: tuple[str, ...] | None


def databases(hostvars, groups):
    """Say how several databases are.

    Args:
        hostvars: Ansible's; database hosts that were asked have ``databases_node``, an arbitrator
            ``databases_arbitrator``, and hosts with an HAProxy ``databases_proxy``, as their tasks
            registered them.
        groups: Ansible's ``groups``.

    Returns:
        A dict. ``asked`` is the database that playbooks read from: the first of the majority, or
        with one database that one; empty where there is none. ``findings`` are what is wrong, as
        ``Finding.as_dict`` makes them, and ``table`` are lines for a person; both are empty with
        one database.
    """
    names = list(groups.get("database", []))
    if len(names) < 2:
        return {"asked": names[0] if names else "", "findings": [], "table": ""}
    nodes = [node_of(name, hostvars[name].get("databases_node")) for name in names]
    proxies = [
        proxy_of(name, hostvars[name].get("databases_proxy"))
        for name in [*groups.get("login", []), *groups.get("dialers", [])]
    ]
    asked = [*names, *(proxy.name for proxy in proxies)]
    arbitrators = list(groups.get("database_arbitrator", []))
    silent = {name for name in [*asked, *arbitrators] if _is_silent(hostvars[name])}
    # A host that doesn't answer at all is a finding of its own, and of others nothing is known.
    proxies = [proxy for proxy in proxies if proxy.name not in silent]
    found = [
        *look_at_nodes(nodes, silent, len(arbitrators)),
        *look_at_arbitrators(hostvars, [name for name in arbitrators if name not in silent]),
        *look_at_proxies(proxies),
    ]
    return {
        "asked": next((node.name for node in nodes if node.in_majority), ""),
        "findings": [finding.as_dict() for finding in found],
        "table": table(nodes, proxies, len(arbitrators)),
    }


def _is_silent(variables):
    """Whether a host didn't answer, or wasn't asked: a run may be limited to some hosts."""
    tasks = ("doctor_clock", "databases_node", "databases_arbitrator", "databases_proxy")
    answers = [variables[task] for task in tasks if task in variables]
    return not answers or any(answer.get("unreachable") for answer in answers)


def node_of(name, asked):
    """Read what a database said.

    Args:
        name: its host's.
        asked: the task's result; None where it wasn't asked. Its lines are those of SHOW STATUS and
            SHOW VARIABLES.
    """
    said = dict(
        line.split("\t", 1) for line in (asked or {}).get("stdout", "").splitlines() if "\t" in line
    )
    if "wsrep_cluster_status" not in said:
        return Node(name)
    in_majority = said["wsrep_cluster_status"] == "Primary" and said.get("wsrep_ready") == "ON"
    state = said.get("wsrep_local_state", "")
    words = "synced" if state == SYNCED else _STATES.get(state, "not synced")
    if said.get("read_only", "OFF") not in ("OFF", "0"):
        words = "read-only"
    return Node(
        name,
        int(said.get("wsrep_cluster_size", 0)),
        words if in_majority else "not in the majority",
        int(said.get("wsrep_local_recv_queue", 0)),
        said.get("wsrep_flow_control_requested") == "true",
        in_majority,
    )


def proxy_of(name, asked):
    """Read what a HAProxy said.

    Args:
        name: its host's.
        asked: the task's result; None where it wasn't asked. It printed what ``show stat`` says.
    """
    text = (asked or {}).get("stdout", "").lstrip("# ")
    servers = [
        row
        for row in csv.DictReader(text.splitlines())
        if row.get("pxname") == _PROXY and row.get("svname") not in ("FRONTEND", "BACKEND")
    ]
    if not servers:
        return Proxy(name, None)
    up = [row for row in servers if row["status"].startswith("UP")]
    # New connections go to the first that isn't a backup, else to the first.
    chosen = next((row for row in up if row["bck"] == "0"), up[0] if up else None)
    leads_to = [row["svname"] for row in servers if row is chosen or int(row["scur"] or 0) > 0]
    return Proxy(name, tuple(leads_to))


def look_at_nodes(nodes, silent=(), arbitrators=0):
    """Find what is wrong with databases.

    Args:
        nodes: every Node that the inventory names.
        silent: the hosts that don't answer at all, or weren't asked.
        arbitrators: how many members without data the inventory names.

    Returns:
        Findings.
    """
    found = []
    for node in nodes:
        if node.members is None:
            what = f"MariaDB on {node.name} doesn't answer"
            fix = "see systemctl status mariadb and journalctl -u mariadb on it"
            if node.name not in silent:
                found.append(Finding("database_away", what, fix, dialer=node.name))
        elif not node.in_majority:
            what = f"{node.name} refuses all work: it isn't in the majority of the databases, or"
            what += " hasn't got its data yet"
            fix = "see whether it reaches the others on port 4567; if all refuse, run"
            fix += " start_database.yml"
            found.append(Finding("database_cut_off", what, fix, dialer=node.name))
        elif node.state != "synced":
            what = f"{node.name} is in the cluster of databases, but {node.state}"
            fix = "look again in some minutes; see journalctl -u mariadb on it"
            if node.state == "read-only":
                fix = "find out who has set read_only there, and set it to OFF"
            found.append(Finding("database_not_synced", what, fix, dialer=node.name))
        if node.waiting > LAG or node.holds_up:
            what = f"{node.name} lags: {node.waiting} writes wait there"
            what += ", and the others wait for it" if node.holds_up else ""
            fix = "look at its disk and processors (iostat, top); look again in a minute"
            found.append(Finding("database_lags", what, fix, dialer=node.name))
    return found + _look_at_size(nodes, arbitrators)


def _look_at_size(nodes, arbitrators):
    """Compare the cluster's size with the inventory's."""
    expected = len(nodes) + arbitrators
    sizes = {node.members for node in nodes if node.in_majority}
    found = []
    for size in sorted(sizes - {expected}):
        what = f"the cluster of databases has {size} members, and the inventory has {expected}"
        fix = "bring back the database that is away"
        if arbitrators:
            fix += "; if none is, run systemctl restart garb on the arbitrator"
        if size > expected:
            fix = "stop MariaDB, or garb, on the host that has left the inventory"
        found.append(Finding("databases_differ", what, fix))
    return found


def look_at_arbitrators(hostvars, names):
    """Find an arbitrator that doesn't run.

    Args:
        hostvars: Ansible's.
        names: the arbitrators whose hosts answer.

    Returns:
        Findings.
    """
    found = []
    for name in names:
        said = hostvars[name].get("databases_arbitrator") or {}
        if said.get("stdout") != "active":
            what = f"the arbitrator on {name} doesn't run: if a database is lost, the other refuses"
            fix = "run systemctl start garb on it; if it fails, see journalctl -u garb"
            found.append(Finding("arbitrator_away", what, fix, dialer=name))
    return found


def look_at_proxies(proxies):
    """Find what is wrong with HAProxies, each alone and compared with the others.

    Args:
        proxies: every Proxy whose host answers.

    Returns:
        Findings.
    """
    found = []
    for proxy in proxies:
        if proxy.leads_to is None:
            what = f"HAProxy on {proxy.name} doesn't answer, so the host may not reach a database"
            fix = "see systemctl status haproxy on it"
            found.append(Finding("proxy_silent", what, fix, dialer=proxy.name))
        elif not proxy.leads_to:
            what = f"HAProxy on {proxy.name} finds no database that may be written to"
            fix = "see whether the host reaches port 3307 of the databases"
            found.append(Finding("proxy_finds_none", what, fix, dialer=proxy.name))
    writers = sorted({name for proxy in proxies for name in proxy.leads_to or ()})
    if len(writers) > 1:
        ways = [f"{name} ({_some(_leading_to(proxies, name))})" for name in writers]
        what = f"HAProxies disagree about the database that is written to: {', '.join(ways)}"
        fix = "look again in some seconds: one may have come back just now. Else restart haproxy on"
        fix += " the hosts that don't use the first one that is healthy"
        found.append(Finding("writers_differ", what, fix))
    return found


def _leading_to(proxies, name):
    return [proxy.name for proxy in proxies if name in (proxy.leads_to or ())]


def _some(names, most=3):
    """Say names in words, not more than a line has room for."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def table(nodes, proxies, arbitrators=0):
    """Lay databases out for a person.

    Args:
        nodes: every Node that the inventory names.
        proxies: every Proxy whose host answers.
        arbitrators: how many members without data the inventory names.

    Returns:
        A heading and a line for each.
    """
    rows = [("database", "members", "waiting", "HAProxies", "state")]
    for node in nodes:
        is_away = node.members is None
        rows.append(
            (
                node.name,
                "-" if is_away else f"{node.members} of {len(nodes) + arbitrators}",
                "-" if is_away else str(node.waiting),
                f"{len(_leading_to(proxies, node.name))} of {len(proxies)}",
                node.state,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )
