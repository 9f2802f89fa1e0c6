"""Every mistake of an inventory is named with its fix: groups, dialers, campaigns and seats."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from tests.unit.inventories import TWO_DIALERS, assert_says, inventory, only_problem

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
                {"extensions": ["201-210", "300"], "suffix": "z", "dialers": ["dialer2"]},
                {"extensions": "7", "suffix": "ab", "name": "Reception"},
                {
                    "extensions": "0400",
                    "suffix": "q",
                    "login_password": "Typed-by_hand1",
                    "registration_password": "x" * 100,
                },
            ],
            [{"id": "SALES"}, {"id": "TEST-2_b"}, {"id": "42"}],
            {"seat1": "101-150", "seat2": ["151-160", "201"]},
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


def test_a_time_for_backups_of_a_database_that_is_vicidials_is_a_problem():
    hostvars, groups = inventory()
    hostvars["db1"]["backup_time"] = "daily"
    assert problems(hostvars, groups) == []
    for variables in hostvars.values():
        variables["cluster_flavor"] = "vicidial"
    (found,) = problems(hostvars, groups)
    assert_says(found, "db1", "backup_time is set", "VICIdial's", "leave it out")


def test_an_inventory_without_a_database_is_a_problem():
    assert_says(only_problem(database=[]), "group database", "0 hosts", "put one host into it")


def test_an_inventory_with_two_databases_is_a_problem_that_names_both():
    assert_says(
        only_problem(database=["db1", "db2"]),
        "group database",
        "2 hosts (db1, db2)",
        "put one host into it, or three",
    )


def test_three_databases_are_right_but_not_beside_vicidial():
    three = ["db1", "db2", "db3"]
    assert problems(*inventory(database=three)) == []
    hostvars, groups = inventory(database=three)
    for variables in hostvars.values():
        variables["cluster_flavor"] = "vicidial"
    found = [problem for problem in problems(hostvars, groups) if "group database" in problem]
    assert_says(found[0], "3 hosts (db1, db2, db3)", "the one that VICIdial writes to", "replicas")


def with_arbitrators(databases: list[str], arbitrators: list[str], flavor: str = "plain"):
    hostvars, groups = inventory(database=databases)
    groups["database_arbitrator"] = arbitrators
    for variables in hostvars.values():
        variables["cluster_flavor"] = flavor
    return problems(hostvars, groups)


def test_two_databases_are_right_where_a_third_host_votes():
    assert with_arbitrators(["db1", "db2"], ["login1"]) == []


@pytest.mark.parametrize(
    ("databases", "arbitrators", "words"),
    [
        (["db1"], ["login1"], ["login1, and the group database has one", "a second database"]),
        (["db1", "db2", "db3"], ["login1"], ["login1, and 3 databases vote already", "empty it"]),
        (["db1", "db2"], ["login1", "dialer1"], ["has login1, dialer1", "leave only one of them"]),
        (["db1", "db2"], ["db2"], ["has db2, which is a database", "a host of its own"]),
    ],
)
def test_an_arbitrator_that_makes_no_third_vote_is_a_problem(databases, arbitrators, words):
    (problem,) = with_arbitrators(databases, arbitrators)
    assert_says(problem, "group database_arbitrator", *words)


def test_an_arbitrator_is_no_database_and_not_for_vicidial():
    assert_says(with_arbitrators([], ["login1"])[0], "group database has 0 hosts")
    (problem,) = with_arbitrators(["db1"], ["login1"], "vicidial")
    assert_says(problem, "group database_arbitrator has login1", "empty it", "VICIdial")
    assert len(with_arbitrators(["db1", "db2", "db3", "db4"], ["login1"])) == 2


def test_a_group_whose_name_is_mistyped_is_a_problem_if_its_own_is_empty():
    hostvars, groups = inventory()
    groups |= {"database_arbiter": ["login1"], "dialer": ["dialer1"], "berlin": ["dialer1"]}
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "group database_arbiter", "is it database_arbitrator?")


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


def test_a_host_name_that_is_too_long_for_a_server_id_is_a_problem_with_the_same_fix():
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


@pytest.mark.parametrize("weight", [0.1, 1, 2, 1.5, 100, "0.75", 0.29, "1.500"])
def test_a_weight_is_a_number_of_two_decimals(weight):
    assert problems(*inventory({"dialer1": {"server_ip": "10.0.0.11", "weight": weight}})) == []


@pytest.mark.parametrize("weight", [0, 0.09, -1, 100.01, "1000", float("nan"), float("inf")])
def test_a_weight_out_of_bounds_is_a_problem(weight):
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "weight": weight}})
    assert_says(problem, "dialer1: weight", "0.1 to 100")


@pytest.mark.parametrize("weight", ["heavy", "", True, None, [1], "1e1", "½"])
def test_a_weight_that_is_no_number_is_a_problem(weight):
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "weight": weight}})
    assert_says(problem, "dialer1: weight")


@pytest.mark.parametrize("weight", [1.234, "0.125"])
def test_a_weight_that_the_database_would_round_is_a_problem(weight):
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "weight": weight}})
    assert_says(problem, "dialer1: weight", str(weight), "more than 2 decimals", "round it")


def test_phones_are_provisioned_over_tls_unless_somebody_says_otherwise():
    hostvars, groups = inventory()
    hostvars["login1"] |= {"login_provisioning": True}
    assert problems(hostvars, groups) == []
    hostvars["login1"] |= {"login_tls": "off"}
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "login1: login_provisioning is on, but login_tls is off", "unencrypted")
    hostvars["login1"] |= {"login_provisioning_unencrypted": True}
    assert problems(hostvars, groups) == []


def test_phones_are_not_provisioned_beside_vicidial():
    hostvars, groups = inventory()
    hostvars["login1"] |= {"login_provisioning": True}
    beside = {host: {**given, "cluster_flavor": "vicidial"} for host, given in hostvars.items()}
    found = [problem for problem in problems(beside, groups) if "login_provisioning" in problem]
    assert len(found) == 1 and "login1: login_provisioning is on, but cluster_flavor" in found[0]


@pytest.mark.parametrize(
    ("served", "given", "is_right"),
    [("tls", None, False), ("tls", "tls", True), ("udp", "tls", False), ("both", "udp", True)],
)
def test_provisioned_phones_speak_as_dialers_do(served, given, is_right):
    dialers = {name: {**more, "phone_transport": served} for name, more in TWO_DIALERS.items()}
    hostvars, groups = inventory(dialers)
    hostvars["login1"] |= {"login_provisioning": True}
    if given:
        hostvars["login1"] |= {"login_provisioning_transport": given}
    found = problems(hostvars, groups)
    assert bool(found) != is_right
    for problem in found:
        assert_says(problem, "login1: login_provisioning_transport is", served)


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
