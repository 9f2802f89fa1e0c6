"""The action drained, as Ansible runs it: who is waited for, and for how long."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import FIRST

ROOT = Path(__file__).parents[3]


@pytest.fixture
def drain(modules, cluster, option_file):
    """Open the first dialer, and give a function that drains it."""
    modules.server(1, opened=True)
    cluster.keep_alive()

    def drain(*options, **arguments) -> dict:
        given = {
            "name": "dialer1",
            "server_ip": FIRST,
            "timeout": 0,
            "database": DATABASE,
            "config_file": str(option_file),
            "cluster_flavor": "plain",
            **arguments,
        }
        given = {name: value for name, value in given.items() if value is not None}
        done = subprocess.run(
            [
                Path(sys.executable).with_name("ansible"),
                *("localhost", "-m", "evenfloor.cluster.drained", "-a", json.dumps(given)),
                *("-e", f"ansible_python_interpreter={sys.executable}", *options),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
        )
        text = " ".join((done.stdout + done.stderr).split())
        return {"failed": done.returncode != 0, "text": text}

    return drain


def test_a_dialer_without_agents_is_empty(drain):
    done = drain()
    assert not done["failed"], done
    assert "dialer1 is empty" in done["text"]


def test_agents_that_stay_are_named_with_what_to_do_when_the_time_is_up(drain, cluster):
    cluster.add_agent(FIRST, user="agent7")
    done = drain()
    assert done["failed"]
    assert re.search(r"1 agent \(agent7\) on dialer1 after \d+ s", done["text"])
    assert "drain_dialer.yml -e dialer=dialer1 -e undo=true" in done["text"]


def test_check_mode_looks_once_and_waits_for_nobody(drain, cluster):
    cluster.add_agent(FIRST, user="agent7")
    done = drain("--check", timeout=600)
    assert not done["failed"], done
    assert "would wait for 1 agent (agent7) to leave dialer1" in done["text"]


def test_a_dead_dialer_is_not_waited_for(drain, cluster):
    cluster.add_agent(FIRST, user="agent7")
    cluster.die()
    cluster.run("UPDATE server_updater SET last_update = NOW() - INTERVAL 40 SECOND")
    done = drain(timeout=600)
    assert not done["failed"], done
    assert "nobody will leave it: 1 agent (agent7) in its rows" in done["text"]


CLOSED = {"name": "closed phones", "server_ip": None}


def test_an_agent_on_a_closed_phone_is_waited_for(drain, cluster, modules):
    modules.aliases("101-102", serving=[FIRST])
    cluster.add_agent(FIRST, "PJSIP/102", user="agent7")
    modules.aliases("101", purge=True, confirmed=True)
    done = drain(**CLOSED)
    assert done["failed"]
    assert "1 agent (agent7) on closed phones after" in done["text"]
    assert "They take no new logins" in done["text"]
    assert "undo=true" not in done["text"]
    cluster.run("DELETE FROM vicidial_live_agents")
    assert "nobody is left on closed phones" in drain(**CLOSED)["text"]


def test_where_no_phone_is_closed_nobody_is_waited_for(drain, cluster, modules):
    modules.aliases("101", serving=[FIRST])
    cluster.add_agent(FIRST, "PJSIP/101", user="agent7")
    assert not drain(**CLOSED)["failed"]
