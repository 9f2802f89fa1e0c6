# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The alias doctor's report: everything that was asked in a run, put together."""

from __future__ import annotations

import collections

from ansible_collections.evenfloor.cluster.plugins.module_utils import doctor_hosts
from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import (
    is_filtered,
    phone_networks,
    seats,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import list_dialers

#: Stands between Asterisk's endpoints and its channels in what check.yml reads.
MARK = "--- channels ---"


def findings(hostvars, groups, database):
    """Put together what the doctor finds.

    Args:
        hostvars: Ansible's; hosts that answered have ``doctor_clock`` and ``doctor_after``, those
            whose Asterisk was asked ``doctor_asterisk`` and ``doctor_filter``, seats
            ``doctor_accounts``, hosts with certificates ``doctor_certificates``, database hosts
            ``backup_last``, as their tasks registered them. What a host lacks isn't compared.
        groups: Ansible's ``groups``.
        database: what ``doctor_info`` returned.

    Returns:
        Dicts, as ``Finding.as_dict`` makes them.
    """
    everybody = [name for name in groups["all"] if name != "localhost"]
    silent = [name for name in everybody if _did_not_answer(hostvars[name])]
    names = {dialer["server_ip"]: dialer["name"] for dialer in list_dialers(hostvars, groups)}
    found = [
        *(_unreachable(name) for name in silent),
        *_of_dialers(hostvars, database, names, silent),
        *_of_filters(hostvars, groups, silent),
        *_of_seats(hostvars, groups, database, names, silent),
        *_of_certificates(hostvars, everybody, silent),
        *_of_backups(hostvars, groups, everybody, silent),
        *doctor_hosts.look_at_clocks(_clocks(hostvars, everybody, silent)),
    ]
    return [*database["findings"], *(finding.as_dict() for finding in found)]


def _did_not_answer(variables):
    return bool(variables.get("doctor_clock", {}).get("unreachable"))


def _unreachable(name):
    fix = "see whether it is up, and check the network to it"
    return Finding("host_unreachable", f"{name} doesn't answer", fix, dialer=name)


def _of_dialers(hostvars, database, names, silent):
    """Find what the dialers' Asterisk has to say."""
    found, missing, alive = [], {}, []
    registered = collections.Counter()
    for server_ip, there in database["dialers"].items():
        name = names.get(server_ip)
        said = hostvars[name].get("doctor_asterisk") if name else None
        if said is None or said.get("skipped") or name in silent:
            continue  # it wasn't asked
        endpoints, _mark, channels = said.get("stdout", "").partition(MARK)
        dialer = doctor_hosts.DialerState(
            name,
            there["expected"],
            there["sessions"],
            endpoints,
            channels,
            there["alive"],
            there.get("calls_kept", 0),
        )
        more, missing[name] = doctor_hosts.look_at_dialer(dialer, database["aliases"])
        found += more
        if there["alive"]:
            alive.append(name)
            registered.update(set(there["expected"]) - missing[name])
    aliases, models = database["aliases"], database.get("models")
    return found + doctor_hosts.look_at_registrations(missing, aliases, alive, models, registered)


def _of_filters(hostvars, groups, silent):
    """Find what the filters of dialers and edges have to say."""
    found = []
    for name in [*groups.get("dialers", []), *groups.get("sip_edge", [])]:
        asked = hostvars[name].get("doctor_filter")
        if name in silent or asked is None or asked.get("skipped"):
            continue
        variables = hostvars[name]
        loaded = asked.get("rc") == 0
        found += doctor_hosts.look_at_filter(
            name, phone_networks(variables), is_filtered(variables), loaded
        )
    return found


def _of_seats(hostvars, groups, database, names, silent):
    """Find what the seats' accounts have to say."""
    found = []
    for seat in seats(hostvars, groups):
        name, extensions = seat["name"], set(seat["extensions"])
        accounts = hostvars[name].get("doctor_accounts")
        if name in silent or accounts is None:
            continue
        wanted = [
            f"sip:{extension}@{server_ip}"
            for server_ip, there in database["dialers"].items()
            for extension in extensions & set(there["expected"])
        ]
        there = accounts.get("stdout", "").split()
        found += doctor_hosts.look_at_seat(name, there, wanted, names)
    return found


def _of_certificates(hostvars, everybody, silent):
    """Find what the hosts' certificates have to say."""
    found = []
    for name in everybody:
        asked = hostvars[name].get("doctor_certificates")
        if name not in silent and asked is not None:
            found += doctor_hosts.look_at_certificates(name, asked.get("stdout", ""))
    return found


def _of_backups(hostvars, groups, everybody, silent):
    """Find backups that failed, or that nobody made."""
    said = {
        name: hostvars[name]["backup_last"].get("stdout", "")
        for name in everybody
        if name not in silent and "backup_last" in hostvars[name]
    }
    return doctor_hosts.look_at_backups(said, set(groups.get("database", [])) <= set(said))


def _clocks(hostvars, everybody, silent):
    """Read the clocks of the hosts that answered: here before, there, here after."""
    clocks = {}
    for name in everybody:
        if name not in silent and "doctor_after" in hostvars[name]:
            before, there = map(float, hostvars[name]["doctor_clock"]["stdout"].split())
            clocks[name] = (before, there, float(hostvars[name]["doctor_after"]))
    return clocks
