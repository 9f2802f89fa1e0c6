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
  - What is removed is kept for a while, with its passwords, in a table that only the provisioning
    user reads. If it is wanted again, it comes back with the same logins, letters, passwords and
    order of its logins list.
  - A phone on which an agent talks isn't removed under the call. Its alias and list entries go, and
    the phone is closed. The next run after the call removes it, without a question.
  - If two phones have one login, which Evenfloor once made for both, one gets a login of its own.
  - Everything happens in bulk, and while no other module changes the cluster. What goes is kept
    first, in a transaction of its own, and the rest is one transaction.
options:
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
  removed_kept:
    description:
      - For how many days what was removed can come back. Each run deletes what is older.
    type: int
    default: 30
  login_password_length:
    description: How many characters a login password has that is generated, 8 to 40.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment:
  - evenfloor.cluster.database
  - evenfloor.cluster.provisioning
  - evenfloor.cluster.phone_aliases
  - evenfloor.cluster.attributes
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
  description:
    - How many phones and aliases were added, changed and removed. Those that came back are counted
      among the added ones too.
  returned: success
  type: dict
  sample: {"phones_added": 120, "phones_returned": 60, "phones_renamed": 0, "phones_changed": 0,
           "phones_opened": 0, "phones_closed": 0, "phones_removed": 0, "aliases_added": 60,
           "aliases_returned": 60, "aliases_changed": 0, "aliases_removed": 0}
kept:
  description:
    - How much of what goes is kept now, and for how many days. A phone that was closed before is
      kept already.
  returned: success
  type: dict
  sample: {"phones": 3, "aliases": 1, "days": 30}
closed:
  description:
    - The phones that should go and wait, closed, for an agent's call to end; one for each agent.
  returned: success
  type: list
  elements: dict
  sample: [{"login": "101a", "extension": "101", "server_ip": "10.0.0.11", "user": "agent7"}]
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

import contextlib
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    SIP_PHONE,
    join_logins,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_agents,
    read_aliases,
    read_opened,
    read_phones,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    ENTRY_ARGUMENTS,
    expand_aliases,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import balancer_lock
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    LOGIN_PASSWORD_LENGTH,
    check_login_password_length,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_kinds import TYPES
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import (
    make_plan,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Plan,
    Request,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import as_diff, describe
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import (
    Removal,
    agents_on,
    busy_places,
    check_confirmed,
    check_something_is_wanted,
    find_removal,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removed import (
    as_kept,
    forget,
    former_aliases,
    former_phones,
    keep,
    read_rows,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    columns_of,
    delete_rows,
    has_table,
    insert_rows,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TOKEN_ARGUMENT,
    alone,
)

#: Clusters of earlier releases have no such table, and beside VICIdial nobody may see it.
PHONE_TOKENS = "evenfloor_phone_tokens"
#: The types of phones that don't register with each dialer by themselves.
_SPECIAL = tuple(sorted(set(TYPES.values()) - {SIP_PHONE}))


class Found(NamedTuple):
    """What there is besides phones and aliases: what is kept, and who is logged in."""

    kept: list
    agents: list


def read_longest_list(cursor):
    """Read how many characters fit into this database's logins lists."""
    cursor.execute(
        "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema ="
        " DATABASE() AND table_name = 'phones_alias' AND column_name = 'logins_list'"
    )
    return int(cursor.fetchone()[0])


def plan_changes(params, flavor, cursor, found):
    """Work out what has to change.

    Args:
        params: the module's.
        flavor: the cluster's.
        cursor: an open cursor.
        found: what is kept, and who is logged in.

    Returns:
        A ``plan.Plan``.
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
        kept=as_kept(found.kept),
        busy=busy_places(found.agents),
    )
    return make_plan(read_phones(cursor), read_aliases(cursor), request)


def alias_row(alias):
    """Make a row of ``phones_alias``."""
    return {
        "alias_id": alias.alias_id,
        "alias_name": alias.name,
        "logins_list": join_logins(alias.logins),
    }


def write_plan(cursor, plan, new_rows, kept):
    """Write a plan's changes. At no moment does an alias name a phone that isn't there.

    Args:
        cursor: an open cursor.
        plan: the plan.
        new_rows: lists of rows for its new phones; those of one list have the same columns.
        kept: what is kept already.
    """
    for rows in new_rows:
        insert_rows(cursor, "phones", rows)
    write_phones(cursor, plan)
    former = former_phones(kept)
    for phone in plan.opened_phones:
        switch_phone(cursor, phone, former[place_of(phone)].get("active"))
    changed = [new for _old, new in plan.changed_aliases]
    new = [alias for alias in plan.new_aliases if alias.alias_id not in plan.returned]
    rows = [alias_row(alias) for alias in changed + new]
    insert_rows(cursor, "phones_alias", rows, replacing=["alias_name", "logins_list"])
    for rows in returned_aliases(cursor, plan, former_aliases(kept)):
        insert_rows(cursor, "phones_alias", rows)
    gone = [(alias.alias_id,) for alias in plan.removed_aliases]
    delete_rows(cursor, "phones_alias", ["alias_id"], gone)
    if gone and has_table(cursor, PHONE_TOKENS):
        # An alias that comes back may be somebody else's: its phones need new tokens.
        delete_rows(cursor, PHONE_TOKENS, ["alias_id"], gone)
    for phone in plan.closed_phones:
        switch_phone(cursor, phone, "N")
    places = [place_of(phone) for phone in plan.removed_phones]
    delete_rows(cursor, "phones", ["extension", "server_ip"], places)


def write_phones(cursor, plan):
    """Write what a plan changes of phones that stay."""
    where = "WHERE extension = %s AND server_ip = %s"
    for _old, phone in plan.renamed_phones:
        cursor.execute(f"UPDATE phones SET login = %s {where}", (phone.login, *place_of(phone)))
    for phone in plan.changed_phones:
        values = (phone.login_password, phone.registration_password, phone.name)
        phone_type = TYPES[phone.kind]
        cursor.execute(
            "UPDATE phones SET pass = %s, conf_secret = %s, fullname = %s, phone_type ="
            # A phone that registers itself keeps what its type says besides.
            f" CASE WHEN %s IN %s THEN %s WHEN phone_type IN %s THEN '{SIP_PHONE}'"
            f" ELSE phone_type END {where}",
            (*values, phone_type, _SPECIAL, phone_type, _SPECIAL, *place_of(phone)),
        )


def switch_phone(cursor, phone, active):
    """Open or close a phone; the choice takes no phone that isn't active."""
    cursor.execute(
        "UPDATE phones SET active = %s WHERE extension = %s AND server_ip = %s",
        (active, *place_of(phone)),
    )


def returned_aliases(cursor, plan, former):
    """Make the rows of aliases that come back, as they were; a list for each set of columns."""
    there, alike = columns_of(cursor, "phones_alias"), {}
    for alias in plan.new_aliases:
        if alias.alias_id in plan.returned:
            row = {**former.get(alias.alias_id.lower(), {}), **alias_row(alias)}
            row = {column: row[column] for column in there if column in row}
            alike.setdefault(tuple(row), []).append(row)
    return list(alike.values())


def check_removal(module, plan, agents):
    """Make sure that what goes may go.

    Returns:
        What the module returns of it.

    Raises:
        ValueError: it has to be confirmed, or the inventory wants nothing at all.
    """
    params, limit = module.params, module.params["remove_without_asking"]
    removal = find_removal(plan, params["leaving"], agents)
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
    flavor = check_cluster(cursor, params, params["dialers"])
    if params["purge"]:
        flavor.check_purge()
    check_removed_kept(params["removed_kept"])
    with contextlib.ExitStack() as locks:
        found, plan, removal = look(module, flavor, cursor)
        if not module.check_mode:
            if any(phone.server_ip not in params["leaving"] for phone in plan.removed_phones):
                # A login that has chosen such a phone is through before, or finds it gone.
                locks.enter_context(balancer_lock(cursor, params["database"]))
                cursor.execute("COMMIT")  # to see what was written since
                found, plan, removal = look(module, flavor, cursor)
            apply_plan(params, flavor, cursor, plan, found.kept)
            cursor.execute("COMMIT")
    for problem in plan.problems:
        module.warn(problem.sentence())
    changes = describe(plan)
    return {
        "changed": bool(changes),
        "changes": changes,
        "letters": plan.letters,
        "removal": removal,
        "rebuilt": flavor.rebuilt(touched_dialers(plan)),
        "counts": count_changes(plan),
        "kept": describe_kept(plan, params["removed_kept"]),
        "closed": describe_closed([*plan.waiting, *plan.closed_phones], found.agents),
        "diff": as_diff(plan),
    }


def look(module, flavor, cursor):
    """Read what there is, and plan what has to change.

    Returns:
        What was found, the plan, and what the module returns of the removal.
    """
    found = Found(read_rows(cursor), read_agents(cursor))
    plan = plan_changes(module.params, flavor, cursor, found)
    return found, plan, check_removal(module, plan, found.agents)


def check_removed_kept(days):
    """Make sure that what is kept isn't deleted by mistake.

    Raises:
        InventoryError: the number is negative.
    """
    if days < 0:
        what, fix = f"is {days}", "give a number of days, or 0 to keep nothing"
        raise InventoryError(Problem("phone_aliases_removed_kept", what, fix, is_subject=True))


def apply_plan(params, flavor, cursor, plan, kept):
    """Write a plan's changes, in an order in which a run that is killed loses nothing.

    Args:
        params: the module's.
        flavor: the cluster's.
        cursor: an open cursor.
        plan: the plan.
        kept: what is kept already.
    """
    touched = touched_dialers(plan)
    if describe(plan):
        new_rows = flavor.phone_rows(
            cursor, plan.new_phones, params["dialers"], former_phones(kept)
        )
        if plan.removed_phones or plan.closed_phones or plan.removed_aliases:
            # Some tables have no transactions: what goes is kept before the first row has gone.
            keep(cursor, plan)
            cursor.execute("COMMIT")
        # Both before and after: some tables have no transactions, and a run that is killed in
        # between must not leave a phone that is missing from the files.
        flavor.rebuild_files(cursor, touched)
        write_plan(cursor, plan, new_rows, kept)
        flavor.rebuild_files(cursor, touched)
    forget(cursor, plan, params["removed_kept"])


def touched_dialers(plan):
    """Return the ``server_ip`` of the dialers whose phones change."""
    renamed = [new for _old, new in plan.renamed_phones]
    phones = [
        *plan.new_phones,
        *renamed,
        *plan.changed_phones,
        *plan.opened_phones,
        *plan.closed_phones,
        *plan.removed_phones,
    ]
    return {phone.server_ip for phone in phones}


def count_changes(plan):
    """Count a plan's changes, as the module returns them."""
    came_back = [phone for phone in plan.new_phones if place_of(phone) in plan.returned]
    return {
        "phones_added": len(plan.new_phones),
        "phones_returned": len(came_back),
        "phones_renamed": len(plan.renamed_phones),
        "phones_changed": len(plan.changed_phones),
        "phones_opened": len(plan.opened_phones),
        "phones_closed": len(plan.closed_phones),
        "phones_removed": len(plan.removed_phones),
        "aliases_added": len(plan.new_aliases),
        "aliases_returned": len([a for a in plan.new_aliases if a.alias_id in plan.returned]),
        "aliases_changed": len(plan.changed_aliases),
        "aliases_removed": len(plan.removed_aliases),
    }


def describe_kept(plan, days):
    """Say how much is kept now, as the module returns it; what was closed is kept already."""
    going = [phone for phone in plan.removed_phones if place_of(phone) not in plan.ended]
    phones = len(going) + len(plan.closed_phones)
    return {"phones": phones, "aliases": len(plan.removed_aliases), "days": days}


def describe_closed(phones, agents):
    """List closed phones with those who talk on them, as the module returns them."""
    return [
        {
            "login": phone.login,
            "extension": phone.extension,
            "server_ip": phone.server_ip,
            "user": user,
        }
        for phone, user in agents_on(phones, agents)
    ]


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            **TOKEN_ARGUMENT,
            "phone_aliases": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": ENTRY_ARGUMENTS,
            },
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "serving": {"type": "list", "elements": "str", "default": []},
            "leaving": {"type": "list", "elements": "str", "default": []},
            "grow": {"type": "bool", "default": True},
            "purge": {"type": "bool", "default": False},
            "remove_without_asking": {"type": "int", "default": 5},
            "confirmed": {"type": "bool", "default": False},
            "removed_kept": {"type": "int", "default": 30},
            "login_password_length": {
                "type": "int",
                "default": LOGIN_PASSWORD_LENGTH,
                "no_log": False,
            },
        },
        supports_check_mode=True,
    )
    limit, days = module.params["remove_without_asking"], module.params["removed_kept"]
    work_on_database(
        module,
        alone(bring_to_state),
        changes=[],
        letters={},
        counts={},
        rebuilt=[],
        removal=describe_removal(Removal(), limit),
        kept=describe_kept(Plan(), days),
        closed=[],
    )


if __name__ == "__main__":
    main()
