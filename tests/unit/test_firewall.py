"""A dialer's firewall: the filter, the jail, and how SIP is served."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from tests.unit.asterisk_syntax import parse, render
from tests.unit.inventories import TWO_DIALERS, assert_says, inventory, only_problem
from tests.unit.test_roles import read

TEMPLATE = "dialer_firewall/templates/firewall.nft.j2"
SHARED = {**read("settings", "defaults/main.yml"), **read("dialer", "defaults/main.yml")}
PORTS = {
    "dialer_firewall_sip_port": 5060,
    "dialer_firewall_rtp_first": 10000,
    "dialer_firewall_rtp_last": 20000,
    "dialer_firewall_local_ports": [],
    "dialer_firewall_trunk_ports": [],
    "dialer_firewall_log": "/var/log/asterisk/security",
    "dialer_wake_port": 5039,
    "dialer_firewall_wakers": ["10.0.0.2", "10.0.0.3"],
    "dialer_firewall_tcp_ports": [5060, 5061],
}


def dialers(**variables):
    """Return the variables of two dialers, of which the second has these besides."""
    return {**TWO_DIALERS, "dialer2": {**TWO_DIALERS["dialer2"], **variables}}


# The inventory


def test_phones_are_either_anywhere_or_in_networks():
    problem = only_problem(dialers(phone_networks=["10.0.0.0/8", "any"]))
    assert_says(problem, "dialer2: phone_networks", "write either", "phone_networks: any")


@pytest.mark.parametrize("networks", ["any", "10.0.0.0/8", ["10.0.0.0/8", "192.168.7.9"]])
def test_one_network_needs_no_brackets(networks):
    assert problems(*inventory(dialers(phone_networks=networks))) == []


def seat(transport, served):
    hostvars, groups = inventory(dialers(phone_transport=served), seats={"seat1": "101-103"})
    hostvars["seat1"]["softphone_transport"] = transport
    return problems(hostvars, groups)


def test_a_softphone_that_a_dialer_does_not_serve_is_named():
    (problem,) = seat("udp", "tls")
    assert_says(problem, "seat1: softphone_transport", "udp", "dialer2", "tls", "both")


def test_a_softphone_with_tls_may_reach_some_dialers_without_but_not_all():
    assert seat("tls", "udp") == []
    everywhere = {
        name: {**variables, "phone_transport": "udp"} for name, variables in TWO_DIALERS.items()
    }
    hostvars, groups = inventory(everywhere, seats={"seat1": "101-103"})
    hostvars["seat1"]["softphone_transport"] = "tls"
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "seat1: softphone_transport is tls", "udp", "both")


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_a_dialer_that_serves_both_serves_every_softphone(transport):
    assert seat(transport, "both") == seat(transport, transport) == []


# What is written


def test_the_filter_replaces_its_own_table_and_concerns_its_ports_alone():
    sources = ["10.0.0.0/24", "10.9.0.1/32"]
    text = render(TEMPLATE, **PORTS, dialer_firewall_sources=sources)
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    assert lines[:2] == ["table inet evenfloor", "delete table inet evenfloor"]
    assert "elements = { 10.0.0.0/24, 10.9.0.1/32 }" in lines
    assert [line for line in lines if "dport" in line] == [
        "udp dport 5039 jump daemon",
        "tcp dport { 5060, 5061 } jump phone",
        "udp dport 5060 jump phone",
        "udp dport 10000-20000 jump phone",
    ]
    assert "ip saddr { 10.0.0.2, 10.0.0.3 } accept" in lines
    assert [line for line in lines if "drop" in line] == ["counter drop"] * 2
    assert "flush" not in text


def test_vicidials_ports_are_for_the_dialer_itself_and_for_trunks():
    text = render(
        TEMPLATE,
        **{**PORTS, "dialer_firewall_local_ports": [4577], "dialer_firewall_trunk_ports": [4569]},
        dialer_firewall_sources=["10.0.0.0/24"],
        dialer_firewall_dialers=["10.1.0.1", "10.1.0.2"],
    )
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in lines if "45" in line] == [
        "udp dport { 4569 } ip saddr { 10.1.0.1, 10.1.0.2 } accept",
        "udp dport { 4569 } jump phone",
        "tcp dport { 4577 } counter drop",
    ]
    assert lines.index("iif lo accept") < lines.index("tcp dport { 4577 } counter drop")


def test_one_port_for_tls_and_the_rest_is_named_once():
    text = render(
        TEMPLATE,
        **{**PORTS, "dialer_firewall_tcp_ports": [5060, "5060"]},
        dialer_firewall_sources=["10.0.0.0/24"],
    )
    assert "tcp dport { 5060 } jump" in text


def test_the_jail_never_bans_whom_the_filter_lets_in():
    text = render(
        "dialer_firewall/templates/jail.conf.j2", **PORTS, dialer_firewall_sources=["10.0.0.0/24"]
    )
    assert "\nignoreip = 127.0.0.0/8 ::1 10.0.0.0/24\n" in text


def transports(served, certified=True, in_browser=False):
    text = render(
        "dialer/templates/asterisk/pjsip.conf.j2",
        **{**SHARED, "phone_transport": served, "dialer_server_ip": "10.0.0.11"},
        dialer_certified=certified,
        cluster_browser_phones=in_browser,
        dialer_certificate="/c.pem",
        dialer_certificate_key="/c.key",
    )
    sections = parse(text.replace("#tryinclude evenfloor/endpoints.conf", ""))
    return {dict(s.settings)["protocol"]: dict(s.settings)["bind"] for s in sections[1:]}


UDP, TLS = {"udp": "10.0.0.11:5060"}, {"tls": "10.0.0.11:5061"}


@pytest.mark.parametrize(
    ("served", "certified", "expected"),
    [
        ("both", True, {**UDP, **TLS}),
        ("both", False, UDP),
        ("udp", True, UDP),
        ("tls", True, TLS),
    ],
)
def test_sip_is_served_as_the_inventory_says(served, certified, expected):
    assert transports(served, certified) == expected


@pytest.mark.parametrize(
    ("served", "can_encrypt", "optimistic"),
    [("both", 0, "yes"), ("tls", 0, "no"), ("udp", 0, None), ("both", 1, None)],
)
def test_endpoints_encrypt_where_asterisk_can_and_insist_where_all_is_tls(
    served, can_encrypt, optimistic
):
    text = render(
        "dialer/templates/asterisk/endpoints.conf.j2",
        **{**SHARED, "phone_transport": served},
        dialer_phones={"phones": []},
        dialer_srtp={"rc": can_encrypt},
    )
    phone = dict(parse(text)[0].settings)
    assert phone.get("media_encryption_optimistic") == optimistic
    assert phone.get("media_encryption") == (optimistic and "sdes")
    assert "transport" not in phone
