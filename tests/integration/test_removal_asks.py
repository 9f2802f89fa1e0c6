"""What the playbooks ask before phones and aliases go: the role's steps on a real MariaDB."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import DIALERS, Modules, everything, lists
from tests.modules import COLLECTIONS

SERVING = [dialer["server_ip"] for dialer in DIALERS]
TYPO = [{"extensions": "101-106"}]
TIMEOUT = 120
#: Somebody types again after so many seconds of silence.
ASK_AGAIN = 2


@pytest.fixture
def run(cluster, server, tmp_path):
    """Run the role's steps `removal` and `phones` on a cluster with the aliases 101 to 160."""
    options = tmp_path / "provisioning.cnf"
    options.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    Modules(options).aliases("101-160", DIALERS, serving=SERVING)
    cluster.add_agent(SERVING[0], "PJSIP/120", user="agent7")
    database = {"config_file": str(options), "database": DATABASE, "cluster_flavor": "plain"}
    steps = [
        {"ansible.builtin.include_role": {"name": "evenfloor.cluster.phone_aliases",
                                          "tasks_from": step}}
        for step in ("removal", "phones")
    ]  # fmt: skip
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "module_defaults": {"group/evenfloor.cluster.database": database},
        "vars": {"ansible_python_interpreter": sys.executable, "cluster_dialers": DIALERS},
        "tasks": steps,
    }
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([play]))

    return Steps(book)


class Steps:
    """Runs a playbook for given phone_aliases."""

    def __init__(self, book):
        self.book = book
        self.environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}

    def command(self, phone_aliases, *words) -> list[str]:
        given = json.dumps({"phone_aliases": phone_aliases, "phone_aliases_dialers": DIALERS})
        program = Path(sys.executable).with_name("ansible-playbook")
        return [str(program), "-i", "localhost,", str(self.book), "-e", given, *words]

    def __call__(self, *given):
        """Run it without a terminal."""
        return subprocess.run(
            self.command(*given), env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip


def answered(command, environment, answer) -> tuple[int, str]:
    """Run a command in a terminal of its own, and answer when it asks; returns how it ended."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, environment)  # noqa: S606
    shown, silent, answers = "", 0, 0
    while silent < TIMEOUT:
        if select.select([terminal], [], [], ASK_AGAIN)[0]:
            silent = 0
            try:
                part = os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
            if not part:
                break
            shown += part
        else:
            silent += ASK_AGAIN
        # Ansible drops what was typed before it had set the terminal up.
        asks = "Type yes to remove them" in shown and "Remove nothing" not in shown
        if asks and (silent or not answers):
            os.write(terminal, f"{answer}\r".encode())
            answers += 1
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def said(done) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_without_a_terminal_nothing_goes_and_the_run_ends_at_once(run, cluster):
    before = everything(cluster)
    done = run(TYPO)
    assert done.returncode != 0
    assert "162 phones and 54 aliases would be removed" in said(done)
    assert "1 agent is logged in on these phones: agent7" in said(done)
    assert "Nothing has been changed" in said(done) and "-e phone_aliases_confirmed=true" in said(
        done
    )
    assert everything(cluster) == before


def test_a_check_names_what_would_go_and_asks_nobody(run, cluster):
    before = everything(cluster)
    done = run(TYPO, "--check")
    assert done.returncode == 0, said(done)
    assert "162 phones and 54 aliases would be removed" in said(done)
    assert everything(cluster) == before


@pytest.mark.parametrize("other", ["confirmed=true", "agents_confirmed=true"])
def test_another_questions_answer_is_none_to_this_one(run, cluster, other):
    before = everything(cluster)
    done = run(TYPO, "-e", other)
    assert done.returncode != 0 and "say -e phone_aliases_confirmed=true" in said(done)
    assert everything(cluster) == before


def test_what_is_confirmed_goes(run, cluster):
    done = run(TYPO, "-e", "phone_aliases_confirmed=true")
    assert done.returncode == 0, said(done)
    assert len(lists(cluster)) == 6


@pytest.mark.parametrize(("answer", "left"), [("yes", 6), ("no", 60)])
def test_in_a_terminal_somebody_answers(run, cluster, answer, left):
    status, shown = answered(run.command(TYPO), run.environment, answer)
    assert (status == 0) == (answer == "yes"), shown
    assert "162 phones and 54 aliases would be removed" in shown
    assert len(lists(cluster)) == left


def test_a_list_that_is_not_set_removes_nothing(run, cluster):
    before = everything(cluster)
    for words in ([], ["--check"]):
        done = run([], *words)
        assert done.returncode != 0
        assert "phone_aliases is empty or not set" in said(done)
    assert everything(cluster) == before
