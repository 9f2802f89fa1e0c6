#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: one dialer's rows in the cluster's database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Manage a dialer's server row, rooms and heartbeat row
version_added: "0.1.0"
description:
  - Creates what a dialer needs in the database. A new dialer takes no logins until it is opened.
  - With O(opened) a dialer is opened only once, so that a dialer that an operator has closed stays
    closed.
  - On a cluster that runs VICIdial, the server row and rooms of a new dialer are cloned from
    another dialer's. An existing row keeps its columns. VICIdial is asked to rewrite every dialer's
    files when a dialer is added or removed.
options:
  server_ip:
    description: The dialer's address. It identifies the dialer.
    type: str
    required: true
  server_id:
    description: The dialer's short name, at most 10 characters. Required unless it is removed.
    type: str
  description:
    description: A description of the dialer; by default it stays as it is.
    type: str
  asterisk_version:
    description: Asterisk's version, for people and for VICIdial's reports.
    type: str
    default: ""
  max_agents:
    description: The most local agents that the dialer takes; no limit by default.
    type: int
  weight:
    description:
      - The dialer's weight in the choice, 0.1 to 100, to two decimals. The dialer whose local
        agents divided by its weight are fewest gets the next login.
    type: float
    default: 1
  first_room:
    description: The first agent room.
    type: int
    default: 8600051
  last_room:
    description: The last agent room.
    type: int
    default: 8600299
  opened:
    description: Whether to open the dialer for logins if it has never been opened.
    type: bool
    default: false
  takes_logins:
    description:
      - Whether the dialer takes logins; by default that stays as it is. Once this module has closed
        the dialer, no login goes there, not even one that is under way.
      - Only a dialer that has been opened before can be closed and opened again. That is done at
        any time, whoever else changes the cluster.
    type: bool
  clone_from:
    description:
      - The C(server_ip) of the dialer from which a new one is cloned, on a cluster that runs
        VICIdial.
    type: str
  state:
    description: Whether the dialer has its rows.
    type: str
    choices: [present, absent]
    default: present
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
- name: Register a dialer that takes no logins yet
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    max_agents: 120
    weight: 1.5
  delegate_to: db1

- name: Open it
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    max_agents: 120
    weight: 1.5
    opened: true
  delegate_to: db1

- name: Close it
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    max_agents: 120
    weight: 1.5
    takes_logins: false
  delegate_to: db1
"""

RETURN = r"""
in_service:
  description: Whether the dialer has been opened for logins, now or before.
  returned: success
  type: bool
rooms_added:
  description: How many rooms were missing.
  returned: success
  type: int
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils import servers
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import DialerRequest
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import DEFAULT_WEIGHT
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import balancer_lock
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TOKEN_ARGUMENT,
    alone,
)


def make_present(module, cursor):
    """Bring the rows of a dialer to the wanted state.

    Returns:
        What the module returns.
    """
    params = module.params
    flavor = check_cluster(cursor, params)
    server_ip = params["server_ip"]
    servers.check_server_id(cursor, server_ip, params["server_id"])
    before = servers.read_state(cursor, server_ip)
    after = servers.wanted_state(params, before, flavor)
    dialer = DialerRequest(
        server_ip=server_ip,
        columns=after.columns,
        max_agents=params["max_agents"],
        weight=after.weight,
        first_room=params["first_room"],
        last_room=params["last_room"],
        clone_from=params["clone_from"],
    )
    rooms = flavor.missing_rooms(cursor, dialer)
    changed = before != after or any(rooms.values())
    if changed and not module.check_mode:
        with lock_if_it_switches(module, cursor, before, after):
            servers.write_rows(cursor, flavor, dialer, before is None, rooms)
            write_switches(cursor, server_ip, before, after)
            cursor.connection.commit()
    return {
        "changed": changed,
        "in_service": after.opened,
        "rooms_added": sum(map(len, rooms.values())),
        "diff": {
            "before": servers.as_text(server_ip, before),
            "after": servers.as_text(server_ip, after),
        },
    }


def switches(before, after):
    """Say whether a dialer starts or stops taking logins."""
    return after.takes_logins != bool(before and before.takes_logins)


def lock_if_it_switches(module, cursor, before, after):
    """Return a context that holds the balancer's lock where logins have to notice the change.

    It is taken before anything is written: if it can't be acquired, nothing has changed.
    """
    if switches(before, after):
        return balancer_lock(cursor, module.params["database"])
    return contextlib.nullcontext()


def write_switches(cursor, server_ip, before, after):
    """Open or close a dialer."""
    if after.opened and not (before and before.opened):
        servers.note_opened(cursor, server_ip)
    if switches(before, after):
        servers.set_takes_logins(cursor, server_ip, after.takes_logins)


def make_absent(module, cursor):
    """Remove the rows of a dialer.

    Returns:
        What the module returns.
    """
    server_ip = module.params["server_ip"]
    flavor = check_cluster(cursor, module.params)
    before = servers.read_state(cursor, server_ip)
    if before is not None and not module.check_mode:
        servers.remove_rows(cursor, flavor, server_ip)
    return {
        "changed": before is not None,
        "in_service": False,
        "rooms_added": 0,
        "diff": {"before": servers.as_text(server_ip, before), "after": ""},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            **TOKEN_ARGUMENT,
            "server_ip": {"type": "str", "required": True},
            "server_id": {"type": "str"},
            "description": {"type": "str"},
            "asterisk_version": {"type": "str", "default": ""},
            "max_agents": {"type": "int"},
            "weight": {"type": "float", "default": DEFAULT_WEIGHT},
            "first_room": {"type": "int", "default": 8600051},
            "last_room": {"type": "int", "default": 8600299},
            "opened": {"type": "bool", "default": False},
            "takes_logins": {"type": "bool"},
            "clone_from": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["server_id"])],
        supports_check_mode=True,
    )
    work = make_present if module.params["state"] == "present" else make_absent
    # A dialer can be closed at any time, whoever provisions.
    if module.params["takes_logins"] is None:
        work = alone(work)
    work_on_database(module, work, in_service=False, rooms_added=0)


if __name__ == "__main__":
    main()
