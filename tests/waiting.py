"""Waiting in tests, and limits that allow for a busy machine."""

from __future__ import annotations

import time

from lab.waiting import PATIENCE, wait_until

__all__ = ["PATIENCE", "Limit", "slowness", "wait_until"]

#: Processor time in seconds that is enough to see how much of a processor we get.
SAMPLE = 0.1
#: A process that waits is woken when its time is over, or a little later, never before; in seconds.
WAKING = 0.05


def slowness() -> float:
    """Measure how busy the machine is: seconds that one second of work takes now, at least 1."""
    started, used = time.monotonic(), time.process_time()
    while time.process_time() - used < SAMPLE:
        pass
    return max(1.0, (time.monotonic() - started) / (time.process_time() - used))


class Limit:
    """Checks a promise that is a time: so many seconds, and more on a machine that is busy.

    Args:
        seconds: the promise on an idle machine.
    """

    def __init__(self, seconds: float):
        self._seconds, self._before = seconds, slowness()

    def check(self, taken: float, what: str) -> None:
        """Fail when something took longer than the limit allows.

        Args:
            taken: how many seconds it took.
            what: what took them, for the message.
        """
        allowed = (self._seconds + WAKING) * max(self._before, slowness())
        assert taken <= allowed, f"{what}: {taken:.3f} s, allowed are {allowed:.3f} s"
