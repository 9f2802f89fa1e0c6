"""What the floor page reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from . import attempts, event_statements, floor_store
from . import page_statements as statements
from .config import DatabaseConfig
from .connection import Connection
from .deadline import Deadline
from .events import Event
from .request import Tried
from .snapshot import EVENTS, Seen
from .sql import Statement, decoded
from .wrong_token import count_wrong_token

#: How long an answer is waited for, in seconds.
ANSWER_TIMEOUT = 3


class Kept(NamedTuple):
    """The newest snapshot that the database has.

    Attributes:
        is_ours: whether the next one is ours to make.
        age: its age in seconds; 0 where there is none.
        content: its JSON; empty where there is none.
        moment: the present quarter minute.
        claimed: when somebody began to make the next one, by the database's clock.
    """

    is_ours: bool
    age: float
    content: str
    moment: int
    claimed: datetime


class PageStore:
    """The database as the floor page sees it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig, busy: bool = False):
        self._connection = Connection(config, ANSWER_TIMEOUT, row_wait=1)
        self._busy = busy

    def claim(self) -> Kept:
        """Claim the next snapshot, and read the newest.

        Raises:
            DatabaseUnreachable: the database didn't answer, or rejected it.
        """
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            claimed, found = self._connection.batch([statements.claim(), statements.last()])
        age, content, moment, since = found.rows[0]
        return Kept(claimed.touched > 0, float(age or 0), content or "", moment, since)

    def look(self, with_phones: bool) -> Seen:
        """Read what a snapshot is made of.

        Args:
            with_phones: count the dialers' phones; else they are 0.

        Raises:
            DatabaseUnreachable: the database didn't answer, or rejected it.
        """
        more = [
            statements.agents(),
            statements.decisions(EVENTS),
            event_statements.newest(EVENTS),
        ]
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            floor, (agents, decisions, happened) = floor_store.read_floor(
                self._connection, self._busy, with_phones, more
            )
        return Seen(
            floor,
            [statements.AGENT_ROW.made_of(row) for row in decoded(agents)],
            statements.DECISION_ROW.read(decisions),
            [event_statements.EVENT_ROW.made_of(row) for row in decoded(happened)],
        )

    def write(self, content: str, claimed: datetime, more: Sequence[Statement]) -> None:
        """Write a snapshot for all who look, unless somebody else has made a newer one since.

        Args:
            content: its JSON.
            claimed: when it was claimed.
            more: optional statements that are run after it.

        Raises:
            DatabaseUnreachable: the database didn't answer, or rejected it.
        """
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            if self._connection.batch([statements.write(content, claimed)])[0].touched:
                self._connection.batch(more)

    def tried(self, client: str) -> Tried:
        """Say what a client has tried.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            return attempts.tried(self._connection.batch([attempts.look(client)]))

    def count_wrong_token(self, client: str, event: Event) -> Tried:
        """Count a wrong operator token; returns what its client has tried with it.

        Args:
            client: who sent it.
            event: what is kept of it.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            return count_wrong_token(self._connection, client, event)
