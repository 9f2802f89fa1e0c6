#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: give a dialer another address in the cluster's database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: renumber
short_description: Give a dialer another address in the database
version_added: "0.1.0"
description:
  - Three calls do it. The first closes the dialer for logins and notes where it goes. The second
    changes every row that has its address. The third opens it again if it was open before.
  - Any call may be repeated, and a run that was killed is finished by another one. With another
    O(server_ip) the dialer goes there, with its former one it goes back.
options:
  server_id:
    description: The dialer's short name, by which it is found.
    type: str
    required: true
  server_ip:
    description: The address that it gets.
    type: str
    required: true
  step:
    description:
      - V(closed) closes the dialer, unless its rows have the new address already.
      - V(moved) changes the rows. Nobody may be logged in there by then.
      - V(finished) opens the dialer again, if it was open before.
    type: str
    choices: [closed, moved, finished]
    required: true
  login_unix_socket:
    description:
      - Connect as root through this socket instead of by O(config_file). The password, if root has
        one, is in C(~/.my.cnf).
    type: path
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
- name: Change the rows of a dialer that was drained
  evenfloor.cluster.renumber:
    server_id: dialer2
    server_ip: 10.0.0.22
    step: moved
    login_unix_socket: /run/mysqld/mysqld.sock
  delegate_to: db1
"""

RETURN = r"""
needed:
  description: Whether anything was to be done, or was begun by an earlier run.
  returned: success
  type: bool
server_ip:
  description: The address of the dialer's server row before this call.
  returned: success
  type: str
former:
  description: The addresses that the dialer leaves.
  returned: success
  type: list
  elements: str
reopen:
  description: Whether the dialer took logins before.
  returned: success
  type: bool
rows:
  description: How many rows have a former address before this call, by table.
  returned: success
  type: dict
  sample: {"phones": 60, "servers": 1}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import balancer_lock
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.renumbering import (
    count_rows,
    move_rows,
    read_renumbering,
    write_begin,
    write_end,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TOKEN_ARGUMENT,
    alone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.servers import set_takes_logins


def close(module, cursor, _flavor, renumbering):
    """Note where the dialer goes, and close it as long as it hasn't arrived."""
    with balancer_lock(cursor, module.params["database"]):
        # First, so that the next run knows that it was open.
        write_begin(cursor, renumbering)
        cursor.connection.commit()
        if not renumbering.has_arrived:
            set_takes_logins(cursor, renumbering.address, False)
            cursor.connection.commit()


def move(_module, cursor, flavor, renumbering):
    """Change the rows."""
    move_rows(cursor, flavor, renumbering)


def finish(module, cursor, flavor, renumbering):
    """Open the dialer if it was open, and forget that it has moved.

    Raises:
        ValueError: its rows haven't moved.
    """
    if count_rows(cursor, flavor, renumbering):
        raise ValueError(
            f"rows of {renumbering.server_id} still have the address"
            f" {' or '.join(renumbering.former)}; change them before you open it"
        )
    with balancer_lock(cursor, module.params["database"]):
        if renumbering.reopen:
            set_takes_logins(cursor, renumbering.target, True)
            cursor.connection.commit()
        write_end(cursor, renumbering)
        cursor.connection.commit()


STEPS = {"closed": close, "moved": move, "finished": finish}


def renumber(module, cursor):
    """Take one step.

    Returns:
        What the module returns.
    """
    params = module.params
    flavor = check_cluster(cursor, params)
    renumbering = read_renumbering(cursor, params["server_id"], params["server_ip"])
    needed = renumbering.needed
    rows = count_rows(cursor, flavor, renumbering)
    if needed and not module.check_mode:
        STEPS[params["step"]](module, cursor, flavor, renumbering)
    changed = bool(rows) if params["step"] == "moved" else needed
    return {
        "changed": changed,
        "needed": needed,
        "server_ip": renumbering.address,
        "former": list(renumbering.former),
        "reopen": renumbering.reopen,
        "rows": rows,
        "diff": {
            "before": {"server_ip": renumbering.address, "rows": rows},
            "after": {"server_ip": renumbering.target if changed else renumbering.address},
        },
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            **TOKEN_ARGUMENT,
            "server_id": {"type": "str", "required": True},
            "server_ip": {"type": "str", "required": True},
            "step": {"type": "str", "choices": list(STEPS), "required": True},
            "login_unix_socket": {"type": "path"},
        },
        supports_check_mode=True,
    )
    # Closing a dialer has to work at any time.
    work = renumber if module.params["step"] == "closed" else alone(renumber)
    work_on_database(module, work, needed=False, server_ip="", former=[], reopen=False, rows={})


if __name__ == "__main__":
    main()
