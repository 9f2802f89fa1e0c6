"""Inventories for tests: right ones, and ones with a mistake."""

from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

TWO_DIALERS = {"dialer1": {"server_ip": "10.0.0.11"}, "dialer2": {"server_ip": "10.0.0.12"}}


def inventory(dialers=None, aliases=None, campaigns=None, seats=None, **groups):
    """Make hostvars and groups of an inventory that is right, but for what is given.

    Args:
        dialers: each dialer's variables by its name.
        aliases: the inventory's ``phone_aliases``.
        campaigns: the inventory's ``campaigns``.
        seats: each seat's ``softphone_extensions`` by its name.
        groups: members in the place of a group's right ones.
    """
    dialers = TWO_DIALERS if dialers is None else dialers
    seats = seats or {}
    members = {
        "database": ["db1"],
        "dialers": list(dialers),
        "login": ["login1"],
        "seats": list(seats),
        **groups,
    }
    members["all"] = sorted({host for hosts in members.values() for host in hosts})
    shared = {
        "phone_aliases": [{"extensions": "101-103"}] if aliases is None else aliases,
        "campaigns": [{"id": "SALES"}] if campaigns is None else campaigns,
    }
    hostvars = {host: {**shared, **dialers.get(host, {})} for host in members["all"]}
    for number, host in enumerate([*members["database"], *members["login"]], 1):
        hostvars[host].setdefault("ansible_host", f"10.1.0.{number}")
    for seat, extensions in seats.items():
        hostvars[seat]["softphone_extensions"] = extensions
    return hostvars, members


def many_dialers(count):
    """Make the variables of so many dialers."""
    return {f"d{number}": {"server_ip": f"10.0.0.{number}"} for number in range(1, count + 1)}


def only_problem(*arguments, **changes):
    """Return the one problem of an inventory with these changes."""
    found = problems(*inventory(*arguments, **changes))
    assert len(found) == 1, found
    return found[0]


def assert_says(problem, *parts):
    """Each part stands in the message: the host or entry, the value, the fix."""
    missing = [part for part in parts if part not in problem]
    assert not missing, f"{missing} not in: {problem}"
