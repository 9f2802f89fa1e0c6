"""The role rotation, and what site.yml does for a database user, on a real MariaDB."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import DATABASE
from tests.integration.rotation import ADDRESS, FIRST_PASSWORD, USER, Host
from tests.modules import COLLECTIONS

TIMEOUT = 120
TABLES = {"servers": "SELECT (server_id, server_ip)", "evenfloor_dialers": "SELECT"}


def role(name: str, tasks_from: str, **values) -> dict:
    """Return a task that includes a role's entry point."""
    asked = {"name": f"evenfloor.cluster.{name}", "tasks_from": tasks_from}
    return {"ansible.builtin.include_role": asked, "vars": values}


class Play:
    """Runs tasks on this machine, which is the database host too."""

    def __init__(self, server, folder):
        self.folder = folder
        self.variables = {
            "ansible_python_interpreter": sys.executable,
            "ansible_host": ADDRESS,
            "database_sockets": [server.socket],
            "database_name": DATABASE,
        }
        self.environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "HOME": str(folder),
        }  # fmt: skip

    def __call__(self, *tasks, words=()):
        """Run tasks; returns what was printed."""
        book, inventory = self.folder / "play.yml", self.folder / "hosts.yml"
        inventory.write_text(yaml.safe_dump(
            {"database": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
        ))  # fmt: skip
        database = {"database": DATABASE, "cluster_flavor": "plain"}
        play = {
            "hosts": "database",
            "gather_facts": False,
            "module_defaults": {"group/evenfloor.cluster.database": database},
            "vars": self.variables,
            "tasks": list(tasks),
        }
        book.write_text(yaml.safe_dump([play]))
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [program, "-i", inventory, book, "--diff", "-vv", *words],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        return done.stdout + done.stderr


@pytest.fixture
def play(server, tmp_path):
    return Play(server, tmp_path)


@pytest.fixture
def host(cluster, server, tmp_path):
    yield Host(server, tmp_path)
    cluster.run(f"DROP USER IF EXISTS {USER}@'{ADDRESS}'")


@pytest.fixture
def tasks(host):
    """What site.yml does for a user, and the two halves of a rotation."""
    rotation = {
        "rotation_secret": str(host.secret),
        "rotation_files": [{"path": str(host.config), "key": "password"}],
        "rotation_user": USER,
        "rotation_user_address": ADDRESS,
    }
    user = role(
        "database", "user", database_user=USER, database_user_address=ADDRESS,
        database_user_password=FIRST_PASSWORD, database_user_tables=TABLES,
    )  # fmt: skip
    return user, role("rotation", "begin", **rotation), role("rotation", "end", **rotation)


def grants(cluster) -> str:
    return " ".join(row[0] for row in cluster.run(f"SHOW GRANTS FOR {USER}@'{ADDRESS}'"))


def test_a_user_gets_its_password_and_the_least_it_needs_and_a_second_run_changes_nothing(
    play, host, tasks, cluster
):
    user, _begin, _end = tasks
    assert "changed=0" not in play(user)
    assert host.lets_in(FIRST_PASSWORD)
    assert "server_id" in grants(cluster) and "INSERT" not in grants(cluster)
    assert "changed=0" in play(user)


def test_a_check_makes_no_user(play, tasks, cluster):
    user, _begin, _end = tasks
    play(user, words=["--check"])
    assert cluster.run(f"SELECT 1 FROM mysql.user WHERE user = '{USER}'") == ()


def test_a_host_changes_over_and_nothing_is_printed(play, host, tasks, cluster):
    user, begin, end = tasks
    shown = play(user) + play(begin)
    first_grants = grants(cluster)
    assert host.lets_in(FIRST_PASSWORD) and host.lets_in(host.in_use())
    new = host.in_use()
    assert new != FIRST_PASSWORD
    # What site.yml does meanwhile takes neither away.
    user["vars"]["database_user_password"] = new
    assert "changed=0" in play(user)
    resumed = play(begin, end)
    assert "a rotation that was interrupted goes on" in resumed
    assert host.in_use() == new and host.lets_in(new) and not host.lets_in(FIRST_PASSWORD)
    assert not [word for word in (FIRST_PASSWORD, new) if word in shown + resumed]
    assert grants(cluster).count("GRANT") == first_grants.count("GRANT")
    assert "changed=0" in play(user)


def test_a_check_of_a_rotation_changes_nothing(play, host, tasks):
    user, begin, end = tasks
    play(user)
    play(begin, end, words=["--check"])
    assert host.in_use() == FIRST_PASSWORD and host.lets_in(FIRST_PASSWORD)
    assert not host.following.exists()
