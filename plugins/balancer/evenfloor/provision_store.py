"""What the database tells of a phone's token: its accounts, and nothing of anybody else's.

The login service's user can't read registration passwords. It may ask a function of the database
for those behind one token (``roles/database/templates/phones_of_token.sql.j2``), so whoever takes
over the service can't list them. The function is asked with the SHA-256 of the token, and the table
has the SHA-256 of that: neither the table nor a list of running statements is of use to anybody. A
plain hash is enough, because a token is 256 random bits: there is nothing to try one after another.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from . import attempts
from .config import DatabaseConfig
from .connection import Connection
from .deadline import Deadline
from .events import Event
from .provision_files import Registration
from .provision_models import Asked
from .request import Tried
from .sql import Statement
from .wrong_token import count_wrong_token

#: How long an answer is waited for, in seconds.
ANSWER_TIMEOUT = 3


@dataclass(frozen=True)
class Owner:
    """Whose a token is.

    Attributes:
        alias: the phone alias.
        name: what phones show.
        bound: the device that the token is bound to; empty for none.
        registrations: its accounts; empty where another device asks.
    """

    alias: str
    name: str
    bound: str
    registrations: tuple[Registration, ...]

    def is_for(self, device: str) -> bool:
        """Say whether a device may have the accounts; empty is a softphone."""
        return self.bound == device


def proof_of(token: str) -> str:
    """Return what the database is asked with instead of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def client_subject(client: str) -> str:
    """Name a client among those that have tried.

    Apart from the one that logs in: a phone whose token was revoked asks again and again, and must
    not lock the agents of its office out.
    """
    return f"provision {client}"


class ProvisionStore:
    """The database as phones see it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._connection = Connection(config, ANSWER_TIMEOUT, row_wait=1)

    def look(self, client: str, token: str, asked: Asked) -> tuple[Tried, Owner | None]:
        """Read what a client has tried, and whose token it shows.

        A token that is asked for by a desk phone is bound to it from then on. A client that has
        tried too much learns nothing of the token, and binds nothing.

        Args:
            client: who asks.
            token: what it shows.
            asked: which phone it says to be.

        Returns:
            What it has tried, and the owner; None where nobody has this token.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        look = attempts.look(client_subject(client))
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            tried = attempts.tried(self._connection.batch([look]))
            if attempts.is_over(tried):
                return tried, None
            reply = self._connection.batch([phones_of(token, asked)])[0]
        return tried, read_owner(reply.rows[0][0])

    def count_wrong(self, client: str, event: Event) -> Tried:
        """Count a wrong token; returns what its client has tried with it.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            return count_wrong_token(self._connection, client_subject(client), event)


def phones_of(token: str, asked: Asked) -> Statement:
    """Ask for the accounts behind a token."""
    return Statement(
        "SELECT evenfloor_phones_of(%(proof)s, %(device)s, %(model)s)",
        {"proof": proof_of(token), "device": asked.device, "model": asked.noted},
    )


def read_owner(answer: str | None) -> Owner | None:
    """Read what the function has answered."""
    if answer is None:
        return None
    (alias, name, bound), phones = json.loads(answer)
    registrations = [Registration(*phone[:-1], is_open=bool(phone[-1])) for phone in phones]
    return Owner(alias, name, bound, tuple(registrations))
