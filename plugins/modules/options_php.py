#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: a few lines in VICIdial's options.php."""

from __future__ import annotations

DOCUMENTATION = r"""
module: options_php
short_description: Keep a few lines at the end of a PHP file
version_added: "0.1.0"
description:
  - Keeps lines between markers at the end of VICIdial's C(options.php), inside PHP whether or not
    the file ends inside it. All else in the file stays as it is, byte for byte, also when the lines
    are removed.
  - A missing file is created. It is removed with the lines if it holds nothing else.
  - On a host that has the command C(php), the file is only written if PHP can parse it.
options:
  path:
    description: The file.
    type: path
    required: true
  lines:
    description: PHP, without tags. Required unless the lines are removed.
    type: str
  state:
    description: Whether the file has the lines.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: evenfloor.cluster.attributes
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Ensure VICIdial's login page includes a file
  evenfloor.cluster.options_php:
    path: /var/www/html/agc/options.php
    lines: include '/opt/evenfloor/hook.php';
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.hook import (
    with_lines,
    without_lines,
)

NEW_FILE_MODE = 0o644


def read(path):
    """Read a file; None where there is none."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read()


def write(module, path, content):
    """Replace a file's content in one step, if PHP can parse the new one."""
    handle, new = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    php = module.get_bin_path("php")
    if php:
        status, output, errors = module.run_command([php, "-l", new])
        if status:
            module.fail_json(
                msg=f"{path} stays as it is: PHP can't read it with Evenfloor's lines at its end:"
                f" {(output + errors).strip()}"
            )
    made = not os.path.exists(path)
    module.atomic_move(new, path)
    if made:
        os.chmod(path, NEW_FILE_MODE)


def wanted_content(params, before):
    """Return what the file should hold; None where it should not be there.

    Args:
        params: the module's.
        before: what it holds; None where it isn't there.
    """
    if params["state"] == "present":
        return with_lines(before or b"", params["lines"].encode())
    if before is None:
        return None
    # What was nothing but the lines is no file of the operator's.
    return without_lines(before) or (None if before else before)


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "lines": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["lines"])],
        supports_check_mode=True,
    )
    path = module.params["path"]
    before = read(path)
    after = wanted_content(module.params, before)
    if after != before and not module.check_mode:
        if after is None:
            os.unlink(path)
        else:
            write(module, path, after)
    module.exit_json(
        changed=after != before,
        path=path,
        diff={
            "before_header": path,
            "after_header": path,
            "before": (before or b"").decode(errors="replace"),
            "after": (after or b"").decode(errors="replace"),
        },
    )


if __name__ == "__main__":
    main()
