"""Which passwords a database user has, and which users no host needs any more."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.database_users import (
    User,
    find_stale,
    hash_of_old_row,
    hashes_of,
    wanted_hashes,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import database_addresses
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    check_login_password_length,
    new_login_password,
    password_hash,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError

NATIVE = "mysql_native_password"


def way(text, plugin=NATIVE):
    return {"plugin": plugin, "authentication_string": text}


@pytest.mark.parametrize(
    ("privileges", "found"),
    [
        ({"access": 0, **way("*A")}, ["*A"]),
        ({**way("*A"), "auth_or": [{}]}, ["*A"]),
        ({**way("*A"), "auth_or": [{}, way("*B")]}, ["*A", "*B"]),
        ({**way("*A"), "auth_or": [way("*B"), {}]}, ["*B", "*A"]),
        ({**way("x", "unix_socket"), "auth_or": [{}, way("*B")]}, ["*B"]),
        ({**way("", NATIVE)}, []),
        ({"access": 0}, []),
    ],
)
def test_the_hashes_of_a_user_are_read(privileges, found):
    assert hashes_of(privileges) == found


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ((NATIVE, "*A", ""), ["*A"]),
        (("", "", "*A"), ["*A"]),
        (("unix_socket", "", ""), []),
        (("", "", ""), []),
    ],
)
def test_the_hash_of_a_user_before_mariadb_10_4_is_read(row, found):
    assert hash_of_old_row(*row) == found


@pytest.mark.parametrize(
    ("there", "update", "wanted"),
    [
        (None, "if_needed", ["new"]),
        (["old"], "if_needed", ["new"]),
        (["new"], "if_needed", ["new"]),
        (["old", "new"], "if_needed", ["old", "new"]),
        (["old"], "add", ["new", "old"]),
        (["old", "new"], "add", ["new", "old"]),
        ([], "add", ["new"]),
        (["new", "old"], "only", ["new"]),
        (["old"], "only", ["new"]),
    ],
)
def test_a_password_is_added_or_left_alone(there, update, wanted):
    assert wanted_hashes(there, "new", update) == wanted


def test_the_hash_is_the_one_that_mariadb_makes():
    """What SELECT PASSWORD('new') returns."""
    assert password_hash("new") == "*6FE2B845E049CDA9EFED8CFAF265CD29622FD852"


def test_only_names_that_are_asked_for_are_stale():
    there = [User("a", "1"), User("a", "2"), User("b", "9"), User("c", "1")]
    stale = find_stale(there, {"a": ["1"], "b": ["7"]})
    assert stale.dropped == [User("a", "2")]
    assert (stale.kept, stale.awaited) == ([User("b", "9")], [User("b", "7")])


def test_a_missing_user_is_awaited_only_where_one_is_kept_for_it():
    assert find_stale([User("a", "1")], {"a": ["1", "2"]}) == ([], [], [])


def test_a_host_without_a_known_address_keeps_all_users_of_its_name():
    stale = find_stale([User("a", "1"), User("a", "2")], {"a": ["1", ""]})
    assert (stale.dropped, stale.kept) == ([], [User("a", "2")])
    assert "an address that the inventory does not say" in str(stale.awaited[0])


def test_no_hosts_at_all_are_no_order_to_drop_all_users():
    with pytest.raises(InventoryError, match="database users a belong to no host"):
        find_stale([User("a", "1")], {"a": []})


def test_users_of_hosts_that_are_optional_go_with_the_last_of_them():
    there = [User("a", "1"), User("b", "1")]
    assert find_stale(there, {"a": ["1"], "b": []}, ["b"]).dropped == [User("b", "1")]


def test_hosts_connect_from_the_address_that_they_are_told():
    hostvars = {
        "one": {"ansible_host": "10.0.0.1"},
        "two": {"ansible_host": "10.0.0.2", "server_ip": "10.1.0.2"},
        "three": {"ansible_host": "10.0.0.3", "balancer_address": "10.2.0.3"},
        "none": {},
    }
    assert database_addresses(hostvars, list(hostvars)) == ["10.0.0.1", "10.1.0.2", "10.2.0.3", ""]


@pytest.mark.parametrize("length", [8, 10, 40])
def test_a_login_password_is_as_long_as_asked_for(length):
    check_login_password_length(length)
    assert len(new_login_password(length)) == length


@pytest.mark.parametrize("length", [-1, 0, 7, 41])
def test_a_length_that_is_unsafe_or_cannot_be_typed_is_refused(length):
    with pytest.raises(InventoryError, match=f"is {length}; choose one from 8 to 40"):
        check_login_password_length(length)
