#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: with which tokens phones fetch their accounts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: phone_tokens
short_description: Give aliases tokens with which their phones fetch their accounts
version_added: "0.1.0"
description:
  - Writes the hashes of tokens into the database. A token that is there stays.
  - The token of an alias that is no more is revoked.
options:
  hashes:
    description: The hashes of tokens, by alias.
    type: dict
    required: true
  revoke:
    description: The aliases whose tokens are revoked.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Revoke the token of an alias
  evenfloor.cluster.phone_tokens:
    hashes: {}
    revoke: [101x]
  delegate_to: db1
"""

RETURN = r"""
written:
  description: The aliases that have a new token.
  returned: success
  type: list
  elements: str
revoked:
  description: The aliases that have lost theirs.
  returned: success
  type: list
  elements: str
elsewhere:
  description: The aliases that have a token that isn't among the given ones.
  returned: success
  type: list
  elements: str
devices:
  description: The MAC addresses of desk phones whose tokens are bound to them, by alias.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_aliases,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_tokens import plan_tokens
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    delete_rows,
    insert_rows,
)

TABLE = "evenfloor_phone_tokens"


def bring_to_state(module, cursor):
    """Plan and apply.

    Returns:
        What the module returns.
    """
    params = module.params
    check_cluster(cursor, params)
    cursor.execute(f"SELECT alias_id, token_hash, device FROM {TABLE} FOR UPDATE")
    rows = cursor.fetchall()
    there = {alias_id: text for alias_id, text, _device in rows}
    aliases = [alias.alias_id for alias in read_aliases(cursor)]
    plan = plan_tokens(params["hashes"], there, aliases, params["revoke"])
    if not module.check_mode:
        new = [{"alias_id": name, "token_hash": text} for name, text in plan.written.items()]
        insert_rows(cursor, TABLE, new)
        delete_rows(cursor, TABLE, ["alias_id"], [(name,) for name in plan.revoked])
    return {
        "changed": bool(plan.written or plan.revoked),
        "written": list(plan.written),
        "revoked": plan.revoked,
        "elsewhere": plan.elsewhere,
        "devices": {name: device for name, _text, device in rows if device},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "hashes": {"type": "dict", "required": True, "no_log": True},
            "revoke": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    work_on_database(module, bring_to_state, written=[], revoked=[], elsewhere=[], devices={})


if __name__ == "__main__":
    main()
