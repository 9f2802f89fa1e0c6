#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: a database user and the passwords that it has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_user
short_description: Ensure that a database user accepts a password, requires TLS, and has a limit
version_added: "0.1.0"
description:
  - Creates the user where it isn't there, without any privilege.
  - MariaDB 10.4 and newer accept several passwords of a user. So a host gets a new one while the
    old one still works. Older servers have one password for each user, which changes at once.
  - Sends hashes, so no password is in the server's log of statements.
options:
  login_unix_socket:
    description: Connect as root by this socket.
    type: path
    required: true
  name:
    description: The user's name.
    type: str
    required: true
  address:
    description: The address that it connects from.
    type: str
    required: true
  password:
    description: The password that it has to accept. Give this or O(password_hash).
    type: str
  password_hash:
    description: The hash of the password, as MariaDB keeps it with C(mysql_native_password).
    type: str
  update:
    description:
      - V(if_needed) changes nothing if the password is accepted. If it isn't, it becomes the only
        one. Creates the user if it isn't there.
      - V(add) lets the user accept this password and all that it has.
      - V(only) lets the user accept this password alone.
    type: str
    choices: [if_needed, add, only]
    default: if_needed
  require_tls:
    description:
      - Whether the user is let in over TLS only. Connections that are open stay.
      - Without it, nothing changes about that.
    type: bool
  max_connections:
    description:
      - How many connections the user may have at a time. V(0) is for no limit. Connections that are
        open stay.
      - Without it, nothing changes about that.
    type: int
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Let a login host come in with its new password too
  evenfloor.cluster.database_user:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: evenfloor_login
    address: 10.0.0.20
    password_hash: "{{ new.password_hash }}"
    update: add
  delegate_to: db1
"""

RETURN = r"""
passwords:
  description: How many passwords the user accepts now.
  returned: success
  type: int
  sample: 2
requires_tls:
  description: Whether the user is let in over TLS only.
  returned: success
  type: bool
max_connections:
  description: How many connections the user may have at a time; V(0) is for no limit.
  returned: success
  type: int
  sample: 8
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database_users import (
    User,
    create_user,
    has_several,
    read_hashes,
    read_max_connections,
    require_tls,
    requires_tls,
    wanted_hashes,
    write_hashes,
    write_max_connections,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import password_hash


def ensure_password(module, cursor):
    """Ensure that the user accepts the password.

    Returns:
        What the module returns.

    Raises:
        ValueError: the user isn't there and isn't to be created.
    """
    params = module.params
    user, update = User(params["name"], params["address"]), params["update"]
    new = params["password_hash"] or password_hash(params["password"])
    several = has_several(cursor)
    there = read_hashes(cursor, user, several)
    if there is None and update != "if_needed":
        raise ValueError(
            f"the database has no user {user}; run site.yml first, so that it gets one. Nothing has"
            " been changed"
        )
    wanted = wanted_hashes(there, new, update)
    changed = there is None or (wanted if several else wanted[:1]) != there
    if changed and not module.check_mode:
        if there is None:
            create_user(cursor, user, new)
        else:
            write_hashes(cursor, user, wanted, several)
    return {"changed": changed, "passwords": len(wanted) if several else 1}


def ensure_setting(module, cursor, name, read, write):
    """Ensure a setting of the user's, if the module was told one.

    Args:
        module: the module.
        cursor: an open cursor.
        name: the module's parameter.
        read: returns the user's setting.
        write: writes it.

    Returns:
        The setting, and whether it is changed.
    """
    user, wanted = User(module.params["name"], module.params["address"]), module.params[name]
    there = read(cursor, user)
    if wanted is None or wanted == there:
        return there, False
    if not module.check_mode:
        write(cursor, user, wanted)
    return wanted, True


def ensure_user(module, cursor):
    """Ensure all of it.

    Returns:
        What the module returns.
    """
    done = ensure_password(module, cursor)
    tls, tls_changed = ensure_setting(module, cursor, "require_tls", requires_tls, require_tls)
    most, most_changed = ensure_setting(
        module, cursor, "max_connections", read_max_connections, write_max_connections
    )
    changed = done["changed"] or tls_changed or most_changed
    return {**done, "requires_tls": tls, "max_connections": most, "changed": changed}


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "login_unix_socket": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "password_hash": {"type": "str", "no_log": True},
            "update": {
                "type": "str",
                "choices": ["if_needed", "add", "only"],
                "default": "if_needed",
            },
            "require_tls": {"type": "bool"},
            "max_connections": {"type": "int"},
        },
        mutually_exclusive=[("password", "password_hash")],
        required_one_of=[("password", "password_hash")],
        supports_check_mode=True,
    )
    work_on_database(module, ensure_user, passwords=1, requires_tls=False, max_connections=0)


if __name__ == "__main__":
    main()
