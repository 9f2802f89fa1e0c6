# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Filters that read the inventory; what they mean is in module_utils, where modules use it too."""

from __future__ import annotations

import sys
from pathlib import Path

# Ansible puts module_utils on the path of modules only, and a filter runs on the control node.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "module_utils"))

import evenfloor_inventory as inventory  # noqa: E402


class FilterModule:
    """Evenfloor's filters."""

    def filters(self):
        """Name the filters."""
        return {
            "evenfloor_problems": inventory.problems,
            "evenfloor_dialers": inventory.list_dialers,
            "evenfloor_extensions": inventory.expand_extensions,
        }
