"""Wrong passwords: who may try how often, and how they are counted. The rules are pure.

They are counted in the database, so all processes on all login hosts count together: for the
client's address, for the alias and its phones' extensions, and where an agent's own password was
wrong, for the user. An address over its limit is refused whatever it sends. An alias, an extension
or a user over its limit is refused to nobody, or a stranger could lock an agent out; but a wrong
password for it counts for more on the address that sent it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .errors import TooManyAttempts
from .request import Tried
from .sql import Reply, Statement, note

#: For how long wrong passwords are counted together, in seconds.
WINDOW = 60
#: How many wrong passwords an address may send in that time.
ADDRESS_LIMIT = 30
#: After how many wrong passwords an alias or a user is taken for attacked.
ALIAS_LIMIT = 10
#: What a wrong password for such an alias or user counts for on its address.
ATTACKED_WEIGHT = 10
#: A wrong password is answered this much later, in seconds, and later with each before it.
FIRST_PAUSE, NEXT_PAUSE, LONGEST_PAUSE = 0.2, 0.1, 2.0

_COUNTED = (
    "INSERT INTO evenfloor_attempts (subject, failures, ends)"
    " VALUES (%(subject)s, {weight}, UTC_TIMESTAMP() + INTERVAL %(window)s SECOND)"
    " ON DUPLICATE KEY UPDATE"
    " failures = IF(ends > UTC_TIMESTAMP(), LEAST(failures + VALUES(failures), 60000),"
    " VALUES(failures)), ends = IF(ends > UTC_TIMESTAMP(), ends, VALUES(ends))"
)
_FAILURES = (
    "SELECT failures, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), ends) FROM evenfloor_attempts"
    " WHERE subject = %(subject)s AND ends > UTC_TIMESTAMP()"
)


def check(found: Tried) -> None:
    """Look whether an address may try.

    Raises:
        TooManyAttempts: it has sent too many wrong passwords.
    """
    if is_over(found):
        seconds = max(1, found.seconds)
        raise TooManyAttempts(
            f"too many wrong passwords from this address; try again in {seconds} s", seconds
        )


def is_over(found: Tried) -> bool:
    """Say whether an address has sent too many wrong passwords."""
    return found.failures >= ADDRESS_LIMIT


def pause(failures: int) -> float:
    """Say how long a wrong password is answered after it came, in seconds.

    Args:
        failures: how many the address has sent, this one too.
    """
    return min(FIRST_PAUSE + NEXT_PAUSE * max(0, failures - 1), LONGEST_PAUSE)


def address_subject(client: str) -> str:
    """Name an address in the table; everything that can be typed has the same length there."""
    return f"address {_digest(client)}"


def alias_subject(alias: str) -> str:
    """Name an alias in the table, whether it exists or not."""
    return f"alias {_digest(alias.strip().lower())}"


def phone_subject(extension: str) -> str:
    """Name a phone's extension in the table: the same, whatever name of it was typed."""
    return f"phone {_digest(extension.strip().lower())}"


def user_subject(user: str) -> str:
    """Name a user in the table, whether there is such an agent or not."""
    return f"user {_digest(user.strip().lower())}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def look(client: str) -> Statement:
    """Select the :class:`Tried` of an address; no row where it has sent none."""
    return Statement(_FAILURES, {"subject": address_subject(client)}, optional=True)


def count(client: str, alias: str, phones: Sequence[str] = (), user: str = "") -> list[Statement]:
    """Count a wrong password; the last reply is the address's :class:`Tried`.

    Args:
        client: who sent it.
        alias: for which alias, as it was typed.
        phones: the extensions of the phones that this means.
        user: for which agent, if it was the agent's own; empty if it was the phone's.
    """
    typed = [alias_subject(alias), *map(phone_subject, phones)]
    return _count(client, typed + ([user_subject(user)] if user else []))


def count_token(client: str) -> list[Statement]:
    """Count a wrong operator token; the last reply is the address's :class:`Tried`.

    For the address alone: a token can't be guessed, so whoever attacks it makes nobody's mistakes
    count for more.

    Args:
        client: who sent it.
    """
    return _of_address(client, "1")


def tried(replies: Sequence[Reply]) -> Tried:
    """Read what a client has tried; none where the statement failed, which has been logged.

    Args:
        replies: the one to :func:`look`, or the last to :func:`count`.
    """
    rows = [row for reply in replies for row in reply.rows]
    return Tried(*rows[0]) if rows else Tried()


def _count(client: str, typed: Sequence[str]) -> list[Statement]:
    statements = [
        *(
            Statement(_COUNTED.format(weight=1), {"subject": subject, "window": WINDOW})
            for subject in typed
        ),
        note(
            "evenfloor_attacked",
            Statement(
                f"SELECT COALESCE(MAX(failures), 0) > {ALIAS_LIMIT} FROM evenfloor_attempts"
                " WHERE subject IN %(subjects)s",
                {"subjects": tuple(typed)},
            ),
        ),
    ]
    return [
        *(statement._replace(optional=True) for statement in statements),
        *_of_address(client, f"IF(@evenfloor_attacked, {ATTACKED_WEIGHT}, 1)"),
    ]


def _of_address(client: str, weight: str) -> list[Statement]:
    values = {"subject": address_subject(client), "window": WINDOW}
    return [
        Statement(_COUNTED.format(weight=weight), values, optional=True),
        Statement(_FAILURES, values, optional=True),
    ]


def prune() -> Statement:
    """Remove what is counted no more."""
    return Statement("DELETE FROM evenfloor_attempts WHERE ends <= UTC_TIMESTAMP()", optional=True)
