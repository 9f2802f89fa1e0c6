#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: the lease of a provisioning run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_lease
short_description: Take, renew or release the lease of a provisioning run
version_added: "0.1.0"
description:
  - Used by M(evenfloor.cluster.run). Playbooks use that one.
  - A lease that isn't renewed expires after 45 seconds.
  - In check mode nothing is taken, renewed or released.
options:
  state:
    description: What to do with the lease.
    type: str
    choices: [taken, renewed, released]
    required: true
  token:
    description: Names the run.
    type: str
    required: true
  who:
    description: The user who started the run.
    type: str
    default: ""
  origin:
    description: The host on which the run was started.
    type: str
    default: ""
  playbook:
    description: The playbook's file name.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Take the lease
  evenfloor.cluster.run_lease:
    state: taken
    token: 5f0c6b1e
    who: anna
    origin: control1
    playbook: site.yml
  delegate_to: db1
"""

RETURN = r"""
held:
  description: Whether the run has the lease now.
  returned: success
  type: bool
there:
  description: Whether the database has a table for the lease.
  returned: success
  type: bool
holder:
  description: Who has the lease, in words; empty where nobody else has it.
  returned: success
  type: str
  sample: "provisioning runs already: anna@control1 since 14:03:22 UTC (site.yml, 41 s ago)"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import provisioning_lock
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import has_table
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TABLE,
    release_lease,
    renew_lease,
    take_lease,
)


def answer(held, there=True, holder=""):
    """Lay out what the module returns."""
    return {"changed": False, "held": held, "there": there, "holder": holder}


def take(module, cursor):
    """Take the lease.

    Returns:
        What the module returns.
    """
    given = module.params
    with provisioning_lock(cursor, given["database"]):
        other = take_lease(cursor, given["token"], given["who"], given["origin"], given["playbook"])
        cursor.connection.commit()
    return answer(other is None, holder=other.sentence() if other else "")


def bring_to_state(module, cursor):
    """Take, renew or release the lease.

    Returns:
        What the module returns.
    """
    if not has_table(cursor, TABLE):
        return answer(False, there=False)
    # What is read under the lock has to be newer than this.
    cursor.connection.commit()
    state, token = module.params["state"], module.params["token"]
    if module.check_mode:
        return answer(False)
    if state == "taken":
        return take(module, cursor)
    if state == "renewed":
        return answer(renew_lease(cursor, token))
    release_lease(cursor, token)
    return answer(False)


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "state": {
                "type": "str",
                "choices": ["taken", "renewed", "released"],
                "required": True,
            },
            "token": {"type": "str", "required": True, "no_log": False},
            "who": {"type": "str", "default": ""},
            "origin": {"type": "str", "default": ""},
            "playbook": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    work_on_database(module, bring_to_state, held=False, there=False, holder="")


if __name__ == "__main__":
    main()
