# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dialer gets another address: what may be asked for, and every row that changes.

What is under way is in ``evenfloor_renumbering``, and the row of ``servers`` changes last. So a run
that was killed anywhere is found, and the next one finishes it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import list_dialers
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    columns_of,
    fetch_dicts,
    has_table,
)

#: Evenfloor's own tables with a dialer's address; those that are there.
_OWN_TABLES = (
    "evenfloor_dialers",
    "evenfloor_held",
    "evenfloor_hosts",
    "evenfloor_removed",
    "evenfloor_reservations",
    "evenfloor_weights",
)
#: Columns that start afresh with the address: they say what was seen at the old one.
_AFRESH = {"phones": ("peer_status", "UNKNOWN"), "server_updater": ("last_update", None)}
#: Columns of the dialer's own row in which the address may be a part.
_WITH_ADDRESS = ("external_server_ip", "web_socket_url", "external_web_socket_url")
_PHONES = "phones"


@dataclass(frozen=True)
class Renumbering:
    """A dialer on its way to another address.

    Attributes:
        server_id: its short name.
        address: the address of its server row, as it is.
        target: the address that it gets.
        former: the addresses that it leaves, in order.
        needed: whether it has another address, or is on its way.
        reopen: whether it took logins before.
    """

    server_id: str
    address: str
    target: str
    former: tuple[str, ...] = ()
    needed: bool = False
    reopen: bool = False

    @property
    def has_arrived(self) -> bool:
        """Whether the server row has the new address."""
        return self.address == self.target


def renumber_problems(hostvars, groups, dialer, server_ip):
    """Find what is wrong with the order to give a dialer an address.

    Args:
        hostvars: Ansible's. The order hides every ``server_ip`` in them.
        groups: Ansible's.
        dialer: the dialer's name; empty if none was given.
        server_ip: the address; empty if none was given.

    Returns:
        Sentences; empty where all is well.
    """
    known = [entry["name"] for entry in list_dialers(hostvars, groups)]
    found = []
    if not groups.get("database"):
        found.append(Problem("group database", "is empty", "put one host into it", is_subject=True))
    if dialer not in known:
        what = f"'{dialer}' is not in the group dialers" if dialer else "no dialer is named"
        found.append(Problem("dialer", what, f"add -e dialer=NAME with one of {', '.join(known)}"))
    if not _is_ipv4(server_ip):
        what = f"'{server_ip}' is not an IPv4 address" if server_ip else "no address is given"
        fix = "add -e server_ip=ADDRESS with the dialer's new address, like 10.0.0.11"
        found.append(Problem("server_ip", what, fix))
    for name in groups.get("all", []):
        if name != dialer and server_ip and hostvars[name].get("ansible_host") == server_ip:
            what = f"{server_ip} is {name}'s ansible_host"
            found.append(Problem("server_ip", what, "every host needs its own address"))
    return [problem.sentence() for problem in found]


def _is_ipv4(text):
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


def read_renumbering(cursor, server_id, target):
    """Read where a dialer is on its way to an address.

    Args:
        cursor: an open cursor.
        server_id: the dialer's short name.
        target: the address that it is to get. It may differ from what an earlier run was told.

    Returns:
        The Renumbering.

    Raises:
        InventoryError: the dialer isn't in the database, or somebody else has the address.
    """
    cursor.execute(
        "SELECT server_ip, active_agent_login_server = 'Y' FROM servers WHERE server_id = %s",
        (server_id,),
    )
    row = cursor.fetchone()
    if row is None:
        fix = "correct server_ip in the inventory, and run add-dialer.yml"
        raise InventoryError(Problem(server_id, "is not in the database yet", fix, is_subject=True))
    address, takes_logins = row
    under_way = _read_under_way(cursor, server_id)
    left = {address, *(ip for row in under_way for ip in row[:2])} - {target}
    former = tuple(sorted(left - _addresses_of_others(cursor, server_id)))
    _check_free(cursor, server_id, target)
    _check_phones(cursor, server_id, target, former)
    needed = bool(under_way) or address != target
    reopen = bool(under_way[0][2] if under_way else takes_logins)
    return Renumbering(server_id, address, target, former, needed, reopen)


def _addresses_of_others(cursor, server_id):
    """Read the addresses of the other dialers; one may have come to an address that was left."""
    cursor.execute("SELECT server_ip FROM servers WHERE server_id <> %s", (server_id,))
    return {row[0] for row in cursor.fetchall()}


def _read_under_way(cursor, server_id):
    """Read what an earlier run has begun: former address, target, whether to reopen."""
    if not has_table(cursor, "evenfloor_renumbering"):
        return ()
    cursor.execute(
        "SELECT former_ip, server_ip, reopen FROM evenfloor_renumbering WHERE server_id = %s",
        (server_id,),
    )
    return cursor.fetchall()


def _check_free(cursor, server_id, target):
    """Check that no other dialer has the address, gets it or is just leaving it."""
    cursor.execute(
        "SELECT server_id FROM servers WHERE server_ip = %s AND server_id <> %s",
        (target, server_id),
    )
    owner = cursor.fetchone()
    if not owner and has_table(cursor, "evenfloor_renumbering"):
        cursor.execute(
            "SELECT server_id FROM evenfloor_renumbering"
            " WHERE %s IN (server_ip, former_ip) AND server_id <> %s",
            (target, server_id),
        )
        owner = cursor.fetchone()
    if owner:
        what = f"server_ip {target} is {owner[0]}'s in the database"
        raise InventoryError(Problem(server_id, what, "choose an address of its own"))


def _check_phones(cursor, server_id, target, former):
    """Check that the dialer's phones aren't at the new address a second time."""
    if not former:
        return
    cursor.execute(
        "SELECT COUNT(*) FROM phones o JOIN phones n ON n.extension = o.extension"
        " WHERE o.server_ip IN %s AND n.server_ip = %s",
        (former, target),
    )
    (clashes,) = cursor.fetchone()
    if clashes:
        what = f"{clashes} of its phones are in the database at {target}, too"
        fix = f"see whose they are: SELECT * FROM phones WHERE server_ip = '{target}'"
        raise InventoryError(Problem(server_id, what, fix))


def write_begin(cursor, renumbering):
    """Note that a dialer is on its way."""
    cursor.executemany(
        "INSERT INTO evenfloor_renumbering (server_id, former_ip, server_ip, reopen)"
        " VALUES (%s, %s, %s, %s) ON DUPLICATE KEY UPDATE server_ip = VALUES(server_ip)",
        [
            (renumbering.server_id, former, renumbering.target, renumbering.reopen)
            for former in renumbering.former
        ],
    )
    cursor.execute(
        "DELETE FROM evenfloor_renumbering WHERE server_id = %s AND former_ip = %s",
        (renumbering.server_id, renumbering.target),
    )


def write_end(cursor, renumbering):
    """Note that a dialer has arrived."""
    cursor.execute(
        "DELETE FROM evenfloor_renumbering WHERE server_id = %s", (renumbering.server_id,)
    )


def count_rows(cursor, flavor, renumbering):
    """Count the rows that still have an address that the dialer leaves.

    Returns:
        Counts by table, without zeros.
    """
    counts = {}
    if not renumbering.former:
        return counts
    for table in (*_tables(cursor, flavor), "servers"):
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE server_ip IN %s", (renumbering.former,))
        counts[table] = cursor.fetchone()[0]
    return {table: count for table, count in counts.items() if count}


def move_rows(cursor, flavor, renumbering):
    """Give every row of the dialer the new address; its row of ``servers`` last."""
    former, target = renumbering.former, renumbering.target
    if not former:
        return
    for table in _tables(cursor, flavor):
        _move_table(cursor, table, former, target)
    for table, column in flavor.address_columns:
        if column in columns_of(cursor, table):
            cursor.execute(
                f"UPDATE {table} SET {column} = %s WHERE {column} IN %s", (target, former)
            )
    _move_server(cursor, renumbering)
    # Others write one at each address by themselves; its daemon, until it ends, also at the former.
    for table in ("evenfloor_daemons", "evenfloor_heartbeats"):
        if has_table(cursor, table):
            cursor.execute(f"DELETE FROM {table} WHERE server_ip IN %s", (former,))
    # Every dialer's files name the others. Also after a run that was killed just before this.
    flavor.rebuild_files(cursor)


def _tables(cursor, flavor):
    """List the tables with rows of a dialer that this database has, without ``servers``."""
    wanted = (*flavor.address_tables, *_OWN_TABLES)
    return [table for table in wanted if "server_ip" in columns_of(cursor, table)]


def _move_table(cursor, table, former, target):
    if table == "evenfloor_dialers":
        _forget_stray(cursor, table, former, target)
    column, value = _AFRESH.get(table, ("", None))
    afresh = column in columns_of(cursor, table)
    # Where a row of this key is there already, one of a dialer that is gone or one that a process
    # has made at once, it is as good. Phones were compared before.
    ignore = "" if table == _PHONES else " IGNORE"
    cursor.execute(
        f"UPDATE{ignore} {table} SET server_ip = %s{f', {column} = %s' if afresh else ''}"
        " WHERE server_ip IN %s",
        (target, value, former) if afresh else (target, former),
    )
    if table != _PHONES:
        cursor.execute(f"DELETE FROM {table} WHERE server_ip IN %s", (former,))


def _forget_stray(cursor, table, former, target):
    """Forget the row of a dialer that once had the new address, while the own is at the old one."""
    cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE server_ip IN %s", (former,))
    if cursor.fetchone()[0]:
        cursor.execute(f"DELETE FROM {table} WHERE server_ip = %s", (target,))


def _move_server(cursor, renumbering):
    """Change the dialer's row, in one statement."""
    cursor.execute("SELECT * FROM servers WHERE server_id = %s", (renumbering.server_id,))
    (row,) = fetch_dicts(cursor)
    changed = {"server_ip": renumbering.target}
    for column in _WITH_ADDRESS:
        if row.get(column):
            changed[column] = with_address(row[column], renumbering.former, renumbering.target)
    cursor.execute(
        f"UPDATE servers SET {', '.join(f'{column} = %s' for column in changed)}"
        " WHERE server_id = %s",
        (*changed.values(), renumbering.server_id),
    )


def with_address(text, former, target):
    """Return a text with the new address in the place of former ones.

    Args:
        text: an address, or a URL with one.
        former: the addresses to replace. One that is only a part of another address stays.
        target: the new one.
    """
    either = "|".join(map(re.escape, former))
    return re.sub(rf"(?<![\d.])(?:{either})(?![\d.])", target, text) if former else text
