"""Other configurations and hosts, one database of three, and three of one, while agents log in."""

import shutil
import time

import pytest
import yaml

from lab.cluster import ROOT, Cluster
from tests.databases import Burst, keep, lost, members, talking, wait_until_whole
from tests.state import STAYS, podman, wait_until_settled

ALL = ("db1", "db2", "db3")
LEAVE = (
    "systemctl disable --now mariadb evenfloor-database-health;"
    " rm /etc/evenfloor/ca.key /etc/evenfloor/galera.key"
)
SITE = "playbooks/site.yml"
#: Seconds between an agent's logins beside a playbook.
PAUSE = 3
#: A login host that also votes, where there are two databases.
ARBITRATOR = "login2"
#: A host that takes the place of another.
SPARE, SPARE_ADDRESS = "db4", "10.92.0.13"
AUTHORITY = "cd /etc/evenfloor; stat -c '%a %U' ca.key; sha256sum ca.key ca.pem"
PHONES = "SELECT login, pass, conf_secret FROM phones ORDER BY login"


@pytest.fixture
def other(cluster):
    """A function that makes an inventory like the cluster's, with other databases and settings."""
    folder = ROOT / ".cache/ha/inventory"

    def make(databases=ALL, arbitrators=(), **settings):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(cluster.inventory, folder)
        hosts = yaml.safe_load((folder / "hosts.yml").read_text())
        kept = hosts["database"]["hosts"] | {SPARE: {"ansible_host": SPARE_ADDRESS}}
        hosts["database"] = {"hosts": {name: kept[name] for name in databases}, "vars": settings}
        if arbitrators:
            hosts["database_arbitrator"] = {"hosts": dict.fromkeys(arbitrators)}
        (folder / "hosts.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
        return Cluster(folder)

    yield make
    shutil.rmtree(folder, ignore_errors=True)


def restart(cluster, host: str) -> tuple[int, int]:
    """Return when a database was stopped and was up again, by the machine's clock."""
    text = cluster.run(
        host,
        "systemctl show mariadb --value --timestamp=unix -p InactiveEnterTimestampMonotonic"
        " -p ActiveEnterTimestampMonotonic",
    )
    return tuple(sorted(map(int, text.split())))


def slowest(burst) -> float:
    return round(max(login.waited for login in burst.logins), 1)


def test_another_configuration_restarts_one_database_after_the_other(cluster, other):
    changed = other(database_max_connections=501)
    with talking(cluster), Burst(cluster, pause=PAUSE) as burst:
        changed.playbook(SITE, "--tags", "database")
        burst.stop()
    assert lost(cluster, burst) == {}
    keep("each is restarted", {"logins": len(burst.logins), "longest until a login succeeded":
                               slowest(burst)})  # fmt: skip
    for host in ALL:
        assert cluster.reading(host).sql("SELECT @@max_connections") == [["501"]]
    restarts = sorted(restart(cluster, host) for host in ALL)
    assert all(one[1] <= next_[0] for one, next_ in zip(restarts, restarts[1:], strict=False))
    cluster.playbook(SITE, "--tags", "database")


def test_hosts_that_are_lost_for_good_are_replaced_even_the_first(cluster, other):
    phones, authority = cluster.sql(PHONES), cluster.run("db1", AUTHORITY)
    spare = other((SPARE, "db2", "db3"))
    for lost_host, before, after in (("db1", cluster, spare), (SPARE, spare, cluster)):
        with talking(before), Burst(before, pause=PAUSE) as burst:
            podman(before, lost_host, "rm", "--force", "--volumes", "--time=0")
            after.playbook("playbooks/lab_up.yml")
            after.playbook(SITE)
            burst.stop()
            assert lost(after, burst) == {}
        keep(f"{lost_host} is replaced", {"logins": len(burst.logins), "longest until a login"
                                          " succeeded": slowest(burst)})  # fmt: skip
        for host in after.groups["database"]:
            assert members(after, host) == len(ALL)
            assert after.reading(host).sql(PHONES) == phones
            assert after.run(host, AUTHORITY) == authority
        for host in (*after.groups["login"], *after.dialers):
            after.run(host, "test ! -e /etc/evenfloor/ca.key")
        wait_until_settled(after, STAYS)


def test_two_databases_and_an_arbitrator_survive_the_loss_of_any_one(cluster, other):
    phones = cluster.sql(PHONES)
    two = other(ALL[:2], [ARBITRATOR])
    with talking(two), Burst(two, pause=PAUSE) as burst:
        cluster.run("db3", LEAVE)
        podman(cluster, "db3", "rm", "--force", "--volumes", "--time=0")
        two.playbook(SITE)
        wait_until_whole(two)
        assert two.playbook("playbooks/check.yml").returncode == 0
        for lost_host in (*ALL[:2], ARBITRATOR):
            if lost_host == ARBITRATOR:
                two.run(lost_host, "systemctl stop garb")
                check = two.playbook("playbooks/check.yml", check=False)
                assert "arbitrator_away" in check.stdout
            else:
                podman(two, lost_host, "stop", "--time=0")
            burst.wait_for(len(ALL) * 10, since=time.monotonic())
            if lost_host == ARBITRATOR:
                two.run(lost_host, "systemctl start garb")
            else:
                podman(two, lost_host, "start")
            wait_until_whole(two)
        burst.stop()
        assert lost(two, burst) == {}
    keep("each of two databases and their arbitrator is lost once", {"logins": len(burst.logins),
         "longest until a login succeeded": slowest(burst)})  # fmt: skip
    # All databases were stopped, and the arbitrator's host is lost.
    for host in ALL[:2]:
        two.run(host, "systemctl stop mariadb")
    podman(two, ARBITRATOR, "stop", "--time=0")
    two.playbook("playbooks/start_database.yml", check=False)
    assert [members(two, host) for host in ALL[:2]] == [2, 2]
    podman(two, ARBITRATOR, "start")
    wait_until_whole(two)
    cluster.run(ARBITRATOR, "systemctl disable --now garb; rm /etc/evenfloor/galera.key")
    cluster.playbook("playbooks/lab_up.yml")
    cluster.playbook(SITE)
    wait_until_whole(cluster)
    assert cluster.sql(PHONES) == phones
    wait_until_settled(cluster, STAYS)


def test_three_become_one_and_one_becomes_three_while_agents_talk(cluster, other):
    phones = cluster.sql(PHONES)
    password = cluster.password("101x")
    with talking(cluster):
        one = other(ALL[:1])
        refused = one.playbook(SITE, "--tags", "database", check=False)
        assert "db1 is one of several databases" in refused.stdout
        assert members(cluster, "db1") == len(ALL)
        for host in ALL[1:]:
            cluster.run(host, LEAVE)
        one.playbook(SITE)
        one.login("101x", password=password)
        assert cluster.sql("SELECT @@wsrep_on") == [["0"]]
        assert cluster.sql(PHONES) == phones

        # The others have to be new.
        for host in ALL[1:]:
            podman(cluster, host, "rm", "--force", "--volumes", "--time=0")
        cluster.playbook("playbooks/lab_up.yml")
        cluster.playbook(SITE, "--check", "--diff", "--tags", "database")
        with Burst(cluster, pause=PAUSE) as burst:
            cluster.playbook(SITE)
            burst.stop()
        assert lost(cluster, burst) == {}
    keep("one becomes three", {"logins": len(burst.logins), "longest until a login succeeded":
                               slowest(burst)})  # fmt: skip
    for host in ALL:
        assert members(cluster, host) == len(ALL)
        assert cluster.reading(host).sql(PHONES) == phones
    wait_until_settled(cluster, STAYS)
