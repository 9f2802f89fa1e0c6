"""One request after the other, while few wait: strangers don't keep the service's threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from .errors import busy

#: To wait for a turn as long as it takes.
FOR_EVER = -1


class Turns:
    """Turns at something that one thread uses at a time.

    Args:
        most: how many may have a turn or wait for one; whoever comes then is refused.
        longest_wait: how long a turn is waited for, in seconds.
    """

    def __init__(self, most: int, longest_wait: float = FOR_EVER):
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._longest_wait = longest_wait

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Have a turn as long as the block runs.

        Raises:
            LoginRefused: too many wait, or the wait was too long.
        """
        if not self._places.acquire(blocking=False):
            raise busy()
        try:
            if not self._lock.acquire(timeout=self._longest_wait):
                raise busy()
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._places.release()
