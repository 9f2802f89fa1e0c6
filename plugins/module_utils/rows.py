# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows, many to a statement. Needs an open cursor and no driver."""

from __future__ import annotations

#: Rows a statement. Large enough that round trips don't count, far below max_allowed_packet.
BATCH = 1000


def insert_rows(cursor, table, rows, replacing=()):
    """Insert rows.

    Args:
        cursor: an open cursor.
        table: the table.
        rows: dicts with the same keys.
        replacing: columns that are overwritten where the row is there already.
    """
    if not rows:
        return
    columns = list(rows[0])
    marks = f"({', '.join(['%s'] * len(columns))})"
    updates = ", ".join(f"{column} = VALUES({column})" for column in replacing)
    ending = f" ON DUPLICATE KEY UPDATE {updates}" if replacing else ""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)})"
            f" VALUES {', '.join([marks] * len(part))}{ending}",
            [row[column] for row in part for column in columns],
        )


def delete_rows(cursor, table, columns, keys):
    """Delete rows by key.

    Args:
        cursor: an open cursor.
        table: the table.
        columns: the key's columns.
        keys: a tuple of values for each row.
    """
    for start in range(0, len(keys), BATCH):
        cursor.execute(
            f"DELETE FROM {table} WHERE ({', '.join(columns)}) IN %s",
            (keys[start : start + BATCH],),
        )


def has_table(cursor, table):
    """Say whether the database has a table that this user may read.

    Evenfloor's own may be missing on clusters of earlier releases, whose users may not read them,
    either: such a user doesn't see them.
    """
    return bool(columns_of(cursor, table))


def columns_of(cursor, table):
    """Read the names of a table's columns, in order.

    Returns:
        The names.
    """
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position",
        (table,),
    )
    return [row[0] for row in cursor.fetchall()]


def fetch_dicts(cursor):
    """Return the rows of the last statement as dicts by column."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values)) for values in cursor.fetchall()]
