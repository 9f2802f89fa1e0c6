#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: who gets which alias and password."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credentials_info
short_description: Read the passwords of aliases and their phones
version_added: "0.1.0"
description:
  - Reads them so that they can be handed out. Set C(no_log) on the task.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
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
aliases:
  description: The ids of all aliases, also of those that have no active phone.
  returned: success
  type: list
  elements: str
registrations:
  description:
    - The active phones, with C(extension), C(dialer), C(server_ip) and C(registration_password).
  returned: success
  type: list
  elements: dict
"""

from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import DIALER
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_aliases,
    work_on_database,
)


class ActivePhone(NamedTuple):
    """A phone that may be registered; ``dialer`` is its dialer's name."""

    login: str
    extension: str
    server_ip: str
    dialer: str
    login_password: str
    registration_password: str


def read_active_phones(cursor):
    """Read the active phones, by extension and dialer."""
    cursor.execute(
        "SELECT p.login, p.extension, p.server_ip, COALESCE(s.server_id, p.server_ip), p.pass,"
        f" p.conf_secret FROM phones p LEFT JOIN servers s ON p.server_ip = {DIALER}"
        " WHERE p.active = 'Y' ORDER BY p.extension, p.server_ip"
    )
    return [ActivePhone(*row) for row in cursor.fetchall()]


def agents_of(aliases, phones):
    """Say who logs in with what: an alias's password is that of its first active phone."""
    by_login = {phone.login.lower(): phone for phone in phones if phone.login}
    agents = []
    for alias in aliases:
        listed = [by_login.get(login.lower()) for login in alias.logins]
        phone = next(filter(None, listed), None)
        if phone:
            agents.append(
                {
                    "alias": alias.alias_id,
                    "name": alias.name,
                    "extension": phone.extension,
                    "login_password": phone.login_password,
                }
            )
    return agents


def read(_module, cursor):
    """Read them.

    Returns:
        What the module returns.
    """
    phones = read_active_phones(cursor)
    registrations = [
        {
            "extension": phone.extension,
            "dialer": phone.dialer,
            "server_ip": phone.server_ip,
            "registration_password": phone.registration_password,
        }
        for phone in phones
    ]
    aliases = read_aliases(cursor)
    return {
        "changed": False,
        "agents": agents_of(aliases, phones),
        "aliases": [alias.alias_id for alias in aliases],
        "registrations": registrations,
    }


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    work_on_database(module, read, agents=[], aliases=[], registrations=[])


if __name__ == "__main__":
    main()
