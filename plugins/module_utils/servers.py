# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dialer's rows: what is there, what is wanted, and the way from one to the other."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from decimal import Decimal

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.addresses import renumber_command
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import DIALER
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import ServerColumns
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    delete_rows,
    has_table,
    insert_rows,
)

#: The tables with rows of a dialer, besides its rooms. The server row goes last: a run that was
#: interrupted finds it and goes on.
TABLES = (
    "phones",
    "vicidial_live_agents",
    "vicidial_manager",
    "evenfloor_reservations",
    "server_updater",
    "evenfloor_daemons",
    "evenfloor_heartbeats",
    "evenfloor_weights",
    "evenfloor_held",
    "evenfloor_dialers",
    "servers",
)


@dataclass(frozen=True)
class State:
    """The state of a dialer, besides its rooms: as it is, or as it should be.

    Attributes:
        columns: the columns of ``servers`` that may follow the inventory.
        max_agents: the most local agents; None for no limit.
        weight: its weight in the choice.
        takes_logins: whether it is open for logins now.
        opened: whether it has ever been opened.
        known: whether it has Evenfloor's own row.
        heartbeat: whether it has a row for its heartbeat.
    """

    columns: ServerColumns
    max_agents: int | None = None
    weight: Decimal = Decimal(1)
    takes_logins: bool = False
    opened: bool = False
    known: bool = True
    heartbeat: bool = True


def read_state(cursor, server_ip):
    """Read the state of a dialer.

    Returns:
        A State; None where there is no server row.
    """
    cursor.execute(
        "SELECT s.server_id, s.server_description, s.asterisk_version, d.max_agents,"
        " COALESCE(w.weight, 1), s.active_agent_login_server = 'Y',"
        " d.opened IS NOT NULL, d.server_ip IS NOT NULL,"
        f" EXISTS (SELECT 1 FROM server_updater u WHERE u.server_ip = {DIALER})"
        f" FROM servers s LEFT JOIN evenfloor_dialers d ON d.server_ip = {DIALER}"
        f" LEFT JOIN evenfloor_weights w ON w.server_ip = {DIALER}"
        " WHERE s.server_ip = %s",
        (server_ip,),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    server_id, description, version, max_agents, weight, *switches = row
    columns = ServerColumns(server_id, description, version)
    return State(columns, max_agents, weight, *map(bool, switches))


def wanted_state(params, before, flavor):
    """Work out the state that a dialer should have.

    Args:
        params: the module's: server_id, description, asterisk_version, max_agents, weight,
            opened, takes_logins. What is None stays as it is, except ``max_agents``.
        before: what there is; None where there is no server row.
        flavor: the cluster's.

    Returns:
        A State.

    Raises:
        ValueError: a dialer that has never been open is to be opened again, or closed; or the
            weight is out of bounds.
    """
    was_opened = before is not None and before.opened
    takes_logins = before is not None and before.takes_logins
    if params["opened"] and not was_opened:
        takes_logins = True
    if params["takes_logins"] is not None:
        takes_logins = params["takes_logins"]
        if not was_opened:
            raise ValueError(
                f"{params['server_id']} has never been open for logins; add-dialer.yml opens it"
                " when its phones are registered"
            )
    there = before.columns if before else None
    return State(
        columns=flavor.server_columns(_given_columns(params, there), there),
        max_agents=params["max_agents"],
        weight=_exact_weight(params["weight"]),
        takes_logins=takes_logins,
        opened=bool(params["opened"] or was_opened),
    )


def _exact_weight(number):
    """Return a weight as its column holds it.

    Raises:
        ValueError: it is out of bounds.
    """
    least, most = limits.NUMBERS["weight"]
    if not least <= number <= most:
        raise ValueError(f"weight {number} is out of bounds; write a number, {least} to {most}")
    return round(Decimal(str(number)), limits.WEIGHT_DECIMALS)


def _given_columns(params, there):
    """Return the columns as the inventory has them; what it doesn't give stays as it is."""
    old = there or ServerColumns("", "", "")
    description = params["description"]
    return ServerColumns(
        params["server_id"],
        (old.server_description or "") if description is None else description,
        params["asterisk_version"] or old.asterisk_version or "",
    )


def check_server_id(cursor, server_ip, server_id):
    """Check that no other dialer has this name.

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
            f"{server_ip}: server_id '{server_id}' is {other[0]}'s already; set server_id to"
            " another name, or server_ip to that address, or if the dialer really has a new"
            f" address: {renumber_command('NAME', server_ip)}"
        )


def write_rows(cursor, flavor, dialer, is_new, rooms):
    """Write a dialer's rows, closed for logins if it is new.

    Args:
        cursor: an open cursor.
        flavor: the cluster's.
        dialer: a DialerRequest.
        is_new: whether there is no server row yet.
        rooms: the numbers of missing rooms by table.

    Raises:
        ValueError: the flavor can't make a server row; the message says what is missing.
    """
    if is_new:
        flavor.create_server(cursor, dialer)
    else:
        flavor.update_server(cursor, dialer)
    cursor.execute(
        "INSERT INTO evenfloor_dialers (server_ip, max_agents) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE max_agents = VALUES(max_agents)",
        (dialer.server_ip, dialer.max_agents),
    )
    cursor.execute(
        "INSERT INTO evenfloor_weights (server_ip, weight) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE weight = VALUES(weight)",
        (dialer.server_ip, dialer.weight),
    )
    cursor.execute("INSERT IGNORE INTO server_updater (server_ip) VALUES (%s)", (dialer.server_ip,))
    for table, numbers in rooms.items():
        new = [
            {"conf_exten": room, "server_ip": dialer.server_ip, "extension": ""} for room in numbers
        ]
        insert_rows(cursor, table, new)
    if is_new:
        flavor.rebuild_files(cursor)


def note_opened(cursor, server_ip):
    """Note that a dialer has been opened, now for the first time."""
    cursor.execute("UPDATE evenfloor_dialers SET opened = NOW() WHERE server_ip = %s", (server_ip,))


def set_takes_logins(cursor, server_ip, takes_logins):
    """Open or close a dialer.

    For use under the balancer's lock: a login counts and claims under it, so one that is under way
    is through before, or sees the change.
    """
    cursor.execute(
        "UPDATE servers SET active_agent_login_server = %s WHERE server_ip = %s",
        ("Y" if takes_logins else "N", server_ip),
    )


def remove_rows(cursor, flavor, server_ip):
    """Remove everything that a dialer has in the database."""
    _forget_renumbering(cursor, server_ip)
    for table in (*flavor.room_tables, *TABLES):
        if has_table(cursor, table):  # earlier releases don't have each
            delete_rows(cursor, table, ["server_ip"], [(server_ip,)])
    flavor.rebuild_files(cursor)


def _forget_renumbering(cursor, server_ip):
    """Forget that a dialer is getting another address; earlier releases have no such table."""
    if has_table(cursor, "evenfloor_renumbering"):
        cursor.execute(
            "DELETE FROM evenfloor_renumbering WHERE server_id IN"
            " (SELECT CONVERT(server_id USING utf8mb4) FROM servers WHERE server_ip = %s)",
            (server_ip,),
        )


def as_text(server_ip, state):
    """Lay a dialer's state out for a diff; empty for None."""
    if state is None:
        return ""
    server_id, description, version = astuple(state.columns)
    lines = [
        f"server_ip: {server_ip}",
        f"server_id: {server_id}",
        f"server_description: {description}",
        f"asterisk_version: {version}",
        f"max_agents: {state.max_agents}",
        f"weight: {state.weight.normalize():f}",
        f"has been opened for logins: {'yes' if state.opened else 'not yet'}",
        f"takes logins: {'yes' if state.takes_logins else 'no'}",
    ]
    return "".join(f"{line}\n" for line in lines)
