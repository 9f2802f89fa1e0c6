"""A session: its row, and the tag that names it everywhere."""

from __future__ import annotations

import random
import string
import time
from typing import NamedTuple

_TAG_TIME = "%y%m%d%H%M%S"
_TAG_LETTERS = string.ascii_lowercase + string.digits
_TAG_RANDOM_CHARACTERS = 7

#: What :func:`new_tag` makes, as a regular expression for a whole text.
TAG_PATTERN = r"S[0-9]{12}[a-z0-9]{7}"


class LiveSession(NamedTuple):
    """A row of ``vicidial_live_agents``.

    Attributes:
        live_agent_id: the row's number; a newer row has a higher one.
        user: the agent.
        server_ip: the dialer.
        room: the agent's room there.
        tag: names the session; empty where VICIdial gave it no call id.
        channel: the phone, ``PJSIP/101``.
        local: whether it counts as a local agent.
        campaign_id: the campaign.
        age: seconds since the row was written.
    """

    live_agent_id: int
    user: str
    server_ip: str
    room: str
    tag: str
    channel: str
    local: bool
    campaign_id: str
    age: int


def new_tag() -> str:
    """Make a session's name: 20 characters in the form of VICIdial's login call ids."""
    rest = "".join(random.choices(_TAG_LETTERS, k=_TAG_RANDOM_CHARACTERS))
    return f"S{time.strftime(_TAG_TIME)}{rest}"
