"""Dialers' names, for answers that a person reads."""

from __future__ import annotations

import time

from .balancer import Balancer
from .deadline import Deadline

#: For how long a name is believed, in seconds: an address can get another.
KEPT = 60.0


class DialerNames:
    """Knows the names of all dialers; for any number of threads."""

    def __init__(self):
        self._names: dict[str, str] = {}
        self._read_after = 0.0

    def refresh(self, balancer: Balancer, deadline: Deadline) -> None:
        """Read the names, if they are old. Before a login, which nothing is to hold up at its end.

        Args:
            balancer: with which they are read.
            deadline: until when the caller waits.

        Raises:
            LoginRefused: the database is away.
        """
        now = time.monotonic()
        if now >= self._read_after:
            self._names = balancer.dialer_names(deadline)
            self._read_after = now + KEPT

    def name(self, server_ip: str) -> str:
        """Return a dialer's name; its address where it isn't known yet."""
        return self._names.get(server_ip, server_ip)
