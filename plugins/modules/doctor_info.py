#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: the database's part of the alias doctor."""

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor_info
short_description: Find what is wrong with dialers, phones and aliases in the database
version_added: "0.1.0"
description:
  - Compares the inventory with the database, and the rows of the database with each other.
  - Also says what Asterisk and softphones should have, so that they can be compared. Passwords are
    compared on the target and never returned.
  - On a cluster that runs VICIdial, aliases and servers that the inventory doesn't have are not
    reported.
options:
  phone_aliases:
    description: The inventory's list.
    type: list
    elements: dict
    required: true
  dialers:
    description: The inventory's dialers, each with C(name) and C(server_ip).
    type: list
    elements: dict
    required: true
  heartbeat_timeout:
    description: A dialer whose heartbeat is this many seconds old, or older, is dead.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: Look at the database
  evenfloor.cluster.doctor_info:
    phone_aliases: "{{ phone_aliases }}"
    dialers: "{{ hostvars | evenfloor.cluster.dialers(groups) }}"
  delegate_to: db1
"""

RETURN = r"""
findings:
  description: What is wrong, each with C(finding), C(alias), C(dialer), C(what) and C(fix).
  returned: success
  type: list
  elements: dict
dialers:
  description:
    - What should be on each dialer, by server IP. C(expected) has the extensions and whether the
      database says that they are registered, C(sessions) has the local agents' sessions, C(alive)
      says whether the dialer is alive, and C(calls_kept) how many calls without a row its daemon
      lets go on.
  returned: success
  type: dict
aliases:
  description: The alias of each extension.
  returned: success
  type: dict
models:
  description:
    - By alias which kind of phone has fetched its accounts last, such as V(yealink); V(yealink/6)
      is one with 6 accounts, where others of its maker hold more. It is V(browser) where the phone
      is the login page, and V(edge) where it registers at an edge.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    DIALER,
    FREE_ROOM,
    REGISTERED_STATES,
    ROOM_TABLES,
    UNKNOWN_STATES,
    WEBPHONES,
    heartbeat_age,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_aliases,
    read_models,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_database import (
    AliasDoctor,
    look_at_dialers,
    look_at_logins,
    look_at_prepared,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_phones import (
    look_at_names,
    look_at_reporting,
    look_at_web_sockets,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import flavor_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    SIP,
    expand_aliases,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removed import read_closed
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import columns_of


def free_rooms():
    """Return the SQL that counts the free rooms of a dialer ``s``, in its engine's table."""
    counts = " ".join(
        f"WHEN '{engine}' THEN (SELECT COUNT(*) FROM {table}"
        f" WHERE {table}.server_ip = {DIALER} AND {FREE_ROOM})"
        for engine, table in ROOM_TABLES.items()
    )
    return f"CASE s.conf_engine {counts} END"


def read_dialers(cursor):
    """Read the dialers' rows."""
    cursor.execute(
        f"SELECT s.server_ip, s.server_id, {heartbeat_age('u', 'e')}, {free_rooms()},"
        " COALESCE(e.calls_kept, 0)"
        f" FROM servers s LEFT JOIN server_updater u ON u.server_ip = {DIALER}"
        f" LEFT JOIN evenfloor_daemons e ON e.server_ip = {DIALER}"
        " WHERE s.active_asterisk_server = 'Y' ORDER BY s.server_id"
    )
    return [
        {
            "server_ip": server_ip,
            "name": name,
            "heartbeat_age": None if age is None else int(age),
            "free_rooms": rooms,
            "calls_kept": int(kept),  # older MariaDBs say DECIMAL
        }
        for server_ip, name, age, rooms, kept in cursor.fetchall()
    ]


def read_prepared(cursor):
    """Read the names of the transactions that are prepared, in a form that holds any bytes."""
    # A release without FORMAT has no views, and with them no dialers that could do this.
    cursor.execute("XA RECOVER /*M!100303 FORMAT='SQL' */")
    return [str(row[-1]) for row in cursor.fetchall()]


def read_phones(cursor):
    """Read the phones."""
    cursor.execute(
        "SELECT login, extension, server_ip, active, pass, conf_secret, peer_status, is_webphone"
        " FROM phones"
    )
    return [
        {
            "login": login or "",
            "extension": extension,
            "server_ip": server_ip,
            "active": active == "Y",
            "login_password": password or "",
            "registration_password": secret or "",
            "registered": state in REGISTERED_STATES,
            "reports": (state or "") not in UNKNOWN_STATES,
            "is_webphone": web in WEBPHONES,
        }
        for login, extension, server_ip, active, password, secret, state, web in cursor.fetchall()
    ]


def look_at_vicidial(cursor, phones, aliases, names):
    """Look at what VICIdial's processes and pages do with phones and aliases."""
    cursor.execute(
        "SELECT server_ip, web_socket_url FROM servers WHERE active_asterisk_server = 'Y'"
        if "web_socket_url" in columns_of(cursor, "servers")
        else "SELECT server_ip, '' FROM servers WHERE FALSE"
    )
    servers = [{"server_ip": ip, "web_socket_url": url} for ip, url in cursor.fetchall()]
    return [
        *look_at_reporting(phones, names),
        *look_at_web_sockets(servers, phones, names),
        *look_at_names(aliases, phones),
    ]


def read_sessions(cursor, server_ip):
    """Read the sessions of the local agents of a dialer."""
    cursor.execute(
        "SELECT user, callerid, GREATEST(0, TIMESTAMPDIFF(SECOND, last_call_time, NOW()))"
        " FROM vicidial_live_agents WHERE server_ip = %s AND extension NOT LIKE 'R%%'",
        (server_ip,),
    )
    return [
        {"user": user or "", "tag": tag or "", "age": age or 0}
        for user, tag, age in cursor.fetchall()
    ]


def aliases_of_extensions(aliases, phones):
    """Say which alias each extension has."""
    extensions = {phone["login"].lower(): phone["extension"] for phone in phones}
    return {
        extensions[login.lower()]: alias_id
        for alias_id, logins in aliases.items()
        for login in logins
        if login.lower() in extensions
    }


def expected_of(row, phones, closed, heartbeat_timeout):
    """Say what there should be on a dialer, besides its sessions.

    A phone that is closed until its call ends is still there.
    """
    age = row["heartbeat_age"]
    return {
        "alive": age is not None and age < heartbeat_timeout,
        "calls_kept": row["calls_kept"],
        "expected": {
            phone["extension"]: phone["registered"]
            for phone in phones
            if phone["server_ip"] == row["server_ip"]
            and (phone["active"] or (phone["extension"], row["server_ip"]) in closed)
        },
    }


def examine(module, cursor):
    """Read, compare, and say what hosts should have.

    Returns:
        What the module returns.
    """
    params = module.params
    flavor, timeout = flavor_of(params["cluster_flavor"]), params["heartbeat_timeout"]
    wanted = expand_aliases(params["phone_aliases"], params["dialers"])
    names = {dialer["server_ip"]: dialer["name"] for dialer in params["dialers"]}
    rows, phones = flavor.compared_servers(read_dialers(cursor), names), read_phones(cursor)
    aliases = {alias.alias_id: list(alias.logins) for alias in read_aliases(cursor)}
    closed = read_closed(cursor)
    doctor = AliasDoctor(wanted, phones, names, flavor.owns_phones)
    found = [
        *look_at_dialers(params["dialers"], rows, timeout),
        *look_at_logins(phones, names),
        *look_at_prepared(read_prepared(cursor)),
        *([] if flavor.manages_dialers else look_at_vicidial(cursor, phones, aliases, names)),
        *doctor.look_at(aliases),
    ]
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in found],
        "aliases": aliases_of_extensions(aliases, phones),
        "models": {
            **read_models(cursor),
            **{alias["alias_id"]: alias["kind"] for alias in wanted if alias["kind"] != SIP},
        },
        "dialers": {
            row["server_ip"]: {
                **expected_of(row, phones, closed, timeout),
                "sessions": read_sessions(cursor, row["server_ip"]),
            }
            for row in rows
        },
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "phone_aliases": {"type": "list", "elements": "dict", "required": True},
            "dialers": {"type": "list", "elements": "dict", "required": True},
            "heartbeat_timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    work_on_database(module, examine, findings=[], dialers={}, aliases={}, models={})


if __name__ == "__main__":
    main()
