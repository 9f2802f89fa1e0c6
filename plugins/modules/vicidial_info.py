#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: look at a cluster that runs VICIdial already."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vicidial_info
short_description: Inspect a cluster that runs VICIdial, and describe it as an inventory
version_added: "0.1.0"
description:
  - Checks that the database has the tables and columns that Evenfloor needs, says what is there and
    what Evenfloor would add, and writes dialers and phone aliases as an inventory has them.
  - Changes nothing, and returns no password.
options:
  login_unix_socket:
    description: Connect as root by this socket, instead of with the option file.
    type: path
  hosts:
    description:
      - The addresses of the inventory's hosts by name. A dialer whose name is another host's is
        named after its address.
    type: dict
    default: {}
  tables:
    description: The names of Evenfloor's own tables.
    type: list
    elements: str
    default: []
  indexes:
    description: Evenfloor's own indexes, each with C(table) and C(name).
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Look at the cluster
  evenfloor.cluster.vicidial_info:
    login_unix_socket: /run/mysqld/mysqld.sock
  delegate_to: db1
  register: found
"""

RETURN = r"""
problems:
  description:
    - What rules out working with this database, in sentences. If there is anything, all the other
      values are empty.
  returned: success
  type: list
  elements: str
report:
  description: What was found, a line each.
  returned: success
  type: list
  elements: str
missing:
  description: Which of Evenfloor's own C(tables) and C(indexes) aren't there yet.
  returned: success
  type: dict
dialers:
  description: The dialers, each with C(name), C(server_ip) and C(server_id).
  returned: success
  type: list
  elements: dict
phone_aliases:
  description: The aliases as entries of the inventory's list.
  returned: success
  type: list
  elements: dict
left_alone:
  description: The servers and aliases that aren't in the inventory, each with C(what) and C(why).
  returned: success
  type: list
  elements: dict
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.adopt import adopt_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    DIALER,
    UNKNOWN_STATES,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_aliases,
    read_phones,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.vicidial import Vicidial
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import (
    make_plan,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Request,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import describe
from ansible_collections.evenfloor.cluster.plugins.module_utils.preflight import (
    NEEDED,
    Role,
    role_in_words,
    role_problems,
    schema_problems,
)

#: What the name of a host in an inventory can't have.
_NO_NAME = re.compile(r"[^-_0-9a-zA-Z]+")


def read_columns(cursor):
    """Read the columns of the tables that are needed, as the preflight wants them."""
    cursor.execute(
        "SELECT table_name, column_name, data_type, character_maximum_length, column_type"
        " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN %s",
        (list(NEEDED),),
    )
    columns = {}
    for table, column, *kind in cursor.fetchall():
        columns.setdefault(table, {})[column] = tuple(kind)
    return columns


def read_role(cursor):
    """Read what the database is among others."""
    cursor.execute("SHOW GLOBAL VARIABLES WHERE variable_name IN ('read_only', 'wsrep_on')")
    variables = {name.lower(): value not in ("OFF", "0") for name, value in cursor.fetchall()}
    cursor.execute("SHOW ALL SLAVES STATUS")
    names = [column[0] for column in cursor.description]
    sources = [dict(zip(names, row)) for row in cursor.fetchall()]
    cursor.execute(
        "SELECT DISTINCT SUBSTRING_INDEX(host, ':', 1) FROM information_schema.processlist"
        " WHERE command LIKE 'Binlog Dump%' ORDER BY 1"
    )
    return Role(
        variables["read_only"],
        variables.get("wsrep_on", False),
        tuple(
            (row["Master_Host"], row["Slave_IO_Running"] == row["Slave_SQL_Running"] == "Yes")
            for row in sources
        ),
        tuple(row[0] for row in cursor.fetchall()),
    )


def read_schema_version(cursor, columns):
    """Read which release of VICIdial's schema this is; None where nothing says so."""
    if "db_schema_version" not in columns.get("system_settings", {}):
        return None
    cursor.execute("SELECT db_schema_version FROM system_settings LIMIT 1")
    row = cursor.fetchone()
    return row[0] if row else None


def read_engines(cursor):
    """Read the engine of each table that is needed."""
    cursor.execute(
        "SELECT table_name, engine FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name IN %s ORDER BY table_name",
        (list(NEEDED),),
    )
    return dict(cursor.fetchall())


def read_missing(cursor, tables, indexes):
    """Find which of Evenfloor's own tables and indexes aren't there."""
    cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    there = {row[0] for row in cursor.fetchall()}
    cursor.execute(
        "SELECT DISTINCT table_name, index_name FROM information_schema.statistics"
        " WHERE table_schema = DATABASE()"
    )
    indexed = set(cursor.fetchall())
    return {
        "tables": [table for table in tables if table not in there],
        "indexes": [index for index in indexes if (index["table"], index["name"]) not in indexed],
    }


def read_dialers(cursor, hosts):
    """Read the dialers, named as an inventory names hosts.

    Args:
        cursor: an open cursor.
        hosts: the addresses of the inventory's hosts by name.

    Returns:
        The dialers, and the names of servers without phones: nobody logs in there.
    """
    cursor.execute(
        "SELECT s.server_id, s.server_ip,"
        f" EXISTS (SELECT 1 FROM phones p WHERE p.server_ip = {DIALER})"
        " FROM servers s WHERE s.active_asterisk_server = 'Y' ORDER BY s.server_id, s.server_ip"
    )
    dialers, without_phones, names = [], [], dict(hosts)
    for server_id, server_ip, has_phones in cursor.fetchall():
        if not has_phones:
            without_phones.append(server_id)
            continue
        name = _NO_NAME.sub("-", server_id).strip("-").lower()
        if not name or names.get(name, server_ip) != server_ip:
            name = server_ip
        names[name] = server_ip
        dialers.append({"name": name, "server_ip": server_ip, "server_id": server_id})
    return dialers, without_phones


def registrations_in_words(cursor, dialers):
    """Say on which dialers VICIdial notes whether phones are there."""
    cursor.execute(
        "SELECT DISTINCT server_ip FROM phones WHERE peer_status NOT IN %s", (UNKNOWN_STATES,)
    )
    reporting = {row[0] for row in cursor.fetchall()}
    looked_at = [dialer["name"] for dialer in dialers if dialer["server_ip"] in reporting]
    others = [dialer["name"] for dialer in dialers if dialer["server_ip"] not in reporting]
    return (
        f"phones with a peer_status: on {', '.join(looked_at) or 'no dialer'}"
        f"{' and none on ' + ', '.join(others) if looked_at and others else ''};"
        " balancer_registration: auto looks at it there"
    )


def check_nothing_changes(phones, aliases, entries, dialers):
    """Check that a run on what was adopted would change nothing.

    Raises:
        ValueError: it would.
    """
    server_ips = [dialer["server_ip"] for dialer in dialers]
    request = Request(
        wanted=expand_aliases(entries, dialers),
        flavor=Vicidial(),
        serving=server_ips,
        dialers=server_ips,
    )
    changes = describe(make_plan(phones, aliases, request))
    if changes:
        raise ValueError(f"adopted aliases would change: {changes[0]}; this is a bug in Evenfloor")


def engines_in_words(engines):
    """Say which tables have which engine."""
    by_engine = {}
    for table, engine in engines.items():
        by_engine.setdefault(engine, []).append(table)
    return "; ".join(f"{engine}: {', '.join(names)}" for engine, names in by_engine.items())


def look(module, cursor):
    """Look at everything.

    Returns:
        What the module returns.
    """
    cursor.execute("SELECT VERSION()")
    version = cursor.fetchone()[0]
    columns = read_columns(cursor)
    schema_version = read_schema_version(cursor, columns)
    problems = schema_problems(version, schema_version, columns)
    # What isn't MariaDB can't be asked.
    role = Role() if problems else read_role(cursor)
    problems += role_problems(role)
    if problems:
        sentences = [problem.sentence() for problem in problems]
        return {"changed": False, **NOTHING, "problems": sentences}
    dialers, without_phones = read_dialers(cursor, module.params["hosts"])
    phones, aliases = read_phones(cursor), read_aliases(cursor)
    entries, left_alone = adopt_aliases(phones, aliases, dialers)
    check_nothing_changes(phones, aliases, entries, dialers)
    return {
        "changed": False,
        **NOTHING,
        "report": [
            f"{version}, VICIdial's schema {schema_version}",
            f"engines: {engines_in_words(read_engines(cursor))}",
            f"{len(dialers)} dialers, {len(phones)} phones, {len(aliases)} aliases",
            registrations_in_words(cursor, dialers),
            *role_in_words(role),
        ],
        "missing": read_missing(cursor, module.params["tables"], module.params["indexes"]),
        "dialers": dialers,
        "phone_aliases": entries,
        "left_alone": [
            *({"what": f"server {name}", "why": "no phone is on it"} for name in without_phones),
            *({"what": f"alias {alias_id}", "why": why} for alias_id, why in left_alone),
        ],
    }


NOTHING = {
    "problems": [],
    "report": [],
    "missing": {"tables": [], "indexes": []},
    "dialers": [],
    "phone_aliases": [],
    "left_alone": [],
}


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "login_unix_socket": {"type": "path"},
            "hosts": {"type": "dict", "default": {}},
            "tables": {"type": "list", "elements": "str", "default": []},
            "indexes": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    work_on_database(module, look, **NOTHING)


if __name__ == "__main__":
    main()
