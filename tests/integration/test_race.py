"""Logins at once, from many processes and hosts, leave the floor as even as one after the other."""

import concurrent.futures
import contextlib
import multiprocessing
import random
import time

import pymysql
import pytest

from evenfloor import LoginRefused
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE

PROCESSES = 16
#: With sixteen processes on two cores each waits for fifteen others.
LOCK_TIMEOUT = 30
STRICT = "TRADITIONAL,NO_BACKSLASH_ESCAPES"

_balancer = None
_page = None


def _start(where: dict, settings: dict) -> None:
    """Connect: one connection for each process, as in a gunicorn worker."""
    global _balancer, _page  # noqa: PLW0603
    _balancer = mariadb.balancer(where, DATABASE, lock_timeout=LOCK_TIMEOUT, **settings)
    _page = pymysql.connect(**where, database=DATABASE, autocommit=True)


def _login(work: tuple[int, str]) -> tuple[str, str] | None:
    number, user = work
    try:
        session = _balancer.login(f"{number}x", "secret", user, "TEST")
    except LoginRefused as refusal:
        assert refusal.reason == "no_dialer_available", refusal  # noqa: PT017
        return None
    return session.server_ip, session.room


def _choose(work: tuple[int, str]) -> str | None:
    number, user = work
    try:
        return _balancer.choose(f"{number}x", "secret", user, "TEST").server_ip
    except LoginRefused as refusal:
        assert refusal.reason == "no_dialer_available", refusal  # noqa: PT017
        return None


def _choose_and_go_live(work: tuple[int, str]) -> tuple[str, str]:
    """Choose, and then do after a while what VICIdial's login page does with the choice."""
    number, user = work
    server_ip = _choose(work)
    time.sleep(random.uniform(0, 0.05))
    with _page.cursor() as cursor:
        cursor.execute("DELETE FROM vicidial_live_agents WHERE user = %s", (user,))
        cursor.execute(
            "UPDATE vicidial_confbridges SET extension = %s, conf_exten ="
            " LAST_INSERT_ID(conf_exten) WHERE server_ip = %s AND"
            " (extension = '' OR extension IS NULL) LIMIT 1",
            (f"PJSIP/{number}", server_ip),
        )
        room = str(cursor.lastrowid)
        cursor.execute(
            "INSERT INTO vicidial_live_agents (user, server_ip, extension, campaign_id,"
            " conf_exten, lead_id) VALUES (%s, %s, %s, 'TEST', %s, 0)",
            (user, server_ip, f"PJSIP/{number}", room),
        )
    return server_ip, room


@contextlib.contextmanager
def pool_of(where: dict, processes: int = PROCESSES, **settings):
    """Yield processes that stand for the workers of a login host."""
    with concurrent.futures.ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), _start, (where, settings)
    ) as pool:
        list(pool.map(time.sleep, [0.05] * processes * 2))
        yield pool


@contextlib.contextmanager
def a_floor(server, dialers: int, aliases: int, rooms: int = 249, **shape):
    """Yield an even floor on a database of some shape, whose heartbeats last."""
    mariadb.create_database(server, DATABASE, **shape)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=dialers, aliases=aliases)
        cluster.run("DELETE FROM vicidial_confbridges WHERE conf_exten >= %s", (8600051 + rooms,))
        cluster.keep_alive()
        yield cluster


@contextlib.contextmanager
def sql_mode(server, mode: str):
    """Give new connections an sql_mode, and take it back."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@GLOBAL.sql_mode")
        ((before,),) = cursor.fetchall()
        cursor.execute("SET GLOBAL sql_mode = %s", (mode,))
        yield
        cursor.execute("SET GLOBAL sql_mode = %s", (before,))


def spread(counts: dict) -> int:
    return max(counts.values()) - min(counts.values())


def agents(count: int) -> list[tuple[int, str]]:
    """Say who logs in with which alias."""
    return [(1001 + number, f"agent{number}") for number in range(count)]


def expect_whole_sessions(cluster, count: int) -> None:
    """Make sure that every agent has one session, with a room and a call, and nothing is left."""
    live = "SELECT COUNT(DISTINCT user), COUNT(DISTINCT callerid), COUNT(*) FROM"
    assert cluster.run(f"{live} vicidial_live_agents") == ((count, count, count),)
    assert cluster.run(
        "SELECT COUNT(*) FROM vicidial_live_agents l JOIN vicidial_confbridges r ON r.server_ip ="
        " l.server_ip AND r.conf_exten = l.conf_exten AND r.extension = l.extension"
        " JOIN vicidial_manager m ON m.callerid = l.callerid AND m.action = 'Originate'"
    ) == ((count,),)
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension <> ''"
    assert cluster.run(taken) == ((count,),)
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_reservations") == ((0,),)


# Evenfloor's own clusters are strict, VICIdial's are not.
@pytest.mark.parametrize(("engine", "mode"), [("InnoDB", STRICT), ("MyISAM", ""), ("MEMORY", "")])
def test_two_hundred_logins_sixteen_at_once_leave_the_floor_even(server, engine, mode):
    with (
        sql_mode(server, mode),
        a_floor(server, dialers=10, aliases=200, engine=engine) as cluster,
        pool_of(server.root) as pool,
    ):
        places = list(pool.map(_login, agents(200)))
        assert spread(cluster.local_agents()) <= 1
        assert len(set(places)) == 200, "a room was given twice"
        expect_whole_sessions(cluster, 200)


def test_logins_at_once_leave_shares_even_where_dialers_have_weights(server):
    weights = {f"10.1.0.{number}": weight for number, weight in enumerate((2, 1, 0.5, 3), 1)}
    with a_floor(server, dialers=4, aliases=130) as cluster, pool_of(server.root) as pool:
        for address, weight in weights.items():
            cluster.run("INSERT INTO evenfloor_weights VALUES (%s, %s)", (address, weight))
        list(pool.map(_login, agents(130)))
        assert cluster.local_agents() == {
            address: weight * 20 for address, weight in weights.items()
        }


def test_five_hundred_logins_from_two_hosts_leave_thirty_dialers_even(server):
    with a_floor(server, dialers=30, aliases=500) as cluster:
        cluster.run("CREATE OR REPLACE USER login2@localhost IDENTIFIED BY 'far away'")
        cluster.run(f"GRANT ALL ON {DATABASE}.* TO login2@localhost")
        near = server.root
        far = {"host": "127.0.0.1", "port": server.port, "user": "login2", "password": "far away"}
        with pool_of(near, 8) as first, pool_of(far, 8) as second:
            work = agents(500)
            answers = [first.map(_login, work[::2]), second.map(_login, work[1::2])]
            places = [place for answer in answers for place in answer]
        assert spread(cluster.local_agents()) <= 1
        assert len(set(places)) == 500, "a room was given twice"
        expect_whole_sessions(cluster, 500)


def test_choices_that_vicidials_page_makes_live_leave_the_floor_even(server):
    with (
        sql_mode(server, ""),
        a_floor(server, 10, 200, engine="MyISAM", plain_indexes=False) as cluster,
        pool_of(server.root) as pool,
    ):
        places = list(pool.map(_choose_and_go_live, agents(200)))
        assert spread(cluster.local_agents()) <= 1
        assert len(set(places)) == 200


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM", "MEMORY"])
def test_agents_who_log_in_again_on_vicidials_page_leave_the_floor_even(server, engine):
    with (
        sql_mode(server, ""),
        a_floor(server, 4, 200, engine=engine) as cluster,
        pool_of(server.root) as pool,
    ):
        for _time in range(3):
            work = agents(200)
            random.shuffle(work)
            list(pool.map(_choose_and_go_live, work))
            assert spread(cluster.local_agents()) <= 1
            # Their rooms are VICIdial's to free.
            cluster.run("UPDATE vicidial_confbridges SET extension = ''")
        assert cluster.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((200,),)


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])
def test_agents_who_all_log_in_again_are_moved_and_none_is_in_two_places(server, engine):
    with (
        a_floor(server, dialers=10, aliases=100, engine=engine) as cluster,
        pool_of(server.root) as pool,
    ):
        list(pool.map(_login, agents(100)))
        again = agents(100)
        random.shuffle(again)
        list(pool.map(_login, again))
        assert spread(cluster.local_agents()) <= 1
        live = "SELECT COUNT(DISTINCT user), COUNT(*) FROM vicidial_live_agents"
        assert cluster.run(live) == ((100, 100),)
        hangups = "SELECT COUNT(*) FROM vicidial_manager WHERE action = 'Hangup'"
        assert cluster.run(hangups) == ((100,),)


def test_one_user_who_logs_in_everywhere_at_once_ends_in_one_place(server):
    with (
        a_floor(server, dialers=3, aliases=8) as cluster,
        pool_of(server.root, 8) as pool,
    ):
        list(pool.map(_login, [(1001 + number, "busy") for number in range(8)]))
        assert cluster.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((1,),)


@pytest.mark.parametrize("way", [_login, _choose], ids=["login", "choose"])
def test_the_last_rooms_are_given_once_each_and_then_it_is_said_that_none_is_left(server, way):
    with (
        a_floor(server, dialers=5, aliases=60, rooms=8) as cluster,
        pool_of(server.root) as pool,
    ):
        places = list(pool.map(way, agents(60)))
        chosen = [place if isinstance(place, str) else place[0] for place in places if place]
        assert {chosen.count(f"10.1.0.{number}") for number in range(1, 6)} == {8}
        assert places.count(None) == 20
        if way is _login:
            expect_whole_sessions(cluster, 40)


@pytest.mark.parametrize("way", ["login", "choose"])
def test_a_login_does_not_wait_for_phones_that_are_being_written(
    server, cluster, make_balancer, way
):
    cluster.add_even_floor(dialers=3, aliases=1)
    call = getattr(make_balancer(), way)
    with server.connect(DATABASE) as provisioning, provisioning.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("UPDATE phones SET pass = 'changed'")
        # It would wait until the transaction ends: longer than any answer is waited for.
        assert call("1001x", "secret", "agent7", "TEST").server_ip
        cursor.execute("ROLLBACK")


def test_a_dialer_whose_rows_are_locked_is_passed_over_and_nobody_is_told_that_it_is_full(
    server, cluster, make_balancer
):
    cluster.add_even_floor(dialers=2, aliases=1)
    balancer = make_balancer()

    def log_in() -> str:
        return balancer.login("1001x", "secret", "agent7", "TEST").server_ip

    usual = log_in()
    with server.connect(DATABASE) as other, other.cursor() as cursor:
        # Or it would lock every row that it reads.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("START TRANSACTION")
        lock = "SELECT * FROM vicidial_confbridges WHERE server_ip = %s FOR UPDATE"
        cursor.execute(lock, (usual,))
        second = log_in()
        assert second != usual
        cursor.execute(lock, (second,))
        before = cluster.run("SELECT * FROM vicidial_live_agents")
        with pytest.raises(LoginRefused) as refused:
            log_in()
        assert refused.value.reason == "database_unreachable"
        assert cluster.run("SELECT * FROM vicidial_live_agents") == before
        cursor.execute("ROLLBACK")
    assert log_in() == usual
