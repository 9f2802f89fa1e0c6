"""Clusters and inventories for tests of plans, and what applying a plan makes of a cluster."""

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, phones
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Request,
)
from hypothesis import strategies as st

#: The attributes of a plan that are changes.
CHANGES = (
    "new_phones",
    "renamed_phones",
    "changed_phones",
    "opened_phones",
    "new_aliases",
    "changed_aliases",
    "removed_aliases",
    "closed_phones",
    "removed_phones",
)
ADDRESSES = [f"10.0.0.{number}" for number in range(1, 6)]
EXTENSIONS = ["101", "102", "103", "104"]


def want(extension, server_ips, suffix="x", name=None, login_password=None, registration=None):
    """Make what the inventory wants of one alias."""
    return {
        "alias_id": extension + suffix,
        "extension": extension,
        "name": name or f"Agent {extension}",
        "named": name is not None,
        "server_ips": list(server_ips),
        "kind": "sip",
        "login_password": login_password,
        "registration_password": registration,
    }


def apply(plan, phones, aliases):
    """Apply a plan in its order; an alias is written only when its phones are there."""
    phones = {(phone.extension, phone.server_ip): phone for phone in phones}
    aliases = {alias.alias_id: alias for alias in aliases}
    for phone in plan.new_phones:
        place = (phone.extension, phone.server_ip)
        assert place not in phones, f"{place} is there already"
        phones[place] = phone
    for old, phone in plan.renamed_phones:
        assert phones[phone.extension, phone.server_ip] == old
        phones[phone.extension, phone.server_ip] = phone
    for phone in plan.changed_phones:
        old = phones[phone.extension, phone.server_ip]
        assert phone != old
        assert phone.login == old.login
        phones[phone.extension, phone.server_ip] = phone
    logins = {phone.login for phone in phones.values()}
    for alias in [*plan.new_aliases, *(new for _old, new in plan.changed_aliases)]:
        assert set(alias.logins) <= logins
        aliases[alias.alias_id] = alias
    for alias in plan.removed_aliases:
        del aliases[alias.alias_id]
    for phone in plan.removed_phones:
        del phones[phone.extension, phone.server_ip]
    return list(phones.values()), list(aliases.values())


def make_plan(there, aliases, wanted, serving, flavor=flavors.DEFAULT, **how):
    """Make a plan for a cluster of a flavor; ``how`` are a request's other attributes."""
    request = Request(wanted, flavors.flavor_of(flavor), serving, **how)
    return phones.make_plan(there, aliases, request)


def settle(wanted, phones=(), aliases=(), serving=ADDRESSES, **how):
    """Plan and apply."""
    return apply(make_plan(phones, aliases, wanted, serving, **how), phones, aliases)


def places(phones):
    return {(phone.extension, phone.server_ip): phone for phone in phones}


def lists(aliases):
    return {alias.alias_id: list(alias.logins) for alias in aliases}


def changes(plan):
    """Count a plan's changes."""
    return sum(len(getattr(plan, part)) for part in CHANGES)


PASSWORDS = st.sampled_from([None, None, "given1", "given2"])


@st.composite
def inventories(draw, passwords=PASSWORDS, extensions=EXTENSIONS):
    """What an inventory wants: some aliases, each with some dialers in any order."""
    server_ips = st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True)
    return [
        want(
            extension,
            draw(server_ips),
            suffix=draw(st.sampled_from(["x", "x", "x", "z", ""])),
            name=draw(st.sampled_from([None, None, "Sales"])),
            login_password=draw(passwords),
            registration=draw(passwords),
        )
        for extension in draw(st.lists(st.sampled_from(extensions), unique=True))
    ]


SERVING = st.sets(st.sampled_from(ADDRESSES))


@st.composite
def clusters(draw, **kinds):
    """Phones and aliases as runs with changing inventories leave them."""
    phones, aliases = [], []
    for _run in range(draw(st.integers(0, 3))):
        phones, aliases = settle(
            draw(inventories(**kinds)),
            phones,
            aliases,
            draw(SERVING),
            grow=draw(st.booleans()),
            purge=draw(st.booleans()),
        )
    return draw(st.permutations(phones)), draw(st.permutations(aliases))


BOOL = st.booleans()
