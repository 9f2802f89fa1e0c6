"""Shifts are read as they were written, and what is wrong is named by its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor.errors import ConfigurationError
from evenfloor.plan_example import AGENTS, example_day
from evenfloor.plan_shifts import (
    MINUTES_OF_A_DAY,
    MOST_PROBLEMS,
    Shift,
    Span,
    clock,
    read_shifts,
    read_time,
)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_shifts(text)
    return str(caught.value).splitlines()


@st.composite
def shifts(draw):
    """A shift of less than a day, with up to three breaks in it."""
    start = draw(st.integers(0, MINUTES_OF_A_DAY - 1))
    moments = draw(st.lists(st.integers(1, 1438), min_size=1, max_size=7, unique=True))
    *inside, end = sorted(moments)
    pairs = [Span(start + a, start + b) for a, b in zip(inside[::2], inside[1::2])]
    return Shift("agent7", start, start + end, tuple(pairs))


def written(shift: Shift) -> str:
    breaks = " ".join(f"{clock(pause.start)}-{clock(pause.end)}" for pause in shift.breaks)
    return f"{shift.user},{clock(shift.start)},{clock(shift.end)},{breaks}"


@given(shifts())
def test_a_shift_is_read_as_it_was_written(shift):
    assert read_shifts(written(shift)) == [shift]


@given(shifts())
def test_an_agent_is_logged_in_from_start_to_end_but_in_breaks(shift):
    spells = shift.spells
    worked = sum(spell.end - spell.start for spell in spells)
    rested = sum(pause.end - pause.start for pause in shift.breaks)
    assert worked + rested == shift.end - shift.start
    assert (spells[0].start, spells[-1].end) == (shift.start, shift.end)
    assert [Span(a.end, b.start) for a, b in zip(spells, spells[1:])] == list(shift.breaks)


@given(st.text(max_size=300))
def test_any_text_is_shifts_or_a_problem_and_nothing_else(text):
    try:
        assert read_shifts(text)
    except ConfigurationError as error:
        assert str(error)


def test_a_heading_comments_empty_lines_and_spaces_do_not_count():
    text = (
        "\ufeffuser,start,end,breaks\r\n\n# early\n a , 9:00 ,17:30\nb,07:00,15:00, 10:00-10:15 \n"
    )
    assert read_shifts(text) == [
        Shift("a", 540, 1050),
        Shift("b", 420, 900, (Span(600, 615),)),
    ]


def test_a_shift_goes_on_after_midnight():
    (night,) = read_shifts("a,22:00,06:00,23:50-00:10 03:00-03:30")
    assert night == Shift("a", 1320, 1800, (Span(1430, 1450), Span(1620, 1650)))
    assert read_shifts("a,16:00,24:00") == [Shift("a", 960, 1440)]


def test_an_agent_may_work_twice_a_day_but_not_at_once():
    assert len(read_shifts("a,09:00,12:00\na,12:00,17:00")) == 2
    assert problems("a,09:00,12:00\nb,09:00,12:00\na,11:59,17:00") == [
        "line 3: a works then already, by line 1; take one out"
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,09:00", "2 fields; write user,start,end"),
        ("a,09:00,17:00,,", "5 fields"),
        (",09:00,17:00", "user '' has 0 characters"),
        ("a" * 21 + ",09:00,17:00", "has 21 characters; write 1 to 20"),
        ("a,9,17:00", "start '9' is not a time; write it like 09:30"),
        ("a,09:00,24:01", "end '24:01' is not a time"),
        ("a,09:75,17:00", "start '09:75'"),
        ("a,٠٩:00,17:00", "is not a time"),
        ("a,09:00,09:00", "ends at 09:00, when it starts"),
        ("a,09:00,17:00,10:00", "break '10:00' has no end"),
        ("a,09:00,17:00,x-10:00", "break 'x' is not a time"),
        ("a,09:00,17:00,08:00-10:00", "break '08:00-10:00' isn't within the shift"),
        ("a,09:00,17:00,09:00-10:00", "isn't within the shift"),
        ("a,09:00,17:00,16:00-17:00", "isn't within the shift"),
        ("a,09:00,17:00,12:00-13:00 10:00-10:15", "break '10:00-10:15' isn't within the shift"),
        ("a,09:00,17:00,10:00-11:00 10:30-10:45", "or not after the break before it"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(line, words):
    (problem,) = problems(f"user,start,end\nb,09:00,17:00\n{line}\n")
    assert problem.startswith("line 3: ") and words in problem


def test_all_problems_are_named_at_once_but_not_endlessly():
    found = problems("x\n" * (MOST_PROBLEMS + 5))
    assert found[0].startswith("line 1: ") and found[-1] == "and 5 more"
    assert len(found) == MOST_PROBLEMS + 1


@pytest.mark.parametrize("text", ["", "\n\n", "user,start,end\n", "# nobody\n"])
def test_a_file_without_a_shift_is_a_problem(text):
    assert problems(text) == ["there is no shift; write a line such as agent1,09:00,17:30"]


@given(st.integers(0, MINUTES_OF_A_DAY - 1))
def test_a_time_is_read_as_it_was_written(minute):
    assert read_time(clock(minute)) == minute
    assert read_time(clock(minute + MINUTES_OF_A_DAY)) == minute


@given(st.integers(1, 50))
def test_the_example_is_the_same_day_for_the_same_seed_and_a_day_that_can_be(seed):
    day = example_day(seed, 30)
    assert day == example_day(seed, 30) != example_day(seed + 1, 30)
    assert read_shifts("\n".join(map(written, day))) == day


def test_the_example_has_three_shifts_that_overlap():
    day = example_day(1)
    assert len(day) == AGENTS == len({shift.user for shift in day})
    starts = {shift.start // 60 for shift in day}
    assert starts == {6, 7, 9, 12, 13}
    assert all(len(shift.breaks) == 3 for shift in day)
