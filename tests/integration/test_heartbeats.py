"""A dialer that has just come back settles, whoever of the login services has seen it away."""

import itertools

import pytest

from evenfloor import heartbeat_statements
from evenfloor.config import BalancerConfig, Config, DatabaseConfig
from evenfloor.heartbeats import INTERVAL, LATE_LOOKS, Watcher
from tests.integration.conftest import DATABASE
from tests.service import running
from tests.waiting import PATIENCE, wait_until

FIRST, SECOND = "10.1.0.1", "10.1.0.2"
ALIAS = {"alias": "1001x", "password": "secret", "campaign": "TEST"}
TIMEOUT = 5


@pytest.fixture
def floor(cluster):
    """Two dialers; logins go to the second, which has fewer agents."""
    cluster.add_even_floor(dialers=2, aliases=2)
    for _agent in range(3):
        cluster.add_agent(FIRST)
    return cluster


@pytest.fixture
def make_watcher(server, floor):
    """Make watchers for which each look comes a second after the one before."""
    made = []

    def make() -> Watcher:
        ticks = itertools.count(100.0, INTERVAL)
        where = DatabaseConfig(**server.root, name=DATABASE)
        config = Config(where, BalancerConfig(heartbeat_timeout=TIMEOUT))
        made.append(Watcher(config, lambda: next(ticks)))
        return made[-1]

    yield make
    for watcher in made:
        watcher.close()


@pytest.fixture
def balancer(make_balancer):
    # The test's dialers beat when it says so.
    return make_balancer(heartbeat_timeout=3600, settling=60)


def beat(floor, server_ip: str, age: int = 0) -> None:
    floor.run(
        "UPDATE server_updater SET last_update = NOW() - INTERVAL %s SECOND WHERE server_ip = %s",
        (age, server_ip),
    )


def look(floor, watcher: Watcher, times: int = 1) -> None:
    """Look, with the first dialer alive."""
    for _time in range(times):
        beat(floor, FIRST)
        watcher.look()


def note(floor, server_ip: str = SECOND) -> tuple:
    """Return what is noted: whether it is late, and for how long it has been back."""
    ((late, back),) = floor.run(
        "SELECT is_late, TIMESTAMPDIFF(SECOND, back_since, UTC_TIMESTAMP())"
        " FROM evenfloor_heartbeats WHERE server_ip = %s",
        (server_ip,),
    )
    return bool(late), back


def come_back(floor, watcher: Watcher) -> None:
    """Have the second dialer be late, be seen late, and beat again."""
    beat(floor, SECOND, age=TIMEOUT)
    look(floor, watcher, LATE_LOOKS)
    assert note(floor) == (True, None)
    beat(floor, SECOND)


def state(balancer) -> str:
    return next(entry.state for entry in balancer.floor() if entry.server_ip == SECOND)


def test_a_dialer_that_was_never_late_gets_logins(floor, make_watcher, balancer):
    look(floor, make_watcher(), 5)
    assert note(floor) == (False, None)
    assert balancer.choose(**ALIAS).server_ip == SECOND
    assert state(balancer) == "takes logins"


def test_a_dialer_that_has_come_back_gets_no_logins_until_it_has_settled(
    floor, make_watcher, balancer
):
    watcher = make_watcher()
    come_back(floor, watcher)
    # Also before anybody has noted it.
    assert balancer.choose(**ALIAS).server_ip == FIRST
    assert state(balancer) == "settling, 60 s left"
    look(floor, watcher)
    late, back = note(floor)
    assert not late and 0 <= back < 60
    assert balancer.choose(**ALIAS).server_ip == FIRST
    second = balancer.explain("1001x").phones[1]
    assert second["eligible"] and second["remarks"][1].startswith("settling, ")
    floor.run("UPDATE evenfloor_heartbeats SET back_since = back_since - INTERVAL 60 SECOND")
    assert balancer.choose(**ALIAS).server_ip == SECOND
    assert state(balancer) == "takes logins"


def test_it_gets_them_where_nobody_else_can_take_them(floor, make_watcher, balancer):
    come_back(floor, make_watcher())
    floor.run("UPDATE servers SET active_agent_login_server = 'N' WHERE server_ip = %s", (FIRST,))
    assert balancer.choose(**ALIAS).server_ip == SECOND


def test_without_settling_it_gets_them_at_once(floor, make_watcher, make_balancer):
    come_back(floor, make_watcher())
    assert make_balancer(settling=0).choose(**ALIAS).server_ip == SECOND


def test_all_who_watch_agree_when_it_came_back(floor, make_watcher, balancer):
    watchers = [make_watcher(), make_watcher()]
    come_back(floor, watchers[0])
    look(floor, watchers[0])
    floor.run("UPDATE evenfloor_heartbeats SET back_since = back_since - INTERVAL 30 SECOND")
    look(floor, watchers[1], 5)
    assert 30 <= note(floor)[1] < 60
    # Away again, and back again: it settles again.
    come_back(floor, watchers[1])
    look(floor, watchers[0])
    assert note(floor)[1] < 30


def test_nothing_is_written_while_nothing_changes(floor, make_watcher):
    watcher = make_watcher()
    written = "SELECT * FROM evenfloor_heartbeats ORDER BY server_ip"
    look(floor, watcher)
    floor.run("UPDATE evenfloor_heartbeats SET last_update = last_update - INTERVAL 20 SECOND")
    before = floor.run(written)
    beat(floor, SECOND)
    look(floor, watcher)
    assert floor.run(written) == before
    floor.run("UPDATE evenfloor_heartbeats SET last_update = last_update - INTERVAL 60 SECOND")
    look(floor, watcher)
    assert all(after[1] >= row[1] for after, row in zip(floor.run(written), before))


def test_what_somebody_saw_before_it_was_frozen_is_not_noted(floor, make_watcher):
    look(floor, make_watcher())
    statement = heartbeat_statements.note(SECOND, TIMEOUT)
    floor.run(statement.text, statement.values)
    assert note(floor) == (False, None)


def test_a_row_that_somebody_has_locked_keeps_no_other_dialer_from_being_noted(
    server, floor, make_watcher
):
    watcher = make_watcher()
    look(floor, watcher)
    floor.run("UPDATE evenfloor_heartbeats SET last_update = last_update - INTERVAL 60 SECOND")
    with server.connect(DATABASE) as stranger, stranger.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM evenfloor_heartbeats WHERE server_ip = %s", (FIRST,))
        beat(floor, SECOND)
        look(floor, watcher)
        cursor.execute("ROLLBACK")
    age = "TIMESTAMPDIFF(SECOND, last_update, UTC_TIMESTAMP()) < 60"
    noted = floor.run(f"SELECT server_ip, {age} FROM evenfloor_heartbeats ORDER BY server_ip")
    assert noted == ((FIRST, 0), (SECOND, 1))


def test_a_dialer_without_a_heartbeat_is_not_noted(floor, make_watcher):
    """After a restart of the database VICIdial's table is empty, and no dialer was away."""
    floor.run("DELETE FROM server_updater WHERE server_ip = %s", (SECOND,))
    look(floor, make_watcher(), 5)
    noted = floor.run("SELECT server_ip FROM evenfloor_heartbeats")
    assert noted == ((FIRST,),)


def test_the_login_service_watches(server, cluster):
    cluster.add_even_floor(dialers=2, aliases=1)
    cluster.keep_alive()
    with running({**server.root, "name": DATABASE}, workers=2):
        cluster.die(SECOND)
        late = "SELECT 1 FROM evenfloor_heartbeats WHERE server_ip = %s AND is_late"
        wait_until(lambda: cluster.run(late, (SECOND,)), PATIENCE, "it is noted as late")
        cluster.run("DELETE FROM dead")
        wait_until(lambda: note(cluster)[1] is not None, PATIENCE, "it is noted as back")
    assert note(cluster, FIRST) == (False, None)
