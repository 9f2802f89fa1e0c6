"""What an inventory means: its extensions, aliases, letters and dialers."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_aliases,
    expand_extensions,
    letters_of,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.inventories import assert_says, inventory

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
def test_an_extension_that_is_not_numeric_is_refused_with_the_fix(text):
    with pytest.raises(InventoryError) as refusal:
        expand_extensions(text)
    word = text.rpartition(",")[2]
    assert_says(str(refusal.value), f"'{word}'", 'write "101" or "101-160"')


def test_a_range_that_runs_backwards_is_refused_with_the_fix():
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
            "kind": "sip",
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
        "kind": "sip",
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
                "weight": 1.5,
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
            "weight": 1,
            "protocol": None,
        },
        {
            "name": "dialer1",
            "server_ip": "10.0.0.11",
            "server_id": "first",
            "max_agents": 20,
            "weight": 1.5,
            "protocol": "SIP",
        },
    ]


def test_an_inventory_without_the_group_has_no_dialers():
    assert list_dialers({}, {"all": []}) == []
