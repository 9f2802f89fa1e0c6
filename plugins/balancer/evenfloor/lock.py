"""The cluster's one named lock, from its taking to its end.

Count and claim are one step under it. It works with every table type and belongs to the database
connection: a dead process holds none. It is a lease: the database ends a connection that holds it
and is silent for :data:`LEASE` seconds, so a frozen process doesn't hold it for longer either.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from .connection import Connection
from .errors import DatabaseUnreachable
from .sql import Reply, Statement

#: Whoever holds the lock and is silent for so many seconds loses it, and the connection with it.
LEASE = 2
#: The lock is waited for in turns of so many seconds, shorter than the lease. Whoever freezes while
#: it waits has left the queue by the time the lease of a holder that froze with it ends: else it
#: would get the lock then, and keep it for a lease of its own.
TURN = 1.0
#: How long the answer to a taking is waited for at most besides the lock, in seconds.
ANSWER_TIMEOUT = 1.5
#: How long a lock's name is at most, in characters: MariaDB's limit.
LONGEST_NAME = 64

#: The name of a cluster's lock, with the secret of its database. The database is asked each time,
#: so all login hosts change to another name at the same moment. Where the table of an earlier
#: release has no column ``lock_secret``, the word means the column of ``cluster``.
LOCK_NAME = f"""LEFT(CONCAT('evenfloor.',
  COALESCE((SELECT (SELECT CONCAT(NULLIF(lock_secret, ''), '.') FROM evenfloor_cluster LIMIT 1)
    FROM (SELECT '' AS lock_secret) cluster), ''), %(database)s), {LONGEST_NAME})"""

#: What the database says where the wait was in vain, and where the lock isn't to be taken.
_IN_VAIN, _NOT_WANTED = 0, -1


def _releasing(only_if: str = "") -> Statement:
    """Give the lock back and take the lease off; it does no harm where the lock isn't held."""
    return Statement(
        f"SET @evenfloor_released = IF({only_if or 'TRUE'}, RELEASE_LOCK(@evenfloor_lock), 0),"
        f" SESSION wait_timeout = IF({only_if or 'TRUE'}, @@GLOBAL.wait_timeout,"
        " @@SESSION.wait_timeout)"
    )


def lock_name(database: str, secret: str = "") -> str:
    """Name the lock of a cluster; whoever opens or closes a dialer takes the same one.

    Args:
        database: the database's name.
        secret: the cluster's ``lock_secret``, without which nobody can hold the lock; empty on a
            cluster that has none yet.

    Returns:
        The name, cut to the 64 characters that MariaDB allows.
    """
    return f"evenfloor.{secret and secret + '.'}{database}"[:LONGEST_NAME]


class Lock:
    """The lock. It costs no trip of its own: it is taken and given back among other statements.

    Use it with ``with``: whatever happens inside, the lock is given back, or its connection ends.

    Args:
        connection: whose lock it is.
        database: the database's name.
        timeout: the longest to wait for it, in seconds, in turns of :data:`TURN`. It is waited for
            during half of the time that the connection's deadline leaves, so that time is left to
            go on without it.

    Attributes:
        held: whether it was acquired.
        seconds: how long that took, or how long it was waited for in vain.
    """

    def __init__(self, connection: Connection, database: str, timeout: float):
        self._connection = connection
        self._database = database
        self._timeout = timeout
        #: Whether the database may hold it for us.
        self._pending = False
        self._seen: datetime | None = None
        self._arrived = 0.0
        self.held = False
        self.seconds = 0.0

    def __enter__(self) -> Lock:
        self._connection.bound = True
        return self

    def __exit__(self, *_error) -> None:
        self._connection.bound = False
        if self._pending:
            self._give_up()

    def take(self, then: Sequence[Statement], only_if: Statement | None = None) -> list[Reply]:
        """Take the lock and run statements, in one trip for each turn of waiting.

        They run even if the lock wasn't acquired; :attr:`held` says whether it was.

        Args:
            then: the statements.
            only_if: a SELECT of one value; where it is false the lock isn't taken. Its tables
                aren't locked during the wait.

        Returns:
            The replies to the statements.

        Raises:
            DatabaseUnreachable: as for :meth:`Connection.batch`.
        """
        asked = time.perf_counter()
        left = min(self._timeout, self._connection.deadline.remaining / 2)
        while True:
            answer, replies = self._take_turn(then, only_if, min(left, TURN))
            left -= TURN
            if answer != _IN_VAIN or left <= 0:
                self.seconds = self._arrived - asked
                return replies

    def _take_turn(self, then: Sequence[Statement], only_if: Statement | None, wait: float):
        """Wait for the lock for some seconds; returns the database's word, and the replies."""
        self._pending = True
        _named, _leased, taken, *replies = self._connection.batch(
            [*self._taking(only_if or Statement("SELECT 1"), wait), *then],
            wait + ANSWER_TIMEOUT,
        )
        answer, self._seen = taken.rows[0]
        self.held = answer == 1
        # Where it was waited for in vain, the connection still has to get its patience back.
        self._pending = answer != _NOT_WANTED
        self._arrived = taken.arrived
        return answer, replies

    def _taking(self, only_if: Statement, wait: float) -> list[Statement]:
        # Two notes in one statement. It is apart from the wait, during which it would lock tables.
        named = Statement(
            f"SELECT ({only_if.text}), {LOCK_NAME} INTO @evenfloor_wanted, @evenfloor_lock",
            {**(only_if.values or {}), "database": self._database},
        )
        leased = Statement(
            "SET SESSION wait_timeout = IF(@evenfloor_wanted, %(lease)s, @@SESSION.wait_timeout)",
            # Nobody needs the lock once its client has left.
            {"lease": math.ceil(min(LEASE, self._connection.deadline.remaining)) or 1},
        )
        taking = Statement(
            "SELECT IF(@evenfloor_wanted, GET_LOCK(@evenfloor_lock, %(wait)s), %(not_wanted)s),"
            " SYSDATE(6)",
            {"wait": round(wait, 3), "not_wanted": _NOT_WANTED},
        )
        return [named, leased, taking]

    def until(self, seconds: float) -> datetime:
        """Say when the answer to the next statements is no longer waited for.

        What a database that hung reads only after that must not be done. See
        :func:`evenfloor.login_statements.in_time`.

        Args:
            seconds: from now on.

        Returns:
            The moment, by the database's clock.
        """
        return self._seen + timedelta(seconds=time.perf_counter() - self._arrived + seconds)

    def release(
        self, first: Sequence[Statement], then: Sequence[Statement] = (), only_if: str = ""
    ) -> list[Reply]:
        """Run statements, give the lock back, and run others, in one trip.

        Args:
            first: what has to happen under the lock.
            then: what nobody else has to wait for; those that are optional come last.
            only_if: an SQL condition without which ``first`` touches no row and the lock is kept.

        Returns:
            The replies to all these statements, without the release's.

        Raises:
            DatabaseUnreachable: as for :meth:`Connection.batch`.
        """
        replies = self._connection.batch([*first, _releasing(only_if), *then])
        if not only_if or any(reply.touched for reply in replies[: len(first)]):
            self._pending = self.held = False
        return replies[: len(first)] + replies[len(first) + 1 :]

    def _give_up(self) -> None:
        """Give the lock back in a trip of its own, or end the connection and the lock with it."""
        if not self._connection.is_open:
            return
        try:
            self._connection.batch([_releasing()])
        except BaseException as error:
            self._connection.close()
            if not isinstance(error, DatabaseUnreachable):
                raise
