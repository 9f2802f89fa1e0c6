# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible action: wait until the last agent has left a dialer, and say meanwhile who is left."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
name: drained
short_description: Wait until the last agent has left a dialer
version_added: "0.2.0"
description:
  - Looks every few seconds who is logged in on a dialer, and says how many are left whenever that
    has changed. In check mode it looks once.
  - A dialer that has sent no heartbeat for a while is dead, and nobody will leave it; it isn't
    waited for.
options:
  name:
    description: The dialer's name, for the messages.
    type: str
    required: true
  server_ip:
    description: The dialer's address.
    type: str
    required: true
  timeout:
    description: How long to wait, in seconds.
    type: int
    required: true
  interval:
    description: How often to look, in seconds.
    type: int
    default: 2
  database:
    description: The database's name.
    type: str
    default: asterisk
author:
  - Evenfloor contributors
"""

#: A dialer that has sent no heartbeat for this many seconds is dead.
DEAD_AFTER = 30
#: The same number is said again after this many seconds.
SAY_AGAIN = 60
NAMES_SHOWN = 5

display = Display()


def who(agents: list[str]) -> str:
    """Say how many agents there are, and who the first are."""
    if not agents:
        return "nobody"
    names = ", ".join(agents[:NAMES_SHOWN]) + (", …" if len(agents) > NAMES_SHOWN else "")
    return f"{len(agents)} agent{'s' if len(agents) > 1 else ''} ({names})"


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"name", "server_ip", "timeout", "interval", "database"})
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Look until nobody is left, or the time is over."""
        result = super().run(tmp, task_vars)
        name, timeout = self._task.args["name"], int(self._task.args["timeout"])
        interval = int(self._task.args.get("interval", 2))
        started = time.monotonic()
        said, said_at = None, 0.0
        while True:
            found = self._look(task_vars)
            waited = time.monotonic() - started
            if found.get("failed"):
                if said is None or waited >= timeout:
                    return {**result, **found}
                display.warning(f"{name}: {found.get('msg')}; looking again")
                time.sleep(interval)
                continue
            agents, age = found["agents"], found["heartbeat_age"]
            dead = agents and (age is None or age >= DEAD_AFTER)
            result.update(changed=False, agents=agents, dead=bool(dead))
            if dead:
                silent = "has never sent a heartbeat" if age is None else f"is silent for {age} s"
                result["msg"] = f"{name} {silent}, nobody will leave it: {who(agents)} in its rows"
                return result
            if not agents:
                result["msg"] = f"{name} is empty"
                return result
            if self._task.check_mode:
                result["msg"] = f"would wait for {who(agents)} to leave {name}"
                return result
            if waited >= timeout:
                result.update(
                    failed=True,
                    msg=f"{who(agents)} on {name} after {waited:.0f} s. It takes no new logins; run"
                    " this again to wait on, log them out (evenfloor logout --user NAME), or open"
                    f" it again (drain-dialer.yml -e dialer={name} -e undo=true)",
                )
                return result
            if agents != said or waited - said_at >= SAY_AGAIN:
                display.display(f"{name}: {who(agents)} left after {waited:.0f} s of {timeout} s")
                said, said_at = agents, waited
            time.sleep(max(0, min(interval, timeout - waited)))

    def _look(self, task_vars):
        arguments = {
            key: self._task.args[key] for key in ("server_ip", "database") if key in self._task.args
        }
        return self._execute_module("evenfloor.cluster.agents_info", arguments, task_vars=task_vars)
