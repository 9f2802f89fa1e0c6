"""What playbooks ask about the hosts of a run."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import hosts
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import an_alias

DIALERS = [{"name": f"dialer{n}", "server_ip": f"10.0.0.{n}"} for n in (1, 2, 3)]
GROUPS = {
    "all": ["db1", "dialer1", "dialer2", "seat1", "seat2", "seat3"],
    "database": ["db1"],
    "login": ["db1", "dialer1"],
    "dialers": ["dialer1", "dialer2"],
    "managed_dialers": ["dialer1", "dialer2"],
    "seats": ["seat2", "seat1", "seat3"],
}
HOSTVARS = {
    "db1": {"preflight_done": True},
    "dialer1": {"server_ip": "10.0.0.1", "dialer_ready": True},
    "dialer2": {"ansible_host": "10.0.0.2", "preflight_problem": "too old"},
    "seat1": {"softphone_extensions": ["101-102", 105], "preflight_done": True},
    "seat2": {"softphone_extensions": "103-104"},
    "seat3": {},
}


def test_seats_are_listed_with_their_extensions():
    assert hosts.seats(HOSTVARS, GROUPS) == [
        {"name": "seat2", "extensions": ["103", "104"]},
        {"name": "seat1", "extensions": ["101", "102", "105"]},
        {"name": "seat3", "extensions": []},
    ]
    assert hosts.seats({}, {"all": []}) == []


def sources(dialer=None, **hosts_own):
    """List the sources of a dialer with these variables, beside hosts with these addresses."""
    hostvars = {name: {"ansible_host": address} for name, address in hosts_own.items()}
    hostvars["dialer1"] = dialer or {}
    groups = {"all": list(hostvars), "seats": list(hosts_own)}
    return hosts.phone_sources(hostvars, groups, "dialer1")


@pytest.mark.parametrize("networks", [["10.1.0.0/16", "10.1.2.3"], ["10.1.2.3", "10.1.9.9/16"]])
def test_phones_and_seats_are_let_in_each_once(networks):
    dialer = {"phone_networks": networks, "ansible_host": "10.0.0.9"}
    own = {"seat1": "10.0.0.3", "seat2": "10.1.0.7", "seat3": "10.0.0.2"}
    assert sources(dialer, **own) == ["10.0.0.2/31", "10.1.0.0/16"]


def test_a_name_or_an_address_from_the_command_line_lets_nobody_in():
    everybodys = {"phone_networks": "any", "server_ip": "10.0.0.9"}
    assert sources(everybodys, seat1="seat1.example.org", seat2="10.0.0.3", seat3="::1") == [
        "10.0.0.3/32"
    ]


@pytest.mark.parametrize(
    ("networks", "filtered"),
    [("any", False), (["any"], False), ([], False), (None, False), ("10.0.0.0/8", True)],
)
def test_a_dialer_has_a_filter_if_its_phones_are_somewhere(networks, filtered):
    assert hosts.is_filtered({"phone_networks": networks}) is filtered
    assert hosts.is_filtered({}) is False


def test_managed_extensions_are_those_of_all_seats_as_they_are_written():
    assert hosts.managed_extensions(HOSTVARS, GROUPS) == ["103-104", "101-102", "105"]
    assert hosts.managed_extensions({}, {}) == []


def test_addresses_are_those_that_the_inventory_says():
    assert hosts.addresses(HOSTVARS, GROUPS) == {"dialer1": "10.0.0.1", "dialer2": "10.0.0.2"}


def test_a_dialer_is_ready_when_its_host_says_so():
    assert [d["name"] for d in hosts.ready_dialers(HOSTVARS, GROUPS)] == ["dialer1"]


def test_hosts_that_were_not_reached_are_named_once_in_the_groups_order():
    assert hosts.silent_hosts(HOSTVARS, GROUPS) == ["dialer1", "dialer2", "seat2", "seat3"]
    assert hosts.silent_hosts({}, {}) == []


def test_problems_of_the_preflight_are_collected():
    assert hosts.preflight_problems(HOSTVARS, ["db1", "dialer2"]) == ["too old"]
    assert hosts.preflight_problems({"a": {"preflight_problem": ""}}, ["a"]) == []


@pytest.mark.parametrize(
    ("opened", "clone_from", "source"),
    [
        (["10.0.0.2", "10.0.0.3"], "", "10.0.0.2"),
        (["10.0.0.2"], None, "10.0.0.2"),
        (["10.0.0.2"], "dialer3", "10.0.0.3"),
        ([], "10.9.9.9", "10.9.9.9"),
        ([], "", ""),
        (["10.9.9.9"], "", ""),
    ],
)
def test_a_new_dialer_is_made_like_the_named_one_or_the_first_in_service(
    opened, clone_from, source
):
    assert hosts.clone_source(DIALERS, opened, clone_from) == source


@pytest.mark.parametrize(
    ("entries", "alias"),
    [
        ([{"extensions": "101-160"}, {"extensions": "7"}], "101x"),
        ([{"extensions": ["0201", 300], "suffix": ""}], "0201"),
        ([{"extensions": 5, "suffix": 7}], "57"),
        ([], ""),
        (None, ""),
    ],
)
def test_an_alias_to_try_with_is_the_first_of_the_list(entries, alias):
    assert an_alias(entries) == alias


def test_only_certificates_that_are_in_use_are_looked_at():
    def used(groups, **variables):
        found = hosts.certificates_in_use(variables, groups)
        return [(certificate["path"], certificate["name"]) for certificate in found]

    folder = "/etc/evenfloor/"
    assert used(["database"]) == [
        (f"{folder}{name}.pem", "") for name in ("ca", "database", "galera")
    ]
    assert used(["login"]) == [(f"{folder}login.pem", "")]
    # With it the authority signs others' certificates, too.
    assert used(["database"], database_tls="off") == [
        (f"{folder}{name}.pem", "") for name in ("ca", "galera")
    ]
    assert used(["login"], login_tls="off") == used(["dialers", "seats"]) == []
    assert used(["managed_dialers"]) == [(f"{folder}dialer.pem", "")]
    assert used(["managed_dialers"], phone_transport="udp") == []
    own = {"login_certificate": "/etc/ssl/own.pem", "login_address": "10.0.0.20"}
    assert used(["login"], **own) == [("/etc/ssl/own.pem", "10.0.0.20")]
    named = used(["login"], **own, login_names=["login.example.org"])
    assert named == [("/etc/ssl/own.pem", "login.example.org")]


def test_a_dialer_that_is_being_made_is_unfinished_until_its_phones_are_seen():
    made = {"vicidial_source": "/srv/vicidial"}
    hostvars = {
        "dialer1": {},
        "dialer2": made,
        "dialer3": {**made, "vicidial_dialer_ready": True},
        "dialer4": {"vicidial_source": ""},
    }
    groups = {"dialers": list(hostvars)}
    assert hosts.unfinished_dialers(hostvars, groups) == ["dialer2"]
