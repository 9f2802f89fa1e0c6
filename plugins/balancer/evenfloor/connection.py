"""The connection: made when needed, made again when it broke, several statements a trip.

Nothing here knows a table; the statements are in :mod:`evenfloor.database`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pymysql
from pymysql.constants import CLIENT, CR, ER

from .config import DatabaseConfig
from .errors import DatabaseRefused, DatabaseUnreachable

log = logging.getLogger("evenfloor.database")

CONNECT_TIMEOUT = 2
ANSWER_TIMEOUT = 10
#: How often a transaction that lost a deadlock is tried in all.
TRANSACTION_TRIES = 4

_GONE = {
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
    CR.CR_CONN_HOST_ERROR,
    CR.CR_CONNECTION_ERROR,
    CR.CR_SERVER_LOST_EXTENDED,
    ER.SERVER_SHUTDOWN,
    ER.CON_COUNT_ERROR,
    0,  # PyMySQL: the connection is closed
    1317,  # the statement was interrupted
    1927,  # MariaDB: the connection was killed
    # A host that lost its role: another connection may find the one that has it.
    1047,  # Galera: not a member of the cluster now
    ER.OPTION_PREVENTS_STATEMENT,  # read-only
    1792,  # a read-only transaction
    1836,  # read-only mode
}
_TRY_AGAIN = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, 1020}  # 1020: MariaDB's snapshot conflict

#: The driver escapes by the mode that the server has named; an init_connect changes it unseen.
_BACKSLASHES_ESCAPE = (
    "SET SESSION sql_mode = REPLACE(REPLACE(CONCAT(',', @@sql_mode), ',NO_BACKSLASH_ESCAPES', ''),"
    " ',ANSI_QUOTES', '')"
)

#: Statements that do no harm when they are run once more.
_REPEATABLE = ("SELECT", "START TRANSACTION")


class Statement(NamedTuple):
    """A statement with its values, and whether its failure may be overlooked."""

    text: str
    values: object = None
    optional: bool = False


class Reply(NamedTuple):
    """What a statement gave: rows, how many rows it touched, the last id it made.

    ``arrived`` is when (``time.perf_counter()``, seconds).
    """

    rows: tuple
    touched: int
    last_id: int
    arrived: float


class Lock:
    """The cluster's one named lock, taken in the same trip as the first statement that needs it.

    It is the connection's: a dead process holds none.

    Attributes:
        held: whether it was to be had; None as long as that isn't known.
        seconds: how long it took.
        done: whether it was given back.
    """

    def __init__(self, name: str, timeout: int):
        self._name = name
        self._timeout = timeout
        self._asked = 0.0
        self.held: bool | None = None
        self.seconds = 0.0
        self.done = False

    def take(self) -> Statement:
        """Return the statement that takes it."""
        self._asked = time.perf_counter()
        return Statement("SELECT GET_LOCK(%s, %s)", (self._name, self._timeout))

    def note(self, reply: Reply) -> None:
        """Note the answer to that statement."""
        self.held = reply.rows[0][0] == 1
        self.seconds = reply.arrived - self._asked

    def release(self) -> Statement:
        """Return the statement that gives it back. It does no harm where it isn't held."""
        return Statement("DO RELEASE_LOCK(%s)", (self._name,))


class Connection:
    """One connection, made when it is needed and made again when it broke.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        longest_lock: the longest that a lock is waited for, in seconds.
    """

    def __init__(self, config: DatabaseConfig, longest_lock: int = 0):
        self._config = config
        self._answer_timeout = ANSWER_TIMEOUT + longest_lock
        self._connection: pymysql.Connection | None = None
        self._made_by = 0
        #: Whether a lock or a transaction would be lost with the connection.
        self._bound = False

    def close(self) -> None:
        """Give the connection back; the next statement makes a new one."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None
            self._bound = False

    def _connected(self) -> pymysql.Connection:
        if self._connection is None or self._made_by != os.getpid():
            self._made_by = os.getpid()  # a process that was forked leaves its parent's alone
            where = self._config
            target = (
                {"unix_socket": where.unix_socket}
                if where.unix_socket
                else {"host": where.host, "port": where.port}
            )
            self._connection = pymysql.connect(
                **target,
                user=where.user,
                password=where.password,
                database=where.name,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=self._answer_timeout,
                write_timeout=ANSWER_TIMEOUT,
                client_flag=CLIENT.MULTI_STATEMENTS,
                init_command=_BACKSLASHES_ESCAPE,
            )
        return self._connection

    def run(self, text: str, values=None) -> Reply:
        """Run one statement.

        Raises:
            DatabaseUnreachable: the database didn't answer, or doesn't do it.
        """
        return self.batch([Statement(text, values)])[0]

    def batch(self, statements: Sequence[Statement]) -> list[Reply]:
        """Run statements in one trip to the database, up to the first that fails.

        A connection that broke while nobody used it (the database was restarted) is made again
        and reading statements are run once more, unless a lock or a transaction died with it.

        Args:
            statements: in their order; those that are ``optional`` come last.

        Returns:
            A reply for each; fewer where an optional one failed, which is logged.

        Raises:
            DatabaseUnreachable: the database didn't answer.
            DatabaseRefused: it doesn't do what it was asked for.
        """
        was_idle = self._connection is not None and not self._bound
        try:
            return self._trip(statements)
        except DatabaseRefused:
            raise
        except DatabaseUnreachable:
            if was_idle and all(part.text.lstrip().startswith(_REPEATABLE) for part in statements):
                return self._trip(statements)
            raise

    def _trip(self, statements: Sequence[Statement]) -> list[Reply]:
        try:
            connection = self._connected()
        except (pymysql.err.Error, OSError) as error:
            raise DatabaseUnreachable(_in_words(error)) from error
        cursor = connection.cursor()
        text = "; ".join([cursor.mogrify(*part[:2]) for part in statements])
        replies: list[Reply] = []
        try:
            cursor.execute(text)
            replies.append(_reply(cursor))
            while len(replies) < len(statements):
                cursor.nextset()
                replies.append(_reply(cursor))
        except (pymysql.err.Error, OSError) as error:
            lost = _is_lost(error)
            if lost:
                self.close()
            if statements[len(replies)].optional:
                log.warning("a statement that nothing depends on failed: %s", _in_words(error))
            elif lost:
                raise DatabaseUnreachable(_in_words(error)) from error
            else:
                raise DatabaseRefused(error.args[0], _in_words(error)) from error
        except BaseException:
            # What is still to be read would be taken for the next statement's answer.
            self.close()
            raise
        return replies

    @contextlib.contextmanager
    def lock(self, timeout: int) -> Iterator[Lock]:
        """Give a lock for a batch to take, and see to it that it is given back.

        Args:
            timeout: seconds to wait for it.
        """
        lock = Lock(f"evenfloor.{self._config.name}"[:64], timeout)
        self._bound = True
        try:
            yield lock
        finally:
            self._bound = False
            if not lock.done and self._connection is not None:
                try:
                    self.batch([lock.release()])
                except BaseException as error:
                    self.close()  # and with it the lock
                    if not isinstance(error, DatabaseUnreachable):
                        raise

    def transaction(self, work):
        """Run ``work`` again as long as it loses deadlocks.

        Args:
            work: starts a transaction and commits it; called without arguments. What it returns
                is returned.
        """
        was_bound = self._bound
        for tries_left in reversed(range(TRANSACTION_TRIES)):
            self._bound = True
            try:
                return work()
            except DatabaseRefused as error:
                self._roll_back()
                if error.code not in _TRY_AGAIN or not tries_left:
                    raise
                time.sleep(random.uniform(0.001, 0.02))
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._bound = was_bound and self._connection is not None
        raise AssertionError("unreachable")

    def _roll_back(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(DatabaseUnreachable):
                self.run("ROLLBACK")


def _reply(cursor) -> Reply:
    return Reply(cursor.fetchall(), cursor.rowcount, cursor.lastrowid, time.perf_counter())


def _is_lost(error: Exception) -> bool:
    """Tell an error of the connection from the database's answer to a statement."""
    if not isinstance(error, pymysql.err.Error) or not error.args:
        return True
    code = error.args[0]
    return not isinstance(code, int) or code in _GONE


def _in_words(error: Exception) -> str:
    """Say what the driver said, without its error number."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
