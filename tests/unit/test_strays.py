"""Channels without a session: those that somebody wants gone end, however many they are."""

import asyncio

import pytest

from evenfloor import strays
from evenfloor.ami import Channel
from evenfloor.strays import REMEMBERED, Strays

MOST = 3
TAGS = [f"S26112910000{number}abcdefg" for number in range(MOST + 1)]


class Dialer:
    """A dialer's strays, and which calls were hung up."""

    def __init__(self):
        self.hung_up = []
        self.strays = Strays("10.0.0.1", self, self._run, MOST)

    async def hang_up(self, tag):
        self.hung_up.append(tag)

    async def _run(self, _method, *_arguments):
        pass

    def find(self, tags):
        """Have these be all the channels without a session; returns which are hung up now."""
        before = len(self.hung_up)
        channels = {tag: Channel(f"PJSIP/{tag}", "8600051") for tag in tags}
        asyncio.run(self.strays.remove(channels, set()))
        return self.hung_up[before:]


@pytest.fixture
def dialer():
    return Dialer()


def test_many_calls_that_nobody_asked_to_end_are_kept(dialer):
    assert [dialer.find(TAGS) for _time in range(3)] == [[], [], []]


def test_calls_that_somebody_wants_gone_end_however_many(dialer):
    for tag in TAGS:
        dialer.strays.want_gone(tag)
    assert dialer.find(TAGS) == TAGS


def test_a_call_that_is_to_end_ends_when_its_channel_comes_later(dialer):
    for tag in TAGS:
        dialer.strays.want_gone(tag)
    assert dialer.find([]) == []
    assert dialer.find(TAGS) == TAGS


def test_a_call_that_takes_its_time_to_end_is_told_again_and_never_kept(dialer, monkeypatch):
    for tag in TAGS:
        dialer.strays.want_gone(tag)
    dialer.find(TAGS)
    now = strays.time.monotonic()
    monkeypatch.setattr(strays.time, "monotonic", lambda: now + 2 * REMEMBERED)
    assert dialer.find(TAGS) == TAGS


def test_what_is_to_end_is_not_remembered_for_ever(dialer, monkeypatch):
    dialer.strays.want_gone(TAGS[0])
    now = strays.time.monotonic()
    monkeypatch.setattr(strays.time, "monotonic", lambda: now + REMEMBERED)
    dialer.find([])
    assert dialer.find([TAGS[0]]) == []
