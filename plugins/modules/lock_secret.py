#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: the secret part of the name of the balancer's lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lock_secret
short_description: Give the name of the balancer's lock a secret part
version_added: "0.1.0"
description:
  - Whoever can connect to the database can take any named lock whose name they know. So the name of
    the balancer's lock gets a secret part, which only users who may choose a dialer can read.
  - The name changes between two logins. No login goes on without the lock because of it.
  - Use it only once every login host asks the database for the name. An earlier release of the
    package doesn't, and would go on using the former lock.
options:
  login_unix_socket:
    description:
      - Connect as root through this socket instead of by O(config_file). The password, if root has
        one, is in C(~/.my.cnf).
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: It would show the secret.
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Let no stranger hold the balancer's lock
  evenfloor.cluster.lock_secret:
    login_unix_socket: /run/mysqld/mysqld.sock
"""

RETURN = r""" # """

import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import (
    read_lock_secret,
    rename_balancer_lock,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)

_BYTES = 12


def name_lock(module, cursor):
    """Give the lock its secret name, unless it has one.

    Returns:
        What the module returns.
    """
    check_cluster(cursor, module.params)
    if read_lock_secret(cursor):
        return {"changed": False}
    if not module.check_mode:
        rename_balancer_lock(cursor, module.params["database"], secrets.token_hex(_BYTES))
    return {"changed": True}


def main():
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, "login_unix_socket": {"type": "path"}},
        supports_check_mode=True,
    )
    work_on_database(module, name_lock)


if __name__ == "__main__":
    main()
