"""Balancers, each with its connection to the database, lent to threads one request at a time."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Iterator

from .balancer import Balancer
from .config import Config
from .deadline import Deadline
from .errors import (
    DatabaseRefused,
    DatabaseUnreachable,
    LoginRefused,
    TooLate,
    busy,
    no_answer,
)

#: How many a process has, and with them how many connections to the database.
BALANCERS = 2
#: How long a request waits for one, in seconds.
LONGEST_WAIT = 5.0
#: A database that fails only after so many seconds hangs. Clients who wait for less, and those who
#: leave, say nothing about it.
SILENCE = 1.0


class Pool:
    """Lends balancers, to those who wait in the order in which they came.

    The one that was used last comes first: as long as one is enough, the others stay unconnected.
    When the database hangs for one, those who wait are refused with it, and nobody waits until it
    answers again: they would only find out the same, one after the other, and keep the threads from
    saying that all is not well.

    Args:
        config: the whole configuration.
        balancers: how many there are.
        longest_wait: how long a request waits for one, in seconds.

    Attributes:
        went_on: when one was lent or given back, in seconds of ``time.monotonic()``.
    """

    def __init__(
        self, config: Config, balancers: int = BALANCERS, longest_wait: float = LONGEST_WAIT
    ):
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._free = [Balancer(config) for _number in range(balancers)]
        self._waiting: collections.deque[concurrent.futures.Future] = collections.deque()
        self._hangs = False
        self._balancers = balancers
        self.went_on = 0.0

    @property
    def is_used(self) -> bool:
        """Whether one is lent."""
        return len(self._free) < self._balancers

    @contextlib.contextmanager
    def balancer(self, deadline: Deadline | None = None) -> Iterator[Balancer]:
        """Lend one.

        Args:
            deadline: until when the request's client waits, if that is known.

        Raises:
            LoginRefused: all are in use, and none came back in time; or the database hangs.
        """
        wait = self._longest_wait
        lent = self._take(min(wait, deadline.remaining) if deadline else wait)
        since = time.monotonic()
        try:
            yield lent
            self._hangs = False
        except LoginRefused as refusal:
            if not _is_away(refusal):
                self._hangs = False
            elif time.monotonic() - since >= SILENCE:
                self._refuse_waiting()
            raise
        finally:
            self._give_back(lent)

    def _take(self, longest_wait: float) -> Balancer:
        place: concurrent.futures.Future = concurrent.futures.Future()
        with self._lock:
            if self._free:
                self.went_on = time.monotonic()
                return self._free.pop()
            if self._hangs:
                raise no_answer()
            self._waiting.append(place)
        try:
            return place.result(longest_wait)
        except concurrent.futures.TimeoutError:
            with self._lock:
                if place.done():  # it came at the last moment
                    return place.result()
                self._waiting.remove(place)
        raise busy()

    def _refuse_waiting(self) -> None:
        with self._lock:
            self._hangs = True
            while self._waiting:
                self._waiting.popleft().set_exception(no_answer())

    def _give_back(self, balancer: Balancer) -> None:
        with self._lock:
            self.went_on = time.monotonic()
            if self._waiting:
                self._waiting.popleft().set_result(balancer)
            else:
                self._free.append(balancer)


def _is_away(refusal: LoginRefused) -> bool:
    """Tell a database that didn't answer from one that did, and from a client that left."""
    cause = refusal.__cause__
    return isinstance(cause, DatabaseUnreachable) and not isinstance(
        cause, (DatabaseRefused, TooLate)
    )
