"""The connection: made when needed, made again when it broke, several statements a trip.

Nothing here knows a table. The driver's error numbers don't leave this module: it raises the
errors of :mod:`evenfloor.errors`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from collections.abc import Sequence

import pymysql
from pymysql.constants import CLIENT, CR, ER

from .config import DatabaseConfig
from .errors import DatabaseRefused, DatabaseUnreachable, LostRace, UnfitValue
from .sql import Reply, Statement

log = logging.getLogger("evenfloor.database")

#: Seconds.
CONNECT_TIMEOUT = 2
ANSWER_TIMEOUT = 10
#: How often a transaction that loses its race is tried in all.
TRANSACTION_TRIES = 4
#: The pause before it is tried again, in seconds: at random between these.
TRANSACTION_PAUSE = (0.001, 0.02)

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
_LOST_RACE = {
    ER.LOCK_DEADLOCK,
    ER.LOCK_WAIT_TIMEOUT,
    1020,  # MariaDB: the row has changed since the snapshot
}
_UNFIT = {
    1267,  # collations that can't be compared: the table doesn't have these characters
    1270,
    1271,
    ER.TRUNCATED_WRONG_VALUE_FOR_FIELD,
    ER.DATA_TOO_LONG,
}

#: The driver escapes by the sql_mode that the server named at first; an init_connect changes the
#: mode afterwards, and the driver doesn't see it.
_BACKSLASHES_ESCAPE = (
    "SET SESSION sql_mode = REPLACE(REPLACE(CONCAT(',', @@sql_mode), ',NO_BACKSLASH_ESCAPES', ''),"
    " ',ANSI_QUOTES', '')"
)

#: How statements begin that do no harm when they are run once more.
_REPEATABLE = ("SELECT", "START TRANSACTION")


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
        self.bound = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    def close(self) -> None:
        """Give the connection back; the next statement makes a new one."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None
            self.bound = False

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
            DatabaseUnreachable: the database didn't answer, or rejected the statement.
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
            DatabaseRefused: it rejected a statement; :class:`LostRace` and :class:`UnfitValue`
                say why.
        """
        was_idle = self._connection is not None and not self.bound
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
        text = "; ".join([cursor.mogrify(part.text, part.values) for part in statements])
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
                raise _refusal(error) from error
        except BaseException:
            # What is still to be read would be taken for the next statement's answer.
            self.close()
            raise
        return replies

    def transaction(self, work):
        """Run ``work`` again as long as it loses races, up to ``TRANSACTION_TRIES`` times.

        Args:
            work: starts a transaction and commits it; called without arguments. What it returns
                is returned.

        Raises:
            LostRace: it lost every time.
            DatabaseUnreachable: the database didn't answer, or rejected a statement.
        """
        was_bound = self.bound
        for tries_left in reversed(range(TRANSACTION_TRIES)):
            self.bound = True
            try:
                return work()
            except LostRace:
                self._roll_back()
                if not tries_left:
                    raise
                time.sleep(random.uniform(*TRANSACTION_PAUSE))
            except BaseException:
                self._roll_back()
                raise
            finally:
                self.bound = was_bound and self._connection is not None
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


def _refusal(error: Exception) -> DatabaseRefused:
    """Say why the database rejected a statement, by the error's number."""
    code = error.args[0]
    kind = LostRace if code in _LOST_RACE else UnfitValue if code in _UNFIT else DatabaseRefused
    return kind(_in_words(error))


def _in_words(error: Exception) -> str:
    """Say what the driver said, without its error number."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
