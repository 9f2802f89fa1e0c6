"""Waits for what has to come true."""

from __future__ import annotations

import time


def wait_until(condition, seconds: float, what: str, every: float = 0.1) -> float:
    """Wait until a condition holds and return how many seconds it took.

    Raises:
        AssertionError: it didn't in time.
    """
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if condition():
            return time.monotonic() - started
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")
