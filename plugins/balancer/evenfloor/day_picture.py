"""A picture of a day, as the page shows it."""

from __future__ import annotations

from .day import PART, QUARTER, QUARTER_HOUR, Day, clocks
from .picture import finish_axes, picture, with_gaps

_INCHES = (12, 7)
_HEIGHTS = (1, 3, 1)
_HOUR = 3600 // QUARTER
_LEGEND = {
    "frameon": False,
    "fontsize": "small",
    "loc": "upper left",
    "bbox_to_anchor": (1, 1),
}
#: How many dialers a column of the legend has.
_LONGEST_LEGEND = 16
#: Of more dialers there is no room for names.
_MOST_NAMES = 6 * _LONGEST_LEGEND
#: With more events than this, their words would cover each other.
_MOST_WORDS = 20


def draw_day(path: str, day: Day) -> None:
    """Draw a day: the spread, the agents, changes of dialers, logins and refusals.

    Args:
        path: a file that ends in .png or .svg.
        day: with its dialers.

    Raises:
        ConfigurationError: matplotlib is missing, or the file can't be written.
    """
    with picture(path, _INCHES) as figure:
        spread, agents, logins = figure.subplots(3, sharex=True, height_ratios=_HEIGHTS)
        figure.suptitle(str(day.date))
        _draw_parts(spread, agents, day)
        _draw_counts(logins, day)
        _draw_events((spread, agents, logins), agents, day)
        for axes, what in ((spread, "spread"), (agents, "local agents"), (logins, "per 15 min")):
            finish_axes(axes, what)
        hours = range(0, (day.end - day.first) // _HOUR + 1, 2)
        logins.set_xlim(0, (day.end - day.first) / _HOUR)
        logins.set_xticks(hours, clocks(day)[:: 2 * _HOUR // PART][: len(hours)])


def _draw_parts(spread, agents, day: Day) -> None:
    places = [part * PART / _HOUR for part in range(len(day.spreads))]
    spread.plot(places, with_gaps(day.spreads), linewidth=1, color="black", drawstyle="steps-post")
    if day.dialers:
        names = [dialer.name for dialer in day.dialers]
        agents.stackplot(
            places, *(dialer.parts for dialer in day.dialers), labels=names, step="post"
        )
        if len(names) <= _MOST_NAMES:
            agents.legend(ncols=-(-len(names) // _LONGEST_LEGEND), **_LEGEND)


def _draw_counts(axes, day: Day) -> None:
    width = QUARTER_HOUR / _HOUR
    places = [(number + 0.5) * width for number in range(len(day.logins))]
    logins, refusals = ([count or 0 for count in counts] for counts in (day.logins, day.refusals))
    axes.bar(places, logins, 0.9 * width, color="tab:gray", label="logins")
    axes.bar(places, refusals, 0.9 * width, logins, color="tab:red", label="refusals")
    axes.legend(**_LEGEND)


def _draw_events(all_axes, agents, day: Day) -> None:
    for event in day.events:
        place = (event.at.timestamp() / QUARTER - day.first) / _HOUR
        for axes in all_axes:
            axes.axvline(place, linewidth=0.8, linestyle="--", color="dimgray")
        if len(day.events) <= _MOST_WORDS:
            agents.text(
                place,
                1,
                event.what,
                rotation=90,
                ha="right",
                va="top",
                fontsize="small",
                transform=agents.get_xaxis_transform(),
            )
