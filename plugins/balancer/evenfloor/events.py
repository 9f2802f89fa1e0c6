"""What has happened, for whoever watches the floor. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

#: Kinds of events. A login is one that found a dialer.
LOGIN, REFUSED = "login", "refused"
DIALER_ADDED, DIALER_REMOVED = "dialer_added", "dialer_removed"
DIALER_OPENED, DIALER_CLOSED = "dialer_opened", "dialer_closed"
DIALER_DEAD, DIALER_BACK = "dialer_dead", "dialer_back"
#: What the pages say of a dialer.
WORDS = {
    DIALER_ADDED: "was added",
    DIALER_REMOVED: "was removed",
    DIALER_OPENED: "takes logins",
    DIALER_CLOSED: "is closed for logins",
    DIALER_DEAD: "is dead",
    DIALER_BACK: "is back",
}


@dataclass(frozen=True)
class Event:
    """Something that has happened.

    Attributes:
        kind: one of the kinds above.
        user: the agent; empty where it isn't about one.
        alias: the alias that was typed; empty for none.
        dialer: the dialer's name; empty for none.
        address: where the request came from; empty for none.
        detail: why, in words.
    """

    kind: str
    user: str = ""
    alias: str = ""
    dialer: str = ""
    address: str = ""
    detail: str = ""


class KeptEvent(NamedTuple):
    """An event that was kept: its attributes, after its ``age`` in seconds."""

    age: int
    kind: str
    user: str
    alias: str
    dialer: str
    address: str
    detail: str
