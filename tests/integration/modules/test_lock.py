"""The balancer's lock in the hands of a module, on a real MariaDB."""

import concurrent.futures

import prometheus_client
import pymysql
import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import balancer_lock

from tests.integration.conftest import DATABASE
from tests.waiting import PATIENCE, wait_until

FREE = "SELECT IS_FREE_LOCK(%s)"
WAITING = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"


@pytest.fixture
def cursor(server, cluster):
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        yield cursor


def is_free(cluster) -> bool:
    return cluster.run(FREE, (lock_name(DATABASE),)) == ((1,),)


def test_the_lock_is_held_inside_and_free_afterwards(cursor, cluster):
    with balancer_lock(cursor, DATABASE):
        assert not is_free(cluster)
    assert is_free(cluster)


def test_an_error_inside_gives_the_lock_back(cursor, cluster):
    with pytest.raises(RuntimeError), balancer_lock(cursor, DATABASE):
        raise RuntimeError
    assert is_free(cluster)


def test_a_lock_that_somebody_else_holds_is_an_error_and_nothing_is_done(cursor, cluster):
    done = []
    with (
        cluster.lock_held(lock_name(DATABASE)),
        pytest.raises(ValueError, match="could not be acquired within 0 s") as refusal,
        balancer_lock(cursor, DATABASE, timeout=0),
    ):
        done.append("something")
    assert "run this again" in str(refusal.value)
    assert done == []


SECRET = "k3y"


def keep_the_secret(cluster) -> str:
    """Give the cluster a secret; returns the lock's name from then on."""
    cluster.run(
        "REPLACE INTO evenfloor_cluster (id, flavor, created, lock_secret)"
        " VALUES (1, 'plain', NOW(), %s)",
        (SECRET,),
    )
    return lock_name(DATABASE, SECRET)


def test_with_a_secret_modules_and_logins_take_the_same_lock(cursor, cluster, make_balancer):
    cluster.add_even_floor(dialers=2, aliases=2)
    cluster.keep_alive()
    name = keep_the_secret(cluster)
    balancer = make_balancer(lock_timeout=60)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with balancer_lock(cursor, DATABASE):
            assert cluster.run("SELECT IS_FREE_LOCK(%s), IS_FREE_LOCK(%s)",
                               (name, lock_name(DATABASE))) == ((0, 1),)  # fmt: skip
            login = pool.submit(balancer.login, "1001x", "secret", "a", "TEST")
            wait_until(lambda: cluster.run(WAITING) == ((1,),), PATIENCE, "the login waits")
            assert not login.done()
        assert login.result(PATIENCE).server_ip
    assert cluster.run(FREE, (name,)) == ((1,),)


def test_who_does_not_know_the_secret_holds_up_nobody(server, cluster, make_balancer):
    cluster.add_even_floor(dialers=2, aliases=2)
    cluster.keep_alive()
    keep_the_secret(cluster)
    cluster.run("CREATE OR REPLACE USER stranger@localhost IDENTIFIED BY 'x'")
    stranger = {"unix_socket": server.socket, "user": "stranger", "password": "x"}
    with pymysql.connect(**stranger) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (lock_name(DATABASE),))
        assert cursor.fetchone() == (1,)
        before = sample("evenfloor_logins_without_lock_total")
        assert make_balancer(lock_timeout=60).login("1001x", "secret", "a", "TEST").server_ip
        assert sample("evenfloor_logins_without_lock_total") == before
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            cursor.execute(f"SELECT lock_secret FROM {DATABASE}.evenfloor_cluster")


def test_the_name_changes_for_open_connections_when_the_database_says_so(
    cursor, cluster, make_balancer
):
    """A login host of which nothing was restarted must not use another lock than the next one."""
    cluster.add_even_floor(dialers=2, aliases=2)
    cluster.keep_alive()
    cluster.run("ALTER TABLE evenfloor_cluster DROP COLUMN lock_secret")
    balancer = make_balancer(lock_timeout=1)
    for name, change in (
        (lock_name(DATABASE), "DO 1"),
        (lock_name(DATABASE),
         "ALTER TABLE evenfloor_cluster ADD COLUMN lock_secret VARCHAR(32) NOT NULL DEFAULT ''"),
        (lock_name(DATABASE, SECRET), None),
    ):  # fmt: skip
        _changed = cluster.run(change) if change else keep_the_secret(cluster)
        before = sample("evenfloor_logins_without_lock_total")
        with cluster.lock_held(name):
            balancer.choose("1001x", "secret", "a", "TEST")
        assert sample("evenfloor_logins_without_lock_total") == before + 1
        balancer.choose("1001x", "secret", "a", "TEST")
        assert sample("evenfloor_logins_without_lock_total") == before + 1


def test_the_name_changes_between_logins_of_which_none_goes_without_the_lock(
    cluster, make_balancer, modules
):
    cluster.add_even_floor(dialers=4, aliases=40)
    cluster.keep_alive()
    cluster.run("REPLACE INTO evenfloor_cluster (id, flavor, created) VALUES (1, 'plain', NOW())")
    before = sample("evenfloor_logins_without_lock_total")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        logins = [
            pool.submit(make_balancer().login, f"{1001 + n}x", "secret", f"agent{n}", "TEST")
            for n in range(20)
        ]
        changed = modules.run("lock_secret")
        logins += [
            pool.submit(make_balancer().login, f"{1001 + n}x", "secret", f"agent{n}", "TEST")
            for n in range(20, 40)
        ]
        floor = [login.result(PATIENCE).server_ip for login in logins]
    assert changed["changed"] is True
    assert sorted(floor.count(address) for address in set(floor)) == [10, 10, 10, 10]
    assert sample("evenfloor_logins_without_lock_total") == before
    ((secret,),) = cluster.run("SELECT lock_secret FROM evenfloor_cluster")
    assert len(secret) == 24
    assert secret not in str(changed)
    assert modules.run("lock_secret")["changed"] is False


def sample(name: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name) or 0


class Refusing:
    """A cursor of a database that answers NULL: it was killed, or has no memory."""

    statements: list

    def __init__(self):
        self.statements = []

    def execute(self, statement, _values=None):
        self.statements.append(statement)

    def fetchone(self):
        return (None,)


def test_a_database_that_refuses_the_lock_is_an_error_too():
    cursor = Refusing()
    with (
        pytest.raises(ValueError, match="the database refused it"),
        balancer_lock(cursor, DATABASE),
    ):
        raise AssertionError("the lock isn't held")
    assert sum("GET_LOCK" in statement for statement in cursor.statements) == 1
