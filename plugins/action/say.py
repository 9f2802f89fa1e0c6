# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible action: print text as it is. Documented in modules/say.py."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"text"})
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Print."""
        Display().display(str(self._task.args["text"]))
        return {**super().run(tmp, task_vars), "changed": False}
