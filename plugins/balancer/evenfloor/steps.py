"""The daemon's log: a line of JSON for each step of a session."""

from __future__ import annotations

import json
import logging

log = logging.getLogger("evenfloor.dialer")


def say(what: str, tag: str, **more: str) -> None:
    """Log one step of a session as a line of JSON.

    Args:
        what: the step, in a word or two.
        tag: the session; empty where it is about none.
        more: what else is known.
    """
    log.info(json.dumps({"event": what, "session": tag, **more}))
