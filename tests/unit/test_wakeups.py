"""A datagram wakes a daemon, and one that is missing is made up for."""

import asyncio
import logging

import pytest

from evenfloor import wakeups
from evenfloor.wakeups import Waker, Wakeups
from tests.mariadb import free_port

HERE = "127.0.0.1"
SHORTEST = 0.001
#: Longer than any test waits.
FOREVER = 3600.0


@pytest.fixture
def never_idle(monkeypatch):
    """A daemon that hears nothing asks never, so that only a datagram can be why it asks."""
    monkeypatch.setattr(wakeups, "IDLE_INTERVAL", FOREVER)


def listening(work) -> None:
    """Run some work with a daemon's side that listens, and its port."""

    async def run():
        heard = Wakeups(SHORTEST)
        port = free_port()
        await heard.listen(HERE, port)
        try:
            await asyncio.wait_for(work(heard, port), 60)
        finally:
            heard.close()

    asyncio.run(run())


def test_a_datagram_has_the_daemon_ask_at_once(never_idle):
    async def work(heard, port):
        Waker(port).wake([HERE])
        await heard.wait()

    listening(work)


def test_each_datagram_counts_also_while_the_daemon_is_busy(never_idle):
    async def work(heard, port):
        waker = Waker(port)
        for _again in range(3):
            waker.wake([HERE, HERE])
            await heard.wait()
            heard.found()

    listening(work)


def test_without_a_datagram_the_daemon_asks_after_a_while(monkeypatch):
    monkeypatch.setattr(wakeups, "IDLE_INTERVAL", SHORTEST)
    listening(lambda heard, _port: heard.wait())


def test_who_misses_a_datagram_asks_often_until_one_comes(monkeypatch, caplog):
    async def work(heard, port):
        monkeypatch.setattr(wakeups, "IDLE_INTERVAL", SHORTEST)
        await heard.wait()
        heard.found()
        await heard.wait()
        monkeypatch.setattr(wakeups, "IDLE_INTERVAL", FOREVER)
        await heard.wait()  # without a datagram
        Waker(port).wake([HERE])
        heard.found()
        await heard.wait()

    with caplog.at_level(logging.WARNING):
        listening(work)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("an action came without a datagram: let UDP port ")


def test_a_datagram_that_comes_after_its_action_was_found_is_not_missed(never_idle, caplog):
    async def work(heard, port):
        heard.found()
        Waker(port).wake([HERE])
        await heard.wait()
        with pytest.raises(asyncio.TimeoutError):  # it still relies on datagrams
            await asyncio.wait_for(heard.wait(), 0.05)

    with caplog.at_level(logging.WARNING):
        listening(work)
    assert not caplog.records


@pytest.mark.parametrize("is_taken", [False, True], ids=["no port", "another's port"])
def test_who_cannot_listen_asks_often(never_idle, caplog, is_taken):
    async def work(_other, port):
        second = Wakeups(SHORTEST)
        await second.listen(HERE, port if is_taken else 0)
        await second.wait()

    with caplog.at_level(logging.WARNING):
        listening(work)
    assert "asking every 0.001 s for actions" in caplog.text


def test_nobody_is_woken_where_no_datagrams_are_sent_and_no_address_hurts():
    Waker(0).wake(["10.1.0.1"])
    waker = Waker(5039)
    waker.wake(["255.255.255.255", "not an address"])
    waker.close()


def test_an_action_that_the_heartbeat_sees_wakes_the_daemon_and_counts_as_untold(
    never_idle, caplog
):
    async def work(heard, _port):
        heard.see()
        await heard.wait()
        heard.found()
        heard.see()
        await heard.wait()
        await heard.wait()  # asks often now: nothing else wakes it

    with caplog.at_level(logging.WARNING):
        listening(work)
    assert "an action came without a datagram" in caplog.text
