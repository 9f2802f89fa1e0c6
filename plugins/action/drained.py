# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible action: wait until the last agent has left a dialer, or the closed phones.

Documented in modules/drained.py.
"""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import ARGUMENTS

#: What is passed on to the module that checks.
PASSED_ON = tuple(ARGUMENTS)
DEFAULT_INTERVAL = 2
#: A dialer that has sent no heartbeat for this many seconds is dead.
DEAD_AFTER = 30
#: The same number is shown again after this many seconds.
SAY_AGAIN = 60
NAMES_SHOWN = 5

display = Display()


def who(agents: list[str]) -> str:
    """Say how many agents there are, and who the first are."""
    if not agents:
        return "nobody"
    names = ", ".join(agents[:NAMES_SHOWN]) + (", …" if len(agents) > NAMES_SHOWN else "")
    return f"{len(agents)} agent{'s' if len(agents) > 1 else ''} ({names})"


def is_dead(heartbeat_age: int | None) -> bool:
    """Say whether a dialer with a heartbeat of this age, in seconds, is dead."""
    return heartbeat_age is None or heartbeat_age >= DEAD_AFTER


def silence(heartbeat_age: int | None) -> str:
    """Say since when a dead dialer has been silent."""
    if heartbeat_age is None:
        return "has no known heartbeat"
    return f"has been silent for {heartbeat_age} s"


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"name", "server_ip", "timeout", "interval", *PASSED_ON})
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Check until nobody is left or the time is up."""
        result = super().run(tmp, task_vars)
        name, timeout = self._task.args["name"], int(self._task.args["timeout"])
        interval = int(self._task.args.get("interval", DEFAULT_INTERVAL))
        started = time.monotonic()
        said, said_at = None, 0.0
        while True:
            found = self._look(task_vars)
            waited = time.monotonic() - started
            if not found.get("failed"):
                agents = found["agents"]
                ended = self._ended(name, found, waited, timeout)
                if ended:
                    return {**result, "changed": False, "agents": agents, **ended}
                if agents != said or waited - said_at >= SAY_AGAIN:
                    display.display(
                        f"{name}: {who(agents)} left after {waited:.0f} s of {timeout} s"
                    )
                    said, said_at = agents, waited
            elif said is None or waited >= timeout:
                return {**result, **found}
            else:
                display.warning(f"{name}: {found.get('msg')}; looking again")
            time.sleep(max(0, min(interval, timeout - waited)))

    def _ended(self, name, found, waited, timeout):
        """Return how the waiting has ended; None if it goes on."""
        agents, age = found["agents"], found["heartbeat_age"]
        if not agents:
            left = f"{name} is empty" if self._is_dialer else f"nobody is left on {name}"
            return {"dead": False, "msg": left}
        if is_dead(age):
            message = f"{name} {silence(age)}, nobody will leave it: {who(agents)} in its rows"
            return {"dead": True, "msg": message}
        if self._task.check_mode:
            return {"dead": False, "msg": f"would wait for {who(agents)} to leave {name}"}
        if waited < timeout:
            return None
        message = (
            f"{who(agents)} on {name} after {waited:.0f} s."
            f" {'It takes' if self._is_dialer else 'They take'} no new logins; run this again"
            " to keep waiting, or log them out (evenfloor logout --user NAME)"
        )
        if self._is_dialer:
            undo = f"drain_dialer.yml -e dialer={name} -e undo=true"
            message += f", or open it again ({undo})"
        return {"dead": False, "failed": True, "msg": message}

    @property
    def _is_dialer(self):
        """Say whether a dialer is waited for, not phones."""
        return "server_ip" in self._task.args

    def _look(self, task_vars):
        given = self._task.args
        arguments = {key: given[key] for key in PASSED_ON if key in given}
        if self._is_dialer:
            arguments["server_ip"] = given["server_ip"]
            return self._execute_module(
                "evenfloor.cluster.agents_info", arguments, task_vars=task_vars
            )
        found = self._execute_module(
            "evenfloor.cluster.phones_info", {**arguments, "only_closed": True}, task_vars=task_vars
        )
        users = {phone["user"] for phone in found.get("closed", [])} - {""}
        return {**found, "agents": sorted(users), "heartbeat_age": 0}
