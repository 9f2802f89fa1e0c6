#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action that makes sure that one run at a time changes a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Be the only run that changes the cluster
version_added: "0.1.0"
description:
  - Takes the cluster's lease for this run of ansible-playbook, or fails and says who has it. A
    process on the control node renews the lease as long as this run lives, and releases it when
    the run has ended, however it ended.
  - If that process can't reach the database any more, the lease expires after 45 seconds.
  - Modules that get the returned token as O(evenfloor.cluster.aliases#module:run_token) fail once
    another run has taken the lease, such as after the control node was suspended.
  - In check mode, and where the database has no table for the lease yet, nothing is taken.
  - An action plugin. It runs M(evenfloor.cluster.run_lease) on the target.
options:
  token:
    description: The token of this run, if it may have the lease already.
    type: str
    default: ""
  wait:
    description:
      - How long to wait for another run to release the lease, in seconds. A run that has just ended
        needs a moment for that.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Be the only run that changes the cluster
  evenfloor.cluster.run:
  delegate_to: db1
  register: run
"""

RETURN = r"""
token:
  description: Names this run; empty where no lease was taken.
  returned: success
  type: str
"""
