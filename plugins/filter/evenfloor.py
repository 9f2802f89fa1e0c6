# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Filters that read the inventory; what they mean is in module_utils, where modules use it too."""

from __future__ import annotations

import csv
import io

from ansible_collections.evenfloor.cluster.plugins.module_utils import adopt, doctor, inventory


def as_csv(rows, columns):
    """Lay rows out as CSV with a heading.

    Args:
        rows: dicts.
        columns: the keys that are written, in their order.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def seats(hosts, groups):
    """List the seats with their extensions.

    Args:
        hosts: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.
    """
    return [
        {
            "name": name,
            "extensions": inventory.expand_extensions(ranges) if ranges else [],
        }
        for name in groups.get("seats", [])
        for ranges in [hosts[name].get("softphone_extensions")]
    ]


def addresses(hosts, groups):
    """Return the hosts' addresses by name, as far as the inventory says them.

    Args:
        hosts: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.
    """
    found = {
        name: hosts[name].get("server_ip") or hosts[name].get("ansible_host")
        for name in groups["all"]
    }
    return {name: str(address) for name, address in found.items() if address}


def findings(hosts, groups, database):
    """Put together what the doctor finds.

    Args:
        hosts: Ansible's ``hostvars``; hosts that answered have ``doctor_clock``, dialers
            ``doctor_asterisk`` and seats ``doctor_accounts``, as their tasks registered them.
        groups: Ansible's ``groups``.
        database: what ``doctor_info`` returned.
    """
    found = list(database["findings"])
    names = {
        dialer["server_ip"]: dialer["name"] for dialer in inventory.list_dialers(hosts, groups)
    }
    everybody = [name for name in groups["all"] if name != "localhost"]
    silent = [name for name in everybody if hosts[name].get("doctor_clock", {}).get("unreachable")]
    for name in silent:
        mend = "see whether it is up, and the network to it"
        found.append(
            doctor.finding("host_unreachable", f"{name} doesn't answer", mend, dialer=name)
        )
    missing, alive = {}, []
    for server_ip, there in database["dialers"].items():
        name = names.get(server_ip)
        said = hosts[name].get("doctor_asterisk") if name else None
        # VICIdial's dialers aren't asked.
        if said is None or said.get("skipped") or name in silent:
            continue
        endpoints, _mark, channels = said.get("stdout", "").partition(doctor.MARK)
        more, missing[name] = doctor.look_at_dialer(
            name, there["expected"], there["sessions"], endpoints, channels,
            database["aliases"], there["alive"],
        )  # fmt: skip
        found += more
        if there["alive"]:
            alive.append(name)
    found += doctor.look_at_registrations(missing, database["aliases"], alive)
    for seat in seats(hosts, groups):
        name, extensions = seat["name"], seat["extensions"]
        accounts = hosts[name].get("doctor_accounts")
        if name in silent or accounts is None:
            continue
        wanted = [
            f"sip:{extension}@{server_ip}"
            for server_ip, there in database["dialers"].items()
            for extension in set(extensions) & set(there["expected"])
        ]
        found += doctor.look_at_seat(name, accounts.get("stdout", "").split(), wanted, names)
    return found + doctor.look_at_clocks(
        {
            name: tuple(map(float, hosts[name]["doctor_clock"]["stdout"].split()))
            + (float(hosts[name]["doctor_after"]),)
            for name in everybody
            if name not in silent and "doctor_after" in hosts[name]
        }
    )


class FilterModule:
    """Evenfloor's filters."""

    def filters(self):
        """Name the filters."""
        return {
            "addresses": addresses,
            "adopt_problems": inventory.adopt_problems,
            "adopted_aliases": adopt.aliases_text,
            "adopted_dialers": adopt.dialers_text,
            "adoption": adopt.report_text,
            "problems": inventory.problems,
            "csv": as_csv,
            "dialers": inventory.list_dialers,
            "extensions": inventory.expand_extensions,
            "findings": findings,
            "findings_table": doctor.as_table,
            "seats": seats,
        }
