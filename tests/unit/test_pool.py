"""Balancers are lent to one request at a time, and in turn."""

import contextlib
import threading

import pytest

from evenfloor import pool as pools
from evenfloor.config import Config
from evenfloor.errors import (
    DATABASE_UNREACHABLE,
    DatabaseRefused,
    DatabaseSilent,
    DatabaseUnreachable,
    LoginRefused,
    TooLate,
)
from evenfloor.pool import Pool
from tests.waiting import PATIENCE, wait_until


def test_what_was_used_last_is_lent_first():
    pool = Pool(Config(), balancers=2)
    with pool.balancer() as first:
        pass
    with pool.balancer() as again, pool.balancer() as second:
        assert again is first and second is not first


def test_nobody_waits_for_ever_and_nothing_is_lost():
    pool = Pool(Config(), balancers=1, longest_wait=0.01)
    with pool.balancer() as only:
        for _request in range(3):
            with pytest.raises(LoginRefused, match="busy"), pool.balancer():
                pass
    with pool.balancer() as again:
        assert again is only


def test_a_request_that_fails_gives_its_balancer_back():
    pool = Pool(Config(), balancers=1, longest_wait=0.01)
    with contextlib.suppress(RuntimeError), pool.balancer():
        raise RuntimeError
    with pool.balancer() as lent:
        assert lent


def test_those_who_wait_come_in_turn():
    pool = Pool(Config(), balancers=1, longest_wait=PATIENCE)
    served, threads = [], []

    def request(number: int) -> None:
        with pool.balancer():
            served.append(number)

    with pool.balancer():
        for number in range(5):
            threads.append(threading.Thread(target=request, args=(number,)))
            threads[-1].start()
            wait_until(
                lambda: len(pool._waiting) == len(threads), PATIENCE, "it waits", every=0.001
            )
    for thread in threads:
        thread.join(PATIENCE)
    assert served == [0, 1, 2, 3, 4]


def failing_beside_one_who_waits(cause: Exception) -> str:
    """Have a request fail for which another waits; returns how it ended for that one."""
    pool = Pool(Config(), balancers=1, longest_wait=PATIENCE)
    ends: list[str] = []

    def request() -> None:
        try:
            with pool.balancer():
                ends.append("served")
        except LoginRefused as refusal:
            ends.append(refusal.reason)

    thread = threading.Thread(target=request)
    with contextlib.suppress(LoginRefused), pool.balancer():
        thread.start()
        wait_until(lambda: pool._waiting, PATIENCE, "it waits", every=0.001)
        raise LoginRefused(DATABASE_UNREACHABLE, "in words") from cause
    thread.join(PATIENCE)
    with pool.balancer():  # it was given back
        return ends[0]


@pytest.mark.parametrize("cause", [DatabaseSilent("timed out"), DatabaseUnreachable("no answer")])
def test_when_the_database_hangs_nobody_waits_to_find_out_the_same(cause, monkeypatch):
    monkeypatch.setattr(pools, "SILENCE", 0.0)
    assert failing_beside_one_who_waits(cause) == DATABASE_UNREACHABLE


@pytest.mark.parametrize("cause", [TooLate("it left"), DatabaseRefused("no such table"), None])
def test_a_client_that_left_and_a_database_that_answers_refuse_nobody_else(cause, monkeypatch):
    monkeypatch.setattr(pools, "SILENCE", 0.0)
    assert failing_beside_one_who_waits(cause) == "served"


def test_a_client_that_waits_for_a_moment_only_refuses_nobody_else():
    assert failing_beside_one_who_waits(DatabaseSilent("timed out")) == "served"


def test_nobody_waits_until_a_database_that_hung_answers_again(monkeypatch):
    monkeypatch.setattr(pools, "SILENCE", 0.0)
    pool = Pool(Config(), balancers=1, longest_wait=PATIENCE)
    with contextlib.suppress(LoginRefused), pool.balancer():
        raise LoginRefused(DATABASE_UNREACHABLE, "in words") from DatabaseSilent("timed out")
    # Whoever comes first tries, and nobody else.
    with pool.balancer(), pytest.raises(LoginRefused, match="doesn't answer"), pool.balancer():
        pass
    with pool.balancer():  # it answers: others wait as ever
        thread = threading.Thread(target=lambda: pool.balancer().__enter__())
        thread.start()
        wait_until(lambda: pool._waiting, PATIENCE, "it waits", every=0.001)
    thread.join(PATIENCE)
