#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: no database user stays for a host that has left."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stale_database_users
short_description: Drop the database users that no host of the inventory has
version_added: "0.1.0"
description:
  - Drops the database users of hosts that have left the inventory or have another address now. Only
    users of the names in O(addresses) are looked at.
  - As long as a host of the inventory lacks its own user, no user of that name is dropped. The host
    may still live under the address that it had before.
options:
  login_unix_socket:
    description: Connect as root by this socket.
    type: path
    required: true
  addresses:
    description: The addresses of the inventory's hosts, by the name that their users have.
    type: dict
    required: true
  optional:
    description: Those of the names that a cluster may have no hosts for. Then all their users go.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Drop the users of hosts that have left
  evenfloor.cluster.stale_database_users:
    login_unix_socket: /run/mysqld/mysqld.sock
    addresses:
      evenfloor_login: [10.0.0.20]
      evenfloor_dialer: [10.0.0.11, 10.0.0.12]
  delegate_to: db1
"""

RETURN = r"""
dropped:
  description: The users that were dropped.
  returned: success
  type: list
  elements: str
  sample: ["evenfloor_dialer@10.0.0.13"]
kept:
  description: The users that no host has, and that stay because a host lacks its own.
  returned: success
  type: list
  elements: str
awaited:
  description: The users that those hosts lack.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database_users import (
    find_stale,
    read_users,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)


def drop_stale(module, cursor):
    """Drop the users that no host has.

    Returns:
        What the module returns.

    Raises:
        ValueError: the database is another cluster's.
    """
    addresses = module.params["addresses"]
    check_cluster(cursor, module.params)
    there = read_users(cursor, addresses) if addresses else []
    stale = find_stale(there, addresses, module.params["optional"])
    if not module.check_mode:
        for user in stale.dropped:
            cursor.execute("DROP USER IF EXISTS %s@%s", user)
    return {
        "changed": bool(stale.dropped),
        "dropped": [str(user) for user in stale.dropped],
        "kept": [str(user) for user in stale.kept],
        "awaited": [str(user) for user in stale.awaited],
        "diff": {"before": "".join(f"{user}\n" for user in stale.dropped), "after": ""},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "login_unix_socket": {"type": "path", "required": True},
            "addresses": {"type": "dict", "required": True},
            "optional": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    work_on_database(module, drop_stale, changed=False, dropped=[], kept=[], awaited=[])


if __name__ == "__main__":
    main()
