"""A setting is what the roles' documents say, and YAML's own conversions are refused."""

import datetime
import re

import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.doc_fragments import phone_aliases
from ansible_collections.evenfloor.cluster.plugins.inventory.dialers import COLUMNS
from ansible_collections.evenfloor.cluster.plugins.module_utils import limits, settings
from ansible_collections.evenfloor.cluster.plugins.module_utils.agents import AGENT_ARGUMENTS
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import ENTRY_ARGUMENTS
from ansible_collections.evenfloor.cluster.plugins.modules import agents
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import (
    problems,
    read_rules,
)

from evenfloor import config
from tests.unit.inventories import assert_says, inventory, only_problem
from tests.unit.test_roles import NAMES, entry_points, read

RULES = read_rules()
EVERYWHERE = "0.0.0.0"  # noqa: S104
#: The package's settings, as the roles call them.
BOUNDS = {
    "balancer_heartbeat_timeout": (config.BalancerConfig, "heartbeat_timeout"),
    "balancer_lock_timeout": (config.BalancerConfig, "lock_timeout"),
    "balancer_request_timeout": (config.BalancerConfig, "request_timeout"),
    "balancer_reservation_ttl": (config.BalancerConfig, "reservation_ttl"),
    "balancer_decisions_kept": (config.BalancerConfig, "decisions_kept"),
    "balancer_guard_load": (config.BalancerConfig, "guard_load"),
    "balancer_guard_channels": (config.BalancerConfig, "guard_channels"),
    "balancer_guard_idle": (config.BalancerConfig, "guard_idle"),
    "dialer_wake_port": (config.DialerConfig, "wake_port"),
    "balancer_port": (config.LoginConfig, "port"),
    "balancer_workers": (config.LoginConfig, "workers"),
    "database_port": (config.DatabaseConfig, "port"),
}


def everywhere(**variables) -> list[str]:
    """Return the problems of an inventory in which all hosts have these variables besides."""
    hostvars, groups = inventory()
    return problems({host: {**given, **variables} for host, given in hostvars.items()}, groups)


def refused(**variables) -> str:
    """Return the one problem of such an inventory."""
    (problem,) = everywhere(**variables)
    return problem


def nested(options: dict) -> dict:
    """Return options with those of the entries of lists."""
    inner = [spec["options"] for spec in options.values() if spec.get("options")]
    return {**options, **{name: spec for part in inner for name, spec in part.items()}}


def descriptions(name: str) -> list[str]:
    """Return what the roles' argument_specs say about a setting, each text on one line."""
    found = [
        options[name]["description"]
        for role in NAMES
        for spec in entry_points(role).values()
        for options in [nested(spec.get("options") or {})]
        if name in options
    ]
    return [" ".join(" ".join([text] if isinstance(text, str) else text).split()) for text in found]


# The documents and the limits are one


@pytest.mark.parametrize("name", limits.NUMBERS)
def test_a_numbers_bounds_are_documented(name):
    least, most = limits.NUMBERS[name]
    assert descriptions(name)
    assert all(f"{least} to {most}" in text for text in descriptions(name))


@pytest.mark.parametrize("name", limits.TEXTS)
def test_a_texts_form_is_documented(name):
    words = limits.TEXTS[name].words.lower()
    assert descriptions(name)
    assert all(words in text.lower() for text in descriptions(name))


def test_bounds_that_are_documented_are_asked_for():
    numbers = [
        name
        for name, option in nested(RULES.options).items()
        if option.get("type") in ("int", "float")
        and re.search(r"\b[0-9.]+ to [0-9]+\b", " ".join(descriptions(name)))
    ]
    assert sorted(numbers) == sorted(limits.NUMBERS)


@pytest.mark.parametrize(
    "name", ["login_password", "registration_password", "password", "max_agents"]
)
def test_other_limits_are_documented(name):
    words = {
        "login_password": f"{limits.SHORTEST_LOGIN_PASSWORD} to {limits.LONGEST_PASSWORD}",
        "registration_password": (
            f"{limits.SHORTEST_REGISTRATION_PASSWORD} to {limits.LONGEST_PASSWORD}"
        ),
        "password": f"{limits.SHORTEST_USER_PASSWORD} to {limits.LONGEST_PASSWORD}",
        "max_agents": f"1 to {limits.HIGHEST_MAX_AGENTS}",
    }
    assert all(words[name] in text for text in descriptions(name))


def test_every_option_has_a_type_that_is_checked():
    types = {option.get("type") for option in nested(RULES.options).values()}
    assert types - {"raw"} <= set(settings._CHECKS)
    elements = {option.get("elements") for option in nested(RULES.options).values()} - {None}
    assert elements <= set(settings._CHECKS)


def test_what_roles_set_by_default_is_accepted():
    for role in NAMES:
        for name, value in (read(role, "defaults/main.yml") or {}).items():
            if "{{" not in str(value):
                assert settings.value_faults(name, value, RULES.options[name]) == [], name


def test_the_defaults_are_the_roles():
    defaults = {**read("dialer", "defaults/main.yml"), **read("settings", "defaults/main.yml")}
    assert defaults["database_port"] == limits.DATABASE_PORT
    assert defaults["dialer_first_room"] == limits.FIRST_ROOM
    assert defaults["dialer_last_room"] == limits.LAST_ROOM


@pytest.mark.parametrize("name", BOUNDS)
def test_what_is_accepted_the_package_accepts(name):
    section, key = BOUNDS[name]
    bounds = section.__dataclass_fields__[key].metadata
    least, most = limits.NUMBERS[name]
    assert bounds["least"] <= least <= most <= bounds["most"]


def test_an_entry_of_phone_aliases_has_the_same_keys_for_all():
    keys = set(RULES.options["phone_aliases"]["options"])
    shared = yaml.safe_load(phone_aliases.ModuleDocFragment.DOCUMENTATION)["options"]
    module = shared["phone_aliases"]["suboptions"]
    assert keys == set(module) == set(ENTRY_ARGUMENTS)


def test_an_entry_of_agents_has_the_same_keys_for_all():
    keys = set(RULES.options["agents"]["options"])
    module = yaml.safe_load(agents.DOCUMENTATION)["options"]["agents"]["suboptions"]
    assert keys == set(module) == set(AGENT_ARGUMENTS)


# Numbers


@pytest.mark.parametrize("value", ["eighty", "", 80.5, True, "0x50", "080", "８０", [80], "-0"])
def test_a_port_that_is_not_a_whole_number_is_refused(value):
    assert_says(
        refused(balancer_port=value), "all hosts: balancer_port", "whole number", "1 to 65535"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("balancer_workers", 0),
        ("balancer_heartbeat_timeout", 0),
        ("database_port", 0),
        ("database_port", 70000),
        ("drain_timeout", -1),
        ("drain_timeout", "-1"),
        ("dialer_rtp_first", 80),
        ("dialer_first_room", 51),
        ("softphone_registration_interval", 5),
        ("balancer_hook_timeout", 0),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_its_bounds(name, value):
    least, most = limits.NUMBERS[name]
    found = everywhere(**{name: value})
    assert_says(found[0], f"{name} '{value}", "out of bounds", f"{least} to {most}")
    assert len(found) == 1


@pytest.mark.parametrize("value", [10**5000, "9" * 5000, -(10**5000)], ids=["int", "text", "below"])
@pytest.mark.parametrize("name", ["balancer_port", "max_agents", "server_ip"])
def test_a_number_too_long_to_be_written_is_refused(name, value):
    assert_says(everywhere(**{name: value})[0], name)


@pytest.mark.parametrize("value", ["one", "nan", True, "1_0", "１", "1e1", " 1", None, ["1"]])
def test_seconds_that_are_not_a_number_are_refused(value):
    assert_says(refused(balancer_hook_timeout=value), "balancer_hook_timeout")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.5, 10**30])
def test_seconds_that_are_no_time_are_refused(value):
    assert_says(refused(balancer_hook_timeout=value), "out of bounds", "0.1 to 60")


@pytest.mark.parametrize(
    ("name", "value"), [("balancer_hook_timeout", 10.5), ("balancer_lock_timeout", 11)]
)
def test_a_wait_that_is_longer_than_its_request_is_refused(name, value):
    assert_says(refused(**{name: value}), f"{name} {value}", "balancer_request_timeout", "10")
    assert everywhere(**{name: value, "balancer_request_timeout": 11}) == []
    assert_says(refused(balancer_request_timeout="2.5"), "balancer_lock_timeout 3", "2.5")


@pytest.mark.parametrize("value", [8080, "8080"])
def test_a_number_may_be_a_text_of_digits_as_on_the_command_line(value):
    assert everywhere(balancer_port=value, balancer_hook_timeout="0.5", drain_timeout="3") == []


def test_a_number_that_no_table_knows_has_to_be_none_below_0():
    option = {"type": "int"}
    assert settings.value_faults("a_new_setting", 5, option) == []
    assert settings.value_faults("a_new_setting", -1, option)


# Ranges


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("dialer_first_room", "dialer_last_room"),
        ("dialer_rtp_first", "dialer_rtp_last"),
        ("softphone_rtp_first", "softphone_rtp_last"),
    ],
)
def test_a_first_above_the_last_is_refused(first, last):
    least, most = limits.NUMBERS[first]
    problem = refused(**{first: most, last: least})
    assert_says(problem, f"{first} {most} is above {last} {least}", "may not be above")


def test_a_first_room_above_the_default_of_the_last_is_refused():
    assert_says(refused(dialer_first_room=8600300), "8600300", "above dialer_last_room 8600299")


def test_rooms_that_the_dialplan_cannot_tell_are_refused():
    found = refused(dialer_first_room=8999999, dialer_last_room=9000001)
    assert_says(found, "different digits")


def test_more_rooms_than_anybody_needs_are_refused():
    assert_says(
        refused(dialer_first_room=8000000, dialer_last_room=8010000), "10001 rooms", "at most 10000"
    )


# Texts, choices, lists


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("balancer_registration", "requires", "none of auto, prefer, require, ignore"),
        ("asterisk_source", "source", "none of packages, existing"),
        ("phone_protocol", "pjsip", "none of PJSIP"),
        ("cluster_flavor", "Plain", "none of plain, vicidial"),
        ("balancer_listen", "login.example.org", "IPv4 address"),
        ("balancer_listen", "10.0.0.١", "IPv4 address"),
        ("balancer_address", "10.0.0", "IPv4 address"),
        ("database_address", "db", "IPv4 address"),
        ("database_name", "aster;isk", "64 letters"),
        ("database_name", "", "64 letters"),
        ("balancer_home", "opt", "absolute path"),
        ("balancer_home", "/opt/even floor", "absolute path"),
        ("balancer_home", "/opt/%h", "absolute path"),
        ("balancer_python", "", "absolute path"),
        ("asterisk_suite", "forky\nSuites: evil", "control characters"),
        ("asterisk_suite", "sid main", "lower-case letters"),
        ("balancer_wheels", "/wheels\n", "control characters"),
        ("dialer_description", "a\x00b", "control characters"),
        ("dialer_description", "a\u2028b", "control characters"),
        ("balancer_build_folder", " ", "is empty"),
        ("database_driver", "pymysql; reboot", "letters, digits"),
        ("dialer_asterisk_oldest", 16, "is a number"),
        ("server_id", 7, "is a number"),
        ("server_id", "", "is empty"),
        ("database_name", None, "has no value"),
        ("balancer_port", None, "has no value"),
        ("phone_aliases", None, "has no value"),
        ("campaigns", None, "has no value"),
        ("database_name", datetime.date(2026, 1, 2), "is a date"),
        ("database_name", ["asterisk"], "is a list"),
        ("balancer_hook", "maybe", "neither true nor false"),
        ("balancer_hook", 2, "neither true nor false"),
        ("phone_aliases_widen_logins_list", [], "neither true nor false"),
        ("balancer_hook_pages", "vicidial.php", "is a text, not a list"),
        ("balancer_hook_pages", ["vicidial.php", "../x"], "letters, digits"),
        ("balancer_hook_folders", [True], "is not a text"),
        ("database_sockets", ["mysqld.sock"], "absolute path"),
        ("phone_networks", "off", "an IPv4 network or the word any"),
        ("phone_networks", False, "is not a text"),
        ("phone_networks", ["10.0.0.0/8", "0.0.0.0/0"], "an IPv4 network or the word any"),
        ("phone_networks", ["10.0.0.0/33"], "an IPv4 network or the word any"),
        ("phone_networks", ["any } ; flush ruleset"], "an IPv4 network or the word any"),
        ("phone_transport", "tcp", "none of both, tls, udp"),
        ("softphone_extensions", 101, "is a number"),
        ("softphone_extensions", ["101", 102], "is a number"),
        ("softphone_extensions", None, "has no value"),
        ("softphone_extensions", {"101": None}, "is a dict"),
        ("phone_aliases", {"extensions": "101"}, "is a dict, not a list"),
        ("phone_aliases", "101-160", "is a text, not a list"),
        ("campaigns", {"id": "SALES"}, "is a dict, not a list"),
        ("campaigns", "SALES", "is a text, not a list"),
    ],
)
def test_a_value_of_another_form_is_refused_once(name, value, words):
    assert_says(refused(**{name: value}), name, words, "; ")


@pytest.mark.parametrize("value", [True, "yes", "no", "false", "1", False])
def test_true_and_false_may_be_words_as_on_the_command_line(value):
    assert everywhere(balancer_hook=value) == []


def test_what_may_be_empty_is_accepted():
    assert everywhere(asterisk_suite="", balancer_wheels="", dialer_clone_from="") == []
    assert everywhere(max_agents=None, dialer_max_agents=None) == []


@pytest.mark.parametrize("value", [10.5, "", None, 0, False, ["10.0.0.11"]])
def test_a_server_ip_that_is_no_text_is_refused_where_ansible_host_is_right(value):
    problem = only_problem({"dialer1": {"server_ip": value, "ansible_host": "10.0.0.11"}})
    assert_says(problem, "dialer1: server_ip")


def test_a_long_value_is_shown_shortened():
    assert len(refused(database_name="a" * 5000)) < 300


def test_a_setting_of_one_host_names_the_host():
    problem = only_problem({"dialer1": {"server_ip": "10.0.0.11", "dialer_sip_port": 0}})
    assert_says(problem, "dialer1: dialer_sip_port '0'")


# Aliases


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"suffix": True}, ["suffix 'True'", "YAML reads yes", "quotes"]),
        ({"suffix": 0}, ["suffix '0' is a number", "quotes"]),
        ({"suffix": None}, ["suffix has no value"]),
        ({"extensions": 65}, ["extensions 65", 'write it in quotes, like "0101"']),
        ({"extensions": [65]}, ["is a number", 'write it in quotes, like "0101"']),
        ({"extensions": 90.5}, ["is a number", "quotes"]),
        ({"extensions": True}, ["not a text", "quotes"]),
        ({"extensions": None}, ["extensions has no value"]),
        ({"extensions": {"from": 1}}, ["is a dict"]),
        ({"extensions": [["101"]]}, ["is a list"]),
        ({"extensions": "١٠١"}, ["'١٠١'", 'write "101"']),
        ({"extensions": "9" * 5000}, ["is not a number"]),
        ({"login_password": 83}, ["login_password is a number", "quotes"]),
        ({"registration_password": 12345678}, ["registration_password is a number", "quotes"]),
        ({"login_password": "abc"}, ["login_password has to be 4 to 100"]),
        ({"login_password": ""}, ["login_password has to be 4 to 100"]),
        ({"login_password": "a\nb;cd"}, ["login_password has control characters"]),
        ({"registration_password": "1234567"}, ["registration_password has to be 8 to 100"]),
        ({"registration_password": None}, ["registration_password has no value"]),
        ({"name": "Sales; 1"}, ["'Sales; 1'", "write it without them"]),
        ({"name": 'Joe "X"'}, ["Joe", "write it without them"]),
        ({"name": "Sales\n[evil]"}, ["control characters", "write it without them"]),
        ({"name": "Sales\u2028x"}, ["control characters"]),
        ({"name": "\x7f"}, ["control characters"]),
        ({"name": 7}, ["name '7' is a number"]),
        ({"dialers": 1}, ["dialers '1' is a number"]),
        ({"dialers": {"dialer1": None}}, ["is a dict"]),
        ({"dialers": [None]}, ["dialers has no value"]),
        ({"sufix": "z"}, ["'sufix'", "is it suffix?", "known are"]),
        ({1: 2}, ["'1' is not a setting of phone_aliases"]),
    ],
)
def test_an_entry_of_an_alias_that_yaml_or_a_typo_changed_is_refused(entry, words):
    assert_says(only_problem(aliases=[{"extensions": "101", **entry}]), "phone_aliases", *words)


@pytest.mark.parametrize("setting", ["login_password", "registration_password"])
@pytest.mark.parametrize("value", ["s3", "s3\n", "s3 cret word", 534234, ["s3-s3-s3"], "ü" * 9])
def test_no_message_shows_a_password(setting, value):
    problem = only_problem(aliases=[{"extensions": "101", setting: value}])
    assert "s3" not in problem and "534234" not in problem and "ü" not in problem


@pytest.mark.parametrize(("flavor", "many"), [("plain", 1), ("vicidial", 0)])
def test_an_alias_may_be_its_extension_only_where_others_make_aliases(flavor, many):
    """Clusters that were adopted have such aliases."""
    hostvars, groups = inventory(aliases=[{"extensions": "101", "suffix": ""}])
    for variables in hostvars.values():
        variables["cluster_flavor"] = flavor
    found = problems(hostvars, groups)
    assert len(found) == many
    assert all("suffix is empty" in problem for problem in found)


def test_a_wrong_list_of_aliases_is_no_problem_of_the_seats():
    hostvars, groups = inventory(aliases="101-103", seats={"seat1": "101-103"})
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "phone_aliases '101-103' is a text")


def test_the_name_of_the_inventorys_folder_is_looked_at_where_no_other_is_given():
    hostvars, groups = inventory()
    for variables in hostvars.values():
        variables["inventory_dir"] = "/srv/call centre"
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "cluster_name is 'call centre'; set cluster_name in group_vars/all")


# Campaigns


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"grouping": "CASCADE"},
            ["id SALES", "'CASCADE'", "ONE_SERVER_ONLY, CASCADING"],
        ),
        ({"grouping_limt": 3}, ["'grouping_limt'", "is it grouping_limit?"]),
        ({"grouping_limit": "some"}, ["whole number", "0 to 32767"]),
        ({"grouping_limit": 40000}, ["out of bounds", "0 to 32767"]),
        ({"name": "n" * 41}, ["more than 40"]),
        ({"name": None}, ["name has no value"]),
        ({"name": "a\nb"}, ["control characters"]),
        ({"id": 42}, ["'42' is a number", "quotes"]),
        ({"id": True}, ["not a text", "quotes"]),
        ({"id": "٤٢"}, ["2 to 8 letters"]),
    ],
)
def test_a_wrong_campaign_is_refused(entry, words):
    assert_says(only_problem(campaigns=[{"id": "SALES", **entry}]), "campaigns", *words)


def test_campaigns_that_differ_in_capitals_only_are_the_same_to_the_database():
    problem = only_problem(campaigns=[{"id": "SALES"}, {"id": "Sales"}])
    assert_says(problem, "'Sales'", "twice (capitals don't count)", "take one out")


@pytest.mark.parametrize("entry", [{}, {"name": "Sales"}])
def test_a_campaign_without_an_id_is_refused(entry):
    assert_says(only_problem(campaigns=[entry]), "names no id", "write - id: SALES")


# Names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("balancer_prot", "balancer_port"),
        ("dialer_frist_room", "dialer_first_room"),
        ("softphone_extension", "softphone_extensions"),
        ("phone_alias", "phone_aliases"),
        ("phone_aliases_widen_login_list", "phone_aliases_widen_logins_list"),
        ("cluster_flavour", "cluster_flavor"),
        ("campaign", "campaigns"),
        ("max_agent", "max_agents"),
        ("drain_timout", "drain_timeout"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_right_name(name, meant):
    assert_says(refused(**{name: 1}), f"'{name}'", "no role knows", f"is it {meant}?")


def test_a_setting_that_no_role_knows_is_refused_without_a_likeness_too():
    problem = refused(balancer_zzzzzzzzzzzz=1)
    assert_says(problem, "no role knows", "another name", "begin with balancer_")
    assert "is it" not in problem


@pytest.mark.parametrize(
    "name",
    [
        "ansible_user",
        "site",
        "package_mirror",
        "service_level",
        "cluster_site",
        *sorted({*COLUMNS} - {*RULES.options}),
    ],
)
def test_a_variable_of_the_operators_own_is_none_of_our_business(name):
    assert everywhere(**{name: object()}) == []


@pytest.mark.parametrize("name", ["dialer_row", "dialer_ready", "database_socket_path"])
def test_what_a_run_before_has_noted_is_not_misspelt(name):
    assert everywhere(**{name: {"changed": False}}) == []


# Addresses


@pytest.mark.parametrize(
    ("host", "setting"), [("db1", "database_address"), ("login1", "balancer_address")]
)
@pytest.mark.parametrize(
    "address", [None, "db.example.org", "::1", EVERYWHERE, "255.255.255.255", 10]
)
def test_a_host_that_others_know_by_its_address_needs_one(host, setting, address):
    hostvars, groups = inventory()
    hostvars[host]["ansible_host"] = address
    (problem,) = problems(hostvars, groups)
    assert_says(problem, f"{host}: ansible_host", "set ansible_host", "like 10.0.0.10", setting)
    hostvars[host][setting] = "10.0.0.10"
    assert problems(hostvars, groups) == []


def test_a_database_that_listens_everywhere_needs_an_address_to_be_reached_at():
    hostvars, groups = inventory()
    hostvars["db1"]["database_address"] = EVERYWHERE
    assert_says(problems(hostvars, groups)[0], "db1: database_address '0.0.0.0'")
    for variables in hostvars.values():
        variables["balancer_database_host"] = "db.example.org, 10.0.0.10"
    assert problems(hostvars, groups) == []


@pytest.mark.parametrize("setting", ["phone_aliases", "campaigns", "database_name"])
def test_hosts_that_disagree_on_what_all_share_are_named(setting):
    values = {
        "phone_aliases": [{"extensions": "101-102"}],
        "campaigns": [{"id": "OTHER"}],
        "database_name": "other",
    }
    hostvars, groups = inventory()
    hostvars["dialer2"][setting] = values[setting]
    (problem,) = problems(hostvars, groups)
    assert_says(problem, f"{setting} differs between db1 and dialer2", "group_vars/all")


def test_a_port_that_only_the_database_knows_is_refused():
    hostvars, groups = inventory()
    hostvars["db1"]["database_port"] = 3307
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "database_port is 3307 on db1 and 3306 on login1", "group_vars/all")
    for host in groups["all"]:
        hostvars[host]["database_port"] = "3307"
    assert problems(hostvars, groups) == []


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("database_campaigns", [{"id": "SALES", "grouping": "CASCADE"}]),
        ("phone_aliases_wanted", [{"extensions": 65}]),
        ("phone_aliases_wanted", [{"extensions": "101", "sufix": "z"}]),
    ],
)
def test_entries_are_checked_by_whatever_name_a_role_reads_them(name, entries):
    assert len(everywhere(**{name: entries})) == 1


# What Ansible gives


class Unready(dict):
    """Variables of which one can't be worked out yet, as Ansible's ``hostvars`` has them."""

    def __getitem__(self, name):
        if name in self.get("unready", ()):
            raise LookupError("ansible_facts has no attribute processor_vcpus")
        return super().__getitem__(name)


def test_a_template_that_needs_facts_is_no_problem():
    hostvars, groups = inventory()
    hostvars["login1"] = Unready(
        hostvars["login1"], balancer_workers="{{ … }}", unready=["balancer_workers"]
    )
    assert problems(hostvars, groups) == []


def test_a_template_without_which_nothing_can_be_judged_is_named():
    hostvars, groups = inventory()
    hostvars["dialer1"] = Unready(hostvars["dialer1"], unready=["server_ip"])
    assert_says(problems(hostvars, groups)[0], "dialer1: server_ip", "before the hosts are asked")
