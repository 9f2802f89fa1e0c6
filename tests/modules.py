"""Runs the Ansible modules as Ansible does: a process each, with arguments on standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = "ansible_collections.evenfloor.cluster.plugins.modules"
#: Where the clone is the collection evenfloor.cluster.
COLLECTIONS = Path(__file__).parents[1] / ".cache/collections"
TIMEOUT = 60


def start(module, **arguments) -> subprocess.Popen:
    """Start a module with these arguments."""
    with tempfile.TemporaryFile("w+") as file:
        json.dump({"ANSIBLE_MODULE_ARGS": {"_ansible_diff": True, **arguments}}, file)
        file.seek(0)
        return subprocess.Popen(
            [sys.executable, "-m", f"{MODULES}.{module}"],
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Runner:
    """Runs modules.

    Args:
        defaults: what every module is given, as by ``module_defaults``.
    """

    def __init__(self, **defaults):
        self.defaults = defaults
        self.output = ""

    def start(self, module, check=False, **arguments) -> subprocess.Popen:
        """Start a module; ``check`` is Ansible's check mode."""
        return start(module, _ansible_check_mode=check, **{**self.defaults, **arguments})

    def finish(self, process) -> dict:
        """Return what a module returned; a crash is an error."""
        self.output, errors = process.communicate(timeout=TIMEOUT)
        try:
            return json.loads(self.output)
        except ValueError:
            raise RuntimeError(
                f"the module crashed: {self.output[-500:]}{errors[-1500:]}"
            ) from None

    def run(self, module, check=False, **arguments) -> dict:
        """Run a module that must not fail."""
        result = self.finish(self.start(module, check, **arguments))
        assert not result.get("failed"), result["msg"]
        return result

    def fail(self, module, check=False, **arguments) -> str:
        """Run a module that must fail, and return its message."""
        result = self.finish(self.start(module, check, **arguments))
        assert result.get("failed"), result
        return result["msg"]


class DatabaseRunner(Runner):
    """Runs the modules of the action group ``database``.

    Args:
        config_file: their option file.
        database: the database's name.
        flavor: the cluster's.
    """

    def __init__(self, config_file: Path | str, database: str, flavor: str = "plain"):
        super().__init__(config_file=str(config_file), database=database, cluster_flavor=flavor)

    @property
    def config_file(self) -> str:
        """The modules' option file."""
        return self.defaults["config_file"]
