#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: all phones and phone aliases of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evenfloor_aliases
short_description: Bring all phones and phone aliases of a cluster to the wanted state
version_added: "0.1.0"
description:
  - Takes all aliases at once and creates one phone per alias and dialer, with the same extension
    and the same passwords and another server IP, and one alias with the list of their logins.
  - Phone logins are the extension and a letter per dialer. A dialer's letter is read back from
    the phones it has; a new dialer gets the next free one.
  - Phones that are there keep their logins and passwords; what isn't given is made once.
  - Everything happens in one transaction, in bulk.
options:
  phone_aliases:
    description:
      - The inventory's list.
    type: list
    elements: dict
    required: true
    suboptions:
      extensions:
        description: One alias for each of these, like C("101-160") or a list of such ranges.
        type: raw
        required: true
      suffix:
        description: What makes an alias of an extension; C(x) by default.
        type: str
      dialers:
        description: The names of the dialers behind the alias; by default every dialer.
        type: list
        elements: str
      name:
        description: The alias's name; C({extension}) stands for the extension.
        type: str
      login_password:
        description: What the agent types; by default made once for each alias.
        type: str
      registration_password:
        description: What the softphone uses; by default made once for each alias.
        type: str
  dialers:
    description: The dialers, each with C(name) and C(server_ip), in the inventory's order.
    type: list
    elements: dict
    required: true
  serving:
    description:
      - The server IPs of the dialers whose phones may be in logins lists, besides the dialers
        that have been opened for logins before.
    type: list
    elements: str
    default: []
  grow:
    description:
      - Whether logins lists may get new entries, and new aliases be made. Without it phones are
        created and lists only shrink, which is safe while nothing is registered yet.
    type: bool
    default: true
  leaving:
    description:
      - The server IPs of dialers that go. All their phones are removed, and their logins from every
        logins list, whoever made them.
      - The module refuses to leave an alias without any dialer.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Whether phones and aliases that no entry names are removed. Right where Evenfloor owns
        the cluster, wrong where others write phones too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: evenfloor_database
"""

EXAMPLES = r"""
- name: Create one phone per alias and dialer
  evenfloor_aliases:
    phone_aliases:
      - extensions: "101-160"
      - extensions: "201-220"
        suffix: z
        dialers: [dialer1]
    dialers:
      - name: dialer1
        server_ip: 10.0.0.11
      - name: dialer2
        server_ip: 10.0.0.12
    serving: [10.0.0.11, 10.0.0.12]
  delegate_to: db1
"""

RETURN = r"""
counts:
  description: How many phones and aliases were added, changed and removed.
  returned: success
  type: dict
  sample: {"phones_added": 120, "phones_changed": 0, "phones_removed": 0, "aliases_added": 60,
           "aliases_changed": 0, "aliases_removed": 0}
changes:
  description: Each change in words, without passwords.
  returned: success
  type: list
  elements: str
  sample: ["phone 101c on 10.0.0.13: added", "alias 101x: 101a,101b becomes 101a,101b,101c"]
letters:
  description: The letters of each dialer, by server IP.
  returned: success
  type: dict
  sample: {"10.0.0.11": "a"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.evenfloor_database import (
    ARGUMENTS,
    delete_rows,
    insert_rows,
    read_opened,
    work_on_database,
)
from ansible.module_utils.evenfloor_inventory import expand_aliases
from ansible.module_utils.evenfloor_phones import Alias, Phone, as_diff, describe, make_plan

LONGEST_VOICEMAIL_ID = 10
PHONE_CONTEXT = "evenfloor-phones"


def read_phones(cursor):
    """Read all phones."""
    cursor.execute("SELECT extension, server_ip, login, pass, conf_secret, fullname FROM phones")
    return [
        Phone(extension, server_ip, login or "", password or "", secret or "", name or "")
        for extension, server_ip, login, password, secret, name in cursor.fetchall()
    ]


def read_aliases(cursor):
    """Read all aliases."""
    cursor.execute("SELECT alias_id, alias_name, logins_list FROM phones_alias")
    return [
        Alias(alias_id, name or "", tuple(login for login in (logins or "").split(",") if login))
        for alias_id, name, logins in cursor.fetchall()
    ]


def room_in_lists(cursor):
    """Read how many characters a logins list may have here."""
    cursor.execute(
        "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema ="
        " DATABASE() AND table_name = 'phones_alias' AND column_name = 'logins_list'"
    )
    return int(cursor.fetchone()[0])


def phone_row(phone):
    """Make a full row of ``phones``, as VICIdial's own forms fill it."""
    return {
        "extension": phone.extension,
        "dialplan_number": phone.extension,
        "voicemail_id": phone.extension[:LONGEST_VOICEMAIL_ID],
        "phone_ip": "",
        "server_ip": phone.server_ip,
        "login": phone.login,
        "pass": phone.login_password,
        "status": "ACTIVE",
        "active": "Y",
        "phone_type": "PJSIP",
        "fullname": phone.name,
        "protocol": "PJSIP",
        "outbound_cid": "",
        "template_id": "",
        "conf_secret": phone.registration_password,
        "phone_context": PHONE_CONTEXT,
        "is_webphone": "N",
    }


def alias_row(alias):
    """Make a row of ``phones_alias``."""
    return {
        "alias_id": alias.alias_id,
        "alias_name": alias.name,
        "logins_list": ",".join(alias.logins),
    }


def apply_plan(cursor, plan):
    """Write a plan's changes. No alias ever names a phone that isn't there."""
    insert_rows(cursor, "phones", [phone_row(phone) for phone in plan.new_phones])
    for phone in plan.changed_phones:
        cursor.execute(
            "UPDATE phones SET pass = %s, conf_secret = %s, fullname = %s"
            " WHERE extension = %s AND server_ip = %s",
            (
                phone.login_password,
                phone.registration_password,
                phone.name,
                phone.extension,
                phone.server_ip,
            ),
        )
    changed = [new for _old, new in plan.changed_aliases]
    rows = [alias_row(alias) for alias in changed + plan.new_aliases]
    insert_rows(cursor, "phones_alias", rows, replacing=["alias_name", "logins_list"])
    gone = [(alias.alias_id,) for alias in plan.removed_aliases]
    delete_rows(cursor, "phones_alias", ["alias_id"], gone)
    places = [(phone.extension, phone.server_ip) for phone in plan.removed_phones]
    delete_rows(cursor, "phones", ["extension", "server_ip"], places)


def bring_to_state(module, cursor):
    """Plan and apply.

    Returns:
        What the module returns.
    """
    wanted = module.params
    plan = make_plan(
        read_phones(cursor),
        read_aliases(cursor),
        expand_aliases(wanted["phone_aliases"], wanted["dialers"]),
        {*read_opened(cursor), *wanted["serving"]},
        grow=wanted["grow"],
        purge=wanted["purge"],
        leaving=wanted["leaving"],
        room=room_in_lists(cursor),
    )
    changes = describe(plan)
    if changes and not module.check_mode:
        apply_plan(cursor, plan)
    return {
        "changed": bool(changes),
        "changes": changes,
        "letters": plan.letters,
        "counts": {
            "phones_added": len(plan.new_phones),
            "phones_changed": len(plan.changed_phones),
            "phones_removed": len(plan.removed_phones),
            "aliases_added": len(plan.new_aliases),
            "aliases_changed": len(plan.changed_aliases),
            "aliases_removed": len(plan.removed_aliases),
        },
        "diff": as_diff(plan),
    }


ALIAS_ARGUMENTS = {
    "extensions": {"type": "raw", "required": True},
    "suffix": {"type": "str"},
    "dialers": {"type": "list", "elements": "str"},
    "name": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "registration_password": {"type": "str", "no_log": True},
}


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "phone_aliases": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": ALIAS_ARGUMENTS,
            },
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "serving": {"type": "list", "elements": "str", "default": []},
            "leaving": {"type": "list", "elements": "str", "default": []},
            "grow": {"type": "bool", "default": True},
            "purge": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    work_on_database(module, bring_to_state, changes=[], letters={}, counts={})


if __name__ == "__main__":
    main()
