"""Beside VICIdial: the database is lost, its replica takes its place, and logins follow."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.preflight import (
    Role,
    role_in_words,
    role_problems,
)
from ansible_collections.evenfloor.cluster.plugins.modules.vicidial_info import read_role

from evenfloor.config import DatabaseConfig
from evenfloor.connection import Connection
from evenfloor.errors import DatabaseUnreachable
from tests.galera import kill
from tests.mariadb import hanging
from tests.replicas import (
    FIRST,
    LOSSES,
    SECOND,
    USER,
    OnTwo,
    pair,
    replicates,
    run,
    set_read_only,
)
from tests.waiting import PATIENCE, wait_until

BACKWARDS = f"{SECOND},{FIRST}"
WHERE = "SELECT @@bind_address"


def connections(server) -> int:
    """Count the connections of Evenfloor's user."""
    asked_for = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{USER}'"
    return run(server, asked_for)[0][0]


@pytest.fixture(scope="module")
def shared():
    with pair() as both:
        yield both


def asked(both, **other) -> str:
    """Make a connection; returns the address of the database that it leads to."""
    connection = Connection(DatabaseConfig(**{**both.where, "name": "", **other}))
    try:
        return connection.run(WHERE).rows[0][0]
    finally:
        connection.close()


@pytest.mark.parametrize("hosts", [f"{FIRST},{SECOND}", f"{SECOND} , {FIRST}"])
def test_the_one_that_is_not_read_only_is_used_wherever_it_stands(shared, hosts):
    assert asked(shared, host=hosts) == FIRST


@pytest.mark.parametrize("hosts", [f"{FIRST},{SECOND}", f"{SECOND},{FIRST}"])
def test_a_replica_that_somebody_forgot_to_make_read_only_is_not_written_to(shared, hosts):
    set_read_only(shared.replica, False)
    try:
        assert asked(shared, host=hosts) == FIRST
        # Its source is there, but not for this host: nothing is written to two databases.
        with pytest.raises(DatabaseUnreachable, match="127.0.0.3: .*refused"):
            asked(shared, host=f"{SECOND},127.0.0.3")
    finally:
        set_read_only(shared.replica, True)


def test_a_replica_is_not_written_to_while_its_source_is_restarted(shared):
    set_read_only(shared.replica, False)
    connection = Connection(DatabaseConfig(**{**shared.where, "name": ""}))
    try:
        assert connection.run(WHERE).rows == ((FIRST,),)
        kill(shared.primary)
        wait_until(lambda: not replicates(shared.replica), PATIENCE, "the source is lost")
        for _each in range(3):
            with pytest.raises(DatabaseUnreachable, match=f"{SECOND} is read-only or a replica"):
                connection.run(WHERE)
        wait_until(
            lambda: connections(shared.replica) == 0, PATIENCE, "connections that aren't used end"
        )
        shared.primary.start()
        assert connection.run(WHERE).rows == ((FIRST,),)
    finally:
        connection.close()
        set_read_only(shared.replica, True)
        wait_until(lambda: replicates(shared.replica), PATIENCE, "it replicates again")


def test_a_replica_of_a_named_source_is_one(shared):
    run(shared.replica, "STOP SLAVE", "RESET SLAVE ALL")
    shared.follow(shared.replica, FIRST, name="main")
    set_read_only(shared.replica, False)
    try:
        assert asked(shared, host=f"{SECOND},{FIRST}") == FIRST
    finally:
        set_read_only(shared.replica, True)
        run(shared.replica, "STOP ALL SLAVES", "RESET SLAVE 'main' ALL")
        shared.follow(shared.replica, FIRST)


def test_of_two_that_replicate_from_each_other_the_one_that_takes_writes_is_used(shared):
    shared.follow(shared.primary, SECOND)
    connection = Connection(DatabaseConfig(**{**shared.where, "name": "", "host": BACKWARDS}))
    try:
        assert connection.run(WHERE).rows == ((FIRST,),)
        # Whoever knows that goes on while the other is away.
        with hanging(shared.replica):
            connection.close()
            assert connection.run(WHERE).rows == ((FIRST,),)
    finally:
        connection.close()
        shared.stop_following(shared.primary, shared.replica)


def test_where_no_database_may_be_written_to_it_is_said(shared):
    set_read_only(shared.primary, True)
    try:
        with pytest.raises(
            DatabaseUnreachable,
            match="no database takes writes: .*read-only or a replica; .*read-only or",
        ):
            asked(shared)
        # Where there is one, its own answers say so.
        assert asked(shared, host=SECOND) == SECOND
    finally:
        set_read_only(shared.primary, False)


def role_of(server) -> Role:
    with server.connect("information_schema") as connection, connection.cursor() as cursor:
        return read_role(cursor)


def test_the_preflight_says_what_a_database_is_among_others(shared):
    role = role_of(shared.primary)
    # By the address from which the replica connects.
    assert role == Role(replicas=("localhost",)) and role_problems(role) == []
    (words,) = role_in_words(role)
    assert words.startswith("the database has replicas: localhost; to have logins follow")
    role = role_of(shared.replica)
    assert role == Role(is_read_only=True, sources=((FIRST, True),))
    assert len(role_problems(role)) == 1
    assert role_in_words(role)[0].startswith(f"the database replicates from {FIRST}; if VICIdial")
    run(shared.replica, "STOP SLAVE")
    try:
        words = f"the database has been a replica of {FIRST}, and doesn't replicate now"
        assert role_in_words(role_of(shared.replica)) == [words]
    finally:
        run(shared.replica, "START SLAVE")


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_running_login_service_follows_a_fail_over(lose):
    """Nothing is restarted or told. Until the replica takes writes, agents are refused in words."""
    with OnTwo.running() as cluster:
        assert [cluster.choose() for _each in range(4)] == [200] * 4
        cluster.pair.caught_up()
        before = cluster.decisions()
        with lose(cluster.pair):
            # Nobody has decided yet, and nothing is written to a database that is a replica.
            assert [cluster.choose() for _each in range(3)] == [503] * 3
            assert cluster.decisions() == before
            cluster.fail_over()
            cluster.follow()
            assert cluster.decisions() > before
