"""The dynamic inventory on a real database, as Ansible reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import DATABASE

ROOT = Path(__file__).parents[2]
ANSIBLE_INVENTORY = Path(sys.executable).with_name("ansible-inventory")


@pytest.fixture
def read(server, cluster, tmp_path):
    """List the inventory of a file with these settings; returns Ansible's process."""
    option_file = tmp_path / "my.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")

    def read(name="evenfloor.yml", **settings) -> subprocess.CompletedProcess:
        file = tmp_path / name
        known = {
            "plugin": "evenfloor.cluster.dialers",
            "config_file": str(option_file),
            "database": DATABASE,
        }
        file.write_text(json.dumps({**known, **settings}))
        return subprocess.run(
            [ANSIBLE_INVENTORY, "-i", file, "--list"],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1", "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
        )

    return read


def test_dialers_and_their_variables_are_read(read, cluster):
    cluster.add_dialer("10.1.0.1", max_agents=7, weight=1.5)
    cluster.add_dialer("10.1.0.2", active="N")
    cluster.run("UPDATE servers SET asterisk_version = '18.9' WHERE server_ip = '10.1.0.1'")
    listed = json.loads(read().stdout)
    assert listed["dialers"]["hosts"] == ["d1"]
    # What a database says is never a template.
    variables = listed["_meta"]["hostvars"]["d1"]
    assert (variables.pop("max_agents"), variables.pop("weight")) == (7, 1.5)
    assert {key: value["__ansible_unsafe"] for key, value in variables.items()} == {
        "ansible_host": "10.1.0.1",
        "server_ip": "10.1.0.1",
        "server_id": "d1",
        "asterisk_version": "18.9",
        "conf_engine": "CONFBRIDGE",
        "active_agent_login_server": "Y",
    }
    # A cluster that Evenfloor hasn't touched yet.
    cluster.run("DROP TABLE evenfloor_dialers, evenfloor_weights")
    listed = json.loads(read("my.evenfloor.yaml", only_active=False, group="all_of_them").stdout)
    assert listed["all_of_them"]["hosts"] == ["d1", "d2"]


def test_a_database_that_does_not_answer_is_said_so_without_a_password(read, tmp_path):
    option_file = tmp_path / "other.cnf"
    option_file.write_text(f"[client]\nsocket={tmp_path}/none\nuser=root\npassword=hushhush\n")
    done = read(config_file=str(option_file))
    assert done.returncode != 0
    assert "can't be read from the database" in " ".join(done.stderr.split())
    assert "hushhush" not in done.stderr + done.stdout
