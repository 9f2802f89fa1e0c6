"""A day replayed: who is where, by which way, and what a lost or new dialer does to it."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfloor.errors import ConfigurationError
from evenfloor.plan_changes import with_changes
from evenfloor.plan_example import example_day
from evenfloor.plan_need import Need
from evenfloor.plan_replay import Day, replay
from evenfloor.plan_shifts import Shift, Span
from evenfloor.plan_ways import (
    PAGES_AT_ONCE,
    Evenfloor,
    FixedTeams,
    RoundRobin,
    VicidialPage,
)

MORNING, NOON, EVENING = 9 * 60, 12 * 60, 17 * 60


def names(count: int) -> list[str]:
    return [f"dialer{number}" for number in range(1, count + 1)]


def crowd(count: int, start: int = MORNING, end: int = EVENING, first: int = 1) -> list[Shift]:
    return [Shift(f"agent{number}", start, end) for number in range(first, first + count)]


def ways(day: Day) -> list:
    teams = FixedTeams([shift.user for shift in day.shifts], day.dialers)
    return [teams, RoundRobin(), VicidialPage(), Evenfloor()]


@st.composite
def days(draw):
    """A small day, with breaks and dialers that are lost and come back."""
    shifts = []
    for number in range(draw(st.integers(1, 25))):
        moments = draw(st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True))
        start, *inside, end = sorted(moments)
        breaks = tuple(Span(a, b) for a, b in zip(inside[::2], inside[1::2]))
        shifts.append(Shift(f"agent{number}", start, end, breaks))
    day = Day(shifts, names(draw(st.integers(2, 5))), seed=draw(st.integers(1, 9)))
    if day.last - day.first < 2 or not draw(st.booleans()):
        return day
    lost, back = sorted(draw(st.lists(st.integers(day.first, day.last - 1), min_size=2,
                                      max_size=2, unique=True)))  # fmt: skip
    return with_changes(day, [f"dialer1@00:{lost:02}"], [f"dialer1@00:{back:02}"])


def working(day: Day, minute: int) -> int:
    """Count who is logged in at the end of a minute, by the shifts alone."""
    spells = [spell for shift in day.shifts for spell in shift.spells]
    return sum(spell.start <= minute < spell.end for spell in spells)


@settings(max_examples=60)
@given(days())
def test_everybody_who_works_is_on_a_dialer_and_nobody_else(day):
    for way in ways(day):
        outcome = replay(day, way)
        assert [moment.minute for moment in outcome.moments] == [*range(day.first, day.last + 1)]
        for moment in outcome.moments:
            there = working(day, moment.minute)
            assert moment.agents == there if not outcome.refused else moment.agents <= there
        assert outcome.moments[-1].agents == 0


@settings(max_examples=60)
@given(days())
def test_the_same_day_gives_the_same_outcome(day):
    for first, second in zip(ways(day), ways(day)):
        assert replay(day, first) == replay(day, second)


@settings(max_examples=60)
@given(days())
def test_evenfloor_refuses_nobody_and_a_minute_without_logouts_never_widens_the_spread(day):
    outcome = replay(day, Evenfloor())
    assert outcome.refused == 0
    touched = {change.minute for change in day.changes}
    touched |= {spell.end for shift in day.shifts for spell in shift.spells}
    for before, after in itertools.pairwise(outcome.moments):
        if after.minute not in touched:
            assert after.spread <= max(before.spread, 1)


@given(st.integers(1, 200), st.integers(1, 12))
def test_agents_who_come_and_stay_are_even(agents, dialers):
    outcome = replay(Day(crowd(agents), names(dialers)), Evenfloor())
    assert all(moment.spread <= 1 for moment in outcome.moments)
    assert outcome.most == -(-agents // dialers)


def test_sixteen_pages_at_once_all_choose_the_same_dialer():
    outcome = replay(Day(crowd(20), names(4)), VicidialPage())
    assert sorted(outcome.moments[0].counts.values()) == [0, 0, 4, PAGES_AT_ONCE]


def test_the_dialers_take_turns_whoever_leaves():
    day = Day([*crowd(4), *crowd(2, NOON, EVENING, first=5)], names(4))
    counts = list(replay(day, RoundRobin()).moments[NOON - MORNING].counts.values())
    assert counts == [2, 2, 1, 1]


def test_a_turn_passes_over_a_dialer_that_is_lost_or_full():
    day = with_changes(replace(Day(crowd(7), names(3)), most=3), ["dialer2@09:00"], [])
    outcome = replay(day, RoundRobin())
    assert outcome.moments[0].counts == {"dialer1": 3, "dialer3": 3}
    assert outcome.refused == 1


def test_a_team_stays_on_its_dialer_and_nowhere_else():
    day = with_changes(Day(crowd(10), names(2)), ["dialer2@12:00"], ["dialer3@12:00"])
    outcome = replay(day, FixedTeams([shift.user for shift in day.shifts], day.dialers))
    assert outcome.moments[0].counts == {"dialer1": 5, "dialer2": 5}
    assert outcome.moments[NOON - MORNING].counts == {"dialer1": 5, "dialer3": 0}
    assert outcome.refused == 5
    assert (outcome.losses[0].agents, outcome.losses[0].landed) == (5, {})


def test_the_agents_of_a_lost_dialer_log_in_again_evenly():
    day = with_changes(Day(crowd(40), names(5)), ["dialer2@11:00"], [])
    (loss,) = replay(day, Evenfloor()).losses
    assert (loss.minute, loss.dialer, loss.agents) == (11 * 60, "dialer2", 8)
    assert loss.landed == {"dialer1": 2, "dialer3": 2, "dialer4": 2, "dialer5": 2}


def test_a_new_dialer_fills_with_the_next_logins():
    day = Day([*crowd(20), *crowd(10, NOON, EVENING, first=21)], names(2))
    outcome = replay(with_changes(day, [], ["dialer3@10:00"]), Evenfloor())
    (addition,) = outcome.additions
    assert (addition.minute, addition.even) == (10 * 60, NOON)
    assert outcome.moments[NOON - MORNING].counts == {"dialer1": 10, "dialer2": 10, "dialer3": 10}


def test_a_floor_that_everybody_leaves_is_not_even_again():
    day = with_changes(Day(crowd(20), names(2)), [], ["dialer3@16:00"])
    outcome = replay(day, Evenfloor())
    assert outcome.additions[0].even is None
    assert outcome.moments[-1].spread == 0


def test_a_full_dialer_takes_nobody():
    outcome = replay(Day(crowd(7), names(2), most=3), Evenfloor())
    assert (outcome.most, outcome.refused) == (3, 1)


def test_the_order_within_a_minute_is_the_seeds():
    shifts = [Shift(f"agent{n}", MORNING, EVENING + n) for n in range(20)]
    outcomes = {
        seed: replay(Day(shifts, names(3), seed=seed), Evenfloor()).mean for seed in range(1, 6)
    }
    assert len(set(outcomes.values())) > 1


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 25), st.integers(0, 3))
def test_so_many_dialers_are_enough_and_one_fewer_is_not(agents, per_dialer, lost):
    need = Need(agents, per_dialer, lost)

    def refused(dialers: int) -> int:
        day = Day(crowd(agents), names(dialers), most=per_dialer)
        losing = [f"dialer{number}@10:00" for number in range(1, lost + 1)]
        return replay(with_changes(day, losing, []), Evenfloor()).refused

    assert refused(need.dialers) == 0
    if need.dialers - 1 > lost:
        assert refused(need.dialers - 1) > 0
    day = Day(crowd(agents), names(need.dialers), most=per_dialer)
    assert replay(day, Evenfloor()).most == need.usual
    assert need.after_a_loss <= per_dialer


def test_evenfloor_is_the_most_even_of_the_four_ways_on_the_example_day():
    day = Day(example_day(1), names(10), most=249)
    means = [replay(day, way).mean for way in ways(day)]
    assert means[-1] == min(means) and means[-1] * 1.5 < sorted(means)[1]


@pytest.mark.parametrize(
    ("lost", "added", "words"),
    [
        (["dialer9@11:00"], [], "there is no dialer9 at 11:00; there are dialer1, dialer2"),
        (["dialer1@11:00", "dialer1@12:00"], [], "there is no dialer1 at 12:00"),
        ([], ["dialer2@11:00"], "dialer2 is there at 11:00 already"),
        ([], ["dialer3@10:00", "dialer3@11:00"], "dialer3 is there at 11:00 already"),
        (["dialer3@10:00"], ["dialer3@11:00"], "there is no dialer3 at 10:00"),
        (["dialer1"], [], "--lose 'dialer1': write a dialer and a time"),
        (["@11:00"], [], "write a dialer and a time"),
        ([], ["dialer3@25:00"], "--add 'dialer3@25:00'"),
        (["dialer1@08:59"], [], "nobody is logged in then; write a time from 09:00 to 17:00"),
        (["dialer1@17:00"], [], "nobody is logged in then"),
    ],
)
def test_a_change_that_cannot_be_is_refused(lost, added, words):
    with pytest.raises(ConfigurationError) as caught:
        with_changes(Day(crowd(4), names(2)), lost, added)
    assert words in str(caught.value)


def test_a_dialer_may_come_back_and_a_time_may_be_after_midnight():
    night = Day(crowd(4, 22 * 60, 30 * 60), names(2))
    day = with_changes(night, ["dialer1@23:00", "dialer2@03:00"], ["dialer1@01:30"])
    assert [(change.minute, change.dialer, change.joins) for change in day.changes] == [
        (1380, "dialer1", False), (1530, "dialer1", True), (1620, "dialer2", False),
    ]  # fmt: skip
