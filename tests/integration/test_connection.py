"""The connection on a real database: several statements a trip, and what goes wrong on the way."""

import multiprocessing
import socket
import threading

import pytest

from evenfloor.config import DatabaseConfig
from evenfloor.connection import TRANSACTION_TRIES, Connection
from evenfloor.errors import DatabaseRefused, DatabaseUnreachable, LostRace
from evenfloor.lock import Lock
from evenfloor.sql import Statement
from tests.integration.conftest import DATABASE

GOOD = Statement("SELECT %s", ("good",))
BAD = Statement("SELECT nothing FROM nowhere")


@pytest.fixture
def connection(server, cluster):
    made = Connection(DatabaseConfig(unix_socket=server.socket, name=DATABASE, user="root"))
    yield made
    made.close()


def values(replies) -> list:
    return [reply.rows[0][0] for reply in replies]


def test_every_statement_of_a_batch_has_its_reply(connection):
    replies = connection.batch([GOOD, Statement("DO 1"), Statement("SELECT 1 UNION SELECT 2")])
    assert [tuple(reply.rows) for reply in replies] == [(("good",),), (), ((1,), (2,))]


def test_a_batch_ends_at_the_first_statement_that_fails(connection, cluster):
    insert = Statement("INSERT INTO phones_alias (alias_id) VALUES ('x')")
    with pytest.raises(DatabaseRefused):
        connection.batch([GOOD, BAD, insert])
    assert cluster.run("SELECT COUNT(*) FROM phones_alias") == ((0,),)
    # Nothing unread is left that the next statement would take for its answer.
    assert values([connection.run("SELECT 'next'")]) == ["next"]


def test_a_failure_that_nothing_depends_on_is_overlooked_and_logged(connection, caplog):
    optional = Statement(*BAD[:2], optional=True)
    assert values(connection.batch([GOOD, optional])) == ["good"]
    assert "nothing depends on" in caplog.text
    assert values(connection.batch([GOOD])) == ["good"]


@pytest.mark.parametrize(
    "greeting", [b"", bytes(4), b"HTTP/1.1 200 OK\r\n\r\n", b"\x4a\0\0\0\x0a5."]
)
def test_whatever_answers_in_the_databases_place_is_a_database_that_is_away(greeting):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            client, _address = listener.accept()
            with client:
                client.sendall(greeting)

        threading.Thread(target=answer, daemon=True).start()
        where = DatabaseConfig(host="127.0.0.1", port=listener.getsockname()[1])
        with pytest.raises(DatabaseUnreachable):
            Connection(where).run("SELECT 1")


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "TRADITIONAL"])
@pytest.mark.parametrize(
    "text", ["'; DROP TABLE phones; --", "\\'; DROP TABLE phones; --", "%s", '"']
)
def test_a_value_stays_a_value(connection, cluster, mode, text):
    connection.run("SET SESSION sql_mode = %s", (mode,))
    assert values(connection.batch([Statement("SELECT %s", (text,)), GOOD])) == [text, "good"]
    assert cluster.run("SELECT COUNT(*) FROM phones") == ((0,),)


def test_a_connection_that_broke_while_idle_is_made_again_for_reading(connection, cluster):
    (number,) = values([connection.run("SELECT CONNECTION_ID()")])
    cluster.run(f"KILL {number}")
    assert values([connection.run("SELECT 'again'")]) == ["again"]


def test_a_connection_that_broke_is_not_made_again_for_writing(connection, cluster):
    (number,) = values([connection.run("SELECT CONNECTION_ID()")])
    cluster.run(f"KILL {number}")
    with pytest.raises(DatabaseUnreachable):
        connection.run("INSERT INTO phones_alias (alias_id) VALUES ('x')")
    assert cluster.run("SELECT COUNT(*) FROM phones_alias") == ((0,),)


def test_a_lock_that_died_with_its_connection_is_not_thought_to_be_held(connection, cluster):
    with pytest.raises(DatabaseUnreachable), Lock(connection, DATABASE, 1) as lock:
        replies = lock.take([Statement("SELECT CONNECTION_ID()")])
        assert lock.held
        cluster.run(f"KILL {replies[0].rows[0][0]}")
        connection.run("SELECT 1")


def test_a_lock_can_be_waited_for_longer_than_an_answer(server, cluster):
    patient = Connection(DatabaseConfig(**server.root, name=DATABASE), answer_timeout=1)
    with cluster.lock_held(f"evenfloor.{DATABASE}"), Lock(patient, DATABASE, 2) as lock:
        lock.take([])
        assert lock.held is False
    patient.close()


def test_a_process_that_was_forked_makes_its_own_connection(connection):
    (parents,) = values([connection.run("SELECT CONNECTION_ID()")])
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    child = fork.Process(
        target=lambda: answers.put(values([connection.run("SELECT CONNECTION_ID()")])[0])
    )
    child.start()
    child.join(10)
    assert answers.get() != parents
    assert values([connection.run("SELECT CONNECTION_ID()")]) == [parents]


def test_a_connection_to_a_database_that_became_read_only_is_not_kept(connection, cluster):
    (first,) = values([connection.run("SELECT CONNECTION_ID()")])
    cluster.run("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(DatabaseUnreachable):
            connection.run("SET STATEMENT tx_read_only = 1 FOR DELETE FROM phones")
    finally:
        cluster.run("SET GLOBAL read_only = 0")
    assert values([connection.run("SELECT CONNECTION_ID()")]) != [first]


def test_a_lock_is_given_back_whatever_happens_under_it(connection, cluster):
    free = f"SELECT IS_FREE_LOCK('evenfloor.{DATABASE}')"
    with pytest.raises(DatabaseRefused), Lock(connection, DATABASE, 1) as lock:
        lock.take([BAD])
    assert cluster.run(free) == ((1,),)
    with pytest.raises(ZeroDivisionError), Lock(connection, DATABASE, 1) as lock:
        lock.take([])
        assert cluster.run(free) == ((0,),)
        raise ZeroDivisionError
    assert cluster.run(free) == ((1,),)
    assert values([connection.run("SELECT 'next'")]) == ["next"]


def test_a_transaction_that_waits_in_vain_is_tried_again_a_few_times(connection, server, cluster):
    cluster.add_dialer("10.1.0.1", free_rooms=0)
    update = "UPDATE servers SET user_group = 'x' WHERE server_ip = '10.1.0.1'"
    tries = []

    def work() -> str:
        tries.append(1)
        connection.batch([Statement("START TRANSACTION"), Statement(update), Statement("COMMIT")])
        return "done"

    connection.run("SET SESSION innodb_lock_wait_timeout = 1")
    with server.connect(DATABASE) as other, other.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute(update)
        with pytest.raises(LostRace):
            connection.transaction(work)
        assert len(tries) == TRANSACTION_TRIES
        cursor.execute("ROLLBACK")
        assert connection.transaction(work) == "done"
