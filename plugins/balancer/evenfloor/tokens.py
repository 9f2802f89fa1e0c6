"""What the service signs: nothing is stored. Pure.

Session tokens: what a login hands out, and a logout takes.

A token names a user and a session's tag, signed with a secret that all login hosts of a cluster
have. It says nothing secret, and it is worth nothing once its session has ended: so it needs no
time of its own, and the clocks of login hosts don't matter.

Phone tokens: whoever has proved an alias and its password fetches the accounts of its browser phone
with one, without sending the password again. It ends with the password, or after a day.
"""

from __future__ import annotations

import hmac
import time
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from .errors import BAD_CREDENTIALS, LoginRefused

_SALT = "evenfloor.session"
_PHONE_SALT = "evenfloor.phone"
_LONGEST = 1000
#: For how long a phone token is good, in seconds.
PHONE_AGE = 24 * 3600


class Proof(NamedTuple):
    """What a token proves: whose session it is, and its tag."""

    user: str
    tag: str


def sign(secret: str, user: str, tag: str) -> str:
    """Make the token of a session.

    Args:
        secret: the cluster's; without one nobody gets a token.
        user: the agent.
        tag: the session's name.
    """
    return URLSafeSerializer(secret, _SALT).dumps([user, tag]) if secret else ""


def read(secret: str, token: object) -> Proof:
    """Read a token.

    Args:
        secret: the cluster's.
        token: what was sent.

    Raises:
        LoginRefused: it isn't one that this cluster made.
    """
    if secret and isinstance(token, str) and len(token) <= _LONGEST:
        try:
            user, tag = URLSafeSerializer(secret, _SALT).loads(token)
            return Proof(user, tag)
        except (BadData, ValueError, TypeError):
            pass
    raise LoginRefused(BAD_CREDENTIALS, "this isn't a session of this cluster; log in again")


def tag_of(secret: str, token: object, user: object) -> str:
    """Say which session a token proves to be a user's.

    Args:
        secret: the cluster's.
        token: what was sent; of before a rotation of the secret it proves nothing.
        user: the agent.

    Returns:
        The session's tag; empty where the token proves nothing.
    """
    try:
        proof = read(secret, token)
    except LoginRefused:
        return ""
    return proof.tag if proof.user == user else ""


def sign_phone(secret: str, alias: str, password: str) -> str:
    """Make the token with which a browser phone fetches its accounts.

    Args:
        secret: the cluster's; without one nobody gets a token.
        alias: as the database has it.
        password: its login password, which nobody can read out of the token.
    """
    if not secret:
        return ""
    return URLSafeTimedSerializer(secret, _PHONE_SALT).dumps([alias, _mark(secret, password)])


class PhoneProof(NamedTuple):
    """What a phone token proves: whose phone it is, and the mark of the password of that time."""

    alias: str
    mark: str

    def is_of(self, secret: str, password: str) -> bool:
        """Say whether the alias still has the password."""
        return hmac.compare_digest(self.mark, _mark(secret, password))


def read_phone(secret: str, token: str) -> PhoneProof:
    """Read a phone token.

    Args:
        secret: the cluster's.
        token: what was sent.

    Raises:
        LoginRefused: it isn't one that this cluster made, or it is too old.
    """
    if secret and len(token) <= _LONGEST:
        try:
            # Not its own check of the age: login hosts' clocks may differ.
            (alias, mark), signed = URLSafeTimedSerializer(secret, _PHONE_SALT).loads(
                token, return_timestamp=True
            )
            if time.time() - signed.timestamp() <= PHONE_AGE:
                return PhoneProof(alias, mark)
        except (BadData, ValueError, TypeError):
            pass
    raise LoginRefused(BAD_CREDENTIALS, "this isn't a browser phone of this cluster; log in again")


def _mark(secret: str, password: str) -> str:
    return hmac.new(secret.encode(), f"phone {password}".encode(), "sha256").hexdigest()[:32]
