#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: the accounts of a running baresip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: softphone
short_description: Bring the accounts of baresip to the wanted state, on disk and while it runs
version_added: "0.1.0"
description:
  - One account for each phone. Accounts are added to and removed from the running softphone through
    its control interface; the other accounts' registrations and calls go on.
  - The file of accounts, which the next start reads, is written last, so that a run that was
    interrupted is finished by the next.
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
      login:
        description: Not used here.
        type: str
      name:
        description: Not used here.
        type: str
      registered:
        description: Not used here.
        type: bool
  grow:
    description: Whether accounts may be added and changed. Without it they are only removed.
    type: bool
    default: true
  path:
    description: The file of accounts.
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
  control_port:
    description: The port, on loopback, of baresip's control interface (module ctrl_tcp).
    type: int
    default: 4444
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author:
  - Evenfloor contributors
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
"""

import grp
import json
import os
import re
import socket
import tempfile

from ansible.module_utils.basic import AnsibleModule

ANSWER_TIMEOUT = 10
#: Answers of a dialer that didn't know the endpoint yet, or another password.
REFUSED = (401, 403, 404)
ACCOUNT_AND_CALLS = re.compile(r"User-Agent: (\S+)\s+--- Active calls \((\d+)\)")


class Control:
    """baresip's control interface: JSON in netstrings. It serves one client at a time."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT)
        self._socket.settimeout(ANSWER_TIMEOUT)
        self._received = b""
        self._count = 0

    def command(self, name, parameters=""):
        """Run a command and return what it said; events in between are skipped.

        Raises:
            OSError: baresip doesn't answer, or refuses.
        """
        self._count += 1
        token = str(self._count)
        message = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(message), message))
        while True:
            answer = self._read()
            if answer.get("response") and answer.get("token") == token:
                if not answer["ok"]:
                    raise OSError(f"baresip refused {name}")
                return answer["data"]

    def _read(self):
        while True:
            length, colon, rest = self._received.partition(b":")
            if colon and len(rest) > int(length):
                self._received = rest[int(length) + 1 :]
                return json.loads(rest[: int(length)])
            part = self._socket.recv(65536)
            if not part:
                raise OSError("baresip closed its control interface")
            self._received += part


def wanted_accounts(params):
    """Make the accounts: ``{address: line}``."""
    accounts = {}
    for phone in params["phones"]:
        address = f"sip:{phone['extension']}@{phone['server_ip']}"
        accounts[address] = (
            f"<{address}>;auth_user={phone['extension']};"
            f"auth_pass={phone['registration_password']};answermode=auto;"
            f"regint={params['registration_interval']};fbregint={params['retry_interval']}"
        )
    return accounts


def accounts_on_disk(path):
    """Read the accounts that the next start would have."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.startswith("<")]
    except FileNotFoundError:
        return {}
    return {line[1:].partition(">")[0]: line for line in lines}


def accounts_running(port):
    """Read the addresses that the running softphone has; None where none runs."""
    try:
        control = Control(port)
        return control, set(json.loads(control.command("apistate") or "{}"))
    except ConnectionRefusedError:
        return None, None


def retry_registrations(control, accounts):
    """Have accounts that the dialer refused try again now; baresip itself waits for minutes.

    One that is in a call is left alone.
    """
    states = json.loads(control.command("apistate") or "{}")
    listed = ACCOUNT_AND_CALLS.findall(control.command("listcalls") or "")
    talking = {f"sip:{account}" for account, calls in listed if int(calls) > 0}
    for address in sorted(set(accounts) & set(states) - talking):
        if states[address]["registration"]["code"] in REFUSED:
            control.command("uadel", address)
            control.command("uanew", accounts[address])


def write_accounts(path, group, accounts):
    """Write the file, readable by root and the softphone only, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{accounts[address]}\n" for address in sorted(accounts))
    os.chmod(temporary, 0o640)
    os.chown(temporary, 0, grp.getgrnam(group).gr_gid)
    os.replace(temporary, path)


def as_text(addresses):
    """Lay addresses out for a diff."""
    return "".join(f"{address}\n" for address in sorted(addresses))


def main():
    module = AnsibleModule(
        argument_spec={
            "phones": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "extension": {"type": "str", "required": True},
                    "server_ip": {"type": "str", "required": True},
                    "registration_password": {"type": "str", "required": True, "no_log": True},
                    "login": {"type": "str"},
                    "name": {"type": "str"},
                    "registered": {"type": "bool"},
                },
            },
            "grow": {"type": "bool", "default": True},
            "path": {"type": "path", "default": "/etc/baresip/accounts"},
            "group": {"type": "str", "default": "baresip"},
            "registration_interval": {"type": "int", "default": 60},
            "retry_interval": {"type": "int", "default": 3},
            "control_port": {"type": "int", "default": 4444},
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted, disk = wanted_accounts(params), accounts_on_disk(params["path"])
    if not params["grow"]:
        wanted = {address: line for address, line in disk.items() if address in wanted}
    control, running = accounts_running(params["control_port"])
    # Without a running softphone only the file counts.
    present = set(disk) if running is None else running
    changed = {
        address for address in wanted if disk.get(address, wanted[address]) != wanted[address]
    }
    removed = sorted((present - set(wanted)) | (changed & present))
    added = sorted((set(wanted) - present) | changed) if params["grow"] else []
    if not module.check_mode:
        try:
            if control:
                for address in removed:
                    control.command("uadel", address)
                for address in added:
                    control.command("uanew", wanted[address])
                retry_registrations(control, {a: wanted[a] for a in set(wanted) - set(added)})
        except OSError as error:
            module.fail_json(msg=f"the softphone's control interface: {error}; run again")
        if disk != wanted:
            write_accounts(params["path"], params["group"], wanted)
    module.exit_json(
        changed=bool(added or removed or disk != wanted),
        added=added,
        removed=[address for address in removed if address not in added],
        diff={"before": as_text(set(disk)), "after": as_text(set(wanted))},
    )


if __name__ == "__main__":
    main()
