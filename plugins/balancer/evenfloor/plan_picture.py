"""A picture of a plan. Only this module needs matplotlib, which no host has to have."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from .errors import ConfigurationError
from .plan_replay import Outcome
from .plan_shifts import clock

ENDINGS = (".png", ".svg")
_INCHES = (8, 4)
_DOTS_PER_INCH = 100
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


def check_picture(path: str) -> None:
    """Look whether a picture can be drawn, before anything is replayed.

    Raises:
        ConfigurationError: the file has another ending, or matplotlib is missing.
    """
    if not path.endswith(ENDINGS):
        raise ConfigurationError(f"--picture {path}: write a file's name in .png or .svg")
    _matplotlib()


def _matplotlib():
    """Return matplotlib. It is loaded only for a picture: most commands draw none."""
    try:
        return importlib.import_module("matplotlib")
    except ImportError:
        raise ConfigurationError(
            "--picture needs matplotlib, which isn't installed; run: pip install matplotlib"
        ) from None


def _draw(path: str, outcome: Outcome, lines: dict, what: str) -> None:
    matplotlib = _matplotlib()
    # The same plan gives the same file.
    settings = {"svg.hashsalt": "evenfloor", "svg.fonttype": "none"}
    metadata = {"Date": None} if path.endswith(".svg") else {"Software": None}
    minutes = [moment.minute for moment in outcome.moments]
    hours = [minute for minute in minutes if minute % (2 * _HOUR) == 0]
    with matplotlib.rc_context(settings):
        figure = importlib.import_module("matplotlib.figure").Figure(
            figsize=_INCHES, dpi=_DOTS_PER_INCH, layout="constrained"
        )
        axes = figure.subplots()
        for label, values in lines.items():
            numbers = [float("nan") if value is None else value for value in values]
            axes.plot(minutes, numbers, label=label, linewidth=1)
        axes.set_xticks(hours, [clock(minute) for minute in hours])
        axes.set_ylabel(what)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise ConfigurationError(f"--picture {path} can't be written: {error}") from error
