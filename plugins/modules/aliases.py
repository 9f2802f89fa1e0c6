#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: all phones and phone aliases of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aliases
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
    description:
      - The dialers, each with C(name) and C(server_ip), in the inventory's order, and C(protocol)
        where new phones of a VICIdial cluster are to have another than those that are there.
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
  cluster_flavor:
    description:
      - V(plain) where Evenfloor owns the phones. With V(vicidial) only what the inventory says is
        changed, new phones are whole rows as VICIdial's forms write them, and VICIdial is told to
        write the files of exactly those dialers again whose phones have changed.
    type: str
    choices: [plain, vicidial]
    default: plain
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
extends_documentation_fragment: evenfloor.cluster.database
"""

EXAMPLES = r"""
- name: Create one phone per alias and dialer
  evenfloor.cluster.aliases:
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
rebuilt:
  description: The server IPs of the dialers whose files VICIdial writes again.
  returned: success
  type: list
  elements: str
letters:
  description: The letters of each dialer, by server IP.
  returned: success
  type: dict
  sample: {"10.0.0.11": "a"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    delete_rows,
    insert_rows,
    read_aliases,
    read_opened,
    read_phones,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import PLAIN, VICIDIAL, expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import as_diff, describe, make_plan
from ansible_collections.evenfloor.cluster.plugins.module_utils.vicidial import (
    LONGEST_VOICEMAIL_ID,
    phone_rows,
    rebuild_files,
)

PHONE_CONTEXT = "evenfloor-phones"


def room_in_lists(cursor):
    """Read how many characters a logins list may have here."""
    cursor.execute(
        "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema ="
        " DATABASE() AND table_name = 'phones_alias' AND column_name = 'logins_list'"
    )
    return int(cursor.fetchone()[0])


def phone_row(phone):
    """Make a row of ``phones`` of a plain cluster."""
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


def apply_plan(cursor, plan, rows):
    """Write a plan's changes, new phones as ``rows``. No alias names a phone that isn't there."""
    for part in rows:
        insert_rows(cursor, "phones", part)
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


def write_shared(cursor, plan, dialers, touched):
    """Write a plan's changes beside VICIdial, which then writes the dialers' files.

    It is told before and after: these tables know no transaction, and who kills this in between
    leaves no phone that no file has.
    """
    protocols = {dialer["server_ip"]: dialer.get("protocol") for dialer in dialers}
    rows = phone_rows(cursor, plan.new_phones, protocols)
    rebuild_files(cursor, touched)
    apply_plan(cursor, plan, rows)
    rebuild_files(cursor, touched)


def bring_to_state(module, cursor):
    """Plan and apply.

    Returns:
        What the module returns.
    """
    wanted = module.params
    vicidial = wanted["cluster_flavor"] == VICIDIAL
    plan = make_plan(
        read_phones(cursor),
        read_aliases(cursor),
        expand_aliases(wanted["phone_aliases"], wanted["dialers"]),
        {*read_opened(cursor), *wanted["serving"]},
        grow=wanted["grow"],
        purge=wanted["purge"],
        leaving=wanted["leaving"],
        room=room_in_lists(cursor),
        shared=[dialer["server_ip"] for dialer in wanted["dialers"]] if vicidial else None,
    )
    changes = describe(plan)
    touched = {
        phone.server_ip
        for phones in (plan.new_phones, plan.changed_phones, plan.removed_phones)
        for phone in phones
    }
    if changes and not module.check_mode:
        if vicidial:
            write_shared(cursor, plan, wanted["dialers"], touched)
        else:
            apply_plan(cursor, plan, [[phone_row(phone) for phone in plan.new_phones]])
    return {
        "changed": bool(changes),
        "changes": changes,
        "letters": plan.letters,
        "rebuilt": sorted(touched) if vicidial else [],
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
            "cluster_flavor": {"type": "str", "choices": [PLAIN, VICIDIAL], "default": PLAIN},
        },
        supports_check_mode=True,
    )
    if module.params["purge"] and module.params["cluster_flavor"] == VICIDIAL:
        module.fail_json(
            msg="purge: phones of a VICIdial cluster aren't Evenfloor's alone; leave it out"
        )
    work_on_database(module, bring_to_state, changes=[], letters={}, counts={}, rebuilt=[])


if __name__ == "__main__":
    main()
