#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: the tokens of phones in the operator's folder."""

from __future__ import annotations

DOCUMENTATION = r"""
module: phone_token_file
short_description: Keep the tokens with which phones fetch their accounts
version_added: "0.1.0"
description:
  - Ensures that a file has a token for each alias. A token that is there stays.
  - Only the file's owner may read it. Set C(no_log) on the task.
options:
  path:
    description: The file.
    type: path
    required: true
  aliases:
    description: The aliases that there are.
    type: list
    elements: str
    required: true
  revoke:
    description:
      - The aliases whose tokens are removed, separated by commas, or V(all).
      - They get no others in this run.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.attributes]
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Ensure each alias has a token
  evenfloor.cluster.phone_token_file:
    path: credentials/phones/tokens.json
    aliases: [101x, 102x]
  register: tokens
  no_log: true
"""

RETURN = r"""
tokens:
  description: The tokens by alias.
  returned: success
  type: dict
hashes:
  description: By alias what the database keeps of them.
  returned: success
  type: dict
revoked:
  description: The aliases whose tokens are revoked.
  returned: success
  type: list
  elements: str
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_tokens import (
    plan_folder,
    stored_hash,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.secret import (
    ensure_access,
    write_secret,
)

OWNER_ONLY = 0o600


def read_tokens(path):
    """Read the tokens by alias; none where there is no file.

    Raises:
        ValueError: it can't be read, or isn't such a file.
    """
    try:
        with open(path, encoding="utf-8") as file:
            tokens = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} can't be read: {error}; repair it or move it away") from None
    if not isinstance(tokens, dict) or not all(isinstance(text, str) for text in tokens.values()):
        raise ValueError(f"{path} is no list of tokens by alias; repair it or move it away")
    return tokens


def ensure_tokens(params, check):
    """Ensure that the file has what it should.

    Returns:
        What the module returns.

    Raises:
        ValueError: the file can't be read, or a name is no alias.
    """
    path, group = params["path"], os.getgid()
    there = read_tokens(path)
    tokens, revoked = plan_folder(there or {}, params["aliases"], params["revoke"])
    changed = tokens != there
    if changed and not check:
        write_secret(path, json.dumps(tokens, indent=1), group, OWNER_ONLY)
    elif there is not None:
        changed = ensure_access(path, group, OWNER_ONLY, check) or changed
    hashes = {name: stored_hash(token) for name, token in tokens.items()}
    return {"changed": changed, "tokens": tokens, "hashes": hashes, "revoked": revoked}


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "aliases": {"type": "list", "elements": "str", "required": True},
            "revoke": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_tokens(module.params, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
