"""What a login reads and writes."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from . import agents, attempts, event_statements, floor_store, history_statements
from . import floor_statements as reading
from . import login_statements as writing
from .config import DatabaseConfig
from .connection import Connection
from .day import Day, as_csv, bounds, day_of
from .deadline import Deadline
from .errors import DatabaseRefused, DatabaseUnreachable, LostRace, RowBusy, TooLate
from .events import REFUSED, Event
from .floor import Change, DialerOnFloor, Floor, assemble, leaving
from .floor_statements import FloorQuestion
from .lock import Lock
from .login_statements import Claim
from .phones import PhoneRow, by_login, channel, listed_phones, of_one_alias, parse_logins
from .policy import DISABLED, Dialer, Phone
from .request import Campaign, KnownAgent, Listed, Request, Tried
from .sessions import LiveSession
from .sql import COMMIT, START, Reply, decoded
from .vicidial import DEFAULT_GROUPING_LIMIT, DEFAULT_SYSTEM_LIMIT
from .wakeups import Waker

log = logging.getLogger("evenfloor.database")

#: How long an answer is waited for, in seconds. A database that hangs is an error within 5 s, also
#: where the connection has to be made again.
ANSWER_TIMEOUT = 3
#: How long a row lock is waited for, in seconds. Then the next best dialer is taken.
ROW_WAIT = 1
#: How long a question whether all is well may take, in seconds.
PING_TIMEOUT = 1.5
#: How long a day of the floor is waited for, in seconds.
DAY_TIMEOUT = 20
#: How long what nobody waits for is undone, in seconds.
UNDO_TIMEOUT = 2
#: Which part of the time in which an answer is waited for a claim may be made: the rest is for the
#: way back.
_CLAIM_PART = 0.75


@dataclass(frozen=True)
class View:
    """What a choice is made with, as one view of the database.

    Attributes:
        listed: what was asked for.
        phones: one for each login of the list, in its order.
        floor: their dialers, without the caller's own sessions.
        own: the caller's sessions; read for a login only.
        others: other users' sessions on those of the phones that have the password; read for a
            login only.
    """

    listed: Listed
    phones: list[Phone]
    floor: Floor
    own: list[LiveSession] = field(default_factory=list)
    others: list[LiveSession] = field(default_factory=list)

    def is_here(self, session: LiveSession) -> bool:
        """Whether a session is on one of the phones that have the password."""
        return (session.server_ip, session.channel.lower()) in {
            (phone.server_ip, channel(phone).lower())
            for phone in self.phones
            if phone.password_matches
        }

    def without(self, sessions: Iterable[LiveSession]) -> View:
        """Return the view without other users' sessions that are about to end."""
        return replace(self, floor=self.floor.without(sessions, self.listed.counted))

    def without_rooms(self, addresses: Iterable[str]) -> View:
        """Return the view with dialers that turned out to have no room left."""
        return replace(self, floor=self.floor.without_rooms(addresses))


class LoginStore:
    """The database as a login sees it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        longest_lock: the longest that the lock is waited for, in seconds.
        busy: whether it is read how busy dialers are.
        wake_port: on which dialers' daemons listen for datagrams; 0 where none are sent.
    """

    def __init__(
        self,
        config: DatabaseConfig,
        longest_lock: int = 0,
        busy: bool = False,
        wake_port: int = 0,
    ):
        self._connection = Connection(config, ANSWER_TIMEOUT, ROW_WAIT)
        self._database = config.name
        self._longest_lock = longest_lock
        self._busy = busy
        self._waker = Waker(wake_port)
        #: Users and tags of sessions of which nobody knows whether they were written.
        self._doubtful: list[tuple[str, str]] = []
        #: Takes back what was begun for the present caller.
        self._undo: Callable[[], None] | None = None

    def close(self) -> None:
        """Give the connection back; the next question makes a new one."""
        self._connection.close()
        self._waker.close()

    @contextlib.contextmanager
    def within(self, deadline: Deadline):
        """Do what is asked for inside within a deadline, or not at all.

        Args:
            deadline: until when the caller waits.
        """
        self._undo = None
        with self._connection.within(deadline):
            yield

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

    def ping(self) -> None:
        """Ask for an answer.

        Raises:
            DatabaseUnreachable: there is none.
        """
        with self._connection.within(Deadline(PING_TIMEOUT)):
            self._connection.run("SELECT 1")

    def lock(self) -> Lock:
        """Return the cluster's lock, to be used with ``with``; it isn't taken yet."""
        return Lock(self._connection, self._database, self._longest_lock)

    # -- what a login reads ---------------------------------------------------------------

    def listed(self, request: Request) -> Listed:
        """Read the alias and the campaign, the user, and what its client has tried."""
        statements = [reading.alias(request.alias, request.campaign)]
        if request.proves_user:
            statements.append(agents.known(request.user))
        if request.client:
            statements.append(attempts.look(request.client))
        reply, *more = self._connection.batch(statements)
        (agent,) = agents.KNOWN.read(more.pop(0)) if request.proves_user else [KnownAgent()]
        (row,) = reading.ALIAS.read(reply)
        logins = parse_logins(request.alias if row.logins_list is None else row.logins_list)
        known = {"is_typed": row.logins_list is None, "tried": attempts.tried(more), "agent": agent}
        if request.campaign == "":
            return Listed(request, logins, Campaign(), "", **known)
        if row.campaign_id is None:
            return Listed(request, logins, None, "", **known)
        campaign = Campaign(
            row.grouping or DISABLED,
            DEFAULT_GROUPING_LIMIT if row.limit is None else row.limit,
            DEFAULT_SYSTEM_LIMIT if row.system_limit is None else row.system_limit,
        )
        # Only grouping asks how many agents of a campaign there are.
        counted = "" if campaign.grouping == DISABLED else request.campaign
        return Listed(request, logins, campaign, counted, **known)

    def has_agents(self) -> bool:
        """Say whether agents have passwords of their own."""
        with self._connection.within(Deadline(PING_TIMEOUT)):
            return bool(self._connection.batch([agents.any_there()])[0].rows[0][0])

    def knows_password(self, listed: Listed) -> bool:
        """Say whether one of the listed phones has the login password."""
        question = _question(listed)
        known = reading.password_is_known(question.logins, listed.request.password)
        return bool(self._connection.batch([known])[0].rows[0][0])

    def of_one_alias(self, listed: Listed) -> Listed:
        """Cut a typed list down to the phones of one alias: that of its first phone."""
        if not listed.is_typed or len(listed.logins) < 2:
            return listed
        reply = self._connection.batch([reading.aliases_with(listed.logins[0])])[0]
        logins = of_one_alias(listed.logins, [logins_list for (logins_list,) in reply.rows])
        return replace(listed, logins=logins)

    def view(self, listed: Listed, all_rooms: bool = False, with_sessions: bool = False) -> View:
        """Read phones and dialers without the lock.

        Args:
            listed: what :meth:`listed` returned.
            all_rooms: count every free room; else 1 stands for «at least one».
            with_sessions: read the sessions too that a login may end.
        """
        question = self._asked(listed, with_sessions, all_rooms)
        replies = self._connection.batch(reading.floor(question))
        view = self._seen(_view(listed, question, replies))
        return replace(view, floor=view.floor.rooms_left()) if all_rooms else view

    def view_under_lock(self, listed: Listed, lock: Lock, with_sessions: bool = False) -> View:
        """Take the lock and read phones, dialers and who is live, in one trip.

        A password that no listed phone has takes no lock: strangers don't keep agents waiting.

        Args:
            listed: what :meth:`listed` returned.
            lock: the lock.
            with_sessions: read the sessions too that a login may end.
        """
        question = self._asked(listed, with_sessions)
        known = reading.password_is_known(question.logins, listed.request.password)
        return self._seen(_view(listed, question, lock.take(reading.floor(question), known)))

    def _asked(self, listed: Listed, sessions: bool, all_rooms: bool = False) -> FloorQuestion:
        question = _question(listed, all_rooms)
        return replace(question, busy=self._busy, sessions=sessions)

    def _seen(self, view: View) -> View:
        return replace(view, floor=floor_store.with_last_known(self._connection, view.floor))

    def floor(self) -> list[DialerOnFloor]:
        """Read every dialer."""
        return floor_store.read_floor(self._connection, self._busy)[0]

    def dialer_names(self) -> dict[str, str]:
        """Read every dialer's name by its ``server_ip``."""
        return dict(self._connection.batch([reading.dialer_names()])[0].rows)

    def day(self, day: date) -> Day:
        """Read a day of the floor, by the clock of this host."""
        first, end = bounds(day)
        found, spread, names = self._connection.batch(
            [
                history_statements.parts(first, end),
                history_statements.spread(first, end),
                reading.dialer_names(),
            ],
            most=DAY_TIMEOUT,
        )
        rows = history_statements.PART_ROW.read(found)
        return day_of(day, rows, spread.rows[0], dict(names.rows))

    def day_as_csv(self, day: date) -> str:
        """Read a day's quarter minutes as CSV, by the clock of this host."""
        found, names = self._connection.batch(
            [history_statements.rows(*bounds(day)), reading.dialer_names()], most=DAY_TIMEOUT
        )
        return as_csv(history_statements.HISTORY_ROW.read(found), dict(names.rows))

    def reporting_dialers(self) -> list[str]:
        """Find the dialers of which the database says who is registered."""
        reply = self._connection.batch([reading.reporting_dialers()])[0]
        return [server_ip for (server_ip,) in reply.rows]

    def sessions_of(self, *users: str) -> list[LiveSession]:
        """Find where users are logged in."""
        if not users:
            return []
        return reading.SESSION.read(self._connection.batch([reading.sessions_of(users)])[0])

    # -- what a login writes --------------------------------------------------------------

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
            The room; None where none was free in time, and nothing has changed.

        Raises:
            TooLate: nobody waits for the session any longer. Nothing has changed.
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
            try:
                replies = lock.release(
                    statements,
                    [*checked, writing.keep_decision(decision, if_room=True)],
                    only_if=writing.HAS_ROOM,
                )
            except RowBusy as error:
                log.warning("%s: %s; the next dialer is asked", claim.phone.server_ip, error)
                self._connection.roll_back()
                return None
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

    def count_wrong_password(self, request: Request, is_users: bool) -> Tried:
        """Count a wrong password; returns what its client has tried with it.

        Args:
            request: what was asked for.
            is_users: whether it was the agent's own, and not the phone's.
        """
        user = request.user if is_users else ""
        detail = "wrong user password" if is_users else "wrong password, or no such phone login"
        event = Event(REFUSED, request.user, request.alias, address=request.client, detail=detail)
        # Whatever time the client says that it has: it would choose not to be counted.
        with self._connection.within(Deadline(UNDO_TIMEOUT)):
            listed = self.of_one_alias(self.listed(Request(request.alias)))
            found = self._connection.batch([reading.extensions_of(_question(listed).logins)])
            phones = [extension or "" for (extension,) in found[0].rows]
            counting = attempts.count(request.client, request.alias, phones, user)
            replies = self._connection.batch([*counting, event_statements.keep(event)])
        return attempts.tried(replies[len(counting) - 1 : len(counting)])

    def keep_event(self, event: Event) -> None:
        """Keep an event for those who watch the floor."""
        self._connection.batch([event_statements.keep(event)])

    def note_held(self, held: Mapping[str, bool]) -> None:
        """Note which dialers the guard holds back from now on, and which no longer."""
        self._connection.batch(
            [
                writing.hold(server_ip) if is_held else writing.let_go(server_ip)
                for server_ip, is_held in held.items()
            ]
        )

    def keep_decision(self, decision: dict) -> None:
        """Keep a decision that claims nothing."""
        self._connection.batch([writing.keep_decision(decision)])

    def prune(self, decisions_kept: int) -> None:
        """Remove reservations that have expired and decisions older than ``decisions_kept`` s."""
        self._connection.batch(writing.prune(decisions_kept))


def _question(listed: Listed, all_rooms: bool = False) -> FloorQuestion:
    # A list of none would be no list to the database.
    logins = tuple(listed.logins) or ("",)
    return FloorQuestion(logins, listed.request.user, listed.counted, all_rooms)


def _view(listed: Listed, question: FloorQuestion, replies: Sequence[Reply]) -> View:
    """Make a view of the replies to a floor's statements."""
    _noted, found = replies
    state = reading.state_in(question)
    rows: list[PhoneRow] = []
    dialers: list[Dialer] = []
    changes: list[Change] = []
    sessions: dict[str, list[LiveSession]] = {reading.OWN: [], reading.OTHER: []}
    newest_id, counts_epochs = 0, False
    for kind, *values in decoded(found):
        if kind == reading.PHONE:
            rows.append(reading.PHONE_ROW.made_of(values[0]))
            dialers.append(state.made_of(values[1]))
        elif kind == reading.CHANGE:
            changes.append(reading.CHANGE_ROW.made_of(values[0]))
        elif kind == reading.NEWEST:
            newest_id, counts_epochs = values[0] or 0, bool(values[1])
        else:
            sessions[kind].append(reading.SESSION.made_of(values[0]))
    phones = listed_phones(listed.logins, by_login(rows), listed.request.password)
    changes += leaving(sessions[reading.OWN], question.counted)
    floor = assemble([dialer for dialer in dialers if dialer.server_ip], changes, newest_id)
    floor = replace(floor, counts_epochs=counts_epochs)
    view = View(listed, phones, floor, sessions[reading.OWN])
    others = [other for other in sessions[reading.OTHER] if view.is_here(other)]
    return replace(view, others=others) if others else view
