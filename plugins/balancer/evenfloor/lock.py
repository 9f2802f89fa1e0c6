"""The cluster's one named lock, from its taking to its end.

Count and claim are one step under it. It works with every table type and belongs to the database
connection: a dead process holds none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from .connection import Connection
from .errors import DatabaseUnreachable
from .sql import Reply, Statement, note

_LONGEST_NAME = 64


def lock_name(database: str) -> str:
    """Name the lock of a cluster; whoever opens or closes a dialer takes the same one.

    Args:
        database: the database's name.

    Returns:
        The name, cut to the 64 characters that MariaDB allows.
    """
    return f"evenfloor.{database}"[:_LONGEST_NAME]


class Lock:
    """The lock. It costs no trip of its own: it is taken and given back among other statements.

    Use it with ``with``: whatever happens inside, the lock is given back, or its connection ends.

    Args:
        connection: whose lock it is.
        name: from :func:`lock_name`.
        timeout: the longest to wait for it, in seconds.

    Attributes:
        held: whether it was acquired.
        seconds: how long that took, or how long it was waited for in vain.
    """

    def __init__(self, connection: Connection, name: str, timeout: int):
        self._connection = connection
        self._name = name
        self._timeout = timeout
        #: Whether the database may hold it for us.
        self._pending = False
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
        """Take the lock and run statements, in one trip.

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
        self._pending = True
        asked = time.perf_counter()
        _noted, taken, *replies = self._connection.batch(
            [
                note("evenfloor_wanted", only_if or Statement("SELECT 1")),
                Statement(
                    "SELECT IF(@evenfloor_wanted, GET_LOCK(%(name)s, %(timeout)s), 0)",
                    {"name": self._name, "timeout": self._timeout},
                ),
                *then,
            ]
        )
        self.held = self._pending = taken.rows[0][0] == 1
        self.seconds = taken.arrived - asked
        return replies

    def release(self, first: Sequence[Statement], then: Sequence[Statement] = ()) -> list[Reply]:
        """Run statements, give the lock back, and run others, in one trip.

        Args:
            first: what has to happen under the lock.
            then: what nobody else has to wait for; those that are optional come last.

        Returns:
            The replies to all these statements, without the release's.

        Raises:
            DatabaseUnreachable: as for :meth:`Connection.batch`.
        """
        replies = self._connection.batch([*first, self._release, *then])
        self._pending = self.held = False
        return replies[: len(first)] + replies[len(first) + 1 :]

    @property
    def _release(self) -> Statement:
        """The statement that gives it back; it does no harm where the lock isn't held."""
        return Statement("DO RELEASE_LOCK(%(name)s)", {"name": self._name})

    def _give_up(self) -> None:
        """Give the lock back in a trip of its own, or end the connection and the lock with it."""
        if not self._connection.is_open:
            return
        try:
            self._connection.batch([self._release])
        except BaseException as error:
            self._connection.close()
            if not isinstance(error, DatabaseUnreachable):
                raise
