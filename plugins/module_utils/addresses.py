# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the inventory and the database agree on the dialers' addresses.

A dialer is known by its address. If an address is mistyped, or changed only in the inventory, a run
would take the dialer for a new one, and make its phones a second time.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import server_id_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import has_table


def renumber_command(name, server_ip):
    """Return the command that gives a dialer another address.

    Args:
        name: the dialer's name in the inventory.
        server_ip: the address.
    """
    return f"ansible-playbook renumber-dialer.yml -e dialer={name} -e server_ip={server_ip}"


def check_addresses(cursor, dialers):
    """Check that each dialer has the address that the database has.

    Args:
        cursor: an open cursor.
        dialers: the inventory's, dicts with ``name``, ``server_ip`` and ``server_id``.

    Raises:
        ValueError: some dialer hasn't, or is half-way to another address; names each of them.
    """
    cursor.execute("SELECT server_id, server_ip FROM servers ORDER BY server_id")
    servers = cursor.fetchall()
    found = address_problems(dialers, servers, read_targets(cursor, servers))
    if found:
        sentences = [*(problem.sentence() for problem in found), "Nothing has been changed"]
        raise ValueError(". ".join(sentences))


def read_targets(cursor, servers):
    """Read which dialers were left among their rows while they got another address.

    One whose phones and server row have the same address isn't among them: it is on its way, but
    its rows belong together.

    Args:
        cursor: an open cursor.
        servers: pairs of ``server_id`` and ``server_ip``.

    Returns:
        The addresses that they get, by ``server_id``.
    """
    if not has_table(cursor, "evenfloor_renumbering"):
        return {}
    cursor.execute(
        f"SELECT r.server_id, r.server_ip, {_has_phones('r.former_ip')},"
        f" {_has_phones('r.server_ip')} FROM evenfloor_renumbering r"
    )
    there = set(servers)
    return {
        server_id: server_ip
        for server_id, server_ip, at_former, at_target in cursor.fetchall()
        if (at_former if (server_id, server_ip) in there else at_target)
    }


def _has_phones(address):
    """Return SQL that says whether a column's address has phones."""
    phone_ip = "CONVERT(p.server_ip USING ascii)"
    return f"EXISTS (SELECT 1 FROM phones p WHERE {address} = {phone_ip})"


def address_problems(dialers, servers, targets):
    """Find the dialers whose addresses in the inventory and in the database differ.

    Args:
        dialers: the inventory's, dicts with ``name``, ``server_ip`` and ``server_id``.
        servers: the database's, pairs of ``server_id`` and ``server_ip``.
        targets: the addresses of dialers that were left half-way, by ``server_id``.

    Returns:
        Problems; empty where all is well.
    """
    address_of = {server_id.lower(): server_ip for server_id, server_ip in servers}
    owner_of = {server_ip: server_id for server_id, server_ip in servers}
    coming = {server_id.lower(): server_ip for server_id, server_ip in targets.items()}
    found = (_address_problem(dialer, address_of, owner_of, coming) for dialer in dialers)
    return [problem for problem in found if problem]


def _address_problem(dialer, address_of, owner_of, coming):
    """Find what is wrong with one dialer; ``address_of`` and ``coming`` are by small letters."""
    name, server_ip, server_id = dialer["name"], dialer["server_ip"], server_id_of(dialer)
    there, owner = address_of.get(server_id.lower()), owner_of.get(server_ip)
    target = coming.get(server_id.lower())
    if target and there:
        what = f"is half-way to the address {target}"
        fix = f"finish that first: {renumber_command(name, target)}"
        return Problem(name, what, fix, is_subject=True)
    if there not in (None, server_ip):
        what = f"server_ip is {server_ip} in the inventory, and {there} in the database"
        if owner:
            return Problem(name, f"{what}, where {server_ip} is {owner}'s", "correct server_ip")
        fix = (
            "correct server_ip, or if the dialer really has a new address:"
            f" {renumber_command(name, server_ip)}"
        )
        return Problem(name, what, fix)
    if owner and owner.lower() != server_id.lower():
        what = f"server_ip {server_ip} is {owner}'s in the database; the inventory says {server_id}"
        fix = f"correct server_ip, or if this is the same dialer, set server_id: {owner}"
        return Problem(name, what, fix)
    return None
