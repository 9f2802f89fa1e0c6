"""A day replayed, minute by minute: who logs in and out, and what becomes of the floor. Pure.

In a minute, those whose time is over leave first. Then dialers are lost or added, and then agents
log in, in an order that is drawn.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .plan_shifts import Shift
from .plan_ways import Way
from .policy import Dialer

#: A spread that is as small as it can be where agents aren't a multiple of the dialers.
EVEN = 1


class Change(NamedTuple):
    """A dialer that is lost, or added (``joins``), at a minute."""

    minute: int
    dialer: str
    joins: bool


@dataclass(frozen=True)
class Day:
    """What is replayed.

    Attributes:
        shifts: who works when.
        dialers: the names of the dialers that are there from the start.
        changes: dialers that are lost or added, in the order of their minutes.
        most: the most agents that a dialer takes.
        seed: draws the order of logins within a minute.
    """

    shifts: Sequence[Shift]
    dialers: Sequence[str]
    changes: Sequence[Change] = ()
    most: int | None = None
    seed: int = 1

    @property
    def first(self) -> int:
        """The minute of the first login."""
        return min(shift.start for shift in self.shifts)

    @property
    def last(self) -> int:
        """The minute of the last logout."""
        return max(shift.end for shift in self.shifts)

    @property
    def every_dialer(self) -> list[str]:
        """The names of all dialers, those that are added last."""
        return list(dict.fromkeys([*self.dialers, *(change.dialer for change in self.changes)]))


class Moment(NamedTuple):
    """The floor at the end of a minute: the agents on each dialer that works."""

    minute: int
    counts: Mapping[str, int]

    @property
    def agents(self) -> int:
        """All agents who are logged in."""
        return sum(self.counts.values())

    @property
    def spread(self) -> int:
        """The highest minus the lowest count."""
        return max(self.counts.values()) - min(self.counts.values()) if self.counts else 0


class Loss(NamedTuple):
    """A dialer that was lost: how many agents were on it, and how many landed on each other."""

    minute: int
    dialer: str
    agents: int
    landed: Mapping[str, int]


class Addition(NamedTuple):
    """A dialer that was added, and the minute at which the floor was even again.

    ``even`` is None where everybody left before.
    """

    minute: int
    dialer: str
    even: int | None


@dataclass
class Outcome:
    """What a replay gave.

    Attributes:
        way: the name of the way by which agents were placed.
        moments: the floor at the end of every minute, from the first login to the last logout.
        refused: how many logins found no dialer.
        losses: the dialers that were lost.
        additions: the dialers that were added.
    """

    way: str
    moments: list[Moment] = field(default_factory=list)
    refused: int = 0
    losses: list[Loss] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)

    @property
    def worst(self) -> Moment:
        """The first moment of the highest spread."""
        return max(self.moments, key=lambda moment: moment.spread)

    @property
    def mean(self) -> float:
        """The mean of the spread, over all minutes."""
        return sum(moment.spread for moment in self.moments) / len(self.moments)

    @property
    def most(self) -> int:
        """The most agents that a dialer had."""
        return max(max(moment.counts.values(), default=0) for moment in self.moments)


def replay(day: Day, way: Way) -> Outcome:
    """Replay a day.

    Args:
        day: what happens.
        way: says where agents go. It is used for this replay only: it may have a memory.
    """
    return _Replay(day, way).run()


class _Replay:
    """One replay, and the floor in it."""

    def __init__(self, day: Day, way: Way):
        self._day = day
        self._way = way
        self._floor = {name: self._new(name) for name in day.dialers}
        self._where: dict[str, str] = {}
        self._outcome = Outcome(way.name)

    def run(self) -> Outcome:
        arrivals, departures = _by_minute(self._day.shifts)
        for minute in range(self._day.first, self._day.last + 1):
            for user in departures[minute]:
                self._leave(user)
            lost = self._change(minute)
            arriving = [*arrivals[minute], *(user for users in lost.values() for user in users)]
            # A draw of the minute's own: what happened before doesn't change it.
            random.Random(f"{self._day.seed} {minute}").shuffle(arriving)  # noqa: S311
            self._arrive(arriving)
            self._note_losses(minute, lost)
            self._outcome.moments.append(Moment(minute, self._counts()))
        self._outcome.additions = [
            Addition(change.minute, change.dialer, self._even_after(change.minute))
            for change in self._day.changes
            if change.joins
        ]
        return self._outcome

    def _new(self, name: str) -> Dialer:
        return Dialer(name, True, True, 0, 1, 0, max_agents=self._day.most)

    def _counts(self) -> dict[str, int]:
        return {
            name: dialer.local_agents
            for name, dialer in self._floor.items()
            if dialer.heartbeat_age is not None
        }

    def _count(self, name: str, more: int) -> None:
        dialer = self._floor[name]
        self._floor[name] = dialer._replace(local_agents=dialer.local_agents + more)

    def _leave(self, user: str) -> None:
        name = self._where.pop(user, None)
        if name is not None:
            self._count(name, -1)

    def _change(self, minute: int) -> dict[str, list[str]]:
        """Lose and add this minute's dialers; returns the agents of those that were lost."""
        lost: dict[str, list[str]] = {}
        for change in self._day.changes:
            if change.minute != minute:
                continue
            if change.joins:
                self._floor[change.dialer] = self._new(change.dialer)
                continue
            users = [user for user, name in self._where.items() if name == change.dialer]
            for user in users:
                self._leave(user)
            self._floor[change.dialer] = self._floor[change.dialer]._replace(heartbeat_age=None)
            lost[change.dialer] = users
        return lost

    def _arrive(self, users: Sequence[str]) -> None:
        """Log agents in, as many at once as the way has it."""
        size = self._way.at_once
        for first in range(0, len(users), size):
            group = users[first : first + size]
            places = [(user, self._way.place(user, self._floor)) for user in group]
            for user, name in places:
                if name is None:
                    self._outcome.refused += 1
                else:
                    self._where[user] = name
                    self._count(name, 1)

    def _note_losses(self, minute: int, lost: Mapping[str, Sequence[str]]) -> None:
        for dialer, users in lost.items():
            counted = Counter(self._where.get(user) for user in users)
            landed = {name: counted[name] for name in self._floor if counted[name]}
            self._outcome.losses.append(Loss(minute, dialer, len(users), landed))

    def _even_after(self, minute: int) -> int | None:
        return next(
            (
                moment.minute
                for moment in self._outcome.moments
                if moment.minute >= minute and moment.agents and moment.spread <= EVEN
            ),
            None,
        )


def _by_minute(shifts: Sequence[Shift]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """List who logs in, and who logs out, in each minute."""
    arrivals: dict[int, list[str]] = defaultdict(list)
    departures: dict[int, list[str]] = defaultdict(list)
    for shift in shifts:
        for spell in shift.spells:
            arrivals[spell.start].append(shift.user)
            departures[spell.end].append(shift.user)
    return arrivals, departures
