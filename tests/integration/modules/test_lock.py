"""The balancer's lock in the hands of a module, on a real MariaDB."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import balancer_lock

from tests.integration.conftest import DATABASE

FREE = "SELECT IS_FREE_LOCK(%s)"


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


class Refusing:
    """A cursor of a database that answers NULL: it was killed, or has no memory."""

    statements: list

    def __init__(self):
        self.statements = []

    def execute(self, statement, _values):
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
    assert len(cursor.statements) == 1
