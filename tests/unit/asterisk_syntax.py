"""Reads Asterisk's files as its parser does, and templates of files as Ansible does."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import jinja2
from ansible_collections.evenfloor.cluster.plugins.filter.evenfloor import FilterModule

ROLES = Path(__file__).parents[2] / "roles"
PREFIX = "evenfloor.cluster."


class Section(NamedTuple):
    """A section: its name, the names in brackets behind it, and its settings in their order."""

    name: str
    templates: list
    settings: list


def render(path: str, **variables) -> str:
    """Render a template of a role, with the collection's own filters.

    Args:
        path: from the folder ``roles``.
        variables: what it needs besides ``ansible_managed``.
    """
    return _template(path).render(ansible_managed="Ansible managed", **variables)


@functools.cache
def _template(path: str) -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(
        {PREFIX + name: filter_ for name, filter_ in FilterModule().filters().items()}
    )
    return environment.from_string((ROLES / path).read_text(encoding="utf-8"))


def without_comment(line: str) -> str:
    """Return a line up to its comment, with ``\\;`` read as a semicolon."""
    read, start = "", 0
    while (found := line.find(";", start)) >= 0:
        if found == 0 or line[found - 1] != "\\":
            assert not line[found:].startswith(";--"), "a comment over several lines"
            return read + line[start:found]
        read += line[start : found - 1] + ";"
        start = found + 1
    return read + line[start:]


def parse(text: str) -> list[Section]:
    """Read a file of Asterisk's.

    Only a line feed ends a line. A section may be there several times.

    Raises:
        AssertionError: a line is none that Asterisk accepts.
    """
    sections: list[Section] = []
    for line in text.split("\n"):
        statement = without_comment(line).strip()
        if not statement:
            continue
        assert not statement.startswith("#"), f"a directive: {statement}"
        if statement.startswith("["):
            name, bracket, rest = statement[1:].partition("]")
            assert bracket and (not rest or (rest[0] == "(" and rest[-1] == ")")), statement
            sections.append(Section(name, rest[1:-1].split(",") if rest else [], []))
            continue
        key, sign, value = statement.partition("=")
        assert sign and key.strip(), statement
        sections[-1].settings.append((key.strip(), value.removeprefix(">").strip()))
    return sections


def read_caller_id(value: str) -> tuple[str, str]:
    """Read a caller id, ``"name" <number>``."""
    name, _, number = value.rpartition(" <")
    assert name.startswith('"') and name.endswith('"') and number.endswith(">"), value
    assert '"' not in name[1:-1] and "\\" not in name[1:-1], value
    return name[1:-1], number[:-1]
