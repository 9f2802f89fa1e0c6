# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible action: see which phones should follow to the new dialers, and wait for them.

Documented in modules/followers_info.py.
"""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.evenfloor.cluster.plugins.module_utils.followers import in_words

#: Seconds between two looks.
INTERVAL = 2
#: The same number is shown again after this many seconds.
SAY_AGAIN = 60

display = Display()


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Look until all are registered or the time is up."""
        result = super().run(tmp, task_vars)
        timeout = 0 if self._task.check_mode else int(self._task.args.get("timeout", 0))
        started = time.monotonic()
        said, said_at = None, 0.0
        while True:
            found = self._execute_module(task_vars=task_vars)
            waited = time.monotonic() - started
            if found.get("failed"):
                if said is None or waited >= timeout:
                    return {**result, **found}
                display.warning(f"{found.get('msg')}; looking again")
            elif not found["awaited"] or waited >= timeout:
                if found["awaited"] and timeout:
                    missing = in_words(found["awaited"])
                    display.warning(f"not registered after {waited:.0f} s: {missing}")
                return {**result, **found}
            elif len(found["awaited"]) != said or waited - said_at >= SAY_AGAIN:
                said, said_at = len(found["awaited"]), waited
                display.display(
                    f"phones: {said} not registered after {waited:.0f} s of {timeout} s"
                )
            time.sleep(max(0, min(INTERVAL, timeout - waited)))
