"""Which calls without a live-agent row may end. Pure: no I/O and no clock.

A single call without a row is what a login or a logout left that was killed half-way. Many at once
are a mistake in the database: a replica took over that lacked the last rows, or the daemon reads
another cluster's. After a restore, any may be one whose row came after the backup. Then the agents
go on talking until a person has looked.
"""

from __future__ import annotations

from collections.abc import Iterable

#: The calls that have ended are counted for so many seconds.
PERIOD = 60.0


class Orphans:
    """The calls of a dialer that have no row.

    Args:
        most: how many may end within a minute.

    Attributes:
        kept: those that go on although they have no row, because they are too many.
    """

    def __init__(self, most: int):
        self._most = most
        self._ended: dict[str, float] = {}
        self._told: set[str] = set()
        self.kept: frozenset[str] = frozenset()

    def may_end(self, found: Iterable[str], now: float, keep: bool = False) -> set[str]:
        """Say which calls are to end; the others are in :attr:`kept`.

        Once calls are kept they stay so, and with them every other call without a row, until their
        rows are back, they have ended by themselves, or :meth:`end_kept` was called.

        Args:
            found: the calls that have no row.
            now: seconds of a clock that never steps.
            keep: whether to keep them, however few they are.
        """
        found = set(found)
        self._ended = {tag: when for tag, when in self._ended.items() if now - when < PERIOD}
        self._told &= found
        open_cases = found - self._told
        too_many = len(open_cases | self._ended.keys()) > self._most
        if open_cases and (keep or too_many or self.kept & open_cases):
            self.kept = frozenset(open_cases)
            return self._told.copy()
        self.kept = frozenset()
        self._ended.update(dict.fromkeys(open_cases, now))
        return found

    def end_kept(self) -> int:
        """Have the calls end that are kept now; returns how many."""
        self._told |= self.kept
        return len(self.kept)
