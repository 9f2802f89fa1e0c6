"""The database that is written to is struck in the middle of logins: all of them come through."""

import contextlib
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.cluster import HttpRefusal
from tests.databases import AGAIN, OVER, Burst, keep, lost, members, talking, wait_until_whole
from tests.state import STAYS, mismatch, podman, wait_until_settled
from tests.waiting import PATIENCE, Limit

WRITER, NEXT = "db1", "db2"
#: Logins before the strike, and after all has to be over.
BEFORE, AFTER = 40, 60


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
            assert lost(there, burst) == {}
            users = there.sql("SELECT user, COUNT(*) FROM vicidial_live_agents GROUP BY user")
            assert [count for _user, count in users] == ["1"] * len(users)
            counts = there.counts().values()
            assert max(counts) - min(counts) <= 1
        finally:
            repair(cluster)
    keep(f"the writer is {how}", {"three again after": round(wait_until_whole(cluster), 1)})
    wait_until_settled(cluster, STAYS)
    assert members(cluster, WRITER) == 3


#: The smaller side of the split: the writer, and a login host that sees no other database.
ALONE = (WRITER, "login1")
#: For how long the smaller side is asked, and how long each answer may take (the default of
#: balancer_request_timeout), in seconds.
ASKED, ANSWERED = 20, 10


def split(cluster, way: str) -> None:
    """Have the two sides of the cluster send each other nothing (way: add), or all (del)."""
    hosts = [host for group in ("database", "login", "dialers") for host in cluster.groups[group]]
    others = [host for host in hosts if host not in ALONE]

    def cut_from(here: str, there: tuple) -> None:
        routes = (f"ip route {way} blackhole {cluster.address(host)}" for host in there)
        podman(cluster, here, "exec", then=("sh", "-ec", "; ".join(routes)))

    sides = [*((host, others) for host in ALONE), *((host, ALONE) for host in others)]
    with ThreadPoolExecutor(len(sides)) as pool:
        list(pool.map(lambda side: cut_from(*side), sides))


def refused_after(door, alias: str, password: str) -> float:
    """Try to log in where nobody can; returns after how many seconds that was refused."""
    began = time.monotonic()
    with pytest.raises(HttpRefusal) as refusal:
        door.login(alias, password=password)
    assert refusal.value.status == 503
    return time.monotonic() - began


def first_success(door, alias: str, password: str) -> float:
    """Try to log in until it succeeds; returns after how many seconds it did."""
    began = time.monotonic()

    def succeeds() -> bool:
        with contextlib.suppress(HttpRefusal):
            return bool(door.login(alias, password=password))
        return False

    door.wait_until(succeeds, PATIENCE, "a login succeeds", every=AGAIN)
    return time.monotonic() - began


def test_the_smaller_side_of_a_split_refuses_and_the_larger_one_works(cluster):
    smaller, larger = (cluster.through(host) for host in ("login1", "login2"))
    asks, works = (("101x", cluster.password("101x")), ("102x", cluster.password("102x")))
    refusing, working = Limit(ANSWERED), Limit(OVER)
    with talking(cluster):
        began = time.monotonic()
        split(cluster, "add")
        try:
            with ThreadPoolExecutor() as pool:
                success = pool.submit(first_success, larger, *works)
                waited = []
                while time.monotonic() - began < ASKED:
                    waited.append(refused_after(smaller, *asks))
                    time.sleep(AGAIN)
                worked = success.result()
            assert members(cluster, WRITER) == 0 and members(cluster, NEXT) == 2
            there = cluster.reading(NEXT)
            cluster.wait_until(lambda: not mismatch(there), 60, "rows, rooms and calls agree")
            users = there.sql("SELECT user FROM vicidial_live_agents")
            assert ["agent102x"] in users and ["agent101x"] not in users
        finally:
            split(cluster, "del")
        again = wait_until_whole(cluster)
    keep(
        "the writer and a login host are cut off together",
        {
            "refused there after": f"{min(waited):.1f} to {max(waited):.1f}",
            "a login succeeds on the other side after": round(worked, 1),
            "three again after": round(again, 1),
        },
    )
    refusing.check(max(waited), "the smaller side refuses")
    working.check(worked, "the larger side works")
    wait_until_settled(cluster, STAYS)
    assert smaller.login("101x")
