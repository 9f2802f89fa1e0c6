"""An address that moves between login hosts."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import login_peers
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from tests.unit.inventories import assert_says, inventory

ADDRESS = "10.1.0.9"


def sharing(*addresses, **variables):
    """Make an inventory whose login hosts have these addresses, and find what is wrong with it."""
    names = [f"login{number}" for number, _address in enumerate(addresses, 1)]
    hostvars, groups = inventory(login=names)
    for name, address in zip(names, addresses, strict=True):
        hostvars[name].update({"login_address": address} if address else {}, **variables)
    return problems(hostvars, groups)


@pytest.mark.parametrize("shared", [2, 3])
def test_login_hosts_may_share_an_address_that_none_of_them_has(shared):
    assert sharing(*[ADDRESS] * shared) == []
    assert sharing(*[ADDRESS] * shared, None) == []


def test_an_address_of_one_login_host_is_its_own():
    assert sharing("10.1.0.2", None) == sharing("login.example.com", "10.1.0.3") == []


def test_a_shared_address_is_no_hosts_own():
    (problem,) = sharing("10.1.0.2", "10.1.0.2")
    assert_says(problem, "login_address 10.1.0.2", "login1's own", "that no host has itself")
    (problem,) = sharing("10.0.0.11", "10.0.0.11")
    assert_says(problem, "dialer1's own")


@pytest.mark.parametrize("address", ["login.example.com", "fd00::9", "255.1.1.1", "10.1.0"])
def test_a_shared_address_is_an_ipv4_address(address):
    (problem,) = sharing(address, address)
    assert_says(problem, f"login_address {address}", "not an IPv4 address", "login_names")


def test_nginx_and_the_login_service_need_ports_of_their_own_where_nginx_listens_everywhere():
    (problem,) = sharing(ADDRESS, ADDRESS, login_tls="off")
    assert_says(problem, "login2: login_port 8080", "balancer_port", "set login_port")
    assert sharing(ADDRESS, ADDRESS, login_tls="off", login_port=80) == []
    assert sharing(ADDRESS, ADDRESS, login_tls="off", balancer_port=8081) == []


def test_those_who_share_an_address_know_each_other():
    hostvars, groups = inventory(login=["login1", "login2", "login3", "login4"])
    for name in ("login1", "login3"):
        hostvars[name]["login_address"] = ADDRESS
    assert login_peers(hostvars, groups, "login1") == ["login3"]
    assert login_peers(hostvars, groups, "login2") == []
