"""Watching the floor: one snapshot for all who look, and who may look."""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
import time
from typing import NamedTuple

from . import attempts, event_statements, history_statements, snapshot
from .callers import Caller
from .config import Config
from .database_answers import database_answers
from .errors import NOT_ALLOWED, LoginRefused, WrongPassword, no_answer
from .events import REFUSED, Event
from .page_statements import INTERVAL
from .page_store import PageStore
from .turns import Turns

#: A snapshot that isn't older, in seconds, is shown to whoever comes while another reads the next.
NEW_ENOUGH = 3.0
#: How long a request waits for the one that is reading, in seconds, if there is none.
PATIENCE = 0.5
#: A process asks the database at most so often, in seconds, while another makes a snapshot.
SHORTEST = 0.2
#: How many operator tokens a process looks at or has waiting at a time.
MOST_TOKENS = 4
#: For how long nobody asks a database again that didn't answer, in seconds.
PAUSE = 1.0


class _Held(NamedTuple):
    """A snapshot that this process has: its JSON, and when it was made, as time.monotonic()."""

    content: str
    made: float

    @property
    def age(self) -> float:
        """Its age in seconds."""
        return max(0.0, time.monotonic() - self.made)


class Watch:
    """The floor for whoever watches it; safe for threads.

    A process that has a snapshot of the last second doesn't ask the database. The database lets one
    process of all make the next snapshot, and the others read what that one wrote.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: Config):
        self._store = PageStore(config.database, config.balancer.is_guarded)
        self._rules = config.balancer.rules
        self._operator_token = config.login.operator_token
        self._lock = threading.Lock()
        # Apart, so that a floor that is being read and strangers don't wait for each other.
        self._tokens = PageStore(config.database)
        self._token_turns = Turns(MOST_TOKENS)
        self._held: _Held | None = None
        self._read_after = 0.0
        self._away_until = 0.0

    def answer(self) -> str:
        """Return the newest snapshot and its ``age`` in seconds, as JSON.

        Raises:
            LoginRefused: the database is away.
        """
        held = self._held
        # Whoever comes while another reads doesn't wait.
        if held is None or held.age > NEW_ENOUGH or not self._lock.locked():
            held = self._renewed()
        return f'{{"age": {held.age:.1f}, "floor": {held.content}}}'

    def _renewed(self) -> _Held:
        with self._alone():
            if self._held is None or time.monotonic() >= self._read_after:
                self._held = self._read()
                self._read_after = max(self._held.made + INTERVAL, time.monotonic() + SHORTEST)
            return self._held

    def check_token(self, token: str, caller: Caller) -> None:
        """Look whether the operator token is right.

        Args:
            token: what was typed.
            caller: who typed it; the host itself has the same limits.

        Raises:
            LoginRefused: it is wrong, which is counted; or the caller has sent too many wrong
                ones, nobody is an operator by a token, or the database is away.
        """
        if not self._operator_token:
            raise LoginRefused(NOT_ALLOWED, "this cluster has no operator token")
        with self._token_turns.take(), database_answers():
            attempts.check(self._tokens.tried(caller.client))
            if hmac.compare_digest(token.encode(), self._operator_token.encode()):
                return
            event = Event(REFUSED, address=caller.client, detail="wrong operator token")
            tried = self._tokens.count_wrong_token(caller.client, event)
        raise WrongPassword("this isn't the operator token", tried.failures)

    @contextlib.contextmanager
    def _alone(self):
        """Use the store alone; where the database was away a moment ago, don't ask it.

        Raises:
            LoginRefused: the database is away, or somebody else still waits for it.
        """
        if not self._lock.acquire(timeout=PATIENCE):
            raise no_answer()
        try:
            # Whoever comes during the pause doesn't prolong it.
            if time.monotonic() < self._away_until:
                raise no_answer()
            try:
                with database_answers():
                    yield
            except LoginRefused:
                self._away_until = time.monotonic() + PAUSE
                raise
        finally:
            self._lock.release()

    def _read(self) -> _Held:
        kept = self._store.claim()
        if kept.content and not kept.is_ours:
            return _Held(kept.content, time.monotonic() - kept.age)
        made = time.monotonic()
        before = json.loads(kept.content) if kept.content else {}
        seen = self._store.look(snapshot.needs_phones(before))
        taken = snapshot.snapshot(seen, self._rules, before)
        taken["moment"] = kept.moment
        content = json.dumps(taken)
        more = [event_statements.keep(event) for event in snapshot.transitions(before, taken)]
        if before.get("moment") != kept.moment:
            more += history_statements.keep(kept.moment, taken["dialers"])
        self._store.write(content, kept.claimed, [*more, *event_statements.prune()])
        return _Held(content, made)
