"""A floor that hangs is waited for once, and not for long."""

import threading

from evenfloor.errors import DATABASE_UNREACHABLE, LoginRefused
from evenfloor.floor_reader import FloorReader
from tests.waiting import PATIENCE


def test_a_floor_that_hangs_is_read_once_and_nobody_waits_for_it_to_end():
    answers, started = threading.Event(), threading.Semaphore(0)

    def read():
        started.release()
        answers.wait(PATIENCE)
        return ["a dialer"]

    reader = FloorReader(read, patience=0.01)
    try:
        assert [reader.floor() for _scrape in range(5)] == [None] * 5
        assert started.acquire(timeout=PATIENCE) and not started.acquire(blocking=False)
    finally:
        answers.set()
    patient = FloorReader(lambda: ["a dialer"], PATIENCE)
    assert patient.floor() == ["a dialer"]


def test_it_answers_again_once_the_floor_can_be_read():
    away = threading.Event()
    away.set()

    def read():
        if away.is_set():
            raise LoginRefused(DATABASE_UNREACHABLE, "away")
        return []

    reader = FloorReader(read, PATIENCE)
    assert reader.floor() is None
    away.clear()
    assert reader.floor() == []
