"""The cookie of an operator's browser: it has shown the operator token. Pure: nothing is stored.

It says until when it counts, and is signed with the cluster's session secret and the operator
token together, so it ends with either of them. It proves no more than that its browser may look:
what changes anything needs the token itself.
"""

from __future__ import annotations

from itsdangerous import BadData, URLSafeSerializer

NAME = "evenfloor_operator"
#: How long it counts, in seconds: a shift.
LIFETIME = 12 * 3600
_SALT = "evenfloor.operator"
_LONGEST = 200
#: How far the clocks of login hosts may be apart, in seconds.
_CLOCKS_APART = 60


def make(secret: str, operator_token: str, now: float) -> str:
    """Make the cookie of a browser that has shown the operator token.

    Args:
        secret: the cluster's.
        operator_token: the cluster's.
        now: seconds since 1970.
    """
    return _serializer(secret, operator_token).dumps(int(now) + LIFETIME)


def is_valid(secret: str, operator_token: str, cookie: str, now: float) -> bool:
    """Say whether a cookie counts.

    Args:
        secret: the cluster's; without one no cookie counts.
        operator_token: the cluster's; without one no cookie counts.
        cookie: what the browser sent.
        now: seconds since 1970.
    """
    if not secret or not operator_token or not cookie or len(cookie) > _LONGEST:
        return False
    try:
        ends = _serializer(secret, operator_token).loads(cookie)
    except (BadData, ValueError):
        return False
    # No longer than that either: a host whose clock is ahead may have made it.
    return isinstance(ends, int) and now < ends <= now + LIFETIME + _CLOCKS_APART


def _serializer(secret: str, operator_token: str) -> URLSafeSerializer:
    return URLSafeSerializer(f"{secret}\n{operator_token}", _SALT)
