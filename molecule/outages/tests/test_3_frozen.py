"""A login host that freezes with the lock: others go on, and when it wakes it changes nothing."""

import contextlib
import itertools
import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from evenfloor.lock import LEASE, lock_name
from lab.cluster import HttpRefusal
from tests.state import STAYS, podman, wait_until_settled
from tests.waiting import PATIENCE, Limit

#: Agents who log in through the host that freezes, and through the other.
THERE, HERE = range(101, 105), range(105, 109)
#: What a login costs at most while another login host is frozen, in seconds: once, for the lock.
ONCE = 3
#: Freezing at any moment meets somebody with the lock sooner or later.
MOST_FREEZES = 30


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    wait_until_settled(cluster)


class Stream:
    """Agents who log in through one login host, over and over, until they are told to stop.

    Args:
        cluster: the cluster, asked through that host.
    """

    def __init__(self, cluster):
        self._cluster = cluster
        self._over = threading.Event()
        self._passwords = {number: cluster.password(f"{number}x") for number in THERE}
        self.logins = 0
        #: Where each agent was told to be by the last login that succeeded.
        self.told = {}

    def __enter__(self):
        self._pool = ThreadPoolExecutor(len(THERE))
        self._agents = [self._pool.submit(self._log_in, number) for number in THERE]
        return self

    def __exit__(self, *_error):
        self._over.set()
        self._pool.shutdown()

    def stop(self) -> None:
        """Begin no further login."""
        self._over.set()

    def _log_in(self, number: int) -> None:
        while not self._over.is_set():
            with contextlib.suppress(HttpRefusal, OSError):
                session = self._cluster.login(f"{number}x", password=self._passwords[number])
                self.told[number] = (session["user"], session["server_ip"], session["room"])
                self.logins += 1


def is_locked(cluster) -> bool:
    """Whether the cluster's lock is taken."""
    secret = cluster.sql("SELECT lock_secret FROM evenfloor_cluster")[0][0]
    return cluster.sql(f"SELECT IS_USED_LOCK('{lock_name('asterisk', secret)}')") != [["NULL"]]


def freeze_with_the_lock(cluster, host: str) -> None:
    """Freeze a login host at a moment at which it holds the lock."""
    for _try in range(MOST_FREEZES):
        podman(cluster, host, "pause")
        if is_locked(cluster):
            return
        podman(cluster, host, "unpause")
    raise AssertionError(f"{host} never held the lock")


def places(cluster, agents) -> set[tuple]:
    """Who is logged in where, of some agents."""
    users = ", ".join(f"'agent{number}x'" for number in agents)
    found = cluster.sql(
        f"SELECT user, server_ip, conf_exten FROM vicidial_live_agents WHERE user IN ({users})"
    )
    return {tuple(row) for row in found}


def without_lock(cluster) -> float:
    """How many logins of a login host went on without the lock."""
    text = cluster.get_text("/metrics")
    counted = re.search(r"^evenfloor_logins_without_lock_total ([0-9.]+)$", text, re.MULTILINE)
    return float(counted.group(1)) if counted else 0


def test_a_login_host_that_freezes_with_the_lock_costs_others_little_once_and_changes_nothing(
    cluster,
):
    here, there = cluster.through("login1"), cluster.through("login2")
    passwords = {number: here.password(f"{number}x") for number in HERE}

    def log_in(number: int) -> float:
        started = time.monotonic()
        here.login(f"{number}x", password=passwords[number])
        return time.monotonic() - started

    usual = [log_in(number) for number in HERE]
    here.logout_everybody()
    before = without_lock(here)
    with Stream(there) as stream:
        cluster.wait_until(lambda: stream.logins >= len(THERE), PATIENCE, "they log in there")
        limit = Limit(ONCE + max(usual))
        freeze_with_the_lock(cluster, "login2")
        try:
            stream.stop()
            first, *later = [log_in(number) for number in itertools.chain(HERE, HERE)]
            limit.check(first, "the first login")
            assert max(later) < LEASE  # nobody waits for it again
            Limit(2 * statistics.median(usual)).check(statistics.median(later), "later logins")
            assert without_lock(here) == before
            others = places(cluster, HERE)
            assert len(others) == len(HERE)
            counts = here.counts().values()
            assert max(counts) - min(counts) <= 1
        finally:
            podman(cluster, "login2", "unpause")
    wait_until_settled(cluster, max(STAYS, LEASE))
    assert places(cluster, HERE) == others
    assert places(cluster, THERE) <= set(stream.told.values())
