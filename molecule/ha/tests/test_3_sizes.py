"""Another configuration, one database of three, and three of one, while agents log in."""

import shutil

import pytest
import yaml

from lab.cluster import ROOT, Cluster
from tests.databases import Burst, keep, lost, members, talking, wait_until_whole
from tests.state import STAYS, podman, wait_until_settled

ALL = ("db1", "db2", "db3")
LEAVE = "systemctl disable --now mariadb evenfloor-database-health"
SITE = "playbooks/site.yml"
PHONES = "SELECT login, pass, conf_secret FROM phones ORDER BY login"


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    wait_until_whole(cluster)
    wait_until_settled(cluster)


@pytest.fixture
def other(cluster):
    """A function that makes an inventory like the cluster's, with other databases and settings."""
    folder = ROOT / ".cache/ha/inventory"

    def make(databases=ALL, **settings):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(cluster.inventory, folder)
        hosts = yaml.safe_load((folder / "hosts.yml").read_text())
        kept = hosts["database"]["hosts"]
        hosts["database"] = {"hosts": {name: kept[name] for name in databases}, "vars": settings}
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
    with talking(cluster), Burst(cluster) as burst:
        changed.playbook(SITE, "--tags", "database")
        burst.stop()
    assert lost(cluster, burst) == set()
    keep("each is restarted", {"logins": len(burst.logins), "longest until a login succeeded":
                               slowest(burst)})  # fmt: skip
    for host in ALL:
        assert cluster.reading(host).sql("SELECT @@max_connections") == [["501"]]
    restarts = sorted(restart(cluster, host) for host in ALL)
    assert all(one[1] <= next_[0] for one, next_ in zip(restarts, restarts[1:], strict=False))
    cluster.playbook(SITE, "--tags", "database")


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
        with Burst(cluster) as burst:
            cluster.playbook(SITE)
            burst.stop()
        assert lost(cluster, burst) == set()
    keep("one becomes three", {"logins": len(burst.logins), "longest until a login succeeded":
                               slowest(burst)})  # fmt: skip
    for host in ALL:
        assert members(cluster, host) == len(ALL)
        assert cluster.reading(host).sql(PHONES) == phones
    wait_until_settled(cluster, STAYS)
