"""A day as a stacked area: numbers for an SVG. Pure.

All places are in percent from the left and from the top: the page stretches the areas to what the
screen has, and puts texts of one size beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from .day import PART, QUARTER, Day, parts_between

#: How many colours the style sheet has.
COLOURS = 10
_LINES = 4
_LABEL_EVERY = 3 * 3600


class Area(NamedTuple):
    """A dialer's area: its name, the number of its colour, and its outline as an SVG path.

    It reaches down to zero: the areas of the dialers below it cover the rest.
    """

    name: str
    colour: int
    outline: str


class Label(NamedTuple):
    """A text at an axis: where, and what."""

    at: float
    text: str


class Chart(NamedTuple):
    """What is drawn.

    Attributes:
        areas: from the lowest to the highest.
        counts: the labels of the numbers of agents.
        hours: the labels of the hours.
    """

    areas: list[Area]
    counts: list[Label]
    hours: list[Label]


def chart_of(day: Day) -> Chart:
    """Lay a day out as a stacked area.

    Args:
        day: with its dialers.
    """
    count = parts_between(day.first, day.end)
    highest = max(map(sum, zip(*(dialer.parts for dialer in day.dialers))), default=0)
    top = max(_LINES, -(-int(highest + 1) // _LINES) * _LINES)
    heights = [0.0] * count
    areas = []
    for number, dialer in enumerate(day.dialers):
        heights = [below + agents for below, agents in zip(heights, dialer.parts)]
        areas.append(Area(dialer.name, number % COLOURS, _outline(heights, top)))
    steps = range(0, top + 1, top // _LINES)
    return Chart(areas, [Label(_height(step, top), str(step)) for step in steps], _hours(day))


def _height(agents: float, top: int) -> float:
    return round(100 - 100 * agents / top, 2)


def _place(part: float, count: int) -> float:
    return round(100 * part / count, 2)


def _outline(heights: Sequence[float], top: int) -> str:
    """Draw along the upper edge, with a step where it changes."""
    steps, part = [], 0
    for height, parts in groupby(_height(agents, top) for agents in heights):
        part += len(list(parts))
        steps.append(f"V{height:g}H{_place(part, len(heights)):g}")
    return f"M0 100{''.join(steps)}V100Z"


def _hours(day: Day) -> list[Label]:
    labels = []
    for second in range(day.first * QUARTER, day.end * QUARTER, _LABEL_EVERY):
        part = (second // QUARTER - day.first) / PART
        at = _place(part, parts_between(day.first, day.end))
        labels.append(Label(at, datetime.fromtimestamp(second).strftime("%H:%M")))
    return labels
