#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: the accounts of a running baresip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: softphone
short_description: Bring the accounts of baresip to the wanted state, on disk and while it runs
version_added: "0.1.0"
description:
  - One account for each phone. Accounts are added to and removed from the running softphone through
    its control interface. The other accounts keep their registrations and calls.
  - A call goes on. A changed account that is in a call stays as it was, and one that nobody wants
    stays, until a later run finds that the call has ended, or the softphone is started anew.
  - The file of accounts, which the next start reads, is written last. A run that was interrupted is
    finished by the next one.
options:
  phones:
    description: The phones, each with C(extension), C(server_ip) and C(registration_password).
    type: list
    elements: dict
    required: true
    suboptions:
      extension:
        description: The extension.
        type: str
        required: true
      server_ip:
        description: The dialer to register with.
        type: str
        required: true
      registration_password:
        description: The password to register with.
        type: str
        required: true
      dialer:
        description: The dialer's short name.
        type: str
      login:
        description: Not used here.
        type: str
      name:
        description: Not used here.
        type: str
      registered:
        description: Not used here.
        type: bool
      kind:
        description: Not used here.
        type: str
  grow:
    description: Whether accounts may be added and changed. Without it they are only removed.
    type: bool
    default: true
  path:
    description:
      - The file of accounts. The addresses of changed accounts that are in a call are kept in a
        file beside it, whose name ends in C(.waiting).
    type: path
    default: /etc/baresip/accounts
  group:
    description: The group that may read the file.
    type: str
    default: baresip
  registration_interval:
    description: How often a registration is renewed, in seconds.
    type: int
    default: 60
  retry_interval:
    description: How soon a registration that failed is tried again, in seconds.
    type: int
    default: 3
  transport:
    description: >-
      How the accounts register. With V(tls), SIP is encrypted, and sound is where the dialer offers
      it.
    type: str
    choices: [udp, tls]
    default: udp
  tls_port:
    description: The dialers' port for SIP over TLS.
    type: int
    default: 5061
  udp_dialers:
    description: >-
      The C(dialer) of phones whose dialer serves SIP over UDP alone. Their accounts use it in any
      case.
    type: list
    elements: str
    default: []
  control_port:
    description: The port, on loopback, of baresip's control interface (module ctrl_tcp).
    type: int
    default: 4444
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
- name: Register extension 101 with two dialers
  evenfloor.cluster.softphone:
    phones:
      - extension: "101"
        server_ip: 10.0.0.11
        registration_password: "{{ password }}"
      - extension: "101"
        server_ip: 10.0.0.12
        registration_password: "{{ password }}"
  no_log: true
"""

RETURN = r"""
added:
  description: The addresses of accounts that were added, or changed.
  returned: success
  type: list
  elements: str
  sample: ["sip:101@10.0.0.12"]
removed:
  description: The addresses of accounts that were removed.
  returned: success
  type: list
  elements: str
waiting:
  description: The addresses of accounts that are in a call, and stay as they were until it ends.
  returned: success
  type: list
  elements: str
"""

import contextlib
import grp
import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils import baresip
from ansible_collections.evenfloor.cluster.plugins.module_utils.softphone import (
    Running,
    as_file,
    parse_accounts,
    plan_changes,
    talking,
    to_retry,
    wanted_accounts,
)

FILE_MODE = 0o640


def read_accounts(path):
    """Read the accounts that the next start would have, by address."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse_accounts(file.read())
    except FileNotFoundError:
        return {}


def waiting_of(path):
    """Return where the addresses are of changed accounts that were in a call."""
    return Path(f"{path}.waiting")


def read_waiting(path):
    """Read the addresses of changed accounts that were in a call."""
    try:
        return set(waiting_of(path).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()


def write_waiting(path, group, addresses):
    """Write the addresses of changed accounts that are in a call; no file where there is none."""
    if not addresses:
        waiting_of(path).unlink(missing_ok=True)
    elif read_waiting(path) != set(addresses):
        write_file(waiting_of(path), group, as_text(addresses))


def write_file(path, group, text):
    """Write a file, readable by root and the softphone only, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, FILE_MODE)
    os.chown(temporary, 0, grp.getgrnam(group).gr_gid)
    os.replace(temporary, path)


@contextlib.contextmanager
def running_softphone():
    """Turn an error of the control interface into a failure of the module, in words.

    Raises:
        ValueError: the softphone doesn't answer, or refuses.
    """
    try:
        yield
    except OSError as error:
        raise ValueError(f"the softphone's control interface: {error}; run again") from error


def apply_changes(control, changes):
    """Bring the running softphone's accounts to the wanted state."""
    for address in changes.removed:
        control.remove(address)
    for address in changes.added:
        control.add(changes.accounts[address])
    unchanged = changes.unchanged
    for address in to_retry(unchanged, control.states(), control.calls()):
        control.remove(address)
        control.add(unchanged[address])


def see_running(control, path):
    """See what the running softphone has."""
    return Running(set(control.states()), talking(control.calls()), read_waiting(path))


def make_changes(params, control, changes):
    """Make the changes, the running softphone's first.

    Raises:
        ValueError: the running softphone doesn't answer, or refuses.
    """
    path, group = params["path"], params["group"]
    # Once the file says what is wanted, nothing else tells what the running softphone lacks.
    if changes.waiting:
        write_waiting(path, group, read_waiting(path) | set(changes.waiting))
    if control:
        with running_softphone():
            apply_changes(control, changes)
    if changes.on_disk:
        write_file(path, group, as_file(changes.accounts))
    write_waiting(path, group, changes.waiting)


def as_text(addresses):
    """Lay addresses out for a diff."""
    return "".join(f"{address}\n" for address in sorted(addresses))


def bring_to_state(params, check):
    """Bring the accounts to the wanted state.

    Returns:
        What the module returns.

    Raises:
        ValueError: the running softphone doesn't answer, or refuses.
    """
    tls_port = params["tls_port"] if params["transport"] == "tls" else None
    wanted = wanted_accounts(
        params["phones"],
        params["registration_interval"],
        params["retry_interval"],
        tls_port,
        params["udp_dialers"],
    )
    on_disk = read_accounts(params["path"])
    with running_softphone():
        control = baresip.connect(params["control_port"])
        running = see_running(control, params["path"]) if control else None
    changes = plan_changes(wanted, on_disk, running, params["grow"])
    if not check:
        make_changes(params, control, changes)
    return {
        "changed": bool(changes.added or changes.removed or changes.on_disk),
        "added": changes.added,
        "removed": changes.gone,
        "waiting": sorted(changes.waiting + changes.lingering),
        "diff": {"before": as_text(on_disk), "after": as_text(changes.accounts)},
    }


PHONE_ARGUMENTS = {
    "extension": {"type": "str", "required": True},
    "server_ip": {"type": "str", "required": True},
    "registration_password": {"type": "str", "required": True, "no_log": True},
    "dialer": {"type": "str"},
    "login": {"type": "str"},
    "name": {"type": "str"},
    "registered": {"type": "bool"},
    "kind": {"type": "str"},
}


def main():
    module = AnsibleModule(
        argument_spec={
            "phones": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": PHONE_ARGUMENTS,
            },
            "grow": {"type": "bool", "default": True},
            "path": {"type": "path", "default": "/etc/baresip/accounts"},
            "group": {"type": "str", "default": "baresip"},
            "registration_interval": {"type": "int", "default": 60},
            "retry_interval": {"type": "int", "default": 3},
            "transport": {"type": "str", "choices": ["udp", "tls"], "default": "udp"},
            "tls_port": {"type": "int", "default": 5061},
            "udp_dialers": {"type": "list", "elements": "str", "default": []},
            "control_port": {"type": "int", "default": 4444},
        },
        supports_check_mode=True,
    )
    try:
        result = bring_to_state(module.params, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
