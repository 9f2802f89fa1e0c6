"""A day of the floor, put together from its quarter minutes, logins and events. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from .events import WORDS

#: How long a quarter minute is, in seconds.
QUARTER = 15
#: Into how many quarter minutes the parts of a day are put together: five minutes.
PART = 20
#: How many quarter minutes a quarter hour has: logins and refusals are counted for each.
QUARTER_HOUR = 60
#: How many events of a day are shown at most: the first.
MOST_EVENTS = 500
#: What is said where there is nothing to count, and where not all is shown.
NO_COUNTS = "the logins of this day aren't kept any longer"
MORE_EVENTS = f"only the first {MOST_EVENTS} events are shown"
#: The days that can be asked for.
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)
_HOUR = 3600
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


class SpreadRow(NamedTuple):
    """The spread in a part of a day.

    Attributes:
        part: the part's number, from 0.
        spread: the average spread.
        most: the highest one.
        known: in how many quarter minutes there was one.
    """

    part: int
    spread: float
    most: float
    known: int


class CountRow(NamedTuple):
    """How many logins and refusals a quarter hour of a day had. Its number is from 0."""

    quarter_hour: int
    logins: int
    refusals: int


class EventRow(NamedTuple):
    """What became of a dialer: when, in seconds since 1970, one of the kinds of events, and why."""

    second: int
    kind: str
    dialer: str
    detail: str


class DayRows(NamedTuple):
    """What was read of a day."""

    parts: list[PartRow]
    spreads: list[SpreadRow]
    counts: list[CountRow]
    events: list[EventRow]
    names: Mapping[str, str]


@dataclass(frozen=True)
class DayEvent:
    """What became of a dialer.

    Attributes:
        at: when, by this host's clock.
        kind: one of the kinds of events.
        dialer: its name then.
        detail: why, in words; empty where there is nothing to say.
    """

    at: datetime
    kind: str
    dialer: str
    detail: str

    @property
    def what(self) -> str:
        """What became of which dialer."""
        return f"{self.dialer} {WORDS.get(self.kind, self.kind)}"

    @property
    def words(self) -> str:
        """The same, and why."""
        return f"{self.what}: {self.detail}" if self.detail else self.what


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
        spreads: the average spread in each part; None where nothing is known.
        logins: how many there were in each quarter hour; None where decisions aren't kept so long.
        refusals: the same of refusals.
        events: changes of dialers, in its order.
        more_events: whether there were more.
    """

    date: date
    first: int
    end: int
    dialers: list[DialerDay]
    spread: float | None
    most_spread: float | None
    spreads: list[float | None]
    logins: list[int | None]
    refusals: list[int | None]
    events: list[DayEvent]
    more_events: bool

    @property
    def is_known(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.dialers or self.events or any(self.logins) or any(self.refusals))


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


def day_of(day: date, rows: DayRows, counted_since: float = 0) -> Day:
    """Put a day together.

    Args:
        day: which.
        rows: what was read of it.
        counted_since: since when decisions are kept, in seconds since 1970.
    """
    first, end = bounds(day)
    count = parts_between(first, end)
    of_dialer: dict[str, list[PartRow]] = {}
    for row in rows.parts:
        of_dialer.setdefault(row.server_ip, []).append(row)
    dialers = [
        _dialer_day(rows.names.get(server_ip, server_ip), found, count)
        for server_ip, found in of_dialer.items()
    ]
    spreads = {row.part: row.spread for row in rows.spreads}
    known = sum(row.known for row in rows.spreads)
    counts = {row.quarter_hour: row for row in rows.counts}
    ends = range(first + QUARTER_HOUR, end + QUARTER_HOUR, QUARTER_HOUR)
    counted = [
        counts.get(number, CountRow(number, 0, 0))
        if quarter_end * QUARTER > counted_since
        else CountRow(number, None, None)
        for number, quarter_end in enumerate(ends)
    ]
    return Day(
        day,
        first,
        end,
        sorted(dialers, key=lambda dialer: dialer.name),
        spread=sum(row.spread * row.known for row in rows.spreads) / known if known else None,
        most_spread=max((row.most for row in rows.spreads), default=None),
        spreads=[spreads.get(part) for part in range(count)],
        logins=[row.logins for row in counted],
        refusals=[row.refusals for row in counted],
        events=[_event(row) for row in rows.events[:MOST_EVENTS]],
        more_events=len(rows.events) > MOST_EVENTS,
    )


def _event(row: EventRow) -> DayEvent:
    return DayEvent(datetime.fromtimestamp(row.second).astimezone(), *row[1:])


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
        return "no spread is known" if day.is_known else "nothing is known of this day"
    return f"spread {day.spread:.1f} on average, {day.most_spread:g} at most"


def total_words(day: Day) -> str:
    """Say in words how many logins and refusals a day had."""
    logins, refusals = (
        [count for count in counts if count is not None] for counts in (day.logins, day.refusals)
    )
    return f"logins {sum(logins)}, refusals {sum(refusals)}" if logins else NO_COUNTS


def clocks(day: Day) -> list[str]:
    """Return what the clock shows at the beginning of each part of a day, and at its end."""
    seconds = range(day.first * QUARTER, (day.end + PART) * QUARTER, PART * QUARTER)
    return [datetime.fromtimestamp(second).strftime("%H:%M") for second in seconds]


def hourly(day: Day) -> list[tuple[str, int | None, int | None]]:
    """Return each hour of a day, with its logins and refusals; None where they aren't known."""
    hours_begin = clocks(day)[:: _HOUR // (QUARTER * PART)]
    return list(zip(hours_begin, _by_the_hour(day.logins), _by_the_hour(day.refusals)))


def _by_the_hour(counts: Sequence[int | None]) -> list[int | None]:
    length = _HOUR // (QUARTER * QUARTER_HOUR)
    in_hours = [counts[at : at + length] for at in range(0, len(counts), length)]
    return [None if None in hour else sum(hour) for hour in in_hours]


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
    lines += [spread_words(day), total_words(day)]
    lines += [f"{event.at:%H:%M:%S} {event.words}" for event in day.events]
    return "\n".join([*lines, *([MORE_EVENTS] if day.more_events else [])])


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
