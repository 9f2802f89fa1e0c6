"""A day to try a plan with: three shifts that overlap, with breaks. Pure."""

from __future__ import annotations

import random
from typing import NamedTuple

from .plan_shifts import Shift, Span

AGENTS = 1000
DIALERS = 10


class _Kind(NamedTuple):
    """A shift that many agents work: its times in minutes, and how many of a hundred work it."""

    start: int
    end: int
    share: int


_KINDS = (
    _Kind(7 * 60, 15 * 60 + 30, 35),
    _Kind(9 * 60 + 30, 18 * 60, 40),
    _Kind(13 * 60, 21 * 60 + 30, 25),
)
#: When each break begins, in minutes after the shift's start, and how long it is.
_BREAKS = ((120, 15), (240, 30), (390, 15))
#: People are so many minutes early or late.
_LATE = (-10, 5)
_STAYS = (-5, 10)
_BREAK_MOVES = (-30, 30)


def example_day(seed: int, agents: int = AGENTS) -> list[Shift]:
    """Make the shifts of a day.

    Who works which shift is drawn: neighbours in the list have different ones.

    Args:
        seed: the same gives the same day.
        agents: how many.
    """
    draw = random.Random(f"example {seed}")  # noqa: S311 - a day, no secret
    shares = [kind.share for kind in _KINDS]
    kinds = draw.choices(_KINDS, shares, k=agents)
    return [_drawn(f"agent{number}", kind, draw) for number, kind in enumerate(kinds, 1)]


def _drawn(user: str, kind: _Kind, draw: random.Random) -> Shift:
    breaks = []
    for after, length in _BREAKS:
        start = kind.start + after + draw.randint(*_BREAK_MOVES)
        breaks.append(Span(start, start + length))
    start, end = kind.start + draw.randint(*_LATE), kind.end + draw.randint(*_STAYS)
    return Shift(user, start, end, tuple(breaks))
