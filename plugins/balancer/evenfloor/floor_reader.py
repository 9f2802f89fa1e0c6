"""The floor for whoever watches it: read once at a time, and never waited for longer than that."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import LoginRefused

#: How long a scrape waits for the floor, in seconds.
PATIENCE = 2.0


#: What is read: the floor, and what else is wanted with it.
Read = TypeVar("Read")


class FloorReader(Generic[Read]):
    """Reads the floor in a thread of its own.

    Whoever asks while it is being read waits for the same answer: a database that hangs has one
    thread of a process waiting, however often it is asked for.

    Args:
        read: reads the floor.
        patience: how long the answer is waited for, in seconds.
    """

    def __init__(self, read: Callable[[], Read], patience: float = PATIENCE):
        self._read = read
        self._patience = patience
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "floor")
        self._lock = threading.Lock()
        self._reading: concurrent.futures.Future | None = None

    def floor(self) -> Read | None:
        """Return the floor; None where the database is away, or doesn't answer in time."""
        with self._lock:
            if self._reading is None or self._reading.done():
                self._reading = self._thread.submit(self._read)
            reading = self._reading
        try:
            return reading.result(self._patience)
        except (LoginRefused, concurrent.futures.TimeoutError):
            return None
