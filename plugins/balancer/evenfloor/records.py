"""What is kept of how a use case ended: counted, logged, shown to those who watch. And tidying."""

from __future__ import annotations

import contextlib
import json
import logging
import time

from . import metrics, policy
from .config import BalancerConfig
from .decisions import FAILED, Trail
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    NOT_ALLOWED,
    UNKNOWN_CAMPAIGN,
    DatabaseUnreachable,
    LoginRefused,
    Malformed,
    WrongPassword,
)
from .events import REFUSED, Event
from .login_store import LoginStore

log = logging.getLogger("evenfloor.balancer")

#: Refusals that those who watch the floor see, besides those of every dialer.
WATCHED = (ALIAS_IN_USE, BAD_CREDENTIALS, NOT_ALLOWED, UNKNOWN_CAMPAIGN)

#: What has expired is removed at most so often, in seconds.
PRUNE_INTERVAL = 1.0


class Records:
    """Keeps what became of choices and logins. None of it may fail them.

    Args:
        store: the database as a login sees it.
        settings: how long decisions are kept, and when a dialer is too busy.
    """

    def __init__(self, store: LoginStore, settings: BalancerConfig):
        self._store = store
        self._guard = settings.rules.guard
        self._decisions_kept = settings.decisions_kept
        self._prune_after = 0.0

    @contextlib.contextmanager
    def kept(self, trail: Trail):
        """Count, log and keep how what is done inside ended.

        Args:
            trail: what is known of it.
        """
        started = time.perf_counter()
        try:
            yield
        except LoginRefused as refusal:
            trail.outcome = refusal.reason
            self._keep_refusal(trail, refusal)
            raise
        except BaseException:
            trail.outcome = FAILED
            raise
        finally:
            self._tell(trail, time.perf_counter() - started)
            if trail.outcome not in (DATABASE_UNREACHABLE, FAILED):
                self._note_held(trail)
                self._prune()

    def _keep_refusal(self, trail: Trail, refusal: LoginRefused) -> None:
        """Keep a refusal for those who watch the floor; a wrong password is kept where it counts.

        Too many attempts aren't: whoever makes them would push everything else out.
        """
        request = trail.request
        with contextlib.suppress(DatabaseUnreachable):
            if refusal.reason == NO_DIALER_AVAILABLE:
                self._store.keep_decision(trail.row())
            elif refusal.reason in WATCHED and not isinstance(refusal, (Malformed, WrongPassword)):
                self._store.keep_event(
                    Event(
                        REFUSED,
                        request.user,
                        request.alias,
                        address=request.client,
                        detail=refusal.detail,
                    )
                )

    def _tell(self, trail: Trail, seconds: float) -> None:
        metrics.CHOICES.labels(dialer=trail.chosen, outcome=trail.outcome).inc()
        metrics.CHOICE_SECONDS.observe(seconds)
        if log.isEnabledFor(logging.INFO):
            log.info(json.dumps(trail.line(seconds)))

    def _note_held(self, trail: Trail) -> None:
        """Note the dialers that have become too busy, and those that no longer are."""
        held = {
            server_ip: not dialer.held
            for server_ip, dialer in trail.dialers.items()
            if dialer.held != (policy.too_busy(dialer, self._guard) is not None)
        }
        if held:
            with contextlib.suppress(DatabaseUnreachable):
                self._store.note_held(held)

    def _prune(self) -> None:
        """Remove, now and then, what has expired."""
        now = time.monotonic()
        if now >= self._prune_after:
            self._prune_after = now + PRUNE_INTERVAL
            with contextlib.suppress(DatabaseUnreachable):
                self._store.claims.end_doubtful()
                self._store.prune(self._decisions_kept)
