"""On which dialers registrations can be looked at.

Not every VICIdial keeps ``phones.peer_status``, and not on every dialer: where none of a dialer's
phones has one, it says nothing. That hardly ever changes, and to look for it takes longer than a
choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

#: For how long it is remembered which dialers report registrations, in seconds.
REMEMBERED = 60.0


class Reporting:
    """Remembers which dialers report registrations.

    Args:
        read: finds them, by ``server_ip``.
        clock: tells the time, in seconds.

    Attributes:
        dialers: those that did when they were last looked for.
    """

    def __init__(
        self, read: Callable[[], Iterable[str]], clock: Callable[[], float] = time.monotonic
    ):
        self._read = read
        self._clock = clock
        self._until: float | None = None
        self.dialers: frozenset[str] = frozenset()

    def refresh(self) -> None:
        """Look for them again, if that was too long ago.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        now = self._clock()
        if self._until is None or now >= self._until:
            self.dialers = frozenset(self._read())
            self._until = now + REMEMBERED
