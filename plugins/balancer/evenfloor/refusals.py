"""What a client is told that gets nothing, what the log says of it, and how fast."""

from __future__ import annotations

import json
import logging
import threading
import time

from flask import g, request
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

from . import attempts, metrics
from .body import json_body
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    NOT_ALLOWED,
    TOO_MANY_ATTEMPTS,
    UNKNOWN_CAMPAIGN,
    LoginRefused,
    Malformed,
    TooManyAttempts,
    WrongPassword,
)
from .provision_page import masked

log = logging.getLogger("evenfloor.web")

#: How many answers to wrong passwords a process delays at a time; further ones aren't delayed, so
#: that strangers don't keep its threads.
MOST_PAUSES = 8
_LONGEST_LOGGED = 100

STATUS = {
    UNKNOWN_CAMPAIGN: 400,
    BAD_CREDENTIALS: 401,
    NOT_ALLOWED: 403,
    ALIAS_IN_USE: 409,
    TOO_MANY_ATTEMPTS: 429,
    NO_DIALER_AVAILABLE: 503,
    DATABASE_UNREACHABLE: 503,
}


def refusal_answer(refusal: LoginRefused) -> tuple[dict, int]:
    """Say why a login was refused, as JSON and as a status."""
    if isinstance(refusal, Malformed):
        return {"error": "malformed", "detail": refusal.detail}, 400
    body: dict = {"error": refusal.reason, "detail": refusal.detail}
    if refusal.dialers:
        body["dialers"] = refusal.dialers
    return body, STATUS[refusal.reason]


def http_error_answer(error: HTTPException) -> tuple[dict, int]:
    """Say that a request is none of the API's, or that something unforeseen failed."""
    unforeseen = isinstance(error, InternalServerError)
    detail = "something unforeseen failed; the log says what" if unforeseen else error.description
    return {"error": error.name.lower().replace(" ", "_"), "detail": detail}, error.code


def refusal_line(address: str, reason: str, asked: tuple[str, str], alias: object) -> str:
    """Say for the log what was refused: the address comes first, what was typed last and quoted.

    Args:
        address: where the request came from.
        reason: as the answer says it.
        asked: the request's method and path.
        alias: what was typed.
    """
    method, path = asked
    typed = [json.dumps(str(text)[:_LONGEST_LOGGED]) for text in (f"{method} {path}", alias)]
    return f"refused: address={address or '-'} reason={reason} request={typed[0]} alias={typed[1]}"


class Refusals:
    """Counts, logs and answers refusals, and takes its time over wrong passwords."""

    def __init__(self):
        self._pauses = threading.BoundedSemaphore(MOST_PAUSES)

    def login(self, refusal: LoginRefused):
        """Answer a refusal of the balancer's."""
        body, status = refusal_answer(refusal)
        self._tell(body["error"])
        if isinstance(refusal, WrongPassword):
            self._pause(refusal)
        if isinstance(refusal, TooManyAttempts):
            return body, status, {"Retry-After": str(refusal.seconds)}
        return body, status

    def http(self, error: HTTPException):
        """Answer what isn't a request of the API's, or has failed."""
        body, status = http_error_answer(error)
        self._tell(body["error"], typed=not isinstance(error, RequestEntityTooLarge))
        return body, status

    def _pause(self, refusal: WrongPassword) -> None:
        until = g.started + attempts.pause(refusal.failures)
        if self._pauses.acquire(blocking=False):
            try:
                time.sleep(max(0.0, until - time.monotonic()))
            finally:
                self._pauses.release()

    def _tell(self, reason: str, typed: bool = True) -> None:
        metrics.REFUSALS.labels(reason=reason).inc()
        body = json_body() if typed else None
        alias = body.get("alias", "") if isinstance(body, dict) else ""
        log.warning(
            "%s",
            refusal_line(g.caller.address, reason, (request.method, masked(request.path)), alias),
        )
