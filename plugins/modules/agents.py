#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: agents who have passwords of their own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agents
short_description: Bring agents' own passwords to the state of the inventory
version_added: "0.1.0"
description:
  - With one agent or more, only these agents can log in, and each has to send their password.
    Without any, C(user) is a label that nobody checks.
  - Only hashes of the passwords are kept in the database. A hash that is right already stays, so a
    second run changes nothing. No password and no hash is returned.
  - Removes agents whom the inventory doesn't name. Calls go on.
  - All of it is written in one transaction.
options:
  agents:
    description: The inventory's list.
    type: list
    elements: dict
    required: true
    suboptions:
      user:
        description: The agent. C(Agent7) and C(agent7) are the same.
        type: str
        required: true
      password:
        description: What the agent types as their own password.
        type: str
        required: true
  compare_passwords:
    description:
      - Whether passwords are compared with the hashes, which takes up to a tenth of a second of a
        processor for each agent. Without it the module only finds who would be removed, in check
        mode.
    type: bool
    default: true
  remove_without_asking:
    description: A run that would remove more agents than this has to be confirmed.
    type: int
    default: 5
  confirmed:
    description:
      - Whether somebody has confirmed what is removed.
      - Without it the module also fails if O(agents) is empty and the database has agents.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment:
  - evenfloor.cluster.database
  - evenfloor.cluster.provisioning
  - evenfloor.cluster.attributes
"""

EXAMPLES = r"""
- name: Bring the agents' passwords to the inventory's state
  evenfloor.cluster.agents:
    agents:
      - user: agent7
        password: "{{ vault_agent7 }}"
  delegate_to: db1
"""

RETURN = r"""
added:
  description: The new agents.
  returned: success
  type: list
  elements: str
  sample: [agent7]
updated:
  description: The agents whose password has changed, or the capitals of their name.
  returned: success
  type: list
  elements: str
removed:
  description: The agents who were removed.
  returned: success
  type: list
  elements: str
removal:
  description: Who is removed, in words, and whether somebody has to confirm it.
  returned: success
  type: dict
  contains:
    summary:
      description: In words; empty if nobody is removed.
      type: str
    needs_confirmation:
      description: Whether it has to be confirmed.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.agents import (
    AGENT_ARGUMENTS,
    AgentPlan,
    as_diff,
    check_login,
    check_removal,
    check_somebody_is_wanted,
    plan_agents,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    delete_rows,
    has_table,
    insert_rows,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TOKEN_ARGUMENT,
    alone,
)

TABLE = "evenfloor_agents"


def read_hashes(cursor, wanted):
    """Read the hashes that are there, by user.

    Clusters of earlier releases have no such table. Where nobody wants an agent they need none.
    """
    if not wanted and not has_table(cursor, TABLE):
        return {}
    cursor.execute(f"SELECT user, password_hash FROM {TABLE} ORDER BY user")
    return dict(cursor.fetchall())


def write_plan(cursor, plan):
    """Write a plan's changes."""
    rows = [
        {"user": user, "password_hash": plan.hashes[user]} for user in [*plan.added, *plan.changed]
    ]
    insert_rows(cursor, TABLE, rows, replacing=["user", "password_hash"])
    delete_rows(cursor, TABLE, ["user"], [(user,) for user in plan.removed])


def bring_to_state(module, cursor):
    """Plan and apply.

    Returns:
        What the module returns.

    Raises:
        ValueError: this isn't the cluster, or the removal has to be confirmed.
    """
    params = module.params
    check_login(params["agents"], check_cluster(cursor, params))
    there = read_hashes(cursor, params["agents"])
    plan = plan_agents(params["agents"], there, params["compare_passwords"])
    if not params["confirmed"]:
        check_somebody_is_wanted(plan)
    if not module.check_mode:
        if not params["confirmed"]:
            check_removal(plan, params["remove_without_asking"])
        write_plan(cursor, plan)
    return {"changed": bool(plan), "diff": as_diff(plan), **describe(plan, params)}


def describe(plan, params):
    """Lay a plan out as the module returns it."""
    return {
        "added": list(plan.added),
        "updated": list(plan.changed),
        "removed": list(plan.removed),
        "removal": {
            "summary": plan.summary(),
            "needs_confirmation": plan.needs_confirmation(params["remove_without_asking"]),
        },
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            **TOKEN_ARGUMENT,
            "agents": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": AGENT_ARGUMENTS,
            },
            "compare_passwords": {"type": "bool", "default": True, "no_log": False},
            "remove_without_asking": {"type": "int", "default": 5},
            "confirmed": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if not module.params["compare_passwords"] and not module.check_mode:
        module.fail_json(msg="without compare_passwords this only looks: use check mode")
    work_on_database(module, alone(bring_to_state), **describe(AgentPlan(), module.params))


if __name__ == "__main__":
    main()
