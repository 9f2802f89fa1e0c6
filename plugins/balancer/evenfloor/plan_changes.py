"""The dialers that a plan loses and adds, as people write them: ``dialer2@11:00``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .errors import ConfigurationError
from .plan_replay import Change, Day
from .plan_shifts import MINUTES_OF_A_DAY, clock, read_time


def with_changes(day: Day, lost: Iterable[str], added: Iterable[str]) -> Day:
    """Return a day in which dialers are lost and added.

    Args:
        day: a day without changes.
        lost: such as ``dialer2@11:00``.
        added: the same for dialers that come, or come back.

    Raises:
        ConfigurationError: one can't be read, or can't happen then; the message says how to fix it.
    """
    changes = [_change(day, "--lose", text) for text in lost]
    changes += [_change(day, "--add", text) for text in added]
    # Of one minute, what is lost goes first.
    changes.sort(key=lambda change: (change.minute, change.joins))
    there = set(day.dialers)
    for change in changes:
        _check(change, there)
        there ^= {change.dialer}
    return replace(day, changes=tuple(changes))


def _change(day: Day, option: str, text: str) -> Change:
    name, _at, time = text.partition("@")
    minute = read_time(time)
    if not name or minute is None:
        raise ConfigurationError(f"{option} '{text}': write a dialer and a time: dialer2@11:00")
    if minute < day.first:
        minute += MINUTES_OF_A_DAY
    if not day.first <= minute < day.last:
        raise ConfigurationError(
            f"{option} '{text}': nobody is logged in then; write a time from {clock(day.first)} to"
            f" {clock(day.last)}"
        )
    return Change(minute, name, option == "--add")


def _check(change: Change, there: set[str]) -> None:
    """Look whether a dialer can come or go; ``there`` are those that work before."""
    if change.joins and change.dialer in there:
        raise ConfigurationError(
            f"--add: {change.dialer} is there at {clock(change.minute)} already; give the new one"
            " another name, or fewer --dialers"
        )
    if not change.joins and change.dialer not in there:
        raise ConfigurationError(
            f"--lose: there is no {change.dialer} at {clock(change.minute)}; there are"
            f" {', '.join(sorted(there)) or 'none'}"
        )
