"""The lock's life, on a connection that only writes down what it was asked for."""

import contextlib
import time
from datetime import datetime, timedelta

import pytest

from evenfloor.deadline import Deadline
from evenfloor.errors import DatabaseRefused, DatabaseUnreachable
from evenfloor.lock import ANSWER_TIMEOUT, LEASE, TURN, Lock, _releasing, lock_name
from evenfloor.sql import Reply, Statement

WORK, MORE = Statement("SELECT 'work'"), Statement("SELECT 'more'")
NOW = datetime(2026, 11, 24, 9, 0, 0)
KNOWN = Statement("SELECT %(it)s", {"it": 1})


class Recorder:
    """Stands for a connection; a batch with a statement in ``failing`` fails."""

    touched = 1

    def __init__(self, answer=1, failing=()):
        self.answer, self.failing = answer, dict(failing)
        self.batches, self.bound, self.is_open = [], False, True
        self.deadline, self.waits = Deadline(), []

    def close(self):
        self.is_open = False

    def batch(self, statements, most=None):
        self.waits.append(most)
        texts = [statement.text for statement in statements]
        self.batches.append(texts)
        for text in texts:
            if text in self.failing:
                raise self.failing[text]
        return [
            Reply(((self.answer, NOW),) if "GET_LOCK" in text else ((text,),), self.touched, 0, 1e9)
            for text in texts
        ]

    @property
    def holds_it(self) -> bool:
        """Whether the last word was a taking, on a connection that is still open."""
        said = [text for batch in self.batches for text in batch if "_LOCK" in text]
        return self.is_open and bool(said) and "RELEASE" not in said[-1]


def a_lock(connection) -> Lock:
    return Lock(connection, "asterisk", 3)


def texts(replies) -> list:
    return [reply.rows[0][0] for reply in replies]


def test_it_is_taken_and_the_work_is_done_in_one_trip():
    connection = Recorder()
    with a_lock(connection) as lock:
        assert texts(lock.take([WORK, MORE])) == [WORK.text, MORE.text]
        assert lock.held and lock.seconds > 0
    first = connection.batches[0]
    assert [("GET_LOCK" in text) for text in first] == [False, False, True, False, False]


def test_what_it_depends_on_is_asked_before_and_apart_from_the_wait():
    connection = Recorder()
    with a_lock(connection) as lock:
        lock.take([WORK], only_if=KNOWN)
    condition, _lease, taking, work = connection.batches[0]
    assert KNOWN.text in condition and KNOWN.text not in taking
    assert work == WORK.text


def test_it_is_given_back_among_the_work_and_in_no_trip_of_its_own():
    connection = Recorder()
    with a_lock(connection) as lock:
        lock.take([])
        assert texts(lock.release([WORK], [MORE])) == [WORK.text, MORE.text]
        assert not lock.held
    ((work, release, more),) = connection.batches[1:]
    assert (work, more) == (WORK.text, MORE.text) and "RELEASE_LOCK" in release
    assert not connection.holds_it


def test_a_lock_that_is_not_wanted_is_not_held_and_nothing_has_to_be_given_back():
    connection = Recorder(-1)
    with a_lock(connection) as lock:
        assert texts(lock.take([WORK])) == [WORK.text]
        assert not lock.held
    assert len(connection.batches) == 1


@pytest.mark.parametrize("answer", [0, None])
def test_the_lease_is_taken_off_where_the_lock_was_waited_for_in_vain(answer):
    connection = Recorder(answer)
    with a_lock(connection) as lock:
        lock.take([WORK])
        assert not lock.held
    *_turns, taking, ending = connection.batches
    assert any("wait_timeout = IF" in text for text in taking)
    assert [("wait_timeout" in text) for text in ending] == [True]


@pytest.mark.parametrize("touched", [0, 1])
def test_it_is_kept_where_what_it_is_given_back_after_did_not_come_about(touched):
    connection = Recorder()
    with a_lock(connection) as lock:
        lock.take([])
        connection.touched = touched
        lock.release([WORK], only_if="@room IS NOT NULL")
        assert lock.held is (touched == 0)
    assert len(connection.batches) == (2 if touched else 3)
    assert not connection.holds_it


@pytest.mark.parametrize(("left", "wait"), [(60, 3), (1, 0.5), (0, 0)])
def test_it_is_waited_for_during_half_of_the_time_that_is_left(left, wait):
    connection = Recorder(0)
    connection.deadline = Deadline(left)
    with a_lock(connection) as lock:
        lock.take([])
    turns = [most - ANSWER_TIMEOUT for most in connection.waits if most is not None]
    assert sum(turns) == pytest.approx(wait, abs=0.1)
    assert max(turns) <= TURN < LEASE


def test_who_gets_it_at_a_later_turn_has_the_replies_of_that_turn():
    connection = Recorder(0)
    turns = iter([0, 1])
    whole = connection.batch

    def batch(*arguments):
        connection.answer = next(turns)
        return whole(*arguments)

    connection.batch = batch
    with a_lock(connection) as lock:
        assert texts(lock.take([WORK])) == [WORK.text]
        assert lock.held and len(connection.batches) == 2
        connection.batch = whole


def test_a_moment_is_told_by_the_databases_clock():
    with a_lock(Recorder()) as lock:
        lock.take([])
        lock._arrived = time.perf_counter() - 2
        assert lock.until(3) - NOW == pytest.approx(timedelta(seconds=5), abs=timedelta(seconds=1))


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, DatabaseRefused])
def test_it_is_given_back_whatever_happens_under_it(error):
    connection = Recorder()
    with pytest.raises(error), a_lock(connection) as lock:
        lock.take([])
        raise error
    assert not connection.holds_it and connection.is_open


@pytest.mark.parametrize("error", [DatabaseRefused("full"), DatabaseUnreachable("away")])
def test_it_is_given_back_where_the_work_beside_the_taking_failed(error):
    connection = Recorder(failing={WORK.text: error})
    with pytest.raises(type(error)), a_lock(connection) as lock:
        lock.take([WORK])
    assert not connection.holds_it


def test_it_is_given_back_where_the_work_before_the_release_failed():
    connection = Recorder(failing={WORK.text: DatabaseRefused("full")})
    with pytest.raises(DatabaseRefused), a_lock(connection) as lock:
        lock.take([])
        lock.release([WORK])
    assert connection.batches[-1] == [_releasing().text]
    assert not connection.holds_it


@pytest.mark.parametrize("error", [DatabaseUnreachable("away"), KeyboardInterrupt()])
def test_a_connection_that_does_not_give_it_back_is_ended(error):
    connection = Recorder(failing={_releasing().text: error})
    swallowed = isinstance(error, DatabaseUnreachable)
    expected = contextlib.nullcontext() if swallowed else pytest.raises(KeyboardInterrupt)
    with expected, a_lock(connection) as lock:
        lock.take([])
    assert not connection.is_open


def test_a_connection_that_is_gone_is_not_made_again_to_give_it_back():
    connection = Recorder()
    with a_lock(connection) as lock:
        lock.take([])
        connection.close()
    assert len(connection.batches) == 1


def test_the_connection_is_bound_only_while_the_lock_lives():
    connection = Recorder()
    with a_lock(connection):
        assert connection.bound
    assert not connection.bound
    assert connection.batches == []


def test_each_database_has_its_own_lock_and_no_name_is_longer_than_mariadb_allows():
    assert lock_name("asterisk") == "evenfloor.asterisk"
    assert lock_name("a") != lock_name("b")
    assert len(lock_name("x" * 64)) == 64
    assert lock_name("asterisk", "k3y") == "evenfloor.k3y.asterisk"
    assert lock_name("x" * 64, "k3y").startswith("evenfloor.k3y.")
