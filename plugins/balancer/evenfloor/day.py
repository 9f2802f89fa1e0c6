"""A day of the floor, put together from its quarter minutes. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

#: How long a quarter minute is, in seconds.
QUARTER = 15
#: Into how many quarter minutes the parts of a day are put together: five minutes.
PART = 20
#: The days that can be asked for.
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)
#: What a spreadsheet would take for a formula begins with one of these.
_FORMULA = ("=", "+", "-", "@")


class HistoryRow(NamedTuple):
    """A dialer in a quarter minute: how many local agents it had, and its condition."""

    server_ip: str
    moment: int
    agents: int
    state: str


class PartRow(NamedTuple):
    """A dialer in a part of a day.

    Attributes:
        server_ip: the dialer.
        part: the part's number, from 0.
        agents: how many local agents it had on average.
        most: how many it had at most.
        open: how many quarter minutes it was open.
        held: how many it could take nobody, because it was full, or its twin was dead.
        closed: how many it was closed for logins.
        dead: how many it was dead.
    """

    server_ip: str
    part: int
    agents: float
    most: int
    open: int
    held: int
    closed: int
    dead: int


@dataclass(frozen=True)
class DialerDay:
    """A dialer's day.

    Attributes:
        name: the dialer's; its address if it has left.
        server_ip: its address.
        parts: how many agents it had on average in each part; 0 where nothing is known.
        average: how many it had on average in the time that is known.
        most: how many it had at most.
        minutes: how long it was in each condition, in minutes.
    """

    name: str
    server_ip: str
    parts: list[float]
    average: float
    most: int
    minutes: dict[str, int]


@dataclass(frozen=True)
class Day:
    """A day of the floor.

    Attributes:
        date: which.
        first: its first quarter minute.
        end: the one after its last; a day has 23 to 25 hours.
        dialers: by name.
        spread: the average spread; None where nothing is known.
        most_spread: the highest one.
    """

    date: date
    first: int
    end: int
    dialers: list[DialerDay]
    spread: float | None
    most_spread: float | None


def read_date(text: str) -> date:
    """Read a day.

    Args:
        text: ``YYYY-MM-DD``.

    Raises:
        ValueError: it isn't a day, or one of another age.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST <= day <= LAST:
        raise ValueError("a day is written as 2026-01-31")
    return day


def bounds(day: date) -> tuple[int, int]:
    """Return the first quarter minute of a day, and the one after its last.

    Args:
        day: by the clock of this host.
    """
    midnights = (datetime.combine(at, time()) for at in (day, day + timedelta(days=1)))
    first, end = (int(midnight.timestamp()) // QUARTER for midnight in midnights)
    return first, end


def parts_between(first: int, end: int) -> int:
    """Say how many parts there are from one quarter minute to before another."""
    return -(-(end - first) // PART)


def day_of(day: date, rows: Iterable[PartRow], spread: tuple, names: Mapping[str, str]) -> Day:
    """Put a day together.

    Args:
        day: which.
        rows: its parts.
        spread: the average and the highest one.
        names: of the dialers that there are, by ``server_ip``.
    """
    first, end = bounds(day)
    of_dialer: dict[str, list[PartRow]] = {}
    for row in rows:
        of_dialer.setdefault(row.server_ip, []).append(row)
    dialers = [
        _dialer_day(names.get(server_ip, server_ip), found, parts_between(first, end))
        for server_ip, found in of_dialer.items()
    ]
    return Day(day, first, end, sorted(dialers, key=lambda dialer: dialer.name), *spread)


def _dialer_day(name: str, rows: Sequence[PartRow], count: int) -> DialerDay:
    parts = [0.0] * count
    weights = {}
    for row in rows:
        parts[row.part] = row.agents
        weights[row.part] = row.open + row.held + row.closed + row.dead
    known = sum(weights.values())
    conditions = ("open", "held", "closed", "dead")
    return DialerDay(
        name,
        rows[0].server_ip,
        parts,
        sum(parts[part] * weight for part, weight in weights.items()) / known if known else 0.0,
        max(row.most for row in rows),
        {what: sum(getattr(row, what) for row in rows) * QUARTER // 60 for what in conditions},
    )


def hours(minutes: int) -> str:
    """Write a time as hours and minutes."""
    return f"{minutes // 60}:{minutes % 60:02}"


def spread_words(day: Day) -> str:
    """Say in words how even a day was."""
    if day.spread is None:
        return "nothing is known of this day"
    return f"spread {day.spread:.1f} on average, {day.most_spread:g} at most"


def table(day: Day) -> str:
    """Lay a day out for a person.

    Args:
        day: with its dialers.
    """
    lines = [
        f"{'dialer':<11}{'address':<17}{'average':>8}{'most':>6}"
        f"{'open':>8}{'held':>8}{'closed':>8}{'dead':>8}"
    ]
    for dialer in day.dialers:
        times = "".join(f"{hours(minutes):>8}" for minutes in dialer.minutes.values())
        lines.append(
            f"{dialer.name:<11}{dialer.server_ip:<17}{dialer.average:>8.1f}{dialer.most:>6}{times}"
        )
    return "\n".join([*lines, spread_words(day)])


def as_csv(rows: Iterable[HistoryRow], names: Mapping[str, str]) -> str:
    """Write quarter minutes as CSV, with this host's time.

    Args:
        rows: the quarter minutes.
        names: of the dialers that there are, by ``server_ip``.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", "dialer", "server_ip", "local_agents", "state"])
    for row in rows:
        at = datetime.fromtimestamp(row.moment * QUARTER).astimezone().isoformat()
        name = names.get(row.server_ip, row.server_ip)
        shown = f"'{name}" if name.startswith(_FORMULA) else name
        writer.writerow([at, shown, row.server_ip, row.agents, row.state])
    return text.getvalue()
