"""What a dialer's daemon reads and writes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from . import daemon_statements as sql
from .config import DatabaseConfig
from .connection import Connection
from .floor_statements import SESSION
from .sessions import LiveSession
from .sql import COMMIT, START, Reply, Statement


@dataclass(frozen=True)
class QueuedAction:
    """An AMI action that waits for its dialer's daemon.

    Attributes:
        man_id: its number in ``vicidial_manager``.
        action: ``Originate`` or ``Hangup``.
        tag: the session that it is for.
        age: seconds since it was queued.
        headers: ``Name: value`` each.
    """

    man_id: int
    action: str
    tag: str
    age: int
    headers: tuple[str, ...]


class DaemonStore:
    """The database as a dialer's daemon sees it. Every method works on one dialer.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._connection = Connection(config)
        self.close = self._connection.close

    def _run(self, statement: Statement) -> Reply:
        return self._connection.batch([statement])[0]

    def beat(self, server_ip: str) -> None:
        """Write the heartbeat."""
        self._run(sql.beat(server_ip))

    def take_actions(self, server_ip: str) -> list[QueuedAction]:
        """Take the waiting AMI actions of a dialer, oldest first."""
        rows = sql.ACTION.read(self._run(sql.waiting_actions(server_ip)))
        if rows:
            self._run(sql.note_sent([row.man_id for row in rows]))
        return [
            QueuedAction(
                row.man_id,
                row.action,
                row.tag,
                row.age,
                tuple(line for line in row.headers.split("\n") if line),
            )
            for row in rows
        ]

    def note_late(self, tag: str) -> None:
        """Note that a session's action came too late to be sent."""
        self._run(sql.finish_actions(tag, "DEAD"))

    def note_answered(self, server_ip: str, tag: str, channel: str) -> None:
        """Note that a session's phone answered, and the channel that it has got."""
        self._connection.transaction(
            lambda: self._connection.batch(
                [
                    START,
                    sql.finish_actions(tag, "UPDATED"),
                    sql.name_channel(server_ip, tag, channel),
                    COMMIT,
                ]
            )
        )

    def forget_actions(self, server_ip: str, seconds: int) -> None:
        """Remove a dialer's actions that were taken and are older than ``seconds``."""
        self._run(sql.forget_actions(server_ip, seconds))

    def sessions_on(self, server_ip: str) -> list[LiveSession]:
        """Find the sessions of a dialer that Evenfloor made (remote agents are VICIdial's)."""
        return SESSION.read(self._run(sql.sessions_on(server_ip)))

    def taken_rooms(self, server_ip: str) -> dict[str, str]:
        """Find the rooms of a dialer that aren't free: ``{room: phone's channel}``."""
        rows = sql.ROOM.read(self._run(sql.taken_rooms(server_ip)))
        return {str(row.room): row.channel for row in rows}

    def end_session(self, server_ip: str, tag: str) -> None:
        """Remove a session's live-agent row. Its room is freed with :meth:`free_room`."""
        self._run(sql.end_session(server_ip, tag))

    def free_room(self, server_ip: str, room: str) -> None:
        """Free a room, unless a session lives in it."""
        self._run(sql.free_room(server_ip, room))

    def peer_states(self, server_ip: str) -> dict[str, str]:
        """Read what ``phones`` says of each extension's registration on a dialer."""
        rows = sql.PEER.read(self._run(sql.peer_states(server_ip)))
        return {row.extension: row.state for row in rows}

    def set_peer_state(self, server_ip: str, extensions: Sequence[str], state: str) -> None:
        """Write the registration's state of some extensions on a dialer."""
        if extensions:
            self._run(sql.set_peer_state(server_ip, extensions, state))


class DaemonThread:
    """A :class:`DaemonStore` with the one thread that uses it.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._store = DaemonStore(config)
        self._executor = concurrent.futures.ThreadPoolExecutor(max_workers=1)

    async def __call__(self, method, *values):
        """Run a method of :class:`DaemonStore` in the thread.

        Raises:
            DatabaseUnreachable: the database didn't answer, or rejected a statement.
        """
        work = functools.partial(method, self._store, *values)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def use(self, config: DatabaseConfig) -> None:
        """Connect anew, as this says, after what is being done."""
        self._executor.submit(self._store.close)
        self._store = DaemonStore(config)

    def close(self) -> None:
        """Give the connection back and end the thread."""
        self._executor.submit(self._store.close)
        self._executor.shutdown()
