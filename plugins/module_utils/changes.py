# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run has changed, as its last words.

Pure, without Ansible. A result is what a module returned, or a loop's ``results``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: The columns of the table, by the key of the counts.
COLUMNS = {
    "added": "added",
    "returned": "came back",
    "changed": "changed",
    "closed": "closed",
    "removed": "removed",
    "kept": "kept for return",
}
#: What the module ``aliases`` counts besides, and which column it belongs to.
_ALSO = {"renamed": "changed", "opened": "changed"}
ROWS = ("phones", "aliases", "dialers")
NOTHING = "No phone, alias or dialer was changed."
NOTHING_WOULD = "No phone, alias or dialer would be changed."


def changes_table(results: Iterable[Any], undo: str = "", check: bool = False) -> str:
    """Lay out for a person what a run has changed.

    Args:
        results: what the modules ``aliases`` and ``server`` returned, in any order. What is
            undefined, skipped or of another module counts nothing.
        undo: how to undo it, in words; left out where nothing was changed.
        check: whether it was a check: then nothing was changed, it only would be.

    Returns:
        A table with a row for phones, aliases and dialers, or a sentence.
    """
    counts = count_changes(results)
    if not any(number for row in counts.values() for number in row.values()):
        return NOTHING_WOULD if check else NOTHING
    heads = ["would be" if check else "", *COLUMNS.values()]
    cells = [[row, *(str(counts[row][key]) for key in COLUMNS)] for row in ROWS]
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(heads))]
    lines = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in [heads, *cells]
    ]
    return "\n".join([line.rstrip() for line in lines] + ([undo] if undo else []))


def count_changes(results: Iterable[Any]) -> dict[str, dict[str, int]]:
    """Count what was added, changed and removed.

    Args:
        results: as ``changes_table`` takes them.

    Returns:
        ``{"phones": {"added": 3, ...}, "aliases": ..., "dialers": ...}``.
    """
    counts = {row: dict.fromkeys(COLUMNS, 0) for row in ROWS}
    for result in _flat(results):
        for name, number in (result.get("counts") or {}).items():
            row, _underscore, column = name.partition("_")
            column = _ALSO.get(column, column)
            if row in counts and column in counts[row]:
                counts[row][column] += number
                if column == "returned":
                    counts[row]["added"] -= number
        for row in ("phones", "aliases"):
            counts[row]["kept"] += (result.get("kept") or {}).get(row, 0)
        change = _change_of_dialer(result)
        if change:
            counts["dialers"][change] += 1
    return counts


def _flat(results: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for result in results:
        if isinstance(result, Mapping):
            yield from _flat(result["results"]) if "results" in result else [result]


def _change_of_dialer(result: Mapping[str, Any]) -> str:
    """Return how the module ``server`` has changed a dialer; empty where it hasn't."""
    if not result.get("changed") or "rooms_added" not in result:
        return ""
    diff = result.get("diff") or {}
    if not diff.get("before", "there"):
        return "added"
    return "changed" if diff.get("after", "there") else "removed"
