#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: a secret is followed by another, in steps that may be interrupted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_rotation
short_description: Replace a secret on its host, step by step
version_added: "0.1.0"
description:
  - Replaces a secret that the module M(evenfloor.cluster.secret) has made, and writes the new one
    into the files that programs read. The secret never leaves the host; only its hash is returned.
  - Between the steps, whoever checks the secret is told of the new one, and programs read their
    files again. An interrupted rotation goes on with the secret that it has made, at any step.
  - While a rotation isn't finished, the new secret is in a file beside O(path), whose name ends in
    C(.next).
options:
  path:
    description: The file of the secret.
    type: path
    required: true
  files:
    description: The files that programs read. Each has one line C(key = secret).
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      key:
        description: What the line begins with.
        type: str
        required: true
  step:
    description:
      - V(check) changes nothing, and fails if a file isn't as expected.
      - V(begin) makes the new secret, which nobody uses yet.
      - V(use) puts it into all files. Whoever checks the secret must accept the new one by then.
      - V(end) notes that the rotation is finished. Only the new secret should be accepted by then.
    type: str
    choices: [check, begin, use, end]
    required: true
  length:
    description: How many characters the new secret has.
    type: int
    default: 32
attributes:
  check_mode:
    support: full
    description: V(begin) returns the hash of a secret that is not kept.
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.attributes
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Make the new password
  evenfloor.cluster.secret_rotation:
    path: /etc/evenfloor/database.secret
    files:
      - path: /etc/evenfloor/evenfloor.ini
        key: password
    step: begin
  register: rotation
  no_log: true
"""

RETURN = r"""
password_hash:
  description:
    - What MariaDB keeps of the secret that is to be used, the new one while there is one. Set
      C(no_log) on the task.
  returned: with the steps V(begin) and V(use)
  type: str
resumed:
  description: Whether an interrupted rotation goes on.
  returned: success
  type: bool
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    new_secret,
    password_hash,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.secret import (
    next_of,
    read_secret,
    read_setting,
    stage_next,
    write_secret,
    write_setting,
)


def check(params):
    """Check that the secret and its files are there.

    Raises:
        ValueError: one isn't as expected; the message names it.
    """
    if read_secret(params["path"]) is None:
        raise ValueError(f"{params['path']} isn't there; run site.yml first, which makes it")
    read_secret(next_of(params["path"]))
    for file in params["files"]:
        read_setting(file["path"], file["key"])


def begin(params, check_mode):
    """Make the new secret."""
    path = params["path"]
    resumed = read_secret(next_of(path)) is not None
    new = new_secret(params["length"])
    if resumed or not check_mode:
        new = stage_next(path, new)
    return {"changed": not resumed, "resumed": resumed, "password_hash": password_hash(new)}


def use(params, check_mode):
    """Put the new secret into its files; where another run has finished, it is there already."""
    path = params["path"]
    there, following = read_secret(path), read_secret(next_of(path))
    secret = following or there
    changed = secret != there
    if changed and not check_mode:
        file = Path(path).stat()
        write_secret(path, secret, file.st_gid, file.st_mode & 0o777)
    for file in params["files"]:
        if check_mode:
            changed |= read_setting(file["path"], file["key"]) != secret
        else:
            changed |= write_setting(file["path"], file["key"], secret)
    return {
        "changed": changed,
        "resumed": following is not None,
        "password_hash": password_hash(secret),
    }


def end(params, check_mode):
    """Note that the rotation is finished.

    Raises:
        ValueError: a file has another secret.
    """
    path = params["path"]
    following = Path(next_of(path))
    secret, staged = read_secret(path), read_secret(following)
    if staged is None:
        return {"changed": False, "resumed": False}
    in_use = [secret, *(read_setting(file["path"], file["key"]) for file in params["files"])]
    # In check mode the steps before this one have changed nothing.
    if set(in_use) != {staged} and not check_mode:
        raise ValueError(f"{following} isn't in use everywhere; run this again")
    if not check_mode:
        following.unlink(missing_ok=True)
    return {"changed": True, "resumed": True}


def take_step(params, check_mode):
    """Take one step.

    Returns:
        What the module returns.

    Raises:
        ValueError: a file isn't as expected, or can't be read or written; the message names it.
    """
    check(params)
    steps = {"begin": begin, "use": use, "end": end}
    if params["step"] in steps:
        return steps[params["step"]](params, check_mode)
    return {"changed": False, "resumed": read_secret(next_of(params["path"])) is not None}


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "key": {"type": "str", "required": True, "no_log": False},
                },
            },
            "step": {
                "type": "str",
                "choices": ["check", "begin", "use", "end"],
                "required": True,
            },
            "length": {"type": "int", "default": 32},
        },
        supports_check_mode=True,
    )
    try:
        result = take_step(module.params, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
