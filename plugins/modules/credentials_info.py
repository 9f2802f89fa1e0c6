#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: who gets which alias and password."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credentials_info
short_description: Read the passwords of aliases and their phones
version_added: "0.2.0"
description:
  - For handing them out. Set C(no_log) on the task.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.database
"""

EXAMPLES = r"""
- name: Read who has which password
  evenfloor.cluster.credentials_info:
  delegate_to: db1
  register: credentials
  no_log: true
"""

RETURN = r"""
agents:
  description: The aliases, each with C(alias), C(name), C(extension) and C(login_password).
  returned: success
  type: list
  elements: dict
registrations:
  description:
    - The active phones, with C(extension), C(dialer), C(server_ip) and C(registration_password).
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import ARGUMENTS, DIALER, work_on_database


def read(_module, cursor):
    """Read them.

    Returns:
        What the module returns.
    """
    cursor.execute(
        "SELECT p.login, p.extension, p.server_ip, COALESCE(s.server_id, p.server_ip), p.pass,"
        f" p.conf_secret FROM phones p LEFT JOIN servers s ON p.server_ip = {DIALER}"
        " WHERE p.active = 'Y' ORDER BY p.extension, p.server_ip"
    )
    phones = cursor.fetchall()
    by_login = {phone[0].lower(): phone for phone in phones if phone[0]}
    cursor.execute("SELECT alias_id, alias_name, logins_list FROM phones_alias ORDER BY alias_id")
    agents = []
    for alias_id, name, logins in cursor.fetchall():
        listed = [by_login.get(login.strip().lower()) for login in (logins or "").split(",")]
        phone = next(filter(None, listed), None)
        if phone:
            agents.append(
                {
                    "alias": alias_id,
                    "name": name or "",
                    "extension": phone[1],
                    "login_password": phone[4],
                }
            )
    registrations = [
        {
            "extension": extension,
            "dialer": dialer,
            "server_ip": server_ip,
            "registration_password": secret,
        }
        for _login, extension, server_ip, dialer, _password, secret in phones
    ]
    return {"changed": False, "agents": agents, "registrations": registrations}


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    work_on_database(module, read, agents=[], registrations=[])


if __name__ == "__main__":
    main()
