"""What an inventory means, and that every mistake in it is named with its mend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    InventoryError,
    expand_aliases,
    expand_extensions,
    letters_of,
    list_dialers,
    problems,
)

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
    """Each part stands in the message: the host or entry, the value, the mend."""
    missing = [part for part in parts if part not in problem]
    assert not missing, f"{missing} not in: {problem}"


# Extensions


@pytest.mark.parametrize(
    ("ranges", "extensions"),
    [
        ("101", ["101"]),
        (101, ["101"]),
        ("101-103", ["101", "102", "103"]),
        ("101-101", ["101"]),
        (" 101 - 102 ", ["101", "102"]),
        ("101, 103, 110-112", ["101", "103", "110", "111", "112"]),
        (["101-102", 201, "301,303"], ["101", "102", "201", "301", "303"]),
        ("098-101", ["098", "099", "100", "101"]),
        ("0099-0101", ["0099", "0100", "0101"]),
        ("99-101", ["99", "100", "101"]),
        ("103,101", ["103", "101"]),
    ],
)
def test_extensions_are_expanded_in_the_order_given_with_their_zeros(ranges, extensions):
    assert expand_extensions(ranges) == extensions


@given(st.integers(0, 99999), st.integers(0, 200), st.integers(1, 6))
def test_a_range_has_every_number_from_its_first_to_its_last_once(first, more, width):
    text = f"{str(first).zfill(width)}-{first + more}"
    assert [int(extension) for extension in expand_extensions(text)] == list(
        range(first, first + more + 1)
    )


@pytest.mark.parametrize(
    "text", ["abc", "10a", "101-", "-101", "101-1o5", "101-102-103", "", "101,", "1.5", "١٠١", "²"]
)
def test_an_extension_that_is_not_numeric_is_refused_with_the_mend(text):
    with pytest.raises(InventoryError) as refusal:
        expand_extensions(text)
    word = text.rpartition(",")[2]
    assert_says(str(refusal.value), f"'{word}'", 'write "101" or "101-160"')


def test_a_range_that_runs_backwards_is_refused_with_the_mend():
    with pytest.raises(InventoryError) as refusal:
        expand_extensions("101, 160-110")
    assert_says(str(refusal.value), "'160-110'", "backwards", 'write "110-160"')


# Aliases


def expand(*entries):
    return expand_aliases(entries, list_dialers(*inventory()))


def test_an_alias_is_its_extension_and_an_x_on_every_dialer():
    assert expand({"extensions": "101-102"}) == [
        {
            "alias_id": f"{extension}x",
            "extension": extension,
            "name": f"Agent {extension}",
            "named": False,
            "server_ips": ["10.0.0.11", "10.0.0.12"],
            "login_password": None,
            "registration_password": None,
        }
        for extension in ("101", "102")
    ]


def test_an_entry_may_give_suffix_dialers_name_and_passwords():
    (alias,) = expand(
        {
            "extensions": 201,
            "suffix": "z",
            "dialers": ["dialer2"],
            "name": "Sales {extension}",
            "login_password": "typed",
            "registration_password": "spoken",
        }
    )
    assert alias == {
        "alias_id": "201z",
        "extension": "201",
        "name": "Sales 201",
        "named": True,
        "server_ips": ["10.0.0.12"],
        "login_password": "typed",
        "registration_password": "spoken",
    }


def test_the_dialers_of_an_entry_keep_its_order():
    (alias,) = expand({"extensions": "101", "dialers": ["dialer2", "dialer1"]})
    assert alias["server_ips"] == ["10.0.0.12", "10.0.0.11"]


def test_a_dialer_that_an_entry_names_twice_counts_once():
    (alias,) = expand({"extensions": "101", "dialers": ["dialer1", "dialer2", "dialer1"]})
    assert alias["server_ips"] == ["10.0.0.11", "10.0.0.12"]


@pytest.mark.parametrize(("suffix", "alias_id"), [("", "101"), (7, "1017"), (0, "1010")])
def test_a_suffix_may_be_empty_or_a_number(suffix, alias_id):
    (alias,) = expand({"extensions": "101", "suffix": suffix})
    assert alias["alias_id"] == alias_id


def test_an_unknown_dialer_is_refused_naming_entry_dialer_and_those_there_are():
    with pytest.raises(InventoryError) as refusal:
        expand({"extensions": "101-160", "dialers": ["dialer1", "dialer7"]})
    assert_says(str(refusal.value), "101-160", "'dialer7'", "known are dialer1, dialer2")


# Letters


@pytest.mark.parametrize(
    ("number", "letters"),
    [
        (1, "a"),
        (2, "b"),
        (24, "x"),
        (26, "z"),
        (27, "aa"),
        (52, "az"),
        (53, "ba"),
        (702, "zz"),
        (703, "aaa"),
    ],
)
def test_letters_go_on_after_z_as_vicidials(number, letters):
    assert letters_of(number) == letters


def test_no_two_numbers_have_the_same_letters():
    assert len({letters_of(number) for number in range(1, 2001)}) == 2000


# Dialers


def test_a_dialer_defaults_to_its_address_and_its_name():
    hostvars, groups = inventory(
        {
            "dialer2": {"ansible_host": "10.0.0.12"},
            "dialer1": {
                "ansible_host": "192.0.2.1",
                "server_ip": "10.0.0.11",
                "server_id": "first",
                "max_agents": 20,
                "phone_protocol": "SIP",
            },
        }
    )
    assert list_dialers(hostvars, groups) == [
        {
            "name": "dialer2",
            "server_ip": "10.0.0.12",
            "server_id": "dialer2",
            "max_agents": None,
            "protocol": None,
        },
        {
            "name": "dialer1",
            "server_ip": "10.0.0.11",
            "server_id": "first",
            "max_agents": 20,
            "protocol": "SIP",
        },
    ]


def test_an_inventory_without_the_group_has_no_dialers():
    assert list_dialers({}, {"all": []}) == []


# Inventories that are right


def test_a_right_inventory_has_no_problems():
    found = problems(
        *inventory(
            {
                "dialer1": {"server_ip": "10.0.0.11", "max_agents": 20},
                "dialer2": {"ansible_host": "10.0.0.12", "max_agents": "20"},
                "a_longer_name": {"server_ip": "10.0.0.13", "server_id": "exactly-10"},
            },
            [
                {"extensions": "101-160"},
                {"extensions": ["201-210", 300], "suffix": "z", "dialers": ["dialer2"]},
                {"extensions": "7", "suffix": "ab", "name": "Reception"},
                {
                    "extensions": "0400",
                    "suffix": "",
                    "login_password": "Typed-by_hand1",
                    "registration_password": "x" * 100,
                },
            ],
            [{"id": "SALES"}, {"id": "TEST-2_b"}, {"id": 42}],
            {"seat1": "101-150", "seat2": ["151-160", 201]},
            login=["login1", "login2"],
        )
    )
    assert found == []


def test_an_inventory_without_aliases_campaigns_and_seats_has_no_problems():
    hostvars, groups = inventory()
    for variables in hostvars.values():
        del variables["phone_aliases"], variables["campaigns"]
    del groups["seats"]
    assert problems(hostvars, groups) == []


# Groups


def test_an_inventory_without_dialers_is_a_problem():
    assert_says(
        only_problem({}, aliases=[]), "group dialers", "empty", "put at least one dialer into it"
    )


def test_an_inventory_without_a_login_host_is_a_problem():
    assert_says(only_problem(login=[]), "group login", "empty", "put at least one host", "into it")


def test_an_inventory_without_a_database_is_a_problem():
    assert_says(only_problem(database=[]), "group database", "0 hosts", "put exactly one into it")


def test_an_inventory_with_two_databases_is_a_problem_that_names_both():
    assert_says(
        only_problem(database=["db1", "db2"]),
        "group database",
        "2 hosts (db1, db2)",
        "put exactly one into it",
    )


def test_groups_that_are_not_there_at_all_are_problems_too():
    assert len(problems({}, {"all": []})) == 3


# A dialer's mistakes


def test_a_server_ip_that_two_dialers_have_is_a_problem():
    problem = only_problem(
        {"dialer1": {"server_ip": "10.0.0.12"}, "dialer3": {"server_ip": "10.0.0.12"}}
    )
    assert_says(problem, "dialer3:", "10.0.0.12", "dialer1's", "every dialer needs its own")


def test_a_server_ip_that_is_another_dialers_ansible_host_is_a_problem():
    problem = only_problem(
        {"dialer1": {"ansible_host": "10.0.0.12"}, "dialer3": {"server_ip": "10.0.0.12"}}
    )
    assert_says(problem, "dialer3:", "10.0.0.12", "dialer1's", "every dialer needs its own")


@pytest.mark.parametrize(
    "server_ip",
    [
        "10.0.0",
        "10.0.0.256",
        "10.0.0.011",
        "dialer1.example.com",
        "10.0.0.11 ",
        "::1",
        "10.0.0.0/8",
    ],
)
def test_a_malformed_server_ip_is_a_problem(server_ip):
    problem = only_problem({"dialer1": {"server_ip": server_ip}})
    assert_says(problem, "dialer1:", f"'{server_ip}'", "not an IPv4 address", "set server_ip")


def test_a_dialer_without_any_address_is_a_problem_of_each():
    found = problems(*inventory({"dialer1": {}, "dialer2": {}}))
    assert len(found) == 2
    for name, problem in zip(("dialer1", "dialer2"), found):
        assert_says(problem, f"{name}: server_ip ''", "set server_ip")


def test_a_server_id_over_10_characters_is_a_problem():
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "server_id": "elevenchars"}})
    assert_says(problem, "dialer1:", "'elevenchars' has 11", "set server_id", "at most 10")


def test_a_host_name_that_is_too_long_for_a_server_id_is_a_problem_with_the_same_mend():
    problem = only_problem({"dialer-in-lyon": {"server_ip": "10.0.0.11"}})
    assert_says(problem, "dialer-in-lyon:", "has 14", "set server_id", "at most 10")


def test_a_server_id_with_other_characters_is_a_problem():
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "server_id": "lyon.1"}})
    assert_says(problem, "dialer1:", "'lyon.1'", "set server_id")


def test_a_server_id_that_two_dialers_have_is_a_problem():
    problem = only_problem(
        {
            "dialer1": {"server_ip": "10.0.0.11", "server_id": "lyon"},
            "dialer2": {"server_ip": "10.0.0.12", "server_id": "lyon"},
        }
    )
    assert_says(problem, "dialer2:", "'lyon'", "dialer1's", "every dialer needs its own")


def test_server_ids_that_differ_in_case_only_are_the_same_to_the_database():
    problem = only_problem(
        {
            "dialer1": {"server_ip": "10.0.0.11", "server_id": "lyon"},
            "dialer2": {"server_ip": "10.0.0.12", "server_id": "Lyon"},
        }
    )
    assert_says(problem, "dialer2:", "'Lyon'", "dialer1's", "every dialer needs its own")


@pytest.mark.parametrize("limit", [0, -1, 2.5, "many", "", True])
def test_max_agents_that_is_not_a_whole_number_above_0_is_a_problem(limit):
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "max_agents": limit}})
    assert_says(
        problem, "dialer1:", f"max_agents '{limit}'", "whole number above 0", "leave it out"
    )


def test_max_agents_that_the_database_cannot_hold_is_a_problem():
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "max_agents": 65536}})
    assert_says(problem, "dialer1:", "65536", "leave it out")


# An entry's mistakes


@pytest.mark.parametrize("suffix", ["_x", "-x", "é", "x y", "."])
def test_an_alias_with_characters_that_vicidial_strips_is_a_problem(suffix):
    problem = only_problem(aliases=[{"extensions": "101-160", "suffix": suffix}])
    assert_says(problem, "101-160", f"'101{suffix}'", "VICIdial strips", "only letters and digits")


def test_an_alias_under_2_characters_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "7", "suffix": ""}])
    assert_says(problem, "extensions 7", "'7' has 1", "2 to 20")


def test_an_alias_over_20_characters_is_a_problem():
    suffix = "x" * 18
    problem = only_problem(aliases=[{"extensions": "101", "suffix": suffix}])
    assert_says(problem, "extensions 101", f"'101{suffix}' has 21", "2 to 20")


@pytest.mark.parametrize("suffix", ["x", "x" * 17])
def test_an_alias_of_2_or_of_20_characters_fits(suffix):
    extensions = "1" if suffix == "x" else "101"
    assert problems(*inventory(aliases=[{"extensions": extensions, "suffix": suffix}])) == []


def test_a_range_that_runs_backwards_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "160-101"}])
    assert_says(problem, "phone_aliases", "'160-101'", "backwards", 'write "101-160"')


def test_a_range_that_is_not_numeric_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-sales"}])
    assert_says(problem, "phone_aliases", "'101-sales'", 'write "101" or "101-160"')


def test_an_extension_in_two_aliases_is_a_problem_that_names_both():
    problem = only_problem(
        aliases=[{"extensions": "101-110"}, {"extensions": "110-120", "suffix": "z"}]
    )
    assert_says(problem, "extension 110", "'110x'", "'110z'", "take it out of one of the ranges")


def test_an_extension_twice_in_one_entry_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-103,102"}])
    assert_says(problem, "extension 102", "'102x'", "take it out of one of the ranges")


def test_two_extensions_that_give_the_same_alias_are_a_problem():
    problem = only_problem(
        aliases=[{"extensions": "101", "suffix": "1x"}, {"extensions": "1011", "suffix": "x"}]
    )
    assert_says(problem, "phone_aliases", "'1011x'", "change a suffix")


def test_aliases_that_differ_in_case_only_are_the_same_to_the_database():
    problem = only_problem(
        aliases=[{"extensions": "101", "suffix": "1X"}, {"extensions": "1011", "suffix": "x"}]
    )
    assert_says(problem, "phone_aliases", "'1011x'", "change a suffix")


def test_a_phone_login_over_15_characters_is_a_problem():
    extension = "1" * 15
    problem = only_problem(aliases=[{"extensions": extension}])
    assert_says(problem, f"extensions {extension}", f"'{extension}b'", "16", "shorter", "15 fit")


def test_a_phone_login_of_15_characters_fits():
    assert problems(*inventory(aliases=[{"extensions": "1" * 14}])) == []


def test_a_logins_list_over_255_is_a_problem():
    problem = only_problem(many_dialers(22), [{"extensions": "1234567890"}])
    assert_says(
        problem, "extensions 1234567890", "'1234567890x'", "22 dialers has 263", "fewer dialers"
    )


def test_a_wider_column_holds_sixty_dialers():
    hostvars, groups = inventory(many_dialers(60), [{"extensions": "1001"}])
    assert_says(problems(hostvars, groups)[0], "60 dialers", "phone_aliases_widen_logins_list")
    for variables in hostvars.values():
        variables["phone_aliases_widen_logins_list"] = True
    assert problems(hostvars, groups) == []


def test_a_logins_list_that_just_fits_is_no_problem():
    assert problems(*inventory(many_dialers(21), [{"extensions": "1234567890"}])) == []


def test_an_alias_that_names_an_unknown_dialer_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-160", "dialers": ["dialer7"]}])
    assert_says(problem, "101-160", "'dialer7'", "known are dialer1, dialer2")


def test_one_dialer_without_brackets_is_not_taken_apart_into_letters():
    found = problems(*inventory(aliases=[{"extensions": "101", "dialers": "dialer1"}]))
    assert "'d'" not in " ".join(found)


def test_an_unknown_key_is_a_problem_that_names_the_known_ones():
    problem = only_problem(aliases=[{"extensions": "101-160", "sufix": "z"}])
    assert_says(problem, "101-160", "'sufix'", "known are", "suffix")


@pytest.mark.parametrize("entry", [{"suffix": "z"}, "101-160", None])
def test_an_entry_without_extensions_is_a_problem(entry):
    problem = only_problem(aliases=[entry])
    assert_says(problem, "phone_aliases", "names no extensions", 'extensions: "101-160"')


def test_an_entry_without_extensions_is_reported_without_its_passwords():
    problem = only_problem(
        aliases=[{"suffix": "z", "login_password": "typed1", "registration_password": "spoken1"}]
    )
    assert "typed1" not in problem
    assert "spoken1" not in problem


@pytest.mark.parametrize("setting", ["login_password", "registration_password"])
@pytest.mark.parametrize("password", ["pass word", "pässword", "pass;word", "", "p" * 101])
def test_a_password_that_vicidial_would_change_is_a_problem_that_does_not_show_it(
    setting, password
):
    problem = only_problem(aliases=[{"extensions": "101-160", setting: password}])
    assert_says(problem, "101-160", setting, "letters, digits, - and _", "choose another")
    assert not password or password not in problem


def test_a_name_that_does_not_fit_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-160", "name": "n" * 51}])
    assert_says(problem, "101-160", "n" * 51, "51", "at most 50")


# Campaigns and seats


@pytest.mark.parametrize("name", ["A", "NINECHARS", "SA LES", "SÄLES", ""])
def test_a_bad_campaign_id_is_a_problem(name):
    problem = only_problem(campaigns=[{"id": name}])
    assert_says(problem, "campaigns", f"'{name}'", "2 to 8 letters, digits, - or _")


def test_a_campaign_that_is_only_a_name_is_a_problem_that_says_which():
    assert_says(only_problem(campaigns=["SALES"]), "campaigns", "SALES", "id")


def test_a_campaign_that_is_there_twice_is_a_problem():
    problem = only_problem(campaigns=[{"id": "SALES"}, {"id": "OTHER"}, {"id": "SALES"}])
    assert_says(problem, "campaigns", "'SALES'", "twice", "take one out")


def test_a_seats_extension_without_an_alias_is_a_problem():
    problem = only_problem(seats={"seat1": "102-104"})
    assert_says(problem, "seat1:", "104", "add it to phone_aliases or take it out")


def test_an_extension_on_two_seats_is_a_problem_that_names_both():
    problem = only_problem(seats={"seat1": "101-102", "seat2": "102-103"})
    assert_says(problem, "seat2:", "102", "seat1", "one seat")


def test_a_seats_range_that_cannot_be_read_is_a_problem():
    problem = only_problem(seats={"seat1": "103-101"})
    assert_says(problem, "seat1:", "softphone_extensions", "'103-101'", 'write "101-103"')


# All together


def test_several_mistakes_are_all_reported_at_once():
    found = problems(
        *inventory(
            {
                "dialer1": {"server_ip": "10.0.0.300", "server_id": "elevenchars"},
                "dialer2": {"server_ip": "10.0.0.12"},
                "dialer3": {"server_ip": "10.0.0.12", "max_agents": 0},
            },
            [
                {"extensions": "160-101"},
                {"extensions": "201-210", "sufix": "z"},
                {"extensions": "301-303", "dialers": ["dialer9"]},
                {"extensions": "401-402", "login_password": "a b", "registration_password": "c d"},
                {"extensions": "501,501"},
                {"extensions": "601"},
            ],
            [{"id": "A"}],
            {"seat1": "601-602"},
            database=[],
            login=[],
        )
    )
    text = "\n".join(found)
    expected = [
        "group database",
        "group login",
        "dialer1: server_ip",
        "dialer1: server_id",
        "dialer3: server_ip",
        "dialer3: max_agents",
        "'160-101'",
        "'sufix'",
        "'dialer9'",
        "401-402: login_password",
        "401-402: registration_password",
        "extension 501",
        "id 'A'",
        "seat1: softphone_extensions names 602",
    ]
    assert_says(text, *expected)
    assert len(found) == len(expected), text


def test_a_fault_of_a_whole_range_is_reported_once():
    assert_says(only_problem(aliases=[{"extensions": "101-199", "suffix": "_"}]), "'101_'")


def test_a_range_that_nobody_means_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-9999999999"}])
    assert_says(problem, "101-9999999999", "check the range")
