"""The login host that has the address of the page is lost, and agents go on at the same address."""

import contextlib
import shutil
import socket
import struct
import time

import pytest
import yaml

from lab.cluster import HTTP_TIMEOUT, ROOT, Cluster, HttpRefusal
from tests.databases import NO_ANSWER, Burst, keep, lost, talking
from tests.state import STAYS, podman, wait_until_settled
from tests.waiting import PATIENCE, Limit

HOSTS = ("login1", "login2")
#: Logins before a login host is lost, and after another has its address.
BEFORE, AFTER = 30, 30
#: Seconds within which an agent's second try works.
SOON = 5
#: How long somebody who wants to know waits for an answer, in seconds.
SHORTLY = 1
VRRP, ADVERTISEMENT, ROUTER, PLAIN_PASSWORD = 112, 0x21, 51, 1
#: Priorities that the hosts of a cluster don't have.
MORE, MUCH = 253, 254
SECRET = "/etc/evenfloor/vrrp.secret"  # noqa: S105 - a path


@pytest.fixture
def address(cluster):
    return cluster.hostvars[HOSTS[0]]["login_address"]


def holders(cluster, hosts=HOSTS) -> list[str]:
    """List which of these hosts have the address."""
    address = cluster.hostvars[HOSTS[0]]["login_address"]
    look = f"ip -4 -oneline address show to {address}"
    return [host for host in hosts if cluster.run(host, look)]


def one_holder(cluster) -> tuple[str, str]:
    """Wait until exactly one host has the address; returns it and the other."""
    cluster.wait_until(lambda: len(holders(cluster)) == 1, PATIENCE, "one host has the address")
    holder = holders(cluster)[0]
    return holder, next(host for host in HOSTS if host != holder)


def answers(cluster, address: str) -> bool:
    """Whether somebody answers at an address, and is well."""
    with contextlib.suppress(HttpRefusal, *NO_ANSWER):
        return bool(cluster.at(address, SHORTLY).request("GET", "/healthz"))
    return False


def test_agents_go_on_at_the_same_address_when_its_login_host_is_lost(cluster, address):
    holder, other = one_holder(cluster)
    with talking(cluster), Burst(cluster, address) as burst:
        burst.wait_for(BEFORE)
        limit = Limit(SOON)
        podman(cluster, holder, "stop", "--time=0")
        try:
            taken = cluster.wait_until(
                lambda: answers(cluster, address), PATIENCE, "somebody answers", every=0.1
            )
            limit.check(taken, "somebody answers at the address")
            burst.wait_for(AFTER, since=time.monotonic())
            burst.stop()
        finally:
            podman(cluster, holder, "start")
    again = [login for login in burst.logins if login.refusals]
    keep(
        "the login host with the address is lost",
        {
            "logins": len(burst.logins),
            "answers again after": round(taken, 1),
            "unanswered at first": len(again),
            "longest second try": round(max((login.seconds for login in again), default=0), 1),
        },
    )
    assert {login.refusals for login in burst.logins} <= {0, 1}
    limit.check(max((login.seconds for login in again), default=0), "a second try")
    assert lost(cluster, burst) == {}
    is_active = "systemctl is-active --quiet keepalived && echo yes"
    cluster.wait_until(
        lambda: cluster.run(holder, is_active, check=False), PATIENCE, "the host is back"
    )
    # Longer than it would take the address, if it didn't hear the other.
    wait_until_settled(cluster, STAYS)
    assert holders(cluster) == [other]


def test_the_address_leaves_a_host_whose_login_service_is_down(cluster, address):
    holder, other = one_holder(cluster)
    cluster.run(holder, "systemctl stop evenfloor-login")
    try:
        taken = cluster.wait_until(
            lambda: holders(cluster) == [other] and answers(cluster, address),
            PATIENCE,
            "the other one answers",
        )
        cluster.at(address, HTTP_TIMEOUT).login("101x")
    finally:
        cluster.run(holder, "systemctl start evenfloor-login")
    keep("the login service is stopped", {"another has the address after": round(taken, 1)})


def advertisement(source: str, target: str, address: str, secret: str, priority: int) -> bytes:
    """Make the packet of a host that claims the address for itself, with its IPv4 header."""
    head = struct.pack("!6B", ADVERTISEMENT, ROUTER, priority, 1, PLAIN_PASSWORD, 1)
    rest = socket.inet_aton(address) + secret.encode().ljust(8, b"\0")
    total = sum(struct.unpack("!9H", head + rest))
    total = (total >> 16) + (total & 0xFFFF)
    packet = head + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + rest
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 0, 0, 255, VRRP, 0) + ends + packet


def test_strangers_do_not_get_the_address(cluster, address):
    holder, other = one_holder(cluster)
    target, peer = cluster.address(holder), cluster.address(other)
    secret = cluster.run(holder, f"cat {SECRET}").strip()
    gave_way = f"journalctl --unit keepalived | grep -c 'from {peer} with higher priority {MORE},'"
    before = cluster.run(holder, f"{gave_way} || true")
    packets = [
        advertisement(cluster.address("db1"), target, address, secret, MUCH),
        advertisement(peer, target, address, "12345678", MUCH),
        # The host that has the address gives way to this one, so it still had it.
        advertisement(peer, target, address, secret, MORE),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as stream:
        for packet in packets:
            stream.sendto(packet, (target, 0))
    cluster.wait_until(
        lambda: cluster.run(holder, f"{gave_way} || true") != before,
        PATIENCE,
        "it gives way to a host that shares the address, and to nobody before",
    )
    one_holder(cluster)


@pytest.fixture
def without(cluster):
    """The same cluster, whose login hosts have no address in common."""
    folder = ROOT / ".cache/ha/inventory"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(cluster.inventory, folder)
    hosts = yaml.safe_load((folder / "hosts.yml").read_text())
    del hosts["login"]["vars"]["login_address"]
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
    yield Cluster(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_without_a_login_address_keepalived_goes_again(cluster, without):
    password = cluster.password("101x")
    without.playbook("playbooks/site.yml", "--tags", "login")
    try:
        assert holders(cluster) == []
        for host in HOSTS:
            left = f"ls /usr/sbin/keepalived /etc/keepalived/keepalived.conf {SECRET}"
            assert cluster.run(host, f"{left} 2> /dev/null", check=False) == ""
            assert without.through(host).login("101x", password=password)
    finally:
        cluster.playbook("playbooks/site.yml", "--tags", "login")
    one_holder(cluster)
