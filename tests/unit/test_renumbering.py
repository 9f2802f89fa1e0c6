"""A dialer's address: what may be ordered, and what an inventory may say."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.addresses import address_problems
from ansible_collections.evenfloor.cluster.plugins.module_utils.renumbering import (
    renumber_problems,
    with_address,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation import (
    adoption_problems,
    inventory_problems,
)
from hypothesis import given
from hypothesis import strategies as st

GROUPS = {"all": ["db1", "d1", "d2"], "database": ["db1"], "dialers": ["d1", "d2"]}
NEW = "10.0.0.77"
#: As a run sees them that has ``-e server_ip=``: every host has that address.
HOSTVARS = {
    name: {"ansible_host": f"10.0.0.{number}", "server_ip": NEW}
    for number, name in enumerate(GROUPS["all"], start=1)
}


def test_an_order_that_fits_has_no_problems():
    assert renumber_problems(HOSTVARS, GROUPS, "d1", NEW) == []


@pytest.mark.parametrize(
    ("dialer", "server_ip", "words"),
    [
        ("", NEW, ["no dialer is named", "d1, d2"]),
        ("d9", NEW, ["'d9' is not in the group dialers", "d1, d2"]),
        ("db1", NEW, ["'db1' is not in the group dialers"]),
        ("d1", "", ["no address is given", "-e server_ip=ADDRESS"]),
        ("d1", "10.0.0.256", ["'10.0.0.256' is not an IPv4 address"]),
        ("d1", "dialer.example", ["is not an IPv4 address"]),
        ("d1", "10.0.0.3", ["10.0.0.3 is d2's ansible_host"]),
    ],
)
def test_an_order_that_does_not_fit_is_refused_with_the_fix(dialer, server_ip, words):
    (sentence,) = renumber_problems(HOSTVARS, GROUPS, dialer, server_ip)
    assert all(word in sentence for word in words)


def test_a_hosts_own_address_is_no_clash():
    assert renumber_problems(HOSTVARS, GROUPS, "d1", "10.0.0.2") == []


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("10.0.0.1", NEW),
        ("wss://10.0.0.1:8089/ws", f"wss://{NEW}:8089/ws"),
        ("10.0.0.11", "10.0.0.11"),
        ("110.0.0.1", "110.0.0.1"),
        ("sip.example", "sip.example"),
        ("10.0.0.2,10.0.0.1", f"{NEW},{NEW}"),
    ],
)
def test_an_address_within_a_text_is_replaced_whole(text, becomes):
    assert with_address(text, ("10.0.0.1", "10.0.0.2"), NEW) == becomes


addresses = st.permutations([f"10.0.0.{number}" for number in range(1, 6)])


@given(addresses, addresses)
def test_only_dialers_with_the_databases_address_have_no_problem(inventory, database):
    names = ["a", "b", "c", "d", "e"]
    dialers = [
        {"name": name, "server_ip": server_ip, "server_id": name.upper()}
        for name, server_ip in zip(names, inventory, strict=True)
    ]
    found = {problem.where for problem in address_problems(dialers, zip(names, database), {})}
    assert found == {
        name for name, mine, theirs in zip(names, inventory, database, strict=True)
        if mine != theirs
    }  # fmt: skip


# The cluster's name


def inventory(**variables):
    given = {"ansible_host": "10.0.0.1", "cluster_flavor": "vicidial", **variables}
    return {"db1": given}, {"all": ["db1"], "database": ["db1"], "login": ["db1"]}


def said(check, variables) -> list[str]:
    return [problem.sentence() for problem in check(*inventory(**variables))]


@pytest.mark.parametrize("check", [inventory_problems, adoption_problems])
@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"cluster_name": "a b"}, "cluster_name is 'a b'"),
        ({"cluster_name": "x" * 61}, "cluster_name is 'xxx"),
        ({"cluster_name": ""}, "cluster_name is ''"),
        ({"cluster_name": "lyon\n"}, "cluster_name is 'lyon"),
        ({"inventory_dir": "/srv/call centre"}, "cluster_name is 'call centre'"),
    ],
)
def test_a_name_that_does_not_fit_is_refused_with_the_fix(check, variables, shown):
    (sentence,) = [text for text in said(check, variables) if "cluster_name" in text]
    assert shown in sentence and "set cluster_name in group_vars/all" in sentence


@pytest.mark.parametrize(
    "variables",
    [
        {"cluster_name": "lyon"}, {"cluster_name": "x" * 60}, {"cluster_name": "Lyon-2_b.c"},
        {"cluster_name": 7}, {"inventory_dir": "/srv/lyon"}, {},
        {"cluster_name": "lyon", "inventory_dir": "/srv/call centre"},
    ],
)  # fmt: skip
def test_a_name_that_fits_and_none_are_taken(variables):
    assert [text for text in said(inventory_problems, variables) if "cluster_name" in text] == []
