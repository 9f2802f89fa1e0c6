"""Phone logins are unique where Evenfloor owns them: the role's step, on a real MariaDB."""

import os
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest
import yaml

from tests.integration.conftest import DATABASE
from tests.modules import COLLECTIONS

TIMEOUT = 120
#: The index of earlier releases.
EARLIER = "ALTER TABLE phones DROP INDEX login, ADD INDEX login (login)"


@pytest.fixture
def step(cluster, server, tmp_path):
    """Run the step of the playbook site on a cluster of an earlier release."""
    cluster.run(EARLIER)
    for login in (None, None, "101a"):
        cluster.add_phone(login, "10.0.0.1", extension=f"{len(places(cluster))}")
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": sys.executable,
            "database_name": DATABASE,
            "database_sockets": [server.socket],
        },
        "tasks": [{"ansible.builtin.include_role": {"name": "evenfloor.cluster.flavor_plain",
                                                    "tasks_from": "unique_logins"}}],
    }  # fmt: skip
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([play]))
    program = Path(sys.executable).with_name("ansible-playbook")

    def run(*words) -> str:
        done = subprocess.run(
            [program, "-i", "localhost,", book, *words], stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
            capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    return run


def places(cluster) -> list:
    return [row[0] for row in cluster.run("SELECT extension FROM phones")]


def is_unique(cluster) -> bool:
    rows = cluster.run("SHOW INDEX FROM phones WHERE Key_name = 'login' AND Non_unique = 0")
    return len(rows) == 1


def test_a_new_cluster_takes_no_login_twice_in_whatever_case(cluster):
    cluster.add_phone("101a", "10.0.0.1")
    with pytest.raises(pymysql.err.IntegrityError):
        cluster.add_phone("101A", "10.0.0.2")


def test_an_existing_cluster_becomes_unique_and_stays_so(step, cluster):
    assert "changed=0" in step("--check")
    assert not is_unique(cluster)
    assert "changed=1" in step()
    assert is_unique(cluster)
    assert "changed=0" in step()


def test_logins_that_are_there_twice_are_named_and_left(step, cluster):
    cluster.add_phone("101A", "10.0.0.2")
    said = step()
    assert "1 phone logins belong to several phones: 101" in said
    assert not is_unique(cluster)
    assert len(places(cluster)) == 4
    cluster.run("UPDATE phones SET login = '101b' WHERE server_ip = '10.0.0.2'")
    step()
    assert is_unique(cluster)


def test_where_there_are_no_phones_yet_nothing_happens(step, cluster):
    cluster.run("DROP TABLE phones")
    assert "changed=0" in step()
