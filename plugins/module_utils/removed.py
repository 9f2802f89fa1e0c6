# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of phones and aliases that were removed, kept so that they can come back.

Needs an open cursor and no driver. The rows hold passwords: nothing of them is ever shown.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import split_logins
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Kept,
    Phone,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    BATCH,
    delete_rows,
    fetch_dicts,
    has_table,
    insert_rows,
)

_TABLE = "evenfloor_removed"
_PHONE, _ALIAS = "phone", "alias"
_KEY = ["kind", "name", "server_ip"]
_BYTES = "hex"


class KeptRow(NamedTuple):
    """A row of ``evenfloor_removed``.

    Attributes:
        kind: phone or alias.
        name: the extension or the alias's id.
        server_ip: the phone's; empty for an alias.
        closed: whether the phone is still there, closed.
        row: what the row of ``phones`` or ``phones_alias`` was, by column.
    """

    kind: str
    name: str
    server_ip: str
    closed: bool
    row: dict[str, Any]


def read_rows(cursor) -> list[KeptRow]:
    """Read what is kept, those removed last first.

    The table may be missing, and a user of earlier releases may not read it; such a user doesn't
    see it, either.

    Returns:
        The rows. ``closed`` is true only where the phone is closed indeed: a run may have been
        killed before it closed the phone, and somebody may have opened it again.
    """
    if not has_table(cursor, _TABLE):
        return []
    cursor.execute(
        f"SELECT kind, name, server_ip, closed IS NOT NULL, row_there FROM {_TABLE}"
        " ORDER BY removed DESC, kind, name, server_ip"
    )
    rows = [
        KeptRow(kind, name, server_ip, bool(closed), _from_json(text))
        for kind, name, server_ip, closed, text in cursor.fetchall()
    ]
    inactive = _inactive(cursor) if any(row.closed for row in rows) else set()
    return [
        row._replace(closed=row.closed and (row.name, row.server_ip) in inactive) for row in rows
    ]


def as_kept(rows: list[KeptRow]) -> Kept:
    """Return what is kept as the planner takes it.

    Args:
        rows: as ``read_rows`` returned them.
    """
    return Kept(
        phones=[_phone(row) for row in rows if row.kind == _PHONE],
        aliases=[_alias(row) for row in rows if row.kind == _ALIAS],
        closed={(row.name, row.server_ip) for row in rows if row.closed},
    )


def former_phones(rows: list[KeptRow]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows that phones had, by extension and ``server_ip``."""
    return {(row.name, row.server_ip): row.row for row in rows if row.kind == _PHONE}


def former_aliases(rows: list[KeptRow]) -> dict[str, dict[str, Any]]:
    """Return the rows that aliases had, by their ids in small letters."""
    return {row.name.lower(): row.row for row in rows if row.kind == _ALIAS}


def keep(cursor, plan) -> None:
    """Keep what a plan removes or closes. The caller commits it before anything goes.

    A phone that was closed before is kept already, as it was when it was open.

    Args:
        cursor: an open cursor.
        plan: a ``plan.Plan``.
    """
    cursor.execute("SELECT UTC_TIMESTAMP(6)")
    (now,) = cursor.fetchone()
    closed = {place_of(phone) for phone in plan.closed_phones}
    phones = [place_of(phone) for phone in [*plan.removed_phones, *plan.closed_phones]]
    phones = [place for place in phones if place not in plan.ended]
    kept = []
    for row in _read(cursor, "phones", ["extension", "server_ip"], phones):
        place = (row["extension"], row["server_ip"])
        since = now if place in closed else None
        kept.append(_kept(_PHONE, place, (now, since), row))
    aliases = [(alias.alias_id,) for alias in plan.removed_aliases]
    for row in _read(cursor, "phones_alias", ["alias_id"], aliases):
        kept.append(_kept(_ALIAS, (row["alias_id"], ""), (now, None), row))
    insert_rows(cursor, _TABLE, kept, replacing=["removed", "closed", "row_there"])


def forget(cursor, plan, days: int) -> None:
    """Delete what has come back, and what has been kept long enough.

    A phone that is still closed stays a day longer than any call.

    Args:
        cursor: an open cursor.
        plan: the plan that has been applied.
        days: for how long rows are kept.
    """
    if not has_table(cursor, _TABLE):
        return
    phones = [(_PHONE, *name) for name in plan.forgotten if isinstance(name, tuple)]
    aliases = [(_ALIAS, name, "") for name in plan.forgotten if isinstance(name, str)]
    delete_rows(cursor, _TABLE, _KEY, sorted(phones + aliases))
    # Only now that the phones are gone: a run that is killed before must know whose they were.
    closed = [place_of(phone) for phone in [*plan.waiting, *plan.closed_phones]]
    cursor.execute(
        f"UPDATE {_TABLE} SET closed = NULL WHERE closed IS NOT NULL"
        " AND (name, server_ip) NOT IN %s",
        ([*closed, ("", "")],),
    )
    cursor.execute(
        f"DELETE FROM {_TABLE} WHERE removed <"
        " UTC_TIMESTAMP() - INTERVAL (%s + IF(closed IS NULL, 0, 1)) DAY",
        (days,),
    )


def read_closed(cursor) -> set[tuple[str, str]]:
    """Read which phones are closed until their calls end.

    Returns:
        Their extension and ``server_ip``.
    """
    if not has_table(cursor, _TABLE):
        return set()
    cursor.execute(f"SELECT name, server_ip FROM {_TABLE} WHERE closed IS NOT NULL")
    noted = set(cursor.fetchall())
    return noted & _inactive(cursor) if noted else set()


def _inactive(cursor):
    cursor.execute("SELECT extension, server_ip FROM phones WHERE active = 'N'")
    return set(cursor.fetchall())


def _read(cursor, table, columns, keys):
    """Read whole rows by key."""
    rows = []
    for start in range(0, len(keys), BATCH):
        cursor.execute(
            f"SELECT * FROM {table} WHERE ({', '.join(columns)}) IN %s",
            (keys[start : start + BATCH],),
        )
        rows += fetch_dicts(cursor)
    return rows


def _kept(kind, name, times, row):
    """Make a row; ``name`` is the name and the ``server_ip``, ``times`` are removed and closed."""
    return {
        "kind": kind,
        "name": name[0],
        "server_ip": name[1],
        "removed": times[0],
        "closed": times[1],
        "row_there": json.dumps(row, default=_plain),
    }


def _plain(value):
    """Return a value that JSON has no word for as the database would show it."""
    return {_BYTES: value.hex()} if isinstance(value, bytes) else str(value)


def _from_json(text):
    row = json.loads(text)
    return {
        column: bytes.fromhex(value[_BYTES]) if isinstance(value, dict) else value
        for column, value in row.items()
    }


def _phone(kept):
    row = kept.row
    return Phone(
        kept.name,
        kept.server_ip,
        row.get("login") or "",
        row.get("pass") or "",
        row.get("conf_secret") or "",
        row.get("fullname") or "",
    )


def _alias(kept):
    logins = tuple(split_logins(kept.row.get("logins_list")))
    return Alias(kept.name, kept.row.get("alias_name") or "", logins)
