"""The connection: made when needed, made again when it broke, several statements a trip.

Nothing here knows a table. The driver's error numbers don't leave this module: it raises the
errors of :mod:`evenfloor.errors`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

import pymysql
from pymysql.constants import CLIENT, CR, ER

from .config import DatabaseConfig
from .deadline import Deadline
from .errors import (
    DatabaseRefused,
    DatabaseSilent,
    DatabaseUnreachable,
    LostRace,
    RowBusy,
    TooLate,
    UnfitValue,
)
from .sql import Reply, Statement

log = logging.getLogger("evenfloor.database")

#: Seconds for each step of connecting. A host that doesn't answer leaves time for the next one.
CONNECT_TIMEOUT = 1.5
#: Seconds that an answer is waited for, where the connection's owner says nothing else.
ANSWER_TIMEOUT = 10
#: Seconds that a transaction may be silent. What is frozen in between holds nobody up for longer.
SILENT_TRANSACTION = 2
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
LOST_RACE = {
    ER.LOCK_DEADLOCK,
    1020,  # MariaDB: the row has changed since the snapshot
}
_UNFIT = {
    1267,  # collations that can't be compared: the table doesn't have these characters
    1270,
    1271,
    ER.TRUNCATED_WRONG_VALUE_FOR_FIELD,
    ER.DATA_TOO_LONG,
}

_BUSY = {ER.LOCK_WAIT_TIMEOUT}

#: The driver escapes by the sql_mode that the server named at first; an init_connect changes the
#: mode afterwards, and the driver doesn't see it.
_SESSION = (
    "SET SESSION sql_mode = REPLACE(REPLACE(CONCAT(',', @@sql_mode), ',NO_BACKSLASH_ESCAPES', ''),"
    " ',ANSI_QUOTES', '')"
    f", SESSION idle_write_transaction_timeout = {SILENT_TRANSACTION}"
)

#: Everybody may ask this. What is counted runs whether the source of a replica is there or not, and
#: of each source, if there are several.
_ROLE = (
    "SELECT @@global.read_only, (SELECT variable_value FROM information_schema.global_status"
    " WHERE variable_name = 'SLAVES_RUNNING')"
)
_OFF = (0, "0", "OFF", None)
_WRITTEN_TO, _REPLICA, _READ_ONLY = "written to", "replica", "read-only"

#: How statements begin that do no harm when they are run once more.
_REPEATABLE = ("SELECT", "START TRANSACTION")


class Connection:
    """One connection, made when it is needed and made again when it broke.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        answer_timeout: how long an answer is waited for, in seconds.
        row_wait: how long a row lock is waited for, in seconds; 0 is the database's own setting.

    Attributes:
        deadline: until when somebody waits for what the statements find; see :meth:`within`.
        bound: whether a lock or a transaction would be lost with the connection.
        made: how often the connection has been made.
    """

    def __init__(
        self, config: DatabaseConfig, answer_timeout: float = ANSWER_TIMEOUT, row_wait: int = 0
    ):
        self._config = config
        self._hosts = [host.strip() for host in config.host.split(",") if host.strip()] or [""]
        self._written_to = ""
        self._answer_timeout = answer_timeout
        self._session = _SESSION + f", SESSION innodb_lock_wait_timeout = {row_wait}" * (
            row_wait > 0
        )
        self._connection: pymysql.Connection | None = None
        self._made_by = 0
        self.deadline = Deadline()
        self.bound = False
        self.made = 0

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

    @contextlib.contextmanager
    def within(self, deadline: Deadline):
        """Answer within a deadline all that is asked inside, or not at all.

        Args:
            deadline: until when somebody waits.
        """
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before

    def patience(self, most: float | None = None) -> float:
        """Say how long the next answer is waited for, in seconds.

        Args:
            most: a limit; the connection's own where none is given.

        Raises:
            TooLate: nobody waits any longer.
        """
        # Never 0: a socket that waits for 0 s doesn't wait at all.
        remaining = self.deadline.check()
        return min(self._answer_timeout if most is None else most, remaining)

    def _connected(self) -> pymysql.Connection:
        if self._connection is None or self._made_by != os.getpid():
            self._made_by = os.getpid()  # a process that was forked leaves its parent's alone
            self._connection = None
            self._connection = self._connect()
            self.made += 1
        return self._connection

    def _connect(self) -> pymysql.Connection:
        """Connect to the host that is written to; the next connection begins with it.

        Of several hosts, it is one that is neither read-only nor a replica: somebody may have
        forgotten to make a replica read-only. Where two hosts replicate from each other, it is the
        one that isn't read-only: that is known once every host has answered, and from then on.
        """
        failures = {}
        with contextlib.ExitStack() as unused:
            replica = None
            for untried, host in zip(range(len(self._hosts), 0, -1), tuple(self._hosts)):
                try:
                    found = self._connect_to(host, self.patience(CONNECT_TIMEOUT) / untried)
                    role = _WRITTEN_TO if len(self._hosts) == 1 else _role(found)
                except (pymysql.err.Error, OSError) as error:
                    failures[host] = error
                    continue
                if role == _WRITTEN_TO or (role == _REPLICA and host == self._written_to):
                    self._hosts.remove(host)
                    self._hosts.insert(0, host)
                    return found
                if role == _REPLICA and replica is None:
                    replica = host, found
                    unused.callback(found.close)
                else:
                    found.close()
            if replica is not None and not failures:
                unused.pop_all()
                self._written_to, found = replica
                return found
        raise _none_written_to(self._hosts, failures)

    def _connect_to(self, host: str, seconds: float) -> pymysql.Connection:
        where = self._config
        target = (
            {"unix_socket": where.unix_socket, "ssl_disabled": True}
            if where.unix_socket
            else {"host": host, "port": where.port, **_encryption(where.tls_ca)}
        )
        return pymysql.connect(
            **target,
            user=where.user,
            password=where.password,
            database=where.name,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=seconds,
            # The greeting is an answer, too; a database that hangs doesn't send it.
            read_timeout=seconds,
            write_timeout=seconds,
            client_flag=CLIENT.MULTI_STATEMENTS,
            init_command=self._session,
        )

    def run(self, text: str, values=None) -> Reply:
        """Run one statement.

        Raises:
            DatabaseUnreachable: the database didn't answer, or rejected the statement.
        """
        return self.batch([Statement(text, values)])[0]

    def batch(self, statements: Sequence[Statement], most: float | None = None) -> list[Reply]:
        """Run statements in one trip to the database, up to the first that fails.

        A connection that broke while nobody used it (the database was restarted) is made again
        and reading statements are run once more, unless a lock or a transaction died with it.

        Args:
            statements: in their order; those that are ``optional`` come last.
            most: how long the answer is waited for, in seconds; by default as long as any.

        Returns:
            A reply for each; fewer where an optional one failed, which is logged.

        Raises:
            DatabaseUnreachable: the database didn't answer.
            TooLate: nobody waits for the answer any longer; nothing was sent.
            DatabaseRefused: it rejected a statement; :class:`LostRace` and :class:`UnfitValue`
                say why.
        """
        was_idle = self._connection is not None and not self.bound
        try:
            return self._trip(statements, most)
        except (DatabaseRefused, TooLate, DatabaseSilent):
            raise
        except DatabaseUnreachable:
            if was_idle and all(part.text.lstrip().startswith(_REPEATABLE) for part in statements):
                return self._trip(statements, most)
            raise

    def _trip(self, statements: Sequence[Statement], most: float | None = None) -> list[Reply]:
        try:
            connection = self._connected()
        except DatabaseUnreachable:
            raise
        except Exception as error:  # the driver trips over what is no greeting of a database's
            raise DatabaseUnreachable(_in_words(error)) from error
        # The driver has no public way to change them, and looks at them before each answer.
        connection._read_timeout = connection._write_timeout = self.patience(most)
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
                kind = DatabaseSilent if _timed_out(error) else DatabaseUnreachable
                raise kind(_in_words(error)) from error
            else:
                raise _refusal(error) from error
        except BaseException:
            # What is still to be read would be taken for the next statement's answer.
            self.close()
            raise
        return replies

    def transaction(self, work, tries: int = TRANSACTION_TRIES):
        """Run ``work`` again as long as it loses races.

        Args:
            work: starts a transaction and commits it; called without arguments. What it returns
                is returned.
            tries: how often in all.

        Raises:
            LostRace: it lost every time.
            DatabaseUnreachable: the database didn't answer, or rejected a statement.
        """
        was_bound = self.bound

        def attempt():
            self.bound = True
            try:
                return work()
            except BaseException:
                self.roll_back()
                raise
            finally:
                self.bound = was_bound and self._connection is not None

        return until_won(attempt, tries)

    def roll_back(self) -> None:
        """Undo what was begun, or end the connection and the transaction with it."""
        if self._connection is not None:
            try:
                self.run("ROLLBACK")
            except DatabaseUnreachable:
                self.close()


def _role(connection: pymysql.Connection) -> str:
    """Ask one of several databases what it is; a connection without an answer is closed."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ROLE)
            ((read_only, replicates),) = cursor.fetchall()
    except BaseException:
        connection.close()
        raise
    if read_only not in _OFF:
        return _READ_ONLY
    return _WRITTEN_TO if replicates in _OFF else _REPLICA


def _none_written_to(hosts: Sequence[str], failures: Mapping[str, Exception]) -> Exception:
    """Say why none of the databases is used; of one alone, its own error does.

    Args:
        hosts: all of them.
        failures: why there was no connection, by host.
    """
    if len(hosts) == 1:
        return failures[hosts[0]]
    why = [
        f"{host}: {_in_words(failures[host])}" if host in failures
        else f"{host} is read-only or a replica"
        for host in hosts
    ]  # fmt: skip
    return OSError(f"no database takes writes: {'; '.join(why)}")


def until_won(work, tries: int):
    """Do something again as long as it loses races, after a moment for whoever has won.

    Args:
        work: called without arguments. What it returns is returned.
        tries: how often in all.

    Raises:
        LostRace: it lost every time.
    """
    for _again in range(tries - 1):
        try:
            return work()
        except LostRace:
            time.sleep(random.uniform(*TRANSACTION_PAUSE))
    return work()


def _encryption(tls_ca: str) -> dict:
    """Say how the driver encrypts: with whom it can be sure of, where there is an authority."""
    if not tls_ca:
        return {}
    try:
        return {"ssl": ssl.create_default_context(cafile=tls_ca)}
    except OSError as error:
        raise OSError(error.errno, f"tls_ca {tls_ca} can't be used: {error.strerror}") from error


def _reply(cursor) -> Reply:
    return Reply(cursor.fetchall(), cursor.rowcount, cursor.lastrowid, time.perf_counter())


def _is_lost(error: Exception) -> bool:
    """Tell an error of the connection from the database's answer to a statement."""
    if not isinstance(error, pymysql.err.Error) or not error.args:
        return True
    code = error.args[0]
    return not isinstance(code, int) or code in _GONE


def _timed_out(error: BaseException | None) -> bool:
    """Tell a database that is silent from a connection that ended."""
    while error is not None:
        if isinstance(error, (TimeoutError, socket.timeout)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _refusal(error: Exception) -> DatabaseRefused:
    """Say why the database rejected a statement, by the error's number."""
    code = error.args[0]
    kinds = ((RowBusy, _BUSY), (LostRace, LOST_RACE), (UnfitValue, _UNFIT))
    kind = next((kind for kind, codes in kinds if code in codes), DatabaseRefused)
    return kind(_in_words(error))


def _in_words(error: Exception) -> str:
    """Say what the driver said, without its error number."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
