"""Watches the dialers' heartbeats, so that a login knows which dialer has just come back.

A choice sees a heartbeat's age and not what was before. VICIdial says that a phone is registered as
it was before its dialer crashed, until each phone has been asked again: a dialer that has come back
has to settle first.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable

from . import heartbeat_statements as statements
from .config import Config
from .connection import Connection
from .errors import DatabaseUnreachable, RowBusy
from .heartbeat_statements import Heartbeat

log = logging.getLogger("evenfloor.heartbeats")

#: Seconds between two looks.
INTERVAL = 1.0
#: How long an answer is waited for, in seconds.
ANSWER_TIMEOUT = 3
#: How long a row lock is waited for, in seconds.
ROW_WAIT = 1
#: How often a heartbeat has to be seen late, one look after the other. When the database hung, all
#: are late for a moment, and nothing has happened to the dialers.
LATE_LOOKS = 3
#: A look that comes so many seconds after the one before isn't the next one: somebody hung.
LONGEST_PAUSE = 3.0
#: The last known heartbeat is noted after so many seconds, although nothing has changed.
NOTED_EVERY = 60


class Lateness:
    """Finds out what has to be noted. Pure, but for what it remembers of the looks before.

    Args:
        timeout: a heartbeat that is so many seconds old is late.
    """

    def __init__(self, timeout: int):
        self._timeout = timeout
        self._looked: float | None = None
        self._late: dict[str, int] = {}

    def to_note(self, heartbeats: Iterable[Heartbeat], now: float) -> list[str]:
        """Say of which dialers something is to be noted.

        Args:
            heartbeats: what was seen.
            now: when, in seconds of a clock that doesn't step.

        Returns:
            Their ``server_ip``, in order.
        """
        seen = list(heartbeats)
        in_a_row = self._looked is not None and now - self._looked <= LONGEST_PAUSE
        self._looked = now
        before = self._late if in_a_row else {}
        late = [beat.server_ip for beat in seen if self._is_late(beat)]
        self._late = {server_ip: before.get(server_ip, 0) + 1 for server_ip in late}
        return sorted(beat.server_ip for beat in seen if self._is_news(beat))

    def _is_late(self, heartbeat: Heartbeat) -> bool:
        return heartbeat.age is not None and heartbeat.age >= self._timeout

    def _is_news(self, heartbeat: Heartbeat) -> bool:
        if heartbeat.age is None:
            return False
        if self._is_late(heartbeat):
            return not heartbeat.is_late and self._late[heartbeat.server_ip] >= LATE_LOOKS
        # What is noted may also be from the future: a clock was set back.
        noted = heartbeat.noted_age
        return bool(heartbeat.is_late) or noted is None or not 0 <= noted < NOTED_EVERY


class Watcher:
    """Looks at the heartbeats every second, in a thread of its own, until the process ends.

    Each process of the login service has one: whoever freezes or dies is one of many, and they note
    the same. What they note is in the database, so that all login hosts agree.

    Args:
        config: the whole configuration.
        clock: tells the time, in seconds.
    """

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic):
        self._connection = Connection(config.database, ANSWER_TIMEOUT, ROW_WAIT)
        self._timeout = config.balancer.heartbeat_timeout
        self._lateness = Lateness(self._timeout)
        self._clock = clock
        self._is_blind = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._watch, name="heartbeats", daemon=True).start()

    def close(self) -> None:
        """Give the database connection back."""
        self._connection.close()

    def _watch(self) -> None:
        while True:
            try:
                self.look()
                self._is_blind = False
            except DatabaseUnreachable as error:
                if not self._is_blind:
                    log.warning("the heartbeats can't be watched: %s", error)
                self._is_blind = True
            except Exception:  # a dialer that is noted as late would settle for ever
                log.exception("the heartbeats can't be watched")
            time.sleep(INTERVAL)

    def look(self) -> None:
        """Look once, and note what has changed.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        seen = statements.HEARTBEAT.read(self._connection.batch([statements.look()])[0])
        dialers = self._lateness.to_note(seen, self._clock())
        for server_ip in dialers:
            # Each alone: one whose row somebody has locked keeps nobody else's from being noted.
            with contextlib.suppress(RowBusy):
                self._connection.batch([statements.note(server_ip, self._timeout)])
