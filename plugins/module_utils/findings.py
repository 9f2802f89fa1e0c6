# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the alias doctor finds: a finding as data, as JSON and as a line of a table."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that is wrong with a running cluster.

    Attributes:
        kind: a word for it, such as ``heartbeat_stale``.
        what: what is wrong, in words.
        fix: what to do about it, in words.
        alias: the alias that it is about; empty where it is about none.
        dialer: the name of the dialer or host that it is about; empty where it is about none.
    """

    kind: str
    what: str
    fix: str
    alias: str = ""
    dialer: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as playbooks and other programs get it; they know the keys."""
        return {
            "finding": self.kind,
            "alias": self.alias,
            "dialer": self.dialer,
            "what": self.what,
            "fix": self.fix,
        }


def as_table(findings):
    """Lay findings out for a person.

    Args:
        findings: dicts, as ``Finding.as_dict`` makes them.

    Returns:
        A heading and a line for each.
    """
    if not findings:
        return "All is well."
    heads = ("alias", "dialer", "finding")
    widths = [max(len(head), *(len(row[head]) for row in findings)) for head in heads]
    lines = ["  ".join(head.ljust(width) for head, width in zip(heads, widths)) + "  what → fix"]
    for row in findings:
        cells = [(row[head] or "-").ljust(width) for head, width in zip(heads, widths)]
        lines.append("  ".join(cells) + f"  {row['what']} → {row['fix']}")
    return "\n".join(lines)
