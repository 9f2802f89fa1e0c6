"""How long a caller still waits for an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from .errors import TooLate


def _nobody_leaves() -> bool:
    return False


class Deadline:
    """The moment until which a caller waits.

    Args:
        seconds: from now on; ``math.inf`` is for ever.
        left: says whether the caller has given up before that, asked only now and then.
    """

    def __init__(self, seconds: float = math.inf, left: Callable[[], bool] = _nobody_leaves):
        self._ends = time.monotonic() + seconds
        self._left = left

    @property
    def remaining(self) -> float:
        """Seconds until then, 0 if it is over."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether nobody waits any longer."""
        return self.remaining == 0 or self._left()

    def check(self) -> float:
        """Make sure that somebody still waits; returns for how many seconds, never 0.

        Raises:
            TooLate: nobody does.
        """
        remaining = self.remaining
        if remaining == 0 or self._left():
            raise TooLate("the caller no longer waits for the answer")
        return remaining
