"""A picture of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from .picture import finish_axes, picture, with_gaps
from .plan_replay import Outcome
from .plan_shifts import clock

_INCHES = (8, 4)
_HOUR = 60


def draw_day(path: str, outcome: Outcome) -> None:
    """Draw the agents on each dialer over a day.

    Args:
        path: a file that ends in .png or .svg.
        outcome: what is drawn.

    Raises:
        ConfigurationError: matplotlib is missing, or the file can't be written.
    """
    names = dict.fromkeys(name for moment in outcome.moments for name in moment.counts)
    lines = {name: [moment.counts.get(name) for moment in outcome.moments] for name in names}
    _draw(path, outcome, lines, "agents on a dialer")


def draw_ways(path: str, outcomes: Sequence[Outcome]) -> None:
    """Draw the spread of the same day in several ways.

    Args:
        path: a file that ends in .png or .svg.
        outcomes: what is drawn, all of the same minutes.

    Raises:
        ConfigurationError: matplotlib is missing, or the file can't be written.
    """
    lines = {outcome.way: [moment.spread for moment in outcome.moments] for outcome in outcomes}
    _draw(path, outcomes[0], lines, "spread")


def _draw(path: str, outcome: Outcome, lines: dict, what: str) -> None:
    minutes = [moment.minute for moment in outcome.moments]
    hours = [minute for minute in minutes if minute % (2 * _HOUR) == 0]
    with picture(path, _INCHES) as figure:
        axes = figure.subplots()
        for label, values in lines.items():
            axes.plot(minutes, with_gaps(values), label=label, linewidth=1)
        axes.set_xticks(hours, [clock(minute) for minute in hours])
        finish_axes(axes, what)
        axes.legend(frameon=False, fontsize="small")
