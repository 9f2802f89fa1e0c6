"""Runs tasks of the collection's roles on this machine, as a playbook would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.integration.conftest import DATABASE
from tests.modules import COLLECTIONS

ADDRESS = "127.0.0.1"
#: Seconds. Longer than a few tasks take on a busy machine.
TIMEOUT = 600


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
            "database_sockets": [server.socket],
            "database_name": DATABASE,
        }
        self.database = {"database": DATABASE, "cluster_flavor": "plain"}
        self.environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "HOME": str(folder),
        }  # fmt: skip

    def __call__(self, *tasks, words=(), fails=False):
        """Run tasks; returns what was printed."""
        book, inventory = self.folder / "play.yml", self.folder / "hosts.yml"
        host = {"ansible_connection": "local", "ansible_host": ADDRESS}
        inventory.write_text(yaml.safe_dump({"database": {"hosts": {"localhost": host}}}))
        play = {
            "hosts": "database",
            "gather_facts": False,
            "module_defaults": {"group/evenfloor.cluster.database": self.database},
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
        assert bool(done.returncode) == fails, done.stdout[-4000:] + done.stderr[-1000:]
        return done.stdout + done.stderr
