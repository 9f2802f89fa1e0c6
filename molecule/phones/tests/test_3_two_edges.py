"""A second edge: a phone with an account at each rings through the one that is left."""

import re
import shlex
from pathlib import Path

import pytest

from tests.sip_client import SipClient
from tests.state import podman
from tests.waiting import PATIENCE

EXTENSION, ALIAS = "111", "111x"
#: Its phone holds a single account.
SINGLE, SINGLE_ALIAS = "112", "112x"
EDGE1, EDGE2 = "edge1", "edge2"
INVENTORY = f"---\nsip_edge:\n  hosts:\n    {EDGE2}:\n      ansible_host: 10.91.0.42\n"
REGISTERED = {"REGISTERED", "REACHABLE"}


def states(cluster) -> set[str]:
    """Return what the database says of the phone, on all dialers."""
    rows = cluster.sql(f"SELECT peer_status FROM phones WHERE extension = '{EXTENSION}'")
    return {state for (state,) in rows}


def contacts(cluster, dialer: str) -> dict[str, bool]:
    """Say by address whether a dialer reaches the phone through each edge."""
    lines = cluster.asterisk(dialer, "pjsip show contacts").splitlines()
    found = [line.split() for line in lines if f"sip:{EXTENSION}@" in line]
    return {words[1].partition("@")[2].partition(":")[0]: "Avail" in words for words in found}


def is_written(cluster, edge: str) -> bool:
    """Say whether an edge would still know after a crash where the phone is now."""
    place = "/var/lib/kamailio/evenfloor.sqlite"
    query = f"SELECT contact FROM location WHERE username = '{EXTENSION}'"
    read = f"import sqlite3; print(sqlite3.connect('{place}').execute({query!r}).fetchall())"
    written = cluster.run(edge, f"python3 -c {shlex.quote(read)}")
    known = cluster.run(edge, f"kamcmd ul.lookup location s:{EXTENSION} || true")
    found = re.search(r"Address: (\S+)", known)
    return bool(found) and found[1] in written


def rings(cluster, alias: str = ALIAS) -> None:
    session = cluster.login(alias)
    cluster.wait_for_call(session)
    cluster.logout_everybody()


@pytest.fixture(scope="module")
def two(cluster, edge_phone, addresses):
    """The cluster with two edges; the phone has fetched its accounts since."""
    file = Path(cluster.inventory) / "edge2.yml"
    file.write_text(INVENTORY)
    cluster.reload()
    cluster.playbook("playbooks/lab_up.yml")
    cluster.playbook("playbooks/site.yml")
    edge_phone.stop()
    edge_phone.fetch(f"{addresses[ALIAS]}baresip-accounts")
    edge_phone.start()
    yield {name: cluster.address(name) for name in (EDGE1, EDGE2)}
    file.unlink()
    cluster.reload()


def single_account(cluster, addresses) -> str:
    """Return at which edge a phone has its account that holds a single one."""
    fetch = f"curl -sS --fail --cacert /etc/evenfloor/ca.pem {addresses[SINGLE_ALIAS]}MicroSIP.ini"
    text = cluster.run("db1", f"{fetch} | iconv -f UTF-16 -t UTF-8")
    (server,) = [line for line in text.splitlines() if line.startswith("server=")]
    return server.partition("=")[2].strip(' "\r').partition(":")[0]


def test_a_phone_that_holds_two_accounts_has_both_and_every_dialer_sees_it(
    cluster, two, edge_phone
):
    lines = edge_phone.accounts().splitlines()
    named = {line.partition("@")[2].partition(">")[0].partition(";")[0] for line in lines}
    assert named == set(two.values())
    cluster.wait_until(
        lambda: states(cluster) <= REGISTERED, PATIENCE, "every dialer sees the phone"
    )
    for dialer in cluster.dialers:
        cluster.wait_until(
            lambda: contacts(cluster, dialer) == dict.fromkeys(two.values(), True),  # noqa: B023
            PATIENCE,
            "a dialer reaches it through both",
        )
    rings(cluster)
    for edge in two:
        cluster.wait_until(
            lambda: is_written(cluster, edge),  # noqa: B023
            PATIENCE,
            "the edge has written it",
        )


@pytest.mark.parametrize("away", [EDGE1, EDGE2])
def test_it_rings_through_the_other_when_one_is_lost(cluster, two, away):
    podman(cluster, away, "kill")
    try:
        cluster.wait_until(
            lambda: not any(contacts(cluster, dialer)[two[away]] for dialer in cluster.dialers),
            PATIENCE,
            "the dialers see that the edge is gone",
        )
        assert states(cluster) <= REGISTERED
        rings(cluster)
    finally:
        podman(cluster, away, "start")
    for dialer in cluster.dialers:
        cluster.wait_until(
            lambda: contacts(cluster, dialer)[two[away]],  # noqa: B023
            PATIENCE,
            "it comes back by itself",
        )


def test_a_phone_with_one_account_moves_when_its_edge_leaves_the_inventory(cluster, two, addresses):
    ((secret,),) = cluster.sql(
        f"SELECT DISTINCT conf_secret FROM phones WHERE extension = '{SINGLE}'"
    )
    for address in two.values():
        with SipClient(address) as phone:
            assert phone.register(SINGLE, secret) == 200
            assert phone.register(SINGLE, secret, expires=0) == 200
    before = single_account(cluster, addresses)
    assert before in two.values()
    hosts = Path(cluster.inventory) / "hosts.yml"
    text = hosts.read_text()
    name = next(name for name, address in two.items() if address == before)
    file = hosts if name == EDGE1 else hosts.with_name("edge2.yml")
    kept = file.read_text()
    assert text.count(f"    {EDGE1}:\n") == 1
    try:
        file.write_text(kept.replace(f"    {name}:\n      ansible_host: {before}\n", ""))
        cluster.reload()
        cluster.playbook("playbooks/site.yml")
        after = single_account(cluster, addresses)
    finally:
        file.write_text(kept)
        cluster.reload()
    assert {before, after} == set(two.values())
