# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible action: print text as it is, without the quoting of a task's result."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
name: say
short_description: Print text as it is
version_added: "0.2.0"
description:
  - For tables that people read and JSON that machines read.
options:
  text:
    description: What to print.
    type: str
    required: true
author:
  - Evenfloor contributors
"""


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"text"})
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Print."""
        Display().display(str(self._task.args["text"]))
        return {**super().run(tmp, task_vars), "changed": False}
