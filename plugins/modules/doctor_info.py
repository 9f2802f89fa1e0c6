#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: the database's part of the alias doctor."""

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor_info
short_description: Find what is wrong with dialers, phones and aliases in the database
version_added: "0.2.0"
description:
  - Compares the inventory with the database, and the rows of the database with each other.
  - Says besides what Asterisk and softphones should have, for them to be compared. Passwords are
    compared on the target and never returned.
options:
  phone_aliases:
    description: The inventory's list.
    type: list
    elements: dict
    required: true
  dialers:
    description: The inventory's dialers, each with C(name) and C(server_ip).
    type: list
    elements: dict
    required: true
  heartbeat_timeout:
    description: The balancer's, in seconds. A heartbeat that is as old is a dead dialer's.
    type: int
    default: 5
  owned:
    description:
      - Whether aliases and dialers that the inventory doesn't have are wrong. If not, such dialers
        aren't looked at.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.database
"""

EXAMPLES = r"""
- name: Look at the database
  evenfloor.cluster.doctor_info:
    phone_aliases: "{{ phone_aliases }}"
    dialers: "{{ hostvars | evenfloor.cluster.dialers(groups) }}"
  delegate_to: db1
"""

RETURN = r"""
findings:
  description: What is wrong, each with C(finding), C(alias), C(dialer), C(what) and C(mend).
  returned: success
  type: list
  elements: dict
dialers:
  description:
    - By server IP what there should be, C(expected) (the extensions, and whether they are said to
      be registered), C(sessions) (of local agents), and whether the dialer is C(alive).
  returned: success
  type: dict
aliases:
  description: The alias of each extension.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import ARGUMENTS, DIALER, REGISTERED, work_on_database
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor import (
    look_at_aliases,
    look_at_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases


def read_dialers(cursor):
    """Read the dialers' rows."""
    rooms = (
        f"(SELECT COUNT(*) FROM {{}} r WHERE r.server_ip = {DIALER}"
        " AND (r.extension = '' OR r.extension IS NULL))"
    )
    cursor.execute(
        "SELECT s.server_ip, s.server_id, TIMESTAMPDIFF(SECOND, u.last_update, NOW()),"
        f" IF(s.conf_engine = 'CONFBRIDGE', {rooms.format('vicidial_confbridges')},"
        f" {rooms.format('vicidial_conferences')})"
        f" FROM servers s LEFT JOIN server_updater u ON u.server_ip = {DIALER}"
        " WHERE s.active_asterisk_server = 'Y' ORDER BY s.server_id"
    )
    return [
        {"server_ip": ip, "name": name, "heartbeat_age": age, "free_rooms": rooms}
        for ip, name, age, rooms in cursor.fetchall()
    ]


def read_phones(cursor):
    """Read the phones."""
    cursor.execute(
        "SELECT login, extension, server_ip, active, pass, conf_secret, peer_status FROM phones"
    )
    return [
        {
            "login": login or "",
            "extension": extension,
            "server_ip": server_ip,
            "active": active == "Y",
            "login_password": password or "",
            "registration_password": secret or "",
            "registered": state in REGISTERED,
        }
        for login, extension, server_ip, active, password, secret, state in cursor.fetchall()
    ]


def read_aliases(cursor):
    """Read the logins lists."""
    cursor.execute("SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id")
    return {
        alias_id: [login.strip() for login in (logins or "").split(",") if login.strip()]
        for alias_id, logins in cursor.fetchall()
    }


def read_sessions(cursor, server_ip):
    """Read the sessions of the local agents of a dialer."""
    cursor.execute(
        "SELECT user, callerid, TIMESTAMPDIFF(SECOND, last_call_time, NOW())"
        " FROM vicidial_live_agents WHERE server_ip = %s AND extension NOT LIKE 'R%%'",
        (server_ip,),
    )
    return [
        {"user": user or "", "tag": tag or "", "age": age or 0}
        for user, tag, age in cursor.fetchall()
    ]


def examine(module, cursor):
    """Read, compare, and say what hosts should have.

    Returns:
        What the module returns.
    """
    params = module.params
    wanted = expand_aliases(params["phone_aliases"], params["dialers"])
    names = {dialer["server_ip"]: dialer["name"] for dialer in params["dialers"]}
    timeout = params["heartbeat_timeout"]
    rows, phones, aliases = read_dialers(cursor), read_phones(cursor), read_aliases(cursor)
    if not params["owned"]:
        # VICIdial has servers that are no dialers.
        rows = [row for row in rows if row["server_ip"] in names]
    by_login = {phone["login"].lower(): phone for phone in phones}
    return {
        "changed": False,
        "findings": look_at_dialers(params["dialers"], rows, timeout)
        + look_at_aliases(wanted, aliases, phones, names, params["owned"]),
        "aliases": {
            by_login[login.lower()]["extension"]: alias_id
            for alias_id, logins in aliases.items()
            for login in logins
            if login.lower() in by_login
        },
        "dialers": {
            row["server_ip"]: {
                "alive": row["heartbeat_age"] is not None and row["heartbeat_age"] < timeout,
                "expected": {
                    phone["extension"]: phone["registered"]
                    for phone in phones
                    if phone["server_ip"] == row["server_ip"] and phone["active"]
                },
                "sessions": read_sessions(cursor, row["server_ip"]),
            }
            for row in rows
        },
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "phone_aliases": {"type": "list", "elements": "dict", "required": True},
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "heartbeat_timeout": {"type": "int", "default": 5},
            "owned": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    work_on_database(module, examine, findings=[], dialers={}, aliases={})


if __name__ == "__main__":
    main()
