"""Whose cluster it is, and a dialer's new address: the playbooks on a real MariaDB.

The cluster runs VICIdial, because there only the database host is a host of the playbooks.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from tests.integration.modules.conftest import vicidial  # noqa: F401
from tests.integration.modules.guest import DATABASE
from tests.modules import COLLECTIONS

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
TIMEOUT = 240
OLD, NEW, OTHER = "10.0.0.1", "10.0.0.77", "10.0.0.2"
TABLES = ["servers", "phones", "phones_alias", "evenfloor_dialers", "evenfloor_cluster",
          "evenfloor_renumbering"]  # fmt: skip


@pytest.fixture
def cluster(vicidial, tmp_path):  # noqa: F811
    """Two adopted dialers, and an inventory that has them."""
    vicidial.adopt()
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "cluster_flavor": "vicidial",
        "cluster_name": "lyon",
        "database_name": DATABASE,
        "database_sockets": [vicidial.socket],
        "dialer_heartbeat_timeout": 120,
        "phone_aliases": [{"extensions": "101-102"}],
    }
    vicidial.inventory = {
        "all": {"vars": variables},
        "database": {"hosts": {"db1": {"ansible_host": "10.0.0.250"}}},
        "login": {"hosts": {"web1": {"ansible_host": "10.0.0.251"}}},
        "dialers": {
            "hosts": {"first": {"server_ip": OLD, "server_id": "D1"},
                      "second": {"server_ip": OTHER, "server_id": "D2"}}
        },
    }  # fmt: skip
    vicidial.folder = tmp_path
    return vicidial


def play(cluster, book, *words):
    """Run a playbook without a terminal; returns whether it succeeded, and what it said."""
    inventory = cluster.folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump(cluster.inventory))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, book, *words],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    return done.returncode == 0, " ".join((done.stdout + done.stderr).split())


def with_config(cluster, name) -> Path:
    """Copy a playbook, with the test's option file and without the package.

    Everything else is as operators have it.
    """
    kept = []
    for entry in yaml.safe_load((PLAYBOOKS / name).read_text()):
        part = entry.get("ansible.builtin.import_playbook")
        if part == "parts/run.yml":
            kept += yaml.safe_load((PLAYBOOKS / part).read_text())
        elif part != "parts/package.yml":
            kept.append(entry)
    for entry in kept:
        defaults = entry.get("module_defaults", {}).get("group/evenfloor.cluster.database")
        if defaults:
            defaults["config_file"] = str(cluster.option_file)
    text = yaml.safe_dump(kept, sort_keys=False)
    for tasks in (": tasks/", ": ../tasks/"):
        text = text.replace(tasks, f": {PLAYBOOKS}/tasks/")
    book = cluster.folder / name
    book.write_text(text)
    return book


# Whose cluster it is


@pytest.mark.parametrize("words", [(), ("--check",)], ids=["run", "check"])
@pytest.mark.parametrize("name", ["aliases.yml", "drain_dialer.yml"])
def test_a_run_with_another_address_changes_nothing_and_says_how_it_is_meant(cluster, name, words):
    cluster.inventory["dialers"]["hosts"]["first"]["server_ip"] = NEW
    before = cluster.rows(*TABLES)
    succeeded, said = play(cluster, PLAYBOOKS / name, "-e", "dialer=first", *words)
    assert not succeeded
    assert f"first: server_ip is {NEW} in the inventory, and {OLD} in the database" in said
    assert f"renumber-dialer.yml -e dialer=first -e server_ip={NEW}" in said
    assert cluster.rows(*TABLES) == before


def test_a_run_of_another_cluster_changes_nothing(cluster):
    cluster.sql("UPDATE evenfloor_cluster SET cluster_name = 'paris'")
    before = cluster.rows(*TABLES)
    succeeded, said = play(cluster, PLAYBOOKS / "aliases.yml")
    assert not succeeded
    assert "belongs to the cluster paris; the inventory says lyon" in said
    assert cluster.rows(*TABLES) == before


def test_the_name_is_that_of_the_folder_where_none_is_set(cluster):
    del cluster.inventory["all"]["vars"]["cluster_name"]
    cluster.sql("UPDATE evenfloor_cluster SET cluster_name = 'paris'")
    _succeeded, said = play(cluster, PLAYBOOKS / "aliases.yml")
    assert f"the inventory says {cluster.folder.name};" in said


def test_aliases_alone_record_the_name(cluster):
    succeeded, said = play(cluster, phones_play(cluster))
    assert succeeded, said
    assert cluster.sql("SELECT flavor, cluster_name FROM evenfloor_cluster") == (
        ("vicidial", "lyon"),
    )


def phones_play(cluster) -> Path:
    """Copy the first play of the part that every run of phones passes."""
    (first, *_others) = yaml.safe_load((PLAYBOOKS / "parts/phones.yml").read_text())
    first["module_defaults"]["group/evenfloor.cluster.database"]["config_file"] = str(
        cluster.option_file
    )
    book = cluster.folder / "phones.yml"
    book.write_text(yaml.safe_dump([first], sort_keys=False))
    return book


# Another address

RENUMBER = PLAYBOOKS / "renumber_dialer.yml"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["dialer=nobody", f"server_ip={NEW}"],
         ["'nobody' is not in the group dialers", "first, second"]),
        (["dialer=first", "server_ip=10.0.0.400"], ["'10.0.0.400' is not an IPv4 address"]),
        (["dialer=first"], ["no address is given"]),
        (["dialer=first", "server_ip=10.0.0.251"], ["is web1's ansible_host"]),
        (["dialer=first", f"server_ip={OTHER}"], [f"server_ip {OTHER} is D2's in the database"]),
        (["dialer=first", f"server_ip={NEW}"], ["Nothing has been changed. Type first"]),
    ],
    ids=["name", "no address", "none", "a host's", "a dialer's", "nobody confirmed"],
)  # fmt: skip
def test_an_order_that_does_not_fit_or_that_nobody_confirmed_changes_nothing(cluster, words, says):
    before = cluster.rows(*TABLES)
    given = [part for word in words for part in ("-e", word)]
    succeeded, said = play(cluster, RENUMBER, *given)
    assert not succeeded
    assert all(text in said for text in says), said
    assert cluster.rows(*TABLES) == before


def test_the_address_that_it_has_is_nothing_to_do(cluster):
    before = cluster.rows(*TABLES)
    succeeded, said = play(
        cluster, with_config(cluster, "renumber_dialer.yml"),
        "-e", "dialer=first", "-e", f"server_ip={OLD}",
    )  # fmt: skip
    assert succeeded, said
    assert f"first has the address {OLD} already, and nothing is left to do" in said
    assert cluster.rows(*TABLES) == before


class Keepalive(threading.Thread):
    """Does VICIdial's part on the dialer, once its row has the new address."""

    def __init__(self, vicidial):  # noqa: F811
        super().__init__(daemon=True)
        self.connection = vicidial.fresh_connection()
        self.done = threading.Event()

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.done.wait(0.5):
                cursor.execute("UPDATE servers SET rebuild_conf_files = 'N'")
                cursor.execute("UPDATE server_updater SET last_update = NOW()")


def renumbered(cluster, *words):
    return play(
        cluster, with_config(cluster, "renumber_dialer.yml"), "-e", "dialer=first", "-e",
        f"server_ip={NEW}", "-e", "confirmed=true", *words,
    )  # fmt: skip


@pytest.fixture
def keepalive(cluster, server):
    cluster.fresh_connection = lambda: server.connect(DATABASE)
    thread = Keepalive(cluster)
    thread.start()
    yield
    thread.done.set()
    thread.join(TIMEOUT)


@pytest.mark.parametrize("known", [OLD, NEW], ids=["before", "after"])
def test_a_dialer_gets_its_address_whether_the_inventory_has_it_or_not(cluster, keepalive, known):
    cluster.inventory["dialers"]["hosts"]["first"]["server_ip"] = known
    before = cluster.rows(*TABLES)
    succeeded, said = renumbered(cluster, "--check")
    assert succeeded, said
    assert cluster.rows(*TABLES) == before
    succeeded, said = renumbered(cluster)
    assert succeeded, said
    assert "/etc/astguiclient.conf" in said and f"to {NEW}, if it isn't yet" in said
    rows = "SELECT server_ip, active_agent_login_server FROM servers ORDER BY server_id"
    assert cluster.sql(rows) == ((NEW, "Y"), (OTHER, "Y"))
    assert cluster.sql("SELECT DISTINCT server_ip FROM phones ORDER BY 1") == ((OTHER,), (NEW,))
    assert cluster.sql("SELECT * FROM evenfloor_renumbering") == ()


def test_a_dialer_that_does_not_serve_stays_closed_until_another_run(cluster, request):
    cluster.inventory["all"]["vars"]["dialer_heartbeat_timeout"] = 2
    succeeded, said = renumbered(cluster)
    assert not succeeded
    assert f"first sends no heartbeat from {NEW} yet" in said
    switch = "SELECT active_agent_login_server FROM servers WHERE server_id = 'D1'"
    assert cluster.sql(switch) == (("N",),)
    request.getfixturevalue("keepalive")
    cluster.inventory["all"]["vars"]["dialer_heartbeat_timeout"] = 120
    succeeded, said = renumbered(cluster)
    assert succeeded, said
    assert cluster.sql(switch) == (("Y",),)
