"""What the database rejects, in the caller's words."""

from __future__ import annotations

import contextlib
import logging

from .errors import (
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    DatabaseUnreachable,
    LoginRefused,
    Malformed,
    TooLate,
    UnfitValue,
    no_answer,
)

log = logging.getLogger("evenfloor.balancer")


@contextlib.contextmanager
def database_answers():
    """Refuse in the caller's words what the database rejects; its own words are for the log.

    Raises:
        LoginRefused: instead of a :class:`DatabaseUnreachable`.
    """
    try:
        yield
    except DatabaseUnreachable as error:
        log.warning("the database: %s", error)
        if isinstance(error, UnfitValue):
            words = "there are characters in it that the database's tables can't hold"
            raise Malformed(BAD_CREDENTIALS, words) from error
        if isinstance(error, TooLate):
            words = "it took longer than is waited for, and nothing was changed; try again"
            raise LoginRefused(DATABASE_UNREACHABLE, words) from error
        raise no_answer() from error
