"""The edge: what an inventory has to say, and what its hosts are told."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.written import edge_accounts
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from tests.unit.asterisk_syntax import parse, render
from tests.unit.inventories import TWO_DIALERS, assert_says, inventory
from tests.unit.test_any_inventory import DEFAULTS, ENDPOINTS

ALIASES = [{"extensions": "101-102"}, {"extensions": "201", "phone": "edge"}]


def wrong(aliases=ALIASES, dialers=TWO_DIALERS, edges=("10.0.0.41",), seats=None, **shared):
    """Say what is wrong with an inventory that has edges at these addresses."""
    hostvars, groups = inventory(dialers, aliases=aliases, seats=seats or {})
    for number, address in enumerate(edges, 1):
        name = f"edge{number}"
        hostvars[name] = {**hostvars["login1"], "ansible_host": address}
        groups.setdefault("sip_edge", []).append(name)
        groups["all"].append(name)
    for variables in hostvars.values():
        variables.update(shared)
    return problems(hostvars, groups)


def test_an_edge_is_a_host_and_some_aliases():
    assert wrong() == []
    assert wrong(edges=("10.0.0.41", "10.0.0.42")) == []


def test_phones_of_an_edge_need_one():
    (problem,) = wrong(edges=())
    assert_says(problem, "extensions 201", "there is no edge", "sip_edge", "phone: edge")


def test_dialers_have_to_serve_what_the_edge_speaks():
    dialers = {name: {**one, "phone_transport": "tls"} for name, one in TWO_DIALERS.items()}
    (problem,) = wrong(dialers=dialers)
    assert_says(problem, "dialer1", "tls", "UDP alone", "phone_transport: both")


def test_an_edge_has_an_address():
    (problem,) = wrong(edges=("edge.example.com",))
    assert_says(problem, "edge1", "edge.example.com", "IPv4", "sip_edge_address")


@pytest.mark.parametrize(
    ("edges", "edge", "owner"),
    [(("10.0.0.11",), "edge1", "dialer1"), (("10.0.0.41", "10.0.0.41"), "edge2", "edge1")],
)
def test_an_edges_address_is_nobody_elses(edges, edge, owner):
    (problem,) = wrong(edges=edges)
    assert_says(problem, edge, edges[0], f"{owner}'s", "an address of its own")


def test_a_seat_has_no_phone_of_the_edge():
    (problem,) = wrong(seats={"seat1": "101,201"})
    assert_says(problem, "seat1", "201", "phone: edge")


def test_beside_vicidial_there_is_none():
    found = wrong(cluster_flavor="vicidial")
    assert any("needs dialers that Evenfloor makes" in problem for problem in found)


def phone(extension="201", kind="edge", password="secret"):
    return {
        "extension": extension,
        "name": "A",
        "registration_password": password,
        "kind": kind,
    }


def test_the_edge_is_told_hashes_of_its_own_phones_alone():
    phones = [phone(), phone(), phone("101", "sip"), phone("202", password="")]
    # printf 201:evenfloor:secret | md5sum
    assert edge_accounts(phones, "evenfloor") == {"201": "9cd7de62afb3d056614fed46cfa3d8c9"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_dialer_calls_such_a_phone_at_every_edge_and_takes_no_registration(number):
    edges = [{"name": f"edge{n}", "address": f"10.0.0.4{n}"} for n in range(1, number + 1)]
    text = render(
        ENDPOINTS,
        **DEFAULTS,
        cluster_edges=edges,
        cluster_edge_port=5060,
        dialer_phones={"phones": [phone(), phone("101", "sip")]},
        dialer_srtp={"rc": 0},
    )
    sections = {(s.name, s.templates[0]): s.settings for s in parse(text)}
    contacts = [f"sip:201@{edge['address']}:5060" for edge in edges]
    assert sections["201", "edge-aor"] == [("contact", contact) for contact in contacts]
    # Without it, Asterisk takes no registration.
    assert "max_contacts" not in dict(sections["edge-aor", "!"])
    permitted = [f"{edge['address']}/255.255.255.255" for edge in edges]
    assert [value for key, value in sections["edge-phone", "!"] if key == "permit"] == permitted
    assert ("101", "phone-aor") in sections


def test_without_such_phones_a_dialers_file_is_as_it_was():
    text = render(
        ENDPOINTS,
        **DEFAULTS,
        cluster_edges=[],
        dialer_phones={"phones": [phone("101", "sip")]},
        dialer_srtp={"rc": 0},
    )
    assert "edge" not in text
