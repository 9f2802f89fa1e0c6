"""Whoever freezes in the middle of a login costs the others a short time once, changes nothing."""

import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time

import pytest

from evenfloor import Balancer, LoginRefused
from evenfloor.connection import Connection
from evenfloor.lock import LEASE
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.waiting import PATIENCE, Limit, wait_until

OTHERS = 12
#: More trips than any use case makes.
MOST_TRIPS = 8
#: What the others lose at most, once, in seconds.
LOSS = 3
#: How long the frozen one's client waits, in seconds: it has left when the process goes on.
PATIENCE_OF_THE_FROZEN = 2


def make_balancer(where: dict, **settings) -> Balancer:
    return mariadb.balancer(where, DATABASE, reservation_ttl=1, **settings)


def stop_at(trip: int, before: bool, where: dict, use_case: str, answers) -> None:
    """Run a use case, and stop like a frozen host before or after one of its trips."""
    whole = Connection._trip
    trips = 0

    def counted(connection, statements, most=None):
        nonlocal trips
        trips += 1
        if before and trips == trip:
            os.kill(os.getpid(), signal.SIGSTOP)
        replies = whole(connection, statements, most)
        if not before and trips == trip:
            os.kill(os.getpid(), signal.SIGSTOP)
        return replies

    balancer = make_balancer(where, request_timeout=PATIENCE_OF_THE_FROZEN)
    balancer.floor()
    Connection._trip = counted
    try:
        getattr(balancer, use_case)("1001x", "secret", "frozen", "TEST")
        answers.put("done")
    except LoginRefused as refusal:
        answers.put(refusal.reason)


@dataclasses.dataclass
class Frozen:
    """A process that was stopped.

    Attributes:
        process: the process.
        answers: what it says in the end.
        since: when it was seen to be stopped.
    """

    process: multiprocessing.Process
    answers: multiprocessing.SimpleQueue
    since: float = dataclasses.field(default_factory=time.monotonic)

    def go_on(self) -> str:
        """Let it go on once its client has left, and return what it says."""
        left = self.since + PATIENCE_OF_THE_FROZEN
        wait_until(lambda: time.monotonic() > left, PATIENCE, "the client leaves")
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.join(PATIENCE)
        return self.answers.get()


def state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0]


@contextlib.contextmanager
def frozen_at(trip: int, before: bool, where: dict, use_case: str):
    """Yield the use case, stopped; None if it got through before that."""
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.SimpleQueue()
    process = spawn.Process(target=stop_at, args=(trip, before, where, use_case, answers))
    process.start()
    try:
        wait_until(
            lambda: process.exitcode is not None or state_of(process.pid) == "T", PATIENCE, "it"
        )
        yield None if process.exitcode is not None else Frozen(process, answers)
    finally:
        process.kill()
        process.join()


@pytest.fixture(params=["InnoDB", "MyISAM"])
def floor(request, server):
    mariadb.create_database(server, DATABASE, request.param)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=OTHERS + 1)
        cluster.keep_alive()
        yield cluster


def log_in(others: list[Balancer]) -> float:
    """Log the others in, all at once; returns how long the slowest waited, in seconds."""

    def one(number: int) -> float:
        started = time.monotonic()
        others[number].login(f"{1002 + number}x", "secret", f"other{number}", "TEST")
        return time.monotonic() - started

    with concurrent.futures.ThreadPoolExecutor(OTHERS) as pool:
        return max(pool.map(one, range(OTHERS)))


def log_out(cluster: Cluster) -> None:
    """Do what the agents and the dialers' daemons do."""
    cluster.run("DELETE FROM vicidial_live_agents")
    cluster.run("DELETE FROM vicidial_manager")
    cluster.run("UPDATE vicidial_confbridges SET extension = ''")
    cluster.run("DELETE FROM evenfloor_reservations")


def spread(cluster: Cluster, but: str) -> int:
    counts = cluster.local_agents()
    for (server_ip,) in cluster.run(
        "SELECT server_ip FROM vicidial_live_agents WHERE user = %s", (but,)
    ):
        counts[server_ip] -= 1
    return max(counts.values()) - min(counts.values())


def half_done(cluster: Cluster) -> tuple:
    """Return rows without a room or a call, and rooms and calls without a row."""
    return cluster.run(
        "SELECT 'row', l.user FROM vicidial_live_agents l WHERE NOT EXISTS (SELECT 1 FROM"
        " vicidial_confbridges r WHERE r.server_ip = l.server_ip AND r.conf_exten = l.conf_exten"
        " AND r.extension = l.extension) OR NOT EXISTS (SELECT 1 FROM vicidial_manager m"
        " WHERE m.callerid = l.callerid AND m.action = 'Originate')"
        " UNION ALL SELECT 'room', r.extension FROM vicidial_confbridges r WHERE r.extension <> ''"
        " AND NOT EXISTS (SELECT 1 FROM vicidial_live_agents l WHERE l.server_ip = r.server_ip"
        " AND l.conf_exten = r.conf_exten)"
    )


@pytest.mark.parametrize("use_case", ["login", "choose"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_what_is_frozen_at_any_trip_holds_nobody_up_twice_and_changes_nothing(
    server, floor, use_case, before
):
    others = [make_balancer(server.root) for _number in range(OTHERS)]
    log_in(others)
    seen = 0
    for trip in range(1, MOST_TRIPS):
        log_out(floor)
        with frozen_at(trip, before, server.root, use_case) as frozen:
            if frozen is None:
                break
            seen += 1
            limit = Limit(LOSS)
            limit.check(log_in(others), f"the others, frozen at trip {trip}")
            assert half_done(floor) == ()
            assert spread(floor, but="frozen") <= 1
            # The second time nobody waits for a lease, and everybody has the lock.
            limit.check(log_in(others) + LEASE, "the others again")
            assert floor.run(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
            ) == ((0,),)
            assert frozen.go_on() == "database_unreachable"
        for rows in ("vicidial_live_agents", "evenfloor_reservations"):
            assert floor.run(f"SELECT * FROM {rows} WHERE user = 'frozen'") == ()
        assert floor.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((OTHERS,),)
        calls = dict(floor.run("SELECT action, COUNT(*) FROM vicidial_manager GROUP BY action"))
        # Where the session was there already, its call is asked to end.
        assert calls["Originate"] - calls.get("Hangup", 0) == OTHERS
    assert seen >= 4
    for other in others:
        other.close()


def log_in_when_told(where: dict, ready, told) -> None:
    balancer = make_balancer(where)
    balancer.floor()
    ready.set()
    told.wait()
    balancer.login("1001x", "secret", "waiting", "TEST")


@contextlib.contextmanager
def logins_that_wait(where: dict, number: int):
    """Yield processes and a function: once it is called, each of them logs in."""
    spawn = multiprocessing.get_context("spawn")
    told, ready = spawn.Event(), [spawn.Event() for _number in range(number)]
    processes = [spawn.Process(target=log_in_when_told, args=(where, each, told)) for each in ready]
    for process in processes:
        process.start()
    try:
        assert all(each.wait(PATIENCE) for each in ready)
        yield processes, told.set
    finally:
        for process in processes:
            process.kill()
            process.join()


def test_a_host_that_freezes_with_logins_waiting_keeps_the_lock_for_one_lease(
    server, floor, caplog
):
    """Each that waits would get the lock, and keep it for a lease of its own."""
    other = make_balancer(server.root)
    other.login("1002x", "secret", "other", "TEST")
    waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
    with (
        logins_that_wait(server.root, 3) as (processes, begin),
        # After its second trip a login has the lock.
        frozen_at(2, False, server.root, "login"),
    ):
        begin()
        wait_until(lambda: floor.run(waiting) != ((0,),), PATIENCE, "some wait", every=0.01)
        for process in processes:
            os.kill(process.pid, signal.SIGSTOP)
        limit, started = Limit(LOSS), time.monotonic()
        other.login("1002x", "secret", "other", "TEST")
        limit.check(time.monotonic() - started, "the other")
    assert "without it" not in caplog.text
    other.close()
