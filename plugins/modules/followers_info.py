#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: which phones should follow to the new dialers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: followers_info
short_description: See which phones should register with the new dialers, and wait for them
version_added: "0.1.0"
description:
  - Finds the phones that fetch their accounts from the login hosts, are registered with a dialer
    that is open, and aren't with a new one. Of these, some models fetch their accounts anew when
    a dialer tells them to.
  - With a O(timeout), an action plugin on the control node looks again until all of those are
    registered, and says how many are left whenever that changes. It warns of those that aren't
    when the time is up, and doesn't fail. In check mode it looks once.
options:
  phone_aliases:
    description: The aliases, as the inventory has them.
    type: list
    elements: dict
    required: true
  dialers:
    description: The inventory's dialers, each with C(name) and C(server_ip).
    type: list
    elements: dict
    required: true
  ready:
    description: Those of them that this run has reached and whose endpoints are written.
    type: list
    elements: dict
    required: true
  managed_extensions:
    description: The extensions of seats, or ranges of them. Their softphones are left out.
    type: list
    elements: str
    default: []
  following:
    description: The models that follow when they are told. By default, those known to do so.
    type: list
    elements: str
  wave:
    description: How many phones are told at once, at most.
    type: int
    default: 20
  timeout:
    description: How long to wait for phones, in seconds.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Wait until the phones that follow are registered
  evenfloor.cluster.followers_info:
    phone_aliases: "{{ phone_aliases }}"
    dialers: [{name: dialer1, server_ip: 10.0.0.11}, {name: dialer2, server_ip: 10.0.0.12}]
    ready: [{name: dialer1, server_ip: 10.0.0.11}, {name: dialer2, server_ip: 10.0.0.12}]
    timeout: 120
  delegate_to: db1
"""

RETURN = r"""
awaited:
  description: The phones that follow when they are told, and aren't registered yet.
  returned: success
  type: list
  elements: dict
  sample: [{"alias": "101x", "extension": "101", "model": "yealink", "dialers": ["dialer3"],
            "teller": "dialer1"}]
others:
  description: The phones that don't follow by themselves, in the same form.
  returned: success
  type: list
  elements: dict
waves:
  description: The first of these phones, grouped as they are told.
  returned: success
  type: list
  elements: dict
  sample: [{"dialer": "dialer1", "event": "evenfloor-no-reboot", "extensions": ["101"],
            "label": "1 of 1 phones, through dialer1"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import REGISTERED_STATES
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_models,
    read_opened,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.followers import (
    Floor,
    find_followers,
    waves,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_aliases,
    expand_extensions,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)


def look(module, cursor):
    """Read, and find who is missing.

    Returns:
        What the module returns.
    """
    params = module.params
    check_cluster(cursor, params)
    cursor.execute(
        "SELECT extension, server_ip FROM phones WHERE active = 'Y' AND peer_status IN %s",
        (REGISTERED_STATES,),
    )
    managed = params["managed_extensions"]
    floor = Floor(
        aliases=expand_aliases(params["phone_aliases"], params["dialers"]),
        registered=set(cursor.fetchall()),
        models={alias.lower(): model for alias, model in read_models(cursor).items()},
        opened=set(read_opened(cursor)),
        ready={dialer["server_ip"]: dialer["name"] for dialer in params["ready"]},
        managed=set(expand_extensions(managed)) if managed else set(),
    )
    awaited, others = find_followers(floor, params["following"])
    return {
        "changed": False,
        "awaited": [one._asdict() for one in awaited],
        "others": [one._asdict() for one in others],
        "waves": waves(awaited, max(1, params["wave"])),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "phone_aliases": {"type": "list", "elements": "dict", "required": True},
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "ready": {"type": "list", "elements": "dict", "required": True},
            "managed_extensions": {"type": "list", "elements": "str", "default": []},
            "following": {"type": "list", "elements": "str"},
            "wave": {"type": "int", "default": 20},
            "timeout": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    work_on_database(module, look, awaited=[], others=[], waves=[])


if __name__ == "__main__":
    main()
