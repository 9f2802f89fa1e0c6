# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the attributes of a module mean; each module says how far it supports them."""

from __future__ import annotations


class ModuleDocFragment:
    """Check mode and diff mode."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can say in check mode what a run would change, and change nothing.
  diff_mode:
    description: Can show what has changed, or would change.
"""
