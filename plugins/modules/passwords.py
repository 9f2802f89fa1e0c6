#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: new passwords for aliases that are there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: passwords
short_description: Give aliases and all their phones new passwords
version_added: "0.1.0"
description:
  - Generates new login passwords, registration passwords or both, and writes them to all phones of
    the aliases in one transaction. No password is returned.
  - Refuses where the inventory gives a password that would change.
  - On a cluster that runs VICIdial, VICIdial is asked to rewrite the files of the dialers whose
    registration passwords have changed.
  - Each run generates others.
options:
  aliases:
    description:
      - The aliases, by name, by extension or by ranges of extensions, such as C(101x) or
        C(101-120). C(all) alone means every alias of O(phone_aliases).
    type: list
    elements: str
    required: true
  what:
    description: Which passwords change.
    type: str
    choices: [login, registration, both]
    default: both
  dialers:
    description: The dialers, each with C(name) and C(server_ip).
    type: list
    elements: dict
    required: true
  login_password_length:
    description: How many characters a login password has, 8 to 40.
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
- name: Give two agents new login passwords
  evenfloor.cluster.passwords:
    aliases: [101x, 102x]
    what: login
    phone_aliases: "{{ phone_aliases }}"
    dialers: "{{ cluster_dialers }}"
  delegate_to: db1
"""

RETURN = r"""
aliases:
  description: The aliases whose passwords have changed.
  returned: success
  type: list
  elements: str
  sample: ["101x", "102x"]
phones:
  description: How many phones that are.
  returned: success
  type: int
rebuilt:
  description: The server IPs of the dialers whose files VICIdial rewrites.
  returned: success
  type: list
  elements: str
summary:
  description: What changes, in words.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_aliases,
    read_phones,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    ENTRY_ARGUMENTS,
    expand_aliases,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.new_passwords import (
    KINDS,
    check_nobody_gives_them,
    choose_aliases,
    plan_passwords,
    summary,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    LOGIN_PASSWORD_LENGTH,
    check_login_password_length,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    TOKEN_ARGUMENT,
    alone,
)


def write_passwords(cursor, planned):
    """Write new passwords. The phones of an alias change at once, whatever engine the table has."""
    for new in planned:
        columns = {"pass": new.login, "conf_secret": new.registration}
        changed = {column: value for column, value in columns.items() if value is not None}
        assigned = ", ".join(f"{column} = %s" for column in changed)
        places = [(phone.extension, phone.server_ip) for phone in new.phones]
        cursor.execute(
            f"UPDATE phones SET {assigned} WHERE (extension, server_ip) IN %s",
            (*changed.values(), places),
        )


def renew(module, cursor):
    """Give the aliases new passwords.

    Returns:
        What the module returns.

    Raises:
        InventoryError: an alias isn't known, or the inventory gives its passwords.
    """
    params, kind = module.params, module.params["what"]
    check_login_password_length(params["login_password_length"])
    flavor = check_cluster(cursor, params, params["dialers"])
    chosen = choose_aliases(
        params["aliases"], expand_aliases(params["phone_aliases"], params["dialers"])
    )
    check_nobody_gives_them(chosen, kind)
    planned = plan_passwords(
        chosen, read_phones(cursor), read_aliases(cursor), kind, params["login_password_length"]
    )
    touched = set()
    if kind != "login":
        touched = {phone.server_ip for new in planned for phone in new.phones}
    if planned and not module.check_mode:
        # Before and after, as some tables have no transactions; see the module aliases.
        flavor.rebuild_files(cursor, touched)
        write_passwords(cursor, planned)
        flavor.rebuild_files(cursor, touched)
    lines = "".join(f"alias {new.alias_id}: {' and '.join(KINDS[kind])}\n" for new in planned)
    return {
        "changed": bool(planned),
        "aliases": [new.alias_id for new in planned],
        "phones": sum(len(new.phones) for new in planned),
        "rebuilt": flavor.rebuilt(touched),
        "summary": summary(planned, kind),
        "diff": {"before": "", "after": lines, "after_header": "new passwords"},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            **TOKEN_ARGUMENT,
            "aliases": {"type": "list", "elements": "str", "required": True},
            "what": {"type": "str", "choices": list(KINDS), "default": "both"},
            # Its passwords are the inventory's: they are neither changed nor returned.
            "phone_aliases": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": ENTRY_ARGUMENTS,
            },
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "login_password_length": {
                "type": "int",
                "default": LOGIN_PASSWORD_LENGTH,
                "no_log": False,
            },
        },
        supports_check_mode=True,
    )
    work = alone(renew)
    work_on_database(module, work, aliases=[], phones=0, rebuilt=[], summary="")


if __name__ == "__main__":
    main()
