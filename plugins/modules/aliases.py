#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
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
  - Existing phones keep their logins and passwords. Passwords that aren't given are generated once.
  - On a cluster that runs VICIdial, only what the inventory names is changed. New phones are
    complete rows, as VICIdial's forms write them. VICIdial is asked to rewrite the files of the
    dialers whose phones have changed, and of no others.
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
        description: What is appended to an extension to make its alias; C(x) by default.
        type: str
      dialers:
        description: The names of the dialers behind the alias; by default every dialer.
        type: list
        elements: str
      name:
        description: The alias's name; C({extension}) stands for the extension.
        type: str
      login_password:
        description: What the agent types; by default generated once for each alias.
        type: str
      registration_password:
        description: What the softphone uses; by default generated once for each alias.
        type: str
  dialers:
    description:
      - The dialers, each with C(name) and C(server_ip), in the inventory's order.
      - C(protocol) is the protocol of new phones in VICIdial's tables. By default they have that of
        the existing phones.
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
      - Whether logins lists may get new entries, and aliases may be created. Without it phones are
        created and lists only shrink, which is safe while nothing is registered yet.
    type: bool
    default: true
  leaving:
    description:
      - The server IPs of dialers that are being removed. All their phones are removed, and their
        logins from every logins list, whoever made them.
      - The module refuses to leave an alias without any dialer.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Whether to remove phones and aliases that no entry names. Refused on clusters where others
        write phones too.
    type: bool
    default: false
  remove_without_asking:
    description:
      - The module removes as many phones and aliases together as this, and fails before it changes
        anything where it would remove more, or a phone that an agent is logged in on. Phones of
        O(leaving) dialers don't count.
      - Check mode doesn't fail; see RV(removal).
    type: int
    default: 5
  confirmed:
    description:
      - Whether somebody has confirmed what is removed. Without it an empty O(phone_aliases) removes
        nothing, either.
    type: bool
    default: false
  login_password_length:
    description: How many characters a login password has that is generated, 8 to 40.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
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
removal:
  description:
    - What is removed, without the phones of dialers that leave. C(first) names the first few,
      C(live_agents) the users who are logged in on the phones. C(summary) says it in words.
    - C(needs_confirmation) says whether the module fails without O(confirmed).
  returned: success
  type: dict
  sample: {"phones": 3, "aliases": 1, "first": ["alias 101x", "phone 101a on 10.0.0.11"],
           "live_agents": ["agent7"], "needs_confirmation": true,
           "summary": "3 phones and 1 alias would be removed (…)."}
rebuilt:
  description: The server IPs of the dialers whose files VICIdial rewrites.
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
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import join_logins
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_agents,
    read_aliases,
    read_opened,
    read_phones,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    LOGIN_PASSWORD_LENGTH,
    check_login_password_length,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import Request, make_plan
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import as_diff, describe
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_flavor import (
    flavor_of_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import (
    Removal,
    check_confirmed,
    check_something_is_wanted,
    find_removal,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    delete_rows,
    insert_rows,
)


def read_longest_list(cursor):
    """Read how many characters fit into this database's logins lists."""
    cursor.execute(
        "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema ="
        " DATABASE() AND table_name = 'phones_alias' AND column_name = 'logins_list'"
    )
    return int(cursor.fetchone()[0])


def plan_changes(params, flavor, cursor):
    """Read what is there, and work out what has to change.

    Returns:
        A ``phones.Plan``.
    """
    request = Request(
        wanted=expand_aliases(params["phone_aliases"], params["dialers"]),
        flavor=flavor,
        serving={*read_opened(cursor), *params["serving"]},
        dialers=[dialer["server_ip"] for dialer in params["dialers"]],
        leaving=params["leaving"],
        grow=params["grow"],
        purge=params["purge"],
        longest_list=read_longest_list(cursor),
        login_password_length=params["login_password_length"],
    )
    return make_plan(read_phones(cursor), read_aliases(cursor), request)


def alias_row(alias):
    """Make a row of ``phones_alias``."""
    return {
        "alias_id": alias.alias_id,
        "alias_name": alias.name,
        "logins_list": join_logins(alias.logins),
    }


def write_plan(cursor, plan, new_rows):
    """Write a plan's changes. At no moment does an alias name a phone that isn't there.

    Args:
        cursor: an open cursor.
        plan: the plan.
        new_rows: lists of rows for its new phones; those of one list have the same columns.
    """
    for rows in new_rows:
        insert_rows(cursor, "phones", rows)
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


def check_removal(module, cursor, plan):
    """Make sure that what goes may go.

    Returns:
        What the module returns of it.

    Raises:
        ValueError: it has to be confirmed, or the inventory wants nothing at all.
    """
    params, limit = module.params, module.params["remove_without_asking"]
    removal = find_removal(plan, params["leaving"], read_agents(cursor))
    check_something_is_wanted(
        params["phone_aliases"], params["dialers"], removal, params["confirmed"]
    )
    if not module.check_mode and not params["confirmed"]:
        check_confirmed(removal, limit)
    return describe_removal(removal, limit)


def describe_removal(removal, limit):
    """Lay out what goes, as the module returns it."""
    return {
        "phones": len(removal.phones),
        "aliases": len(removal.aliases),
        "first": removal.first(),
        "live_agents": list(removal.users),
        "needs_confirmation": removal.needs_confirmation(limit),
        "summary": removal.summary(),
    }


def bring_to_state(module, cursor):
    """Plan and apply.

    Returns:
        What the module returns.
    """
    params = module.params
    check_login_password_length(params["login_password_length"])
    flavor = flavor_of_cluster(cursor, params["cluster_flavor"])
    if params["purge"]:
        flavor.check_purge()
    plan = plan_changes(params, flavor, cursor)
    removal = check_removal(module, cursor, plan)
    changes = describe(plan)
    touched = {
        phone.server_ip
        for phones in (plan.new_phones, plan.changed_phones, plan.removed_phones)
        for phone in phones
    }
    if changes and not module.check_mode:
        new_rows = flavor.phone_rows(cursor, plan.new_phones, params["dialers"])
        # Both before and after: some tables have no transactions, and a run that is killed in
        # between must not leave a phone that is missing from the files.
        flavor.rebuild_files(cursor, touched)
        write_plan(cursor, plan, new_rows)
        flavor.rebuild_files(cursor, touched)
    return {
        "changed": bool(changes),
        "changes": changes,
        "letters": plan.letters,
        "removal": removal,
        "rebuilt": flavor.rebuilt(touched),
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
            "remove_without_asking": {"type": "int", "default": 5},
            "confirmed": {"type": "bool", "default": False},
            "login_password_length": {
                "type": "int",
                "default": LOGIN_PASSWORD_LENGTH,
                "no_log": False,
            },
        },
        supports_check_mode=True,
    )
    nothing = describe_removal(Removal(), module.params["remove_without_asking"])
    work_on_database(
        module, bring_to_state, changes=[], letters={}, counts={}, rebuilt=[], removal=nothing
    )


if __name__ == "__main__":
    main()
