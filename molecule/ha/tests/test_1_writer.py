"""The database that is written to is struck in the middle of logins: all of them come through."""

import statistics
import time

import pytest

from tests.databases import OVER, Burst, keep, lost, members, talking, wait_until_whole
from tests.state import STAYS, mismatch, podman, wait_until_settled
from tests.waiting import Limit

WRITER, NEXT = "db1", "db2"
#: Logins before the strike, and after all has to be over.
BEFORE, AFTER = 40, 60


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    wait_until_whole(cluster)
    wait_until_settled(cluster)


def cut(cluster, way: str) -> None:
    """Have the writer throw away all that it would send (way: add), or not (del)."""
    network = cluster.address(WRITER).rpartition(".")[0]
    for half in (f"{network}.0/25", f"{network}.128/25"):
        podman(cluster, WRITER, "exec", then=("ip", "route", way, "blackhole", half))


def kill(cluster) -> None:
    podman(cluster, WRITER, "exec",
           then=("systemctl", "kill", "--signal=KILL", "mariadb"))  # fmt: skip


STRIKES = {
    "killed": (kill, lambda _cluster: None),
    "stopped": (
        lambda cluster: podman(cluster, WRITER, "stop", "--time=0"),
        lambda cluster: podman(cluster, WRITER, "start"),
    ),
    "frozen": (
        lambda cluster: podman(cluster, WRITER, "pause"),
        lambda cluster: podman(cluster, WRITER, "unpause"),
    ),
    "cut off": (lambda cluster: cut(cluster, "add"), lambda cluster: cut(cluster, "del")),
}


@pytest.mark.parametrize("how", STRIKES)
def test_every_login_comes_through_when_the_writer_is(cluster, how):
    strike, repair = STRIKES[how]
    with talking(cluster), Burst(cluster) as burst:
        burst.wait_for(BEFORE)
        usual = statistics.median(login.seconds for login in burst.logins)
        limit = Limit(2 * usual)
        strike(cluster)
        struck = time.monotonic()
        try:
            burst.wait_for(AFTER, since=struck + OVER)
            burst.stop()
            later = statistics.median(login.seconds for login in burst.begun(struck + OVER))
            met = [login for login in burst.logins if login.refusals]
            keep(
                f"the writer is {how}",
                {
                    "logins": len(burst.logins),
                    "refused at first": len(met),
                    "longest until a login succeeded": round(
                        max(x.waited for x in burst.logins), 1
                    ),
                    "median before, in ms": round(usual * 1000),
                    "median later, in ms": round(later * 1000),
                },
            )
            limit.check(later, "logins are as fast as before")
            there = cluster.reading(NEXT)
            cluster.wait_until(lambda: not mismatch(there), 60, "rows, rooms and calls agree")
            assert lost(there, burst) == set()
            users = there.sql("SELECT user, COUNT(*) FROM vicidial_live_agents GROUP BY user")
            assert [count for _user, count in users] == ["1"] * len(users)
            counts = there.counts().values()
            assert max(counts) - min(counts) <= 1
        finally:
            repair(cluster)
    keep(f"the writer is {how}", {"three again after": round(wait_until_whole(cluster), 1)})
    wait_until_settled(cluster, STAYS)
    assert members(cluster, WRITER) == 3
