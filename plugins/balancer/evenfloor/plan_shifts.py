"""The shifts of a day that is planned, and how they are read. Pure.

Times are minutes from the day's midnight. A shift that ends after midnight ends at more than 1440.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import NamedTuple

from .errors import ConfigurationError
from .vicidial import LONGEST

MINUTES_OF_A_DAY = 24 * 60
HEADING = ("user", "start", "end", "breaks")
#: More problems than these help nobody.
MOST_PROBLEMS = 20

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")
_FEWEST_CELLS = 3
_LONGEST_USER = LONGEST["user"]


class Span(NamedTuple):
    """A time from its start to its end, both in minutes."""

    start: int
    end: int


class Shift(NamedTuple):
    """An agent's shift. In a break the agent is logged out."""

    user: str
    start: int
    end: int
    breaks: tuple[Span, ...] = ()

    @property
    def spells(self) -> list[Span]:
        """The times for which the agent is logged in, in their order."""
        starts = [self.start, *(pause.end for pause in self.breaks)]
        ends = [*(pause.start for pause in self.breaks), self.end]
        return [Span(start, end) for start, end in zip(starts, ends)]


class _Fault(Exception):
    """What is wrong with a line."""


def read_time(text: str) -> int | None:
    """Read a time such as ``09:30``; None where it is none.

    Args:
        text: a time of the day, 00:00 to 24:00.
    """
    text = text.strip()
    if not _TIME.fullmatch(text):
        return None
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def clock(minute: int) -> str:
    """Write a time as people read it; the next day's begins at 00:00 again."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def read_shifts(text: str) -> list[Shift]:
    """Read shifts: a line for each, ``user,start,end`` and, if there are any, the breaks.

    Breaks are ``10:00-10:15``, separated by spaces. Empty lines, lines that begin with ``#`` and a
    heading don't count. A shift or break that ends before it starts ends on the next day.

    Args:
        text: what the file has.

    Raises:
        ConfigurationError: lines that are wrong, each with its number and how to fix it.
    """
    shifts: list[Shift] = []
    of_user: dict[str, list[tuple[int, Shift]]] = {}
    problems: list[str] = []
    for number, cells in _lines(text):
        try:
            shift = _shift(cells)
            others = of_user.setdefault(shift.user, [])
            _check_free(shift, others)
            others.append((number, shift))
            shifts.append(shift)
        except _Fault as fault:
            problems.append(f"line {number}: {fault}")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise ConfigurationError("\n".join(shown))
    if not shifts:
        raise ConfigurationError("there is no shift; write a line such as agent1,09:00,17:30")
    return shifts


def _lines(text: str):
    """Give each line that has a shift: its number, and its cells without spaces around them."""
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        (fields,) = csv.reader([line])
        cells = [cell.strip() for cell in fields]
        if tuple(cells[:_FEWEST_CELLS]) != HEADING[:_FEWEST_CELLS]:
            yield number, cells


def _shift(cells: Sequence[str]) -> Shift:
    if not _FEWEST_CELLS <= len(cells) <= len(HEADING):
        raise _Fault(f"{len(cells)} fields; write user,start,end or user,start,end,breaks")
    user, start, end = cells[0], _time("start", cells[1]), _time("end", cells[2])
    if not 0 < len(user) <= _LONGEST_USER:
        raise _Fault(f"user '{user}' has {len(user)} characters; write 1 to {_LONGEST_USER}")
    if start == end:
        raise _Fault(f"the shift ends at {cells[2]}, when it starts; write another end")
    end = _after(start, end)
    breaks = []
    earliest = start
    for word in cells[3].split() if len(cells) == len(HEADING) else []:
        pause = _break(word, earliest)
        if not earliest < pause.start < pause.end < end:
            raise _Fault(
                f"break '{word}' isn't within the shift, or not after the break before it;"
                " write breaks in their order"
            )
        breaks.append(pause)
        earliest = pause.end
    return Shift(user, start, end, tuple(breaks))


def _time(name: str, text: str) -> int:
    minute = read_time(text)
    if minute is None:
        raise _Fault(f"{name} '{text}' is not a time; write it like 09:30")
    return minute


def _break(word: str, earliest: int) -> Span:
    first, dash, last = word.partition("-")
    if not dash:
        raise _Fault(f"break '{word}' has no end; write it like 10:00-10:15")
    start = _after(earliest, _time("break", first))
    return Span(start, _after(start, _time("break", last)))


def _after(earlier: int, minute: int) -> int:
    """Return a time as one that comes after another: today, or on the days that follow."""
    while minute < earlier:
        minute += MINUTES_OF_A_DAY
    return minute


def _check_free(shift: Shift, others: Sequence[tuple[int, Shift]]) -> None:
    for number, other in others:
        if other.start < shift.end and shift.start < other.end:
            raise _Fault(f"{shift.user} works then already, by line {number}; take one out")
