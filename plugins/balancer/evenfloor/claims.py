"""What choices and logins claim, and how it is given back: reservations and sessions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from . import floor_statements as reading
from . import login_statements as writing
from .connection import Connection
from .deadline import Deadline
from .errors import DatabaseRefused, DatabaseUnreachable, LostRace, TooLate
from .lock import Lock
from .login_statements import Claim
from .sessions import LiveSession
from .sql import COMMIT, START
from .wakeups import Waker

log = logging.getLogger("evenfloor.database")

#: How long what nobody waits for is undone, in seconds.
UNDO_TIMEOUT = 2
#: Which part of the time in which an answer is waited for a claim may be made: the rest is for the
#: way back.
_CLAIM_PART = 0.75


class Claims:
    """Writes what is claimed, and undoes what nobody waits for.

    Not for use from several threads at once.

    Args:
        connection: the login's.
        wake_port: on which dialers' daemons listen for datagrams; 0 where none are sent.
    """

    def __init__(self, connection: Connection, wake_port: int):
        self._connection = connection
        self._waker = Waker(wake_port)
        #: Users and tags of sessions of which nobody knows whether they were written.
        self._doubtful: list[tuple[str, str]] = []
        #: Takes back what was begun for the present caller.
        self._undo: Callable[[], None] | None = None

    def close(self) -> None:
        """Send no more datagrams; the next claim begins again."""
        self._waker.close()

    def forget_caller(self) -> None:
        """Undo nothing any longer of what was begun for the present caller: the next one comes."""
        self._undo = None

    def undo_if_late(self) -> None:
        """Undo what was begun, if the caller no longer waits for the answer.

        Raises:
            TooLate: the caller doesn't.
        """
        undo, deadline = self._undo, self._connection.deadline
        if undo is not None and deadline.passed:
            self._undo = None
            with self._connection.within(Deadline(UNDO_TIMEOUT)):
                undo()
            raise TooLate("the caller no longer waits for the answer")

    def sessions_of(self, *users: str) -> list[LiveSession]:
        """Find where users are logged in."""
        if not users:
            return []
        return reading.SESSION.read(self._connection.batch([reading.sessions_of(users)])[0])

    def reserve(self, claim: Claim, seconds: int, lock: Lock, decision: dict) -> bool:
        """Count a choice until its live-agent row is there, and give the lock back.

        Args:
            claim: what was chosen.
            seconds: for how long it counts at most.
            lock: is given back.
            decision: for ``evenfloor_decisions``.

        Returns:
            Whether there is a room left for it. If not, nothing stays reserved.

        Raises:
            TooLate: nobody waits for the choice any longer. Nothing is reserved.
        """
        reserved, room, *kept = lock.release(
            [writing.reserve(claim, seconds, self._claimed_until(lock))],
            [writing.room_beside_the_reserved(claim), writing.keep_decision(decision)],
        )
        decisions = [reply.last_id for reply in kept]
        if not reserved.touched:
            self._take_back(claim, decisions)
            raise TooLate("the caller no longer waits for the choice")
        if not room.rows:
            # Until the choice is told, nobody makes use of its reservation.
            self._take_back(claim, decisions)
            return False
        self._undo = lambda: self._take_back(claim, decisions)
        return True

    def _take_back(self, claim: Claim, decisions: Sequence[int]) -> None:
        self._connection.batch([writing.take_back(claim), *map(writing.forget_decision, decisions)])

    def _claimed_until(self, lock: Lock) -> datetime:
        """Say until when a claim may be made that is sent now, by the database's clock."""
        return lock.until(self._connection.patience() * _CLAIM_PART)

    def write_session(
        self, claim: Claim, tag: str, ended: Sequence[LiveSession], lock: Lock, decision: dict
    ) -> str | None:
        """Claim a room, end the sessions it replaces, ask for the call, write what is counted.

        Everything is one trip, and one transaction where the engine has them. Where it hasn't,
        nobody's session ends before there is a room, and the live-agent row comes last: it never
        stands without its room and its call.

        Args:
            claim: what was chosen.
            tag: the session's name.
            ended: the sessions that this one replaces.
            lock: is given back once there is a room.
            decision: for ``evenfloor_decisions``.

        Returns:
            The room; None where none was free, and nothing has changed.

        Raises:
            TooLate: nobody waits for the session any longer. Nothing has changed.
            RowBusy: somebody has locked a row of the dialer's. Nothing has changed.
            LostRace: others have claimed something since the floor was read: read it again and
                decide again. Nothing has changed.
        """
        user, counts_epochs = claim.request.user, claim.floor.counts_epochs
        noted = [writing.note_current()] if counts_epochs else []
        counted = [writing.count_epoch()] if counts_epochs else []
        checked = [writing.claimed(tag)] if counts_epochs else []

        def work() -> str | None:
            seconds = self._connection.patience() * _CLAIM_PART
            late = time.perf_counter() + seconds
            statements = [
                START,
                *noted,
                *writing.claim_room(claim, lock.until(seconds)),
                *writing.endings(ended, if_room=True),
                writing.originate(claim, tag),
                writing.live_agent(claim, tag),
                *counted,
                COMMIT,
                writing.forget_reservation(user, if_room=True),
            ]
            replies = lock.release(
                statements,
                [*checked, writing.keep_decision(decision, if_room=True)],
                only_if=writing.HAS_ROOM,
            )
            claimed, after = replies[1 + len(noted)], replies[len(statements) :]
            if not claimed.touched and time.perf_counter() >= late:
                raise TooLate("the caller no longer waits for the session")
            if claimed.touched and checked and after[0].rows[0][0] is None:
                raise LostRace("another database has undone it")
            if claimed.touched:
                return str(claimed.last_id)
            if counts_epochs and not self._is_current():
                raise LostRace("somebody else has claimed a room through another database")
            return None

        try:
            # What was decided is worth nothing once the race is lost.
            room = self._connection.transaction(work, tries=1)
        except (DatabaseRefused, TooLate):
            raise
        except DatabaseUnreachable:
            self._doubtful.append((user, tag))
            raise
        if room is not None:
            self._waker.wake([claim.phone.server_ip, *(old.server_ip for old in ended)])
            self._undo = lambda: self._end_late(user, tag)
        return room

    def _is_current(self) -> bool:
        """Say whether the last claim failed for another reason than its epoch."""
        return bool(self._connection.run(f"SELECT {writing.IS_CURRENT}").rows[0][0])

    def _end_late(self, user: str, tag: str) -> None:
        self._doubtful.append((user, tag))
        self.end_doubtful()

    def end_doubtful(self) -> None:
        """End the sessions that were begun for somebody who was told that there is none.

        Raises:
            DatabaseUnreachable: the database didn't answer; they are kept in mind.
        """
        with self._connection.within(Deadline(UNDO_TIMEOUT)):
            while self._doubtful:
                self.end_session(*self._doubtful[0])
                self._doubtful.pop(0)

    def end_session(self, user: str, tag: str) -> int:
        """End one session, if it is still there; returns 1 where it was, else 0."""
        sessions = [found for found in self.sessions_of(user) if found.tag == tag]
        if sessions:
            self.end_sessions(user, sessions)
        return len(sessions)

    def end_sessions(self, user: str, sessions: Sequence[LiveSession]) -> None:
        """Count a user's sessions no more, and ask their dialers to end the calls.

        Raises:
            LostRace: another database has undone it, every time.
        """

        def work() -> None:
            *_replies, left = self._connection.batch(
                [
                    START,
                    *writing.endings(sessions),
                    COMMIT,
                    writing.forget_reservation(user),
                    writing.any_left(sessions),
                ]
            )
            if left.rows:
                raise LostRace("another database has undone it")

        if sessions:
            self._connection.transaction(work)
            self._waker.wake(session.server_ip for session in sessions)
        else:
            self._connection.batch([writing.forget_reservation(user)])
