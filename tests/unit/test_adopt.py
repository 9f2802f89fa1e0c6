"""What runs already, written as an inventory that changes nothing."""

import re

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.adopt import (
    adopt_aliases,
    fold_extensions,
    report_text,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_aliases,
    expand_extensions,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import describe
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import (
    adopt_problems,
    problems,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plans import make_plan

DIALERS = [{"name": f"d{n}", "server_ip": f"10.0.0.{n}"} for n in (1, 2, 3)]
FIRST, SECOND, THIRD = (dialer["server_ip"] for dialer in DIALERS)


def phone(extension, server_ip, login, password="secret"):
    return Phone(extension, server_ip, login, password, "registration", "Somebody")


def phones_of(extension, dialers=DIALERS):
    return [
        phone(extension, dialer["server_ip"], extension + letter)
        for dialer, letter in zip(dialers, "abc", strict=False)
    ]


def alias_of(extension, dialers=DIALERS, suffix="x"):
    logins = [extension + letter for letter in "abc"[: len(dialers)]]
    return Alias(extension + suffix, "Any name", tuple(logins))


def changes(phones, aliases, entries, serving=(FIRST, SECOND, THIRD)):
    """Say what a run with these entries would do."""
    addresses = [dialer["server_ip"] for dialer in DIALERS]
    wanted = expand_aliases(entries, DIALERS)
    plan = make_plan(phones, aliases, wanted, serving, flavor="vicidial", dialers=addresses)
    return describe(plan)


@given(st.sets(st.from_regex(r"[0-9]{1,4}", fullmatch=True)))
def test_folded_extensions_unfold_to_the_same(extensions):
    folded = fold_extensions(extensions)
    assert (set(expand_extensions(folded)) if folded else set()) == extensions


def test_neighbours_are_folded_and_leading_zeros_kept_apart():
    assert fold_extensions(["103", "101", "102", "007", "8", "110"]) == [
        "8",
        "007",
        "101-103",
        "110",
    ]


def test_regular_aliases_become_one_entry():
    phones = phones_of("101") + phones_of("102") + phones_of("104")
    aliases = [alias_of("101"), alias_of("102"), alias_of("104")]
    assert adopt_aliases(phones, aliases, DIALERS) == ([{"extensions": ["101-102", "104"]}], [])


def test_suffix_and_dialers_are_kept():
    phones = phones_of("101") + phones_of("201", DIALERS[:2])
    aliases = [alias_of("101", suffix=""), alias_of("201", DIALERS[:2], suffix="z")]
    entries, left_alone = adopt_aliases(phones, aliases, DIALERS)
    assert entries == [
        {"extensions": ["101"], "suffix": ""},
        {"extensions": ["201"], "suffix": "z", "dialers": ["d1", "d2"]},
    ]
    assert left_alone == []


@pytest.mark.parametrize(
    ("alias", "why"),
    [
        (Alias("101t", "", ("101a", "102b")), "it mixes the extensions 101, 102"),
        (Alias("101t", "", ("101a", "101q")), "there is no phone 101q"),
        (Alias("101t", "", ()), "its logins list is empty"),
        (Alias("101t", "", ("101a", "101a")), "two of its phones are on one dialer"),
        (Alias("desk7", "", ("101a",)), "its id does not begin with its extension, 101"),
        (Alias("101-t", "", ("101a",)), "characters that VICIdial strips"),
        (Alias("102a", "", ("101a",)), "its id is a phone's login as well"),
        (Alias("101t", "", ("cc1a",)), "extension cc1 is not a number"),
        (Alias("101t", "", ("101a", "twice")), "2 phones have the login twice"),
        (Alias("101t", "", ("far",)), "is on 10.9.9.9, which is no dialer here"),
    ],
)
def test_what_cannot_be_expressed_is_named_and_left_alone(alias, why):
    phones = [
        *phones_of("101"),
        *phones_of("102"),
        phone("cc1", FIRST, "cc1a"),
        phone("301", FIRST, "twice"),
        phone("302", SECOND, "twice"),
        phone("303", "10.9.9.9", "far"),
    ]
    entries, left_alone = adopt_aliases(phones, [alias_of("102"), alias], DIALERS)
    assert entries == [{"extensions": ["102"]}]
    ((left, reason),) = left_alone
    assert left == alias.alias_id
    assert why in reason


def test_of_two_aliases_with_the_same_phones_the_usual_one_is_adopted():
    phones = phones_of("101")
    aliases = [alias_of("101", suffix="b7"), alias_of("101")]
    assert adopt_aliases(phones, aliases, DIALERS) == (
        [{"extensions": ["101"]}],
        [("101b7", "its phones are those of alias 101x too")],
    )


@st.composite
def clusters(draw):
    """Phones and aliases as people make them over the years."""
    phones = {}
    for extension in ("101", "102", "103", "cc4"):
        for dialer, letter in zip(DIALERS, draw(st.permutations("abcd")), strict=False):
            if draw(st.booleans()):
                login = draw(st.sampled_from([extension + letter, letter + extension, "twice"]))
                password = draw(st.sampled_from(["secret", "other", ""]))
                made = phone(extension, dialer["server_ip"], login, password)
                phones[extension, dialer["server_ip"]] = made
    logins = sorted({made.login for made in phones.values()} | {"nobody"})
    aliases = {}
    for alias_id in ("101x", "101", "102x", "103z", "team", "101a"):
        if draw(st.booleans()):
            own = [login for login in logins if alias_id[:3] in login] or logins
            listed = draw(st.lists(st.sampled_from(draw(st.sampled_from([own, logins])))))
            aliases[alias_id] = Alias(alias_id, draw(st.sampled_from(["", "Me"])), tuple(listed))
    return list(phones.values()), list(aliases.values())


@given(clusters())
def test_a_run_on_what_was_adopted_changes_nothing(cluster):
    phones, aliases = cluster
    entries, left_alone = adopt_aliases(phones, aliases, DIALERS)
    assert changes(phones, aliases, entries) == []
    adopted = {alias["alias_id"] for alias in expand_aliases(entries, DIALERS)}
    assert adopted | {alias_id for alias_id, _why in left_alone} == {a.alias_id for a in aliases}
    addresses = {**{d["name"]: d["server_ip"] for d in DIALERS}, "db": "10.0.0.9"}
    hosts = {
        name: {"ansible_host": address, "cluster_flavor": "vicidial", "phone_aliases": entries}
        for name, address in addresses.items()
    }
    groups = {"database": ["db"], "login": ["db"], "dialers": ["d1", "d2", "d3"], "all": ["db"]}
    assert problems(hosts, groups) == []


@given(clusters())
def test_a_new_dialer_touches_nothing_but_adopted_aliases(cluster):
    phones, aliases = cluster
    entries, left_alone = adopt_aliases(phones, aliases, DIALERS[:2])
    try:
        lines = changes(phones, aliases, entries)
    except InventoryError as error:
        # The new dialer's letter makes the name of an alias: nothing is changed.
        assert "there is an alias of that name" in str(error)
        return
    done = [re.match(r"(phone (\w+) on|alias (\w+):)", line).group(2, 3) for line in lines]
    alone = {alias_id for alias_id, _why in left_alone}
    assert not alone & {alias for _login, alias in done}
    assert not {p.login for p in phones} & {login for login, _alias in done}


# What is written


def test_what_was_found_is_said_in_lines_that_an_operator_reads():
    found = {
        "report": ["MariaDB 10.11, VICIdial's schema 1726"],
        "missing": {
            "tables": ["evenfloor_dialers"],
            "indexes": [{"table": "phones", "name": "evenfloor_login"}],
        },
        "phone_aliases": [{"extensions": ["101-160", "7"]}],
        "left_alone": [{"what": "alias team", "why": "it mixes the extensions 101, 102"}],
    }
    assert report_text(found).splitlines() == [
        "Found: MariaDB 10.11, VICIdial's schema 1726",
        "Evenfloor adds: table evenfloor_dialers, index evenfloor_login on phones",
        "Aliases for the inventory, by extension: 101-160, 7",
        "Left alone: alias team: it mixes the extensions 101, 102",
    ]


def test_a_database_that_was_not_inspected_is_not_shown_as_an_empty_one():
    nothing = {"report": [], "missing": {"tables": [], "indexes": []}, "phone_aliases": []}
    text = report_text({"msg": "would be done (no PyMySQL)", "left_alone": [], **nothing})
    assert text.startswith("The database was not inspected: would be done (no PyMySQL).")
    assert "not known which dialers, phones and aliases there are" in text
    assert "all of it is there" not in text and "none of it is shown" in text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"database": []}, "group database has 0 hosts"),
        ({"login": []}, "group login is empty"),
        ({"ansible_host": "web.example.org"}, "ansible_host 'web.example.org' is not an IPv4"),
        ({"cluster_flavor": "plain"}, "cluster_flavor is 'plain'; adopting is for a cluster that"),
    ],
)
def test_what_is_needed_to_begin_with_is_named(change, problem):
    variables = {"cluster_flavor": "vicidial", "ansible_host": "10.0.0.10", **change}
    groups = {"database": ["db"], "login": ["db"], "all": ["db"], **change}
    (found,) = adopt_problems({"db": variables}, groups)
    assert problem in found


def test_one_machine_that_is_everything_is_enough_to_begin_with():
    variables = {"cluster_flavor": "vicidial", "ansible_host": "10.0.0.10"}
    groups = {"database": ["box"], "login": ["box"], "all": ["box"]}
    assert adopt_problems({"box": variables}, groups) == []
