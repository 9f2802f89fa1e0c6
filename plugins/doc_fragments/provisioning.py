# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of all modules that change the cluster has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The option of module_utils/run_lease.py."""

    DOCUMENTATION = r"""
options:
  run_token:
    description:
      - The run that this belongs to, as M(evenfloor.cluster.run) returns it. The module fails
        before it changes anything if that run has lost its lease.
      - Without it the module fails while a run has the lease.
    type: str
    default: ""
"""
