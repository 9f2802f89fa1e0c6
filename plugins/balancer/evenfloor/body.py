"""What a request says: its JSON, its query, and how long its client waits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from flask import request

from .errors import BAD_CREDENTIALS, Malformed

#: How many seconds the client waits for the answer. Only operators and the host itself are
#: believed: with times that are too short, a stranger would have database hosts taken for silent.
TIMEOUT_HEADER = "Evenfloor-Timeout"
#: No answer comes sooner, in seconds.
SHORTEST_TIMEOUT = 0.1
#: What an agent logs in with.
CREDENTIALS = ("alias", "password", "user", "campaign")
#: What is sent beside them, if agents have passwords of their own.
_USER_PASSWORD = "user_password"  # noqa: S105 - a name
_EXPLAINED = ("alias", "user", "campaign")


def json_body():
    """Decode the present request's JSON; None where there is none, or it isn't said to be JSON."""
    try:
        return request.get_json(silent=True)
    except RecursionError:  # lists in lists, thousands deep
        return None


def read_body(body: object, *names: str) -> dict:
    """Take values from a request's JSON; what isn't there is empty.

    Args:
        body: the decoded JSON.
        names: the values' names.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    if not isinstance(body, dict):
        raise Malformed(BAD_CREDENTIALS, "the body has to be a JSON object")
    return {name: body.get(name, "") for name in names}


def read_login(body: object) -> dict:
    """Take the arguments of :meth:`Balancer.login` from a request's JSON.

    Raises:
        Malformed: the body isn't a JSON object, or ``take_over`` is neither true nor false.
    """
    values = read_body(body, *CREDENTIALS)
    take_over = body.get("take_over", False)
    if not isinstance(take_over, bool):
        raise Malformed(BAD_CREDENTIALS, "'take_over' has to be true or false")
    return {**values, "take_over": take_over}


def read_choose(body: object) -> dict:
    """Take the arguments of :meth:`Balancer.choose` from a request's JSON.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    return read_body(body, *CREDENTIALS)


def read_user_password(body: object) -> str:
    """Take the agent's own password from a request's JSON; empty where there is none.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    return read_body(body, _USER_PASSWORD)[_USER_PASSWORD]


def read_timeout(text: str | None, most: float) -> float:
    """Take the seconds that a client waits from the header ``Evenfloor-Timeout``.

    Args:
        text: the header; None where there is none, or nobody believes it.
        most: what it is where the header is missing or says more.

    Returns:
        Seconds, at least :data:`SHORTEST_TIMEOUT`.

    Raises:
        Malformed: it isn't a number above 0.
    """
    if text is None:
        return most
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise Malformed(BAD_CREDENTIALS, f"{TIMEOUT_HEADER} has to be a number of seconds above 0")
    return min(max(seconds, SHORTEST_TIMEOUT), most)


def read_logout(body: object) -> dict:
    """Take what proves a logout from a request's JSON; what isn't there is left out.

    Returns:
        ``session``, or ``alias`` and ``password``, or ``user``, which only operators may give.

    Raises:
        Malformed: the body isn't a JSON object, or has none of them.
    """
    values = read_body(body, "session", "alias", "password", "user")
    if values["session"] != "":
        return {"session": values["session"]}
    if values["alias"] != "" or values["password"] != "":
        return {"alias": values["alias"], "password": values["password"]}
    if values["user"] != "":
        return {"user": values["user"]}
    raise Malformed(BAD_CREDENTIALS, "a logout needs 'session', or 'alias' and 'password'")


def read_explain(asked: Mapping[str, str]) -> dict:
    """Take the arguments of :meth:`Balancer.explain` from a request's query."""
    return {name: asked.get(name, "") for name in _EXPLAINED}
