#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: who is logged in on a dialer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agents_info
short_description: Read which agents are logged in on a dialer
version_added: "0.1.0"
description:
  - Reads the local agents of a dialer, whether it takes logins, and whether it is alive. Agents who
    have a place reserved count too.
options:
  server_ip:
    description: The dialer's address.
    type: str
    required: true
  heartbeat_timeout:
    description: A dialer whose heartbeat is this many seconds old, or older, is dead.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: See who is still on a dialer
  evenfloor.cluster.agents_info:
    server_ip: 10.0.0.13
  delegate_to: db1
  register: left
"""

RETURN = r"""
agents:
  description: The users who are logged in there or have a place reserved; not remote agents.
  returned: success
  type: list
  elements: str
takes_logins:
  description: Whether the dialer is open for logins; none if there is no such dialer.
  returned: success
  type: bool
serves:
  description:
    - Whether the heartbeat is recent, and the dialer's files are up to date if VICIdial writes
      them.
  returned: success
  type: bool
heartbeat_age:
  description:
    - Seconds since the dialer's last heartbeat; none if there was none, or if it is from the
      future.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    DIALER,
    UNEXPIRED,
    heartbeat_age,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import flavor_of


def read_users(cursor, server_ip):
    """Read who is logged in on a dialer or has a place reserved; not remote agents."""
    cursor.execute(
        "SELECT user FROM vicidial_live_agents WHERE server_ip = %s AND extension NOT LIKE 'R%%'",
        (server_ip,),
    )
    users = {row[0] for row in cursor.fetchall()}
    cursor.execute(
        f"SELECT user FROM evenfloor_reservations WHERE server_ip = %s AND {UNEXPIRED}",
        (server_ip,),
    )
    return users | {row[0] for row in cursor.fetchall()}


def read(module, cursor):
    """Read what is known about a dialer.

    Returns:
        What the module returns.
    """
    server_ip = module.params["server_ip"]
    flavor = flavor_of(module.params["cluster_flavor"])
    cursor.execute(
        f"SELECT s.active_agent_login_server = 'Y', {heartbeat_age('u', 'e')},"
        f" {flavor.unwritten_files}"
        f" FROM servers s LEFT JOIN server_updater u ON u.server_ip = {DIALER}"
        f" LEFT JOIN evenfloor_daemons e ON e.server_ip = {DIALER}"
        " WHERE s.server_ip = %s",
        (server_ip,),
    )
    takes_logins, age, unwritten = cursor.fetchone() or (None, None, None)
    return {
        "changed": False,
        "agents": sorted(read_users(cursor, server_ip)),
        "takes_logins": None if takes_logins is None else bool(takes_logins),
        "heartbeat_age": None if age is None else int(age),
        "serves": age is not None and age < module.params["heartbeat_timeout"] and not unwritten,
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "server_ip": {"type": "str", "required": True},
            "heartbeat_timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    work_on_database(module, read, agents=[], takes_logins=None, heartbeat_age=None, serves=False)


if __name__ == "__main__":
    main()
