#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: a secret that is made on the host and stays there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Generate a secret on the host and return it
version_added: "0.1.0"
description:
  - Generates a secret of letters and digits and keeps it in a file of its own. Later runs return
    the same secret.
  - The secret is part of the result. Set C(no_log) on the task.
options:
  path:
    description: The file. Its folder must exist.
    type: path
    required: true
  length:
    description: How many characters a new secret has.
    type: int
    default: 32
  group:
    description: The group that may read the file; V(root) by default.
    type: str
  mode:
    description:
      - The file's mode, in octal.
      - V(0640) by default where a O(group) is given, else V(0600).
    type: raw
  former:
    description:
      - The INI file in which an earlier release kept the secret. The secret is taken from there if
        O(path) doesn't exist.
    type: dict
    suboptions:
      path:
        description: The INI file.
        type: path
        required: true
      section:
        description: The section.
        type: str
        required: true
      key:
        description: The key in it.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: If there is no secret yet, returns one that is not kept.
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.attributes
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Ensure there is a database password
  evenfloor.cluster.secret:
    path: /etc/evenfloor/database.secret
    group: evenfloor
    former:
      path: /etc/evenfloor/evenfloor.ini
      section: database
      key: password
  register: password
  no_log: true
"""

RETURN = r"""
secret:
  description: The secret. Set C(no_log) on the task.
  returned: success
  type: str
"""

import grp
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import new_secret
from ansible_collections.evenfloor.cluster.plugins.module_utils.secret import (
    ensure_access,
    read_former_secret,
    read_secret,
    write_secret,
)

DEFAULT_GROUP = "root"
OWNER_ONLY = 0o600
OWNER_AND_GROUP = 0o640


def mode_of(params):
    """Return the file's mode.

    Raises:
        ValueError: it isn't octal.
    """
    mode = params["mode"]
    if mode is None:
        return OWNER_AND_GROUP if params["group"] else OWNER_ONLY
    if isinstance(mode, int):  # YAML has read 0640 as a number already
        return mode
    try:
        return int(mode, 8)
    except ValueError:
        raise ValueError(f"mode '{mode}' is not octal; write it like '0640'") from None


def group_id_of(params, check):
    """Return the number of the file's group.

    Raises:
        ValueError: there is no such group. In check mode it may not have been created yet.
    """
    name = params["group"] or DEFAULT_GROUP
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if check:
            return os.getgid()
        raise ValueError(f"{params['path']}: there is no group '{name}'; create it first") from None


def ensure_secret(params, check):
    """Ensure that the file is there.

    Returns:
        What the module returns.

    Raises:
        ValueError: it can't be read or written; the message names it.
    """
    path, mode, group_id = params["path"], mode_of(params), group_id_of(params, check)
    secret = read_secret(path)
    if secret is not None:
        return {"changed": ensure_access(path, group_id, mode, check), "secret": secret}
    former = params["former"]
    secret = read_former_secret(**former) if former else None
    secret = secret or new_secret(params["length"])
    if not check:
        write_secret(path, secret, group_id, mode)
    return {"changed": True, "secret": secret}


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "length": {"type": "int", "default": 32},
            "group": {"type": "str"},
            "mode": {"type": "raw"},
            "former": {
                "type": "dict",
                "options": {
                    "path": {"type": "path", "required": True},
                    "section": {"type": "str", "required": True},
                    "key": {"type": "str", "required": True, "no_log": False},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_secret(module.params, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
