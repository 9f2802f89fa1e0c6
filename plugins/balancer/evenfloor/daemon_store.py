"""What a dialer's daemon reads and writes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from . import daemon_statements as sql
from .config import DatabaseConfig
from .connection import Connection
from .floor_statements import SESSION
from .machine import Busy
from .sessions import LiveSession
from .sql import COMMIT, START, Reply, Statement


@dataclass(frozen=True)
class QueuedAction:
    """An AMI action that waits for its dialer's daemon.

    Attributes:
        man_id: its number in ``vicidial_manager``.
        action: ``Originate`` or ``Hangup``.
        tag: the session that it is for.
        age: seconds since it was queued, by local time; negative or None says nothing.
        headers: ``Name: value`` each.
    """

    man_id: int
    action: str
    tag: str
    age: int | None
    headers: tuple[str, ...]


@dataclass(frozen=True)
class Charge:
    """Which daemon is in charge of a dialer.

    Attributes:
        is_ours: whether it is the one that asks.
        host: where it runs.
        started: when it took charge, UTC in words.
    """

    is_ours: bool
    host: str
    started: str


def new_token() -> str:
    """Make a daemon's name, as long as ``vicidial_manager.uniqueid``."""
    return secrets.token_hex(10)


class DaemonStore:
    """The database as a dialer's daemon sees it. Every method works on one dialer.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        token: the daemon's own, from :func:`new_token`; the same for all stores of a daemon.
    """

    def __init__(self, config: DatabaseConfig, token: str):
        self._connection = Connection(config)
        self._token = token
        #: Which of its connections holds the lock of who is in charge.
        self._in_charge_by = 0
        self.close = self._connection.close

    def _run(self, statement: Statement) -> Reply:
        return self._connection.batch([statement])[0]

    def beat(self, server_ip: str, work: sql.Work) -> bool:
        """Write the heartbeat.

        Args:
            server_ip: the dialer.
            work: for monitoring, what the daemon does.

        Returns:
            Whether actions are waiting.
        """
        beat = sql.beat(server_ip, self._token, work, self._connection.made)
        *_written, waiting = self._connection.batch(beat)
        return bool(waiting.rows)

    def take_charge(self, server_ip: str, lease: int) -> Charge:
        """Take charge of a dialer if no other daemon is in charge, or stay in charge.

        The lock ends with the connection. A daemon whose own former connection still holds it stays
        in charge, because the row names its token and only who holds the lock writes the row.

        Args:
            server_ip: the dialer.
            lease: a daemon that is silent for so many seconds loses the lock.
        """
        found = self._who_is_in_charge(server_ip)
        if not found:
            taking = sql.take_charge(
                server_ip, self._token, socket.gethostname()[:64], lease, secrets.token_hex(16)
            )
            *_taken, locked, row = self._connection.batch(taking)
            found = sql.CHARGE.read(row)
            self._in_charge_by = self._connection.made if locked.rows[0][0] == 1 else 0
        if not found or not found[0].token:  # somebody took the lock and has written nothing yet
            return Charge(False, "another host", "just now")
        return Charge(found[0].token == self._token, found[0].host, found[0].started)

    def _who_is_in_charge(self, server_ip: str) -> list[sql.ChargeRow]:
        """Read it where this daemon still has the lock: then nobody else has written the row."""
        if self._in_charge_by != self._connection.made:
            return []
        found = sql.CHARGE.read(self._run(sql.charge(server_ip)))
        is_ours = found and found[0].token == self._token
        return found if is_ours and self._in_charge_by == self._connection.made else []

    def note_kept(self, server_ip: str, calls: int) -> None:
        """Note how many calls without a live-agent row go on."""
        self._run(sql.note_kept(server_ip, calls))

    def note_busy(self, server_ip: str, busy: Busy, channels: int) -> None:
        """Note how busy a dialer is."""
        self._run(sql.note_busy(server_ip, busy.load, channels, busy.idle))

    def take_actions(self, server_ip: str) -> list[QueuedAction]:
        """Take the waiting AMI actions of a dialer, oldest first. Nobody else gets them too."""
        if not self._run(sql.any_action(server_ip, self._token)).rows:
            return []
        _claimed, found, _sent = self._connection.batch(sql.claim_actions(server_ip, self._token))
        rows = sql.ACTION.read(found)
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

    def compared(self, server_ip: str) -> tuple[list[LiveSession], dict[str, str], int]:
        """Read what is compared with Asterisk. Remote agents aren't among it: they are VICIdial's.

        Returns:
            The sessions that Evenfloor made on a dialer; its rooms that aren't free, ``{room:
            phone's channel}``; and what this very database says of a restore: ``restored``.
        """
        sessions, taken, restored = self._connection.batch(
            [sql.sessions_on(server_ip), sql.taken_rooms(server_ip), sql.restored(server_ip)]
        )
        rooms = {str(row.room): row.channel for row in sql.ROOM.read(taken)}
        is_restored = restored.rows[0][0] if restored.rows else sql.NOT_RESTORED
        return SESSION.read(sessions), rooms, is_restored

    def note_compared(self, server_ip: str, restored: int) -> None:
        """Note what the comparison after a restore has found."""
        self._run(sql.note_compared(server_ip, restored))

    def end_session(self, server_ip: str, tag: str) -> None:
        """Remove a session's live-agent row. Its room is freed with :meth:`free_room`."""
        self._run(sql.end_session(server_ip, tag))

    def hold_room(self, server_ip: str, room: str, channel: str) -> None:
        """Take a room that a call is in, so that no login is put beside it."""
        self._run(sql.hold_room(server_ip, room, channel))

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
        token: the daemon's own.
    """

    def __init__(self, config: DatabaseConfig, token: str):
        self._token = token
        self._store = DaemonStore(config, token)
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
        self._store = DaemonStore(config, self._token)

    def close(self) -> None:
        """Give the connection back and end the thread."""
        self._executor.submit(self._store.close)
        self._executor.shutdown()
