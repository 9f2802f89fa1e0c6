"""What is noted of heartbeats: changes that are certain, and little else."""

import pytest

from evenfloor.heartbeat_statements import Heartbeat
from evenfloor.heartbeats import INTERVAL, LATE_LOOKS, LONGEST_PAUSE, NOTED_EVERY, Lateness

TIMEOUT = 5
IP = "10.0.0.1"


def beat(age: int | None, is_late: int | None = 0, noted_age: int | None = 0) -> Heartbeat:
    return Heartbeat(IP, age, is_late, noted_age)


def noted(beats: list[Heartbeat], every: float = INTERVAL) -> list[bool]:
    """Say after which looks something is noted."""
    lateness = Lateness(TIMEOUT)
    return [lateness.to_note([seen], 100 + n * every) == [IP] for n, seen in enumerate(beats)]


@pytest.mark.parametrize(
    ("seen", "is_news"),
    [
        (beat(0), False),
        (beat(0, None, None), True),
        (beat(0, 1, 30), True),
        (beat(0, 0, NOTED_EVERY - 1), False),
        (beat(0, 0, NOTED_EVERY), True),
        (beat(0, 0, -1), True),
        (beat(None), False),
        (beat(None, None, None), False),
        (beat(None, 1, 900), False),
    ],
)
def test_what_is_new_is_noted_at_once_and_once_a_minute_what_is_not(seen, is_news):
    assert noted([seen]) == [is_news]


def test_a_heartbeat_is_late_once_it_was_seen_late_several_times_in_a_row():
    assert noted([beat(TIMEOUT - 1)] * 5) == [False] * 5
    assert noted([beat(TIMEOUT)] * 5) == [False] * (LATE_LOOKS - 1) + [True] * (6 - LATE_LOOKS)
    interrupted = [beat(9)] * (LATE_LOOKS - 1) + [beat(0)] + [beat(9)] * (LATE_LOOKS - 1)
    assert not any(noted(interrupted))


def test_one_that_is_noted_as_late_is_not_noted_again():
    assert not any(noted([beat(90, 1, 90)] * 5))


def test_looks_with_a_long_pause_between_them_are_not_in_a_row():
    """The database hung, or this process did: that says nothing about dialers."""
    assert not any(noted([beat(9)] * 5, LONGEST_PAUSE + 0.1))


def test_every_dialer_is_looked_at_by_itself():
    beats = [beat(0), Heartbeat("10.0.0.3", 0, None, None), Heartbeat("10.0.0.2", 0, 1, 9)]
    assert Lateness(TIMEOUT).to_note(beats, 100.0) == ["10.0.0.2", "10.0.0.3"]
