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


class Runner:
    """Runs modules.

    Args:
        config_file: their option file.
        database: the database's name.
    """

    def __init__(self, config_file: Path | str, database: str):
        self.config_file, self.database = str(config_file), database
        self.output = ""

    def start(self, module, check=False, **arguments) -> subprocess.Popen:
        """Start a module; ``check`` is Ansible's check mode."""
        given = {
            "config_file": self.config_file,
            "database": self.database,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **arguments,
        }
        with tempfile.TemporaryFile("w+") as file:
            json.dump({"ANSIBLE_MODULE_ARGS": given}, file)
            file.seek(0)
            return subprocess.Popen(
                [sys.executable, "-m", f"{MODULES}.{module}"],
                env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

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
