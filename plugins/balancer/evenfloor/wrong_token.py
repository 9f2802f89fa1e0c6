"""A token that is wrong: counted, and kept among the events, in one trip to the database."""

from __future__ import annotations

from . import attempts, event_statements
from .connection import Connection
from .events import Event
from .request import Tried


def count_wrong_token(connection: Connection, subject: str, event: Event) -> Tried:
    """Count a wrong token; returns what its client has tried with it.

    Args:
        connection: to the database, within its deadline.
        subject: how the client is called among those that have tried.
        event: what is kept of it.

    Raises:
        DatabaseUnreachable: the database didn't answer.
    """
    counting = attempts.count_token(subject)
    replies = connection.batch([*counting, event_statements.keep(event)])
    return attempts.tried(replies[len(counting) - 1 : len(counting)])
