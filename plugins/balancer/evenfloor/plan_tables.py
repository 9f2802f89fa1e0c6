"""What a plan found, for people, for spreadsheets and as data. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from .plan_need import Need
from .plan_replay import Addition, Day, Moment, Outcome
from .plan_shifts import clock

QUARTER = 15
_COLUMN = 9


# -- a day --------------------------------------------------------------------------------


def quarters(outcome: Outcome) -> list[Moment]:
    """Return the moments of every quarter of an hour, and the last one."""
    last = outcome.moments[-1]
    return [moment for moment in outcome.moments if moment.minute % QUARTER == 0 or moment is last]


def day_table(day: Day, outcome: Outcome) -> str:
    """Lay a day out for a person.

    Args:
        day: what was replayed.
        outcome: what became of it.
    """
    names = day.every_dialer
    width = max(_COLUMN, *(len(name) + 2 for name in names))
    users = len({shift.user for shift in day.shifts})
    lines = [
        f"{users} agents, {len(day.dialers)} dialers, {clock(day.first)} to {clock(day.last)}",
        f"{'time':<7}{'agents':>7}" + "".join(f"{name:>{width}}" for name in names) + "  spread",
    ]
    for moment in quarters(outcome):
        counts = "".join(f"{moment.counts.get(name, '-'):>{width}}" for name in names)
        time = clock(moment.minute)
        lines.append(f"{time:<7}{moment.agents:>7}{counts}{moment.spread:>8}")
    worst = outcome.worst
    lines.append(
        f"spread: mean {outcome.mean:.1f}, worst {worst.spread} at {clock(worst.minute)};"
        f" most agents on a dialer: {outcome.most}"
    )
    return "\n".join(lines + _news(outcome))


def _news(outcome: Outcome) -> list[str]:
    """Say what was lost, added and refused."""
    lines = []
    for loss in outcome.losses:
        landed = ", ".join(f"{name} {count}" for name, count in loss.landed.items())
        lines.append(
            f"{loss.dialer} is lost at {clock(loss.minute)}: {loss.agents} agents log in again,"
            f" on {landed or 'no dialer'}"
        )
        stranded = loss.agents - sum(loss.landed.values())
        if stranded:
            lines.append(f"  {stranded} of them find no dialer")
    for addition in outcome.additions:
        even = (
            "not even again that day"
            if addition.even is None
            else f"even again at {_even(addition)}"
        )
        lines.append(f"{addition.dialer} is added at {clock(addition.minute)}: {even}")
    if outcome.refused:
        lines.append(f"{outcome.refused} logins found no dialer")
    return lines


def _even(addition: Addition) -> str:
    return f"{clock(addition.even)}, {addition.even - addition.minute} min later"


def day_csv(day: Day, outcome: Outcome) -> str:
    """Lay a day out for a spreadsheet; a dialer that isn't there has an empty cell."""
    names = day.every_dialer
    rows = [
        [
            clock(moment.minute),
            moment.agents,
            *(moment.counts.get(name, "") for name in names),
            moment.spread,
        ]
        for moment in quarters(outcome)
    ]
    return _csv([["time", "agents", *names, "spread"], *rows])


def day_json(day: Day, outcome: Outcome) -> str:
    """Lay a day out as data."""
    times = [
        {
            "time": clock(moment.minute),
            "agents": moment.agents,
            "dialers": dict(moment.counts),
            "spread": moment.spread,
        }
        for moment in quarters(outcome)
    ]
    losses = [
        {
            "dialer": loss.dialer,
            "time": clock(loss.minute),
            "agents": loss.agents,
            "landed": dict(loss.landed),
        }
        for loss in outcome.losses
    ]
    additions = [
        {
            "dialer": addition.dialer,
            "time": clock(addition.minute),
            "even": None if addition.even is None else clock(addition.even),
        }
        for addition in outcome.additions
    ]
    return _json({**_summary(outcome), "lost": losses, "added": additions, "floor": times})


def _summary(outcome: Outcome) -> dict:
    return {
        "way": outcome.way,
        "spread_mean": round(outcome.mean, 2),
        "spread_worst": outcome.worst.spread,
        "spread_worst_at": clock(outcome.worst.minute),
        "most_agents": outcome.most,
        "refused": outcome.refused,
    }


# -- four ways ----------------------------------------------------------------------------


def ways_table(outcomes: Sequence[Outcome]) -> str:
    """Lay the same day in several ways out for a person."""
    lines = [
        f"{'':<28}{'spread: mean':>13}{'worst':>7}{'at':>7}{'most on a dialer':>18}{'refused':>9}"
    ]
    for outcome in outcomes:
        worst = outcome.worst
        lines.append(
            f"{outcome.way:<28}{outcome.mean:>13.1f}{worst.spread:>7}{clock(worst.minute):>7}"
            f"{outcome.most:>18}{outcome.refused:>9}"
        )
    return "\n".join(lines)


def ways_csv(outcomes: Sequence[Outcome]) -> str:
    """Lay the same day in several ways out for a spreadsheet."""
    return _dicts_csv([_summary(outcome) for outcome in outcomes])


def ways_json(outcomes: Sequence[Outcome]) -> str:
    """Lay the same day in several ways out as data."""
    return _json({"ways": [_summary(outcome) for outcome in outcomes]})


# -- how many dialers ---------------------------------------------------------------------


def need_text(need: Need) -> str:
    """Say how many dialers it takes, for a person."""
    line = (
        f"{need.dialers} dialers: {need.agents} agents are at most {need.usual} on each,"
        f" of {need.per_dialer}"
    )
    if need.lost:
        line += f"; with {need.lost} lost, at most {need.after_a_loss}"
    return line


def need_csv(need: Need) -> str:
    """Say how many dialers it takes, for a spreadsheet."""
    return _dicts_csv([_need(need)])


def need_json(need: Need) -> str:
    """Say how many dialers it takes, as data."""
    return _json(_need(need))


def _need(need: Need) -> dict:
    return {
        **need._asdict(),
        "dialers": need.dialers,
        "usual": need.usual,
        "after_a_loss": need.after_a_loss,
    }


def _json(value: Mapping) -> str:
    return json.dumps(value, indent=2)


def _csv(rows: Sequence[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")


def _dicts_csv(rows: Sequence[Mapping]) -> str:
    return _csv([list(rows[0]), *(list(row.values()) for row in rows)])
