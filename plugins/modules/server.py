#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Ansible module: one dialer's rows in the cluster's database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Manage a dialer's server row, rooms and heartbeat row
version_added: "0.1.0"
description:
  - Creates what a dialer needs in the database. A new dialer takes no logins until it is opened.
  - A dialer that was opened once is never opened again by this module, so that one that an
    operator has closed stays closed.
options:
  server_ip:
    description: The dialer's address. It identifies the dialer.
    type: str
    required: true
  server_id:
    description: The dialer's short name, at most 10 characters. Required unless it is removed.
    type: str
  description:
    description: The dialer in words; by default that stays as it is.
    type: str
  asterisk_version:
    description: Asterisk's version, for people and for VICIdial's reports.
    type: str
    default: ""
  max_agents:
    description: The most local agents the dialer takes; none by default.
    type: int
  first_room:
    description: The first agent room.
    type: int
    default: 8600051
  last_room:
    description: The last agent room.
    type: int
    default: 8600299
  opened:
    description: Whether to open the dialer for logins if it has never been opened.
    type: bool
    default: false
  takes_logins:
    description:
      - Whether the dialer takes logins; by default that stays as it is. From the moment this module
        has closed it, no login goes there, not even one that is under way.
      - Only a dialer that has been opened before can be closed and opened again.
    type: bool
  cluster_flavor:
    description:
      - With V(vicidial) the server row of a new dialer is cloned from another dialer's, with its
        rooms; a row that is there keeps its columns, and VICIdial is told to write every dialer's
        files again when a dialer comes or goes.
    type: str
    choices: [plain, vicidial]
    default: plain
  clone_from:
    description:
      - The C(server_ip) of the dialer whose server row and rooms a new one gets with V(vicidial).
    type: str
  state:
    description: Whether the dialer's rows are to be there.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: evenfloor.cluster.database
"""

EXAMPLES = r"""
- name: Register a dialer that takes no logins yet
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    max_agents: 120
  delegate_to: db1

- name: Open it
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    opened: true
  delegate_to: db1

- name: Close it
  evenfloor.cluster.server:
    server_ip: 10.0.0.13
    server_id: dialer3
    takes_logins: false
  delegate_to: db1
"""

RETURN = r"""
in_service:
  description: Whether the dialer has been opened for logins, now or before.
  returned: success
  type: bool
rooms_added:
  description: How many rooms were missing.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    DIALER,
    delete_rows,
    insert_rows,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import PLAIN, VICIDIAL
from ansible_collections.evenfloor.cluster.plugins.module_utils.vicidial import (
    ROOM_TABLES,
    clone_server,
    missing_rooms,
    rebuild_files,
)

ROOM_TABLE = "vicidial_confbridges"
TABLES = [
    "phones",
    "vicidial_live_agents",
    "vicidial_manager",
    "evenfloor_reservations",
    "server_updater",
    "evenfloor_dialers",
    "servers",
]

LOCK_TIMEOUT = 10
#: A dialer's columns that follow the inventory; the others are set once and then an operator's.
FOLLOWING = ("server_id", "server_description", "asterisk_version")


def read_row(cursor, server_ip):
    """Read what there is of a dialer: its columns, or None."""
    cursor.execute(
        "SELECT s.server_id, s.server_description, s.asterisk_version, d.max_agents,"
        " s.active_agent_login_server = 'Y', d.opened IS NOT NULL, d.server_ip IS NOT NULL,"
        f" EXISTS (SELECT 1 FROM server_updater u WHERE u.server_ip = {DIALER})"
        f" FROM servers s LEFT JOIN evenfloor_dialers d ON d.server_ip = {DIALER}"
        " WHERE s.server_ip = %s",
        (server_ip,),
    )
    row = cursor.fetchone()
    names = [*FOLLOWING, "max_agents", "takes_logins", "opened", "known", "heartbeat"]
    return dict(zip(names, row)) if row else None


def check_server_id(cursor, server_ip, server_id):
    """Make sure that no other dialer has this name.

    Raises:
        ValueError: another has it.
    """
    cursor.execute(
        "SELECT server_ip FROM servers WHERE server_id = %s AND server_ip <> %s",
        (server_id, server_ip),
    )
    other = cursor.fetchone()
    if other:
        raise ValueError(
            f"{server_ip}: server_id '{server_id}' is {other[0]}'s already; set server_id to "
            "another name, or server_ip to that address"
        )


def rooms_to_add(cursor, params):
    """Find which rooms a dialer lacks.

    Returns:
        Room numbers by table.
    """
    server_ip, other = params["server_ip"], params["clone_from"]
    if params["cluster_flavor"] == VICIDIAL:
        return missing_rooms(cursor, server_ip, other) if other else {}
    cursor.execute(f"SELECT conf_exten FROM {ROOM_TABLE} WHERE server_ip = %s", (server_ip,))
    there = {row[0] for row in cursor.fetchall()}
    wanted = range(params["first_room"], params["last_room"] + 1)
    return {ROOM_TABLE: [room for room in wanted if room not in there]}


def wanted_row(params, before):
    """Say what the row should be. What isn't given stays as it is, save the most agents.

    Raises:
        ValueError: a dialer that has never been open is to be opened again, or closed.
    """
    old = before or {}
    takes_logins = bool(old.get("takes_logins"))
    if params["opened"] and not old.get("opened"):
        takes_logins = True
    if params["takes_logins"] is not None:
        takes_logins = params["takes_logins"]
        if not old.get("opened"):
            raise ValueError(
                f"{params['server_id']} has never been open for logins; add-dialer.yml opens it "
                "when its phones are registered"
            )
    following = {
        "server_id": params["server_id"],
        "server_description": old.get("server_description") or ""
        if params["description"] is None
        else params["description"],
        "asterisk_version": params["asterisk_version"] or old.get("asterisk_version") or "",
    }
    if before and params["cluster_flavor"] == VICIDIAL:
        following = {column: old[column] for column in FOLLOWING}
    return {
        **following,
        "max_agents": params["max_agents"],
        "takes_logins": takes_logins,
        "opened": bool(params["opened"] or old.get("opened")),
        "known": True,
        "heartbeat": True,
    }


def write_row(cursor, params, before, after):
    """Write a dialer's row, closed if it is new.

    Raises:
        ValueError: there is no dialer to clone it from.
    """
    server_ip = params["server_ip"]
    values = [after[column] for column in FOLLOWING]
    if before is None and params["cluster_flavor"] == VICIDIAL:
        if not params["clone_from"]:
            raise ValueError(
                f"{params['server_id']} ({server_ip}) has no server row yet, and there is no "
                "dialer to clone it from; set dialer_clone_from to the name of one"
            )
        description = after["server_description"] or params["server_id"]
        clone_server(cursor, server_ip, params["server_id"], description, params["clone_from"])
    elif before is None:
        cursor.execute(
            "INSERT INTO servers (server_id, server_description, asterisk_version, server_ip,"
            " active, active_asterisk_server, active_agent_login_server, generate_vicidial_conf,"
            " rebuild_conf_files, conf_engine, external_server_ip, conf_secret)"
            " VALUES (%s, %s, %s, %s, 'Y', 'Y', 'N', 'N', 'N', 'CONFBRIDGE', %s, '')",
            (*values, server_ip, server_ip),
        )
    elif params["cluster_flavor"] != VICIDIAL:
        cursor.execute(
            "UPDATE servers SET server_id = %s, server_description = %s, asterisk_version = %s"
            " WHERE server_ip = %s",
            (*values, server_ip),
        )
    cursor.execute(
        "INSERT INTO evenfloor_dialers (server_ip, max_agents) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE max_agents = VALUES(max_agents)",
        (server_ip, after["max_agents"]),
    )
    cursor.execute("INSERT IGNORE INTO server_updater (server_ip) VALUES (%s)", (server_ip,))


def take_logins(module, cursor, takes_logins):
    """Open or close a dialer. Who has counted before, and not yet claimed, counts again.

    The lock is the balancer's (plugins/balancer/evenfloor/connection.py): a login that is under way
    is through before, or sees the change.
    """
    lock = f"evenfloor.{module.params['database']}"[:64]
    cursor.execute("SELECT GET_LOCK(%s, %s)", (lock, LOCK_TIMEOUT))
    cursor.execute(
        "UPDATE servers SET active_agent_login_server = %s WHERE server_ip = %s",
        ("Y" if takes_logins else "N", module.params["server_ip"]),
    )
    cursor.execute(
        "INSERT INTO evenfloor_moves (moves) VALUES (1) ON DUPLICATE KEY UPDATE moves = moves + 1"
    )
    cursor.connection.commit()
    cursor.execute("DO RELEASE_LOCK(%s)", (lock,))


def make_present(module, cursor):
    """Bring the rows of a dialer to the wanted state.

    Returns:
        What the module returns.
    """
    params = module.params
    server_ip = params["server_ip"]
    check_server_id(cursor, server_ip, params["server_id"])
    before = read_row(cursor, server_ip)
    after = wanted_row(params, before)
    rooms = rooms_to_add(cursor, params)
    opening = params["opened"] and not (before or {}).get("opened")
    changed = before != after or any(rooms.values())
    if changed and not module.check_mode:
        write_row(cursor, params, before, after)
        for table, numbers in rooms.items():
            rows = [
                {"conf_exten": room, "server_ip": server_ip, "extension": ""} for room in numbers
            ]
            insert_rows(cursor, table, rows)
        if before is None and params["cluster_flavor"] == VICIDIAL:
            rebuild_files(cursor)
        if opening:
            cursor.execute(
                "UPDATE evenfloor_dialers SET opened = NOW() WHERE server_ip = %s", (server_ip,)
            )
        if after["takes_logins"] != bool((before or {}).get("takes_logins")):
            take_logins(module, cursor, after["takes_logins"])
    return {
        "changed": changed,
        "in_service": after["opened"],
        "rooms_added": sum(map(len, rooms.values())),
        "diff": {"before": as_text(server_ip, before), "after": as_text(server_ip, after)},
    }


def make_absent(module, cursor):
    """Remove the rows of a dialer.

    Returns:
        What the module returns.
    """
    server_ip = module.params["server_ip"]
    before = read_row(cursor, server_ip)
    if before is not None and not module.check_mode:
        vicidial = module.params["cluster_flavor"] == VICIDIAL
        for table in [*(ROOM_TABLES if vicidial else [ROOM_TABLE]), *TABLES]:
            delete_rows(cursor, table, ["server_ip"], [(server_ip,)])
        if vicidial:
            rebuild_files(cursor)
    return {
        "changed": before is not None,
        "in_service": False,
        "rooms_added": 0,
        "diff": {"before": as_text(server_ip, before), "after": ""},
    }


def as_text(server_ip, row):
    """Lay a dialer's row out for a diff."""
    if row is None:
        return ""
    lines = [f"server_ip: {server_ip}"]
    lines += [f"{column}: {row[column]}" for column in (*FOLLOWING, "max_agents")]
    lines.append(f"has been opened for logins: {'yes' if row['opened'] else 'not yet'}")
    lines.append(f"takes logins: {'yes' if row['takes_logins'] else 'no'}")
    return "".join(f"{line}\n" for line in lines)


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "server_ip": {"type": "str", "required": True},
            "server_id": {"type": "str"},
            "description": {"type": "str"},
            "asterisk_version": {"type": "str", "default": ""},
            "max_agents": {"type": "int"},
            "first_room": {"type": "int", "default": 8600051},
            "last_room": {"type": "int", "default": 8600299},
            "opened": {"type": "bool", "default": False},
            "takes_logins": {"type": "bool"},
            "cluster_flavor": {"type": "str", "choices": [PLAIN, VICIDIAL], "default": PLAIN},
            "clone_from": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["server_id"])],
        supports_check_mode=True,
    )
    work = make_present if module.params["state"] == "present" else make_absent
    work_on_database(module, work, in_service=False, rooms_added=0)


if __name__ == "__main__":
    main()
