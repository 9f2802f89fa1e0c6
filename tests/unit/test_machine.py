"""How busy a machine is."""

import os

import pytest

from evenfloor.machine import Machine


def said(*times: int) -> str:
    return f"cpu  {' '.join(map(str, times))}\ncpu0 1 1 1 1 1 1 1 1 1 1\n"


@pytest.fixture
def machine(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text(said(100, 0, 50, 800, 50, 0, 0, 0, 90, 0))
    return Machine(stat), stat


def test_the_processors_are_judged_since_the_last_question(machine):
    busy, stat = machine
    assert busy.read().idle == 85
    stat.write_text(said(160, 0, 70, 810, 60, 0, 0, 0, 150, 0))
    assert busy.read().idle == 20
    assert busy.read().idle == 100  # nothing was spent


def test_the_load_is_in_hundredths(machine, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (7.126, 1.0, 1.0))
    assert machine[0].read().load == 713


def test_a_machine_that_does_not_say_is_neither_busy_nor_idle(machine):
    busy, stat = machine
    stat.unlink()
    assert busy.read() is None


def test_this_machine_says():
    load, idle = Machine().read()
    assert load >= 0 and 0 <= idle <= 100
