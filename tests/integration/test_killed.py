"""A login killed at any point leaves nothing behind that doesn't clean itself up."""

import multiprocessing
import os
import signal
import time

import pytest

from evenfloor import Balancer
from evenfloor.connection import Connection
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.waiting import wait_until

TTL = 1
#: More trips than any use case makes.
MOST_TRIPS = 12
FREE_LOCK = f"SELECT IS_FREE_LOCK('evenfloor.{DATABASE}')"


def make_balancer(where: dict) -> Balancer:
    return mariadb.balancer(where, DATABASE, reservation_ttl=TTL, lock_timeout=5)


def die_at(trip: int, before: bool, where: dict, use_case: str) -> None:
    """Run a use case, and end by SIGKILL just before or after one of its trips to the database."""
    whole = Connection._trip
    trips = 0

    def counted(connection, statements, most=None):
        nonlocal trips
        trips += 1
        if before and trips == trip:
            os.kill(os.getpid(), signal.SIGKILL)
        replies = whole(connection, statements, most)
        if trips == trip:
            os.kill(os.getpid(), signal.SIGKILL)
        return replies

    balancer = make_balancer(where)
    Connection._trip = counted
    getattr(balancer, use_case)("1001x", "secret", "killed", "TEST")


def kill(trip: int, before: bool, where: dict, use_case: str) -> bool:
    """Return whether the process was killed; False if it got through before that."""
    child = multiprocessing.get_context("spawn").Process(
        target=die_at, args=(trip, before, where, use_case)
    )
    child.start()
    child.join(30)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


@pytest.fixture(params=["InnoDB", "MyISAM"])
def floor(request, server):
    mariadb.create_database(server, DATABASE, request.param)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=6)
        cluster.keep_alive()
        yield cluster


@pytest.mark.parametrize("use_case", ["login", "choose"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_what_is_killed_at_any_trip_leaves_no_lock_no_half_session_and_no_count(
    server, floor, use_case, before
):
    survivor = make_balancer(server.root)
    killed = 0
    for trip in range(1, MOST_TRIPS):
        if not kill(trip, before, server.root, use_case):
            break
        killed += 1
        wait_until(lambda: floor.run(FREE_LOCK) == ((1,),), 5, "the lock is free")
        # Never a live-agent row without its room and its call.
        assert floor.run(
            "SELECT COUNT(*) FROM vicidial_live_agents l WHERE NOT EXISTS (SELECT 1 FROM"
            " vicidial_confbridges r WHERE r.server_ip = l.server_ip AND r.conf_exten ="
            " l.conf_exten AND r.extension = l.extension) OR NOT EXISTS (SELECT 1 FROM"
            " vicidial_manager m WHERE m.callerid = l.callerid AND m.action = 'Originate')"
        ) == ((0,),)
        survivor.login("1002x", "secret", "survivor", "TEST")
        survivor.logout("survivor")
        survivor.logout("killed")
        wait_until(
            lambda: set(survivor.choose("1003x", "secret").counts.values()) == {0},
            TTL + 5,
            "nothing is counted any more",
        )
    assert killed >= 3 and trip < MOST_TRIPS - 1  # noqa: PT018
    survivor.logout("killed")
    time.sleep(TTL + 1)
    survivor.choose("1003x", "secret")
    assert floor.run("SELECT COUNT(*) FROM evenfloor_reservations") == ((0,),)
    survivor.close()


def test_no_room_is_left_alone_with_transactions_or_without(server, floor):
    """Room, call and row are one trip."""
    for trip in range(1, MOST_TRIPS):
        if not kill(trip, False, server.root, "login"):
            break
    make_balancer(server.root).logout("killed")
    assert floor.run(
        "SELECT COUNT(*) FROM vicidial_confbridges r WHERE r.extension <> '' AND NOT EXISTS"
        " (SELECT 1 FROM vicidial_manager m WHERE m.cmd_line_d = CONCAT('Exten: ', r.conf_exten)"
        " AND m.server_ip = r.server_ip)"
    ) == ((0,),)
