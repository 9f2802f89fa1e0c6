"""Watching the floor while the database is away: asked now and then, however many look."""

import dataclasses

import pytest

from evenfloor import watch
from evenfloor.config import Config, LoginConfig
from evenfloor.errors import DatabaseUnreachable, LoginRefused
from evenfloor.watch import PAUSE, Watch

CONFIG = dataclasses.replace(Config(), login=LoginConfig(operator_token="a token"))  # noqa: S106


class Away:
    """Stands for a database that is away, and counts who asks."""

    def __init__(self):
        self.asked = 0

    def claim(self):
        self.asked += 1
        raise DatabaseUnreachable("away")


def test_whoever_looks_during_the_pause_does_not_prolong_it(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    watched, away = Watch(CONFIG), Away()
    watched._store = away
    for step in range(20):
        now[0] = 1000.0 + step * PAUSE / 4
        with pytest.raises(LoginRefused):
            watched.answer()
    # At once, and then each time that the pause was over.
    assert away.asked == 5
