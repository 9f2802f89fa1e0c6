"""One provisioning run at a time: playbooks that take the lease, on a real MariaDB."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import DIALERS, everything, lists
from tests.modules import COLLECTIONS
from tests.waiting import wait_until

TIMEOUT = 120
#: However a run ends, the next one gets in within this time, in seconds.
A_MINUTE = 60
LEASE = "SELECT token, who, origin, playbook, expires > UTC_TIMESTAMP() FROM evenfloor_run"


@pytest.fixture
def runs(cluster, server, tmp_path):
    """Start runs that take the lease, wait for a file, and then make phones."""
    made = Runs(cluster, server, tmp_path)
    yield made
    made.end()


class Runs:
    """Runs of a playbook that takes the lease."""

    def __init__(self, cluster, server, folder):
        self.cluster, self.folder = cluster, folder
        self.options = folder / "provisioning.cnf"
        self.options.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
        self.book, self.go_on = folder / "grow.yml", folder / "go-on"
        self.book.write_text(yaml.safe_dump([self._play()]))
        self.started: list[subprocess.Popen] = []
        self.environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_NOCOLOR": "1",
        }  # fmt: skip
        self.environment.pop("SUDO_USER", None)

    def _play(self):
        database = {"config_file": str(self.options), "database": DATABASE}
        named = [{"name": d["name"], "server_ip": d["server_ip"]} for d in DIALERS]
        aliases = {
            "phone_aliases": [{"extensions": "{{ extensions }}"}],
            "dialers": named,
            "serving": [dialer["server_ip"] for dialer in DIALERS],
        }
        return {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "module_defaults": {
                "group/evenfloor.cluster.database": database,
                "group/evenfloor.cluster.provisioning": {"run_token": "{{ run_token }}"},
            },
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [
                {"evenfloor.cluster.run": {"token": "{{ run_token | default('') }}"},
                 "register": "run_lease"},
                {"ansible.builtin.set_fact": {"run_token": "{{ run_lease.token }}"}},
                # A second part of the same run asks again.
                {"evenfloor.cluster.run": {"token": "{{ run_token }}"}},
                {"ansible.builtin.file": {"path": f"{self.folder}/{{{{ extensions }}}}",
                                          "state": "touch"}},
                {"ansible.builtin.wait_for": {"path": str(self.go_on), "timeout": TIMEOUT,
                                              "sleep": 1}},
                {"evenfloor.cluster.aliases": aliases},
            ],
        }  # fmt: skip

    def start(self, extensions="101-103", *words) -> subprocess.Popen:
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-i", "localhost,", str(self.book), "-e",
                   json.dumps({"extensions": extensions}), *words]  # fmt: skip
        self.started.append(subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ))  # fmt: skip
        return self.started[-1]

    def holding(self, extensions="101-103") -> subprocess.Popen:
        """Start a run, and wait until it has the lease and its keeper."""
        run = self.start(extensions)
        wait_until((self.folder / extensions).exists, TIMEOUT, "a run with the lease")
        return run

    def said_by(self, run) -> str:
        """Wait until a run has ended, and nothing holds its output open any more."""
        return " ".join(run.communicate(timeout=TIMEOUT)[0].split())

    def lease(self):
        rows = self.cluster.run(LEASE)
        return rows[0] if rows else None

    def keeper_of(self, run) -> int | None:
        """Find the process that renews a run's lease."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.book).encode() not in (folder / "cmdline").read_bytes():
                    continue
                pid, _state, parent, _group, session = re.sub(
                    r"\(.*\)", "", (folder / "stat").read_text()).split()[:5]  # fmt: skip
                if int(pid) != run.pid and int(parent) != run.pid and pid != session:
                    return int(pid)
        return None

    def expire(self, token):
        """Let the time of a lease be over."""
        self.cluster.run(
            "UPDATE evenfloor_run SET expires = UTC_TIMESTAMP() - INTERVAL 1 SECOND"
            " WHERE token = %s",
            (token,),
        )

    def end(self):
        self.go_on.touch()
        for run in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGCONT)
            run.communicate(timeout=TIMEOUT)


def test_the_second_run_is_refused_and_told_who_is_first(runs, cluster):
    first = runs.holding()
    before = everything(cluster)
    second = runs.start("101-110")
    said = runs.said_by(second)
    assert second.returncode != 0
    me = re.escape(f"{getpass.getuser()}@{socket.gethostname()}")
    assert re.search(
        rf"provisioning runs already: {me} since \d\d:\d\d:\d\d UTC \(grow\.yml, \d+ s ago\)", said
    ), said
    assert "Nothing has been changed; run this again when it is through" in said
    after = everything(cluster)
    assert {**before, "evenfloor_run": 0} == {**after, "evenfloor_run": 0}
    runs.go_on.touch()
    said = runs.said_by(first)
    assert first.returncode == 0, said
    assert len(lists(cluster)) == 3


def test_a_run_that_has_ended_makes_room_at_once(runs):
    runs.go_on.touch()
    first = runs.start()
    said = runs.said_by(first)
    assert first.returncode == 0, said
    second = runs.start()
    said = runs.said_by(second)
    assert second.returncode == 0, said


def test_a_check_takes_no_lease_and_asks_for_none(runs):
    runs.holding()
    token = runs.lease()[0]
    check = runs.start("101-103", "--check")
    said = runs.said_by(check)
    assert check.returncode == 0, said
    assert runs.lease()[0] == token


@pytest.mark.parametrize("kill", [
    lambda run: os.kill(run.pid, signal.SIGKILL),
    lambda run: os.killpg(run.pid, signal.SIGINT),
    lambda run: os.kill(run.pid, signal.SIGTERM),
], ids=["killed", "Ctrl-C", "terminated"])  # fmt: skip
def test_a_run_that_dies_makes_room_within_a_minute(runs, kill):
    first = runs.holding()
    keeper = runs.keeper_of(first)
    kill(first)
    died = time.monotonic()
    wait_until(lambda: runs.lease() is None, A_MINUTE, "the lease is released")
    assert time.monotonic() - died < A_MINUTE
    wait_until(lambda: not Path(f"/proc/{keeper}").exists(), A_MINUTE, "the keeper has ended")
    runs.go_on.touch()
    second = runs.start()
    said = runs.said_by(second)
    assert second.returncode == 0, said


def test_the_keeper_survives_the_terminal_and_keeps_the_lease(runs):
    first = runs.holding()
    keeper = runs.keeper_of(first)
    os.killpg(os.getpgid(keeper), signal.SIGINT)
    os.kill(keeper, signal.SIGHUP)
    # It renews what has expired, as long as nobody else has taken it.
    runs.expire(runs.lease()[0])
    wait_until(lambda: runs.lease()[4], TIMEOUT, "the lease is renewed")
    assert runs.keeper_of(first) == keeper


def test_a_lease_that_a_dead_control_node_left_is_taken_over(runs, cluster):
    cluster.run(
        "INSERT INTO evenfloor_run VALUES (1, 'dead', 'anna', 'control1', 'site.yml',"
        " UTC_TIMESTAMP() - INTERVAL 1 HOUR, UTC_TIMESTAMP() - INTERVAL 1 SECOND)"
    )
    runs.holding()
    assert runs.lease()[0] != "dead"


def test_a_run_that_was_asleep_changes_nothing_after_another_has_taken_over(runs, cluster):
    first = runs.holding("101-110")
    keeper = runs.keeper_of(first)
    os.kill(keeper, signal.SIGSTOP)
    os.kill(first.pid, signal.SIGSTOP)
    token = runs.lease()[0]
    second = runs.start("101-103")

    def is_taken_over():
        # Again and again: a renewal that was under way may end only now.
        runs.expire(token)
        return runs.lease()[0] != token

    try:
        wait_until(is_taken_over, TIMEOUT, "the lease is taken over")
    finally:
        os.kill(keeper, signal.SIGCONT)
        os.kill(first.pid, signal.SIGCONT)
    wait_until(lambda: not Path(f"/proc/{keeper}").exists(), A_MINUTE, "the keeper has ended")
    runs.go_on.touch()
    said = runs.said_by(first)
    assert first.returncode != 0
    assert "this run has lost its lease" in said
    said = runs.said_by(second)
    assert second.returncode == 0, said
    assert sorted(lists(cluster)) == ["101x", "102x", "103x"]


def test_without_a_table_a_run_goes_on_as_the_first_one_has_to(runs, cluster):
    cluster.run("DROP TABLE evenfloor_run")
    runs.go_on.touch()
    first = runs.start()
    said = runs.said_by(first)
    assert first.returncode == 0, said
    assert "no lease was taken" in said
