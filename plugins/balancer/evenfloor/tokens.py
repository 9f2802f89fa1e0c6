"""Session tokens: what a login hands out, and a logout takes. Pure: nothing is stored.

A token names a user and a session's tag, signed with a secret that all login hosts of a cluster
have. It says nothing secret, and it is worth nothing once its session has ended: so it needs no
time of its own, and the clocks of login hosts don't matter.
"""

from __future__ import annotations

from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from .errors import BAD_CREDENTIALS, LoginRefused

_SALT = "evenfloor.session"
_LONGEST = 1000


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
