# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what hosts' commands print and what files say, for roles."""

from __future__ import annotations

import re

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_CREATED_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_ADDED_COLUMN = re.compile(r"^ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS\s+(\w+) ", re.MULTILINE)
_DEBIAN_MIRROR = re.compile(r".*/debian/?")


def asterisk_version(text):
    """Find the version in what ``asterisk -V`` prints.

    Args:
        text: such as ``Asterisk 22.10.0~dfsg+~cs6.16.60671435-1``.

    Returns:
        Such as ``22.10.0``; empty where there is none.
    """
    found = _VERSION.search(text or "")
    return found.group() if found else ""


def debian_mirror(lines):
    """Find the mirror of Debian's archive that a host uses.

    Args:
        lines: the addresses of its package sources.

    Returns:
        The first that ends in ``/debian`` or ``/debian/``.

    Raises:
        ValueError: there is none.
    """
    for line in lines:
        if _DEBIAN_MIRROR.fullmatch(line):
            return line
    raise ValueError(
        f"no package source of this host ends in /debian ({', '.join(lines) or 'it has none'}); "
        "add Debian's archive to its sources"
    )


def table_names(sql_text):
    """List the tables that a schema file creates.

    Args:
        sql_text: the file's content.

    Returns:
        The names in ``CREATE TABLE IF NOT EXISTS name``, in their order.
    """
    return _CREATED_TABLE.findall(sql_text)


def schema_parts(sql_text):
    """List what has to be there once a schema file has been loaded.

    Args:
        sql_text: the file's content.

    Returns:
        Its :func:`table_names`, and then ``table.column`` for each
        ``ALTER TABLE table ADD COLUMN IF NOT EXISTS column``.
    """
    return table_names(sql_text) + [
        f"{table}.{column}" for table, column in _ADDED_COLUMN.findall(sql_text)
    ]


def grants(tables, database):
    """Write a user's privileges the way ``community.mysql.mysql_user`` takes them.

    Args:
        tables: privileges by table; a function is ``FUNCTION name``.
        database: the database's name.

    Returns:
        Privileges by ``database.table``, or ``FUNCTION database.name``. A user without any may
        connect.
    """
    named = {table: table.rpartition(" ") for table in tables}
    found = {
        f"{kind}{space}{database}.{name}": tables[table]
        for table, (kind, space, name) in named.items()
    }
    return found or {"*.*": "USAGE"}
