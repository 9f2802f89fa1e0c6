"""On which dialers registrations can be looked at.

Not every VICIdial keeps ``phones.peer_status``, and not on every dialer: where none of a dialer's
phones has one, it says nothing. That hardly ever changes, and to look for it takes longer than a
choice. It does change where a dialer is added: it says nothing until its first phone registers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .policy import Dialer

#: For how long it is remembered which dialers report registrations, in seconds.
REMEMBERED = 60.0


class ReportingRow(NamedTuple):
    """What is found of a dialer: whether it takes logins, and whether it says who is registered."""

    server_ip: str
    takes_logins: bool
    reports: bool


class Reporting:
    """Remembers which dialers report registrations.

    Args:
        read: looks at every dialer.
        clock: tells the time, in seconds.

    Attributes:
        dialers: those that did when they were last looked at, by ``server_ip``.
    """

    def __init__(
        self, read: Callable[[], list[ReportingRow]], clock: Callable[[], float] = time.monotonic
    ):
        self._read = read
        self._clock = clock
        self._until: float | None = None
        self._open: set[str] = set()
        self.dialers: frozenset[str] = frozenset()

    def refresh(self) -> None:
        """Look at them again, if that was too long ago.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        if self._until is None or self._clock() >= self._until:
            self._look()

    def meet(self, dialers: Iterable[Dialer]) -> None:
        """Look at them again, if a dialer takes logins that took none when they were looked at.

        Its phones have registered meanwhile, and what is remembered is from before.

        Args:
            dialers: those between which is chosen.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        taking = {dialer.server_ip for dialer in dialers if dialer.takes_logins}
        self._open -= {dialer.server_ip for dialer in dialers} - taking
        if taking - self._open:
            self._look()
            self._open |= taking

    def _look(self) -> None:
        now = self._clock()
        found = self._read()
        self.dialers = frozenset(row.server_ip for row in found if row.reports)
        self._open = {row.server_ip for row in found if row.takes_logins}
        self._until = now + REMEMBERED
