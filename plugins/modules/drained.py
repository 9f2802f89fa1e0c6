#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action that waits until the last agent has left a dialer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drained
short_description: Wait until the last agent has left a dialer, or the closed phones
version_added: "0.1.0"
description:
  - Checks every few seconds who is logged in on a dialer, and says how many are left whenever that
    changes. In check mode it checks once.
  - Without O(server_ip) it does the same for the phones that M(evenfloor.cluster.aliases) has
    closed, because agents were talking on them.
  - A dialer that has sent no heartbeat for 30 seconds is dead, and nobody will leave it. The
    action doesn't wait for it.
  - An action plugin. It runs M(evenfloor.cluster.agents_info) or M(evenfloor.cluster.phones_info)
    on the target.
options:
  name:
    description: The dialer's name, or another name for what is waited for, for the messages.
    type: str
    required: true
  server_ip:
    description: The dialer's address.
    type: str
  timeout:
    description: How long to wait, in seconds.
    type: int
    required: true
  interval:
    description: How often to check, in seconds.
    type: int
    default: 2
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Wait until the last agent has left
  evenfloor.cluster.drained:
    name: dialer3
    server_ip: 10.0.0.13
    timeout: 28800
  delegate_to: db1
"""

RETURN = r"""
agents:
  description: The users who are still there.
  returned: success
  type: list
  elements: str
dead:
  description: Whether the dialer is dead, so that nobody will leave it.
  returned: success
  type: bool
"""
