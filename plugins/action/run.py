# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible action: be the only run that changes the cluster.

Documented in modules/run.py.
"""

from __future__ import annotations

import getpass
import multiprocessing
import os
import pathlib
import select
import socket
import time
import uuid

from ansible import context
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import ARGUMENTS
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.keeper import start_keeper

#: What is passed on to the module.
PASSED_ON = tuple(ARGUMENTS)
DEFAULT_WAIT = 15
#: The lease is asked for again after this many seconds.
INTERVAL = 0.5
#: The keeper has to renew the lease for the first time within this many seconds.
KEEPER_STARTS_IN = 30

display = Display()


def who() -> str:
    """Say who started this run."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def playbook() -> str:
    """Return the file name of the playbook that was started."""
    names = context.CLIARGS.get("args") or ["?"]
    return pathlib.PurePath(names[0]).name


def ansible_playbook() -> int:
    """Return the number of the process of ansible-playbook: this worker's parent."""
    parent = multiprocessing.parent_process()
    # Not os.getppid(): that is another process's once ansible-playbook has been killed.
    return parent.pid if parent else os.getppid()


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"token", "wait", *PASSED_ON})
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Take the lease and start what keeps it."""
        result = {**super().run(tmp, task_vars), "changed": False, "token": ""}
        if self._task.check_mode:
            return result
        token = self._task.args.get("token") or ""
        if token:
            return {**result, **self._go_on(token, task_vars)}
        token = uuid.uuid4().hex
        taken = self._take(token, task_vars)
        if taken.get("database_absent") or not taken.get("there", True):
            # A first run makes both, and asks again.
            display.warning("no lease was taken: site.yml has to make the database's tables first")
            return result
        if taken.get("failed"):
            return {**result, **taken}
        if not taken["held"]:
            message = (
                f"{taken['holder']}. Nothing has been changed; run this again when it is through"
            )
            return {**result, "failed": True, "msg": message}
        return {**result, **self._keep(token, task_vars)}

    def _go_on(self, token, task_vars):
        """Go on with a lease that this run took before."""
        renewed = self._lease("renewed", token, task_vars)
        if renewed.get("failed") or renewed["held"]:
            return {**renewed, "token": token}
        message = (
            "this run has lost its lease: another run may have changed the cluster; run it again"
        )
        return {"failed": True, "msg": message}

    def _take(self, token, task_vars):
        """Take the lease; wait a moment for a run that is just ending."""
        ends = time.monotonic() + int(self._task.args.get("wait", DEFAULT_WAIT))
        while True:
            taken = self._lease(
                "taken", token, task_vars,
                who=who(), origin=socket.gethostname(), playbook=playbook(),
            )  # fmt: skip
            if not taken.get("holder") or time.monotonic() >= ends:
                return taken
            time.sleep(INTERVAL)

    def _keep(self, token, task_vars):
        """Start the keeper, and see it renew the lease."""

        def lease(state):
            # What the task had on the target and on the control node goes at its end.
            self._connection._shell.tmpdir = None
            done = self._lease(state, token, task_vars)
            self.cleanup(force=True)
            return done

        renewed = start_keeper(lease, ansible_playbook())
        if select.select([renewed], [], [], KEEPER_STARTS_IN)[0] and os.read(renewed, 1):
            os.close(renewed)
            return {"token": token}
        os.close(renewed)
        self._lease("released", token, task_vars)
        message = (
            "the lease of this run can't be renewed from a second process with the connection"
            f" {self._connection._load_name}; use ssh or local for the database host"
        )
        return {"failed": True, "msg": message}

    def _lease(self, state, token, task_vars, **more):
        given = {key: self._task.args[key] for key in PASSED_ON if key in self._task.args}
        arguments = {**given, "state": state, "token": token, **more}
        return self._execute_module("evenfloor.cluster.run_lease", arguments, task_vars=task_vars)
