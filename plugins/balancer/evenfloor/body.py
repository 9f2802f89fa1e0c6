"""What a request says: its JSON, and its query."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from .errors import BAD_CREDENTIALS, Malformed

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


def read_explain(asked: Mapping[str, str]) -> dict:
    """Take the arguments of :meth:`Balancer.explain` from a request's query."""
    return {name: asked.get(name, "") for name in _EXPLAINED}
