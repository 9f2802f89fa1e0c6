#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action that prints text as it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: say
short_description: Print text as it is
version_added: "0.1.0"
description:
  - Prints text without the quoting of a task's result. For tables that people read and JSON that
    programs read.
  - An action plugin. It runs nothing on the target.
options:
  text:
    description: What to print.
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.attributes
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Show the floor
  evenfloor.cluster.say:
    text: "{{ floor.stdout }}"
"""

RETURN = r""""""
