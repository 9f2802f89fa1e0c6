"""Waits for events, not for time."""

from __future__ import annotations

import time

#: Seconds. Longer than anything takes on a busy machine, so only what never happens runs into it.
PATIENCE = 120


def wait_until(condition, seconds: float, what: str, every: float = 0.25) -> float:
    """Wait until a condition holds.

    Args:
        condition: called without arguments again and again.
        seconds: how long to wait.
        what: what is waited for, for the message.
        every: seconds between two calls.

    Returns:
        How many seconds it took.

    Raises:
        AssertionError: the condition did not hold in time.
    """
    started = time.monotonic()
    while True:
        # Asked at least once, and once more after the last pause, however late that ends.
        late = time.monotonic() - started >= seconds
        if condition():
            return time.monotonic() - started
        if late:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)
