"""What a login reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from . import floor_statements as reading
from . import login_statements as writing
from .config import DatabaseConfig
from .connection import Connection
from .floor import Change, DialerRow, Floor, assemble
from .floor_statements import FloorQuestion
from .lock import Lock, lock_name
from .login_statements import Claim
from .phones import PhoneRow, by_login, channel, listed_phones, parse_logins
from .policy import DISABLED, Dialer, Phone
from .request import Campaign, Listed, Request
from .sessions import LiveSession
from .sql import COMMIT, ROLLBACK, START, Reply, decoded
from .vicidial import DEFAULT_GROUPING_LIMIT, DEFAULT_SYSTEM_LIMIT


@dataclass(frozen=True)
class View:
    """What a choice is made with, as one view of the database.

    Attributes:
        listed: what was asked for.
        phones: one for each login of the list, in its order.
        floor: their dialers, without the caller's own sessions.
        own: the caller's sessions; read for a login only.
        others: other users' sessions on these phones; read for a login only.
    """

    listed: Listed
    phones: list[Phone]
    floor: Floor
    own: list[LiveSession] = field(default_factory=list)
    others: list[LiveSession] = field(default_factory=list)

    def without(self, sessions: Iterable[LiveSession]) -> View:
        """Return the view without other users' sessions that are about to end."""
        return replace(self, floor=self.floor.without(sessions, self.listed.counted))

    def without_rooms(self, addresses: Iterable[str]) -> View:
        """Return the view with dialers that turned out to have no room left."""
        return replace(self, floor=self.floor.without_rooms(addresses))


class DialerOnFloor(NamedTuple):
    """A dialer of the whole floor: its row and its state, reservations counted."""

    row: DialerRow
    dialer: Dialer


class LoginStore:
    """The database as a login sees it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        longest_lock: the longest that the lock is waited for, in seconds.
    """

    def __init__(self, config: DatabaseConfig, longest_lock: int = 0):
        self._connection = Connection(config, longest_lock)
        self._lock_name = lock_name(config.name)
        self._longest_lock = longest_lock
        self.close = self._connection.close

    def ping(self) -> None:
        """Ask for an answer.

        Raises:
            DatabaseUnreachable: there is none.
        """
        self._connection.run("SELECT 1")

    def lock(self) -> Lock:
        """Return the cluster's lock, to be used with ``with``; it isn't taken yet."""
        return Lock(self._connection, self._lock_name, self._longest_lock)

    # -- what a login reads ---------------------------------------------------------------

    def listed(self, request: Request) -> Listed:
        """Read the alias and the campaign."""
        reply = self._connection.batch([reading.alias(request.alias, request.campaign)])[0]
        (row,) = reading.ALIAS.read(reply)
        logins = parse_logins(request.alias if row.logins_list is None else row.logins_list)
        if request.campaign == "":
            return Listed(request, logins, Campaign(), "")
        if row.campaign_id is None:
            return Listed(request, logins, None, "")
        campaign = Campaign(
            row.grouping or DISABLED,
            DEFAULT_GROUPING_LIMIT if row.limit is None else row.limit,
            DEFAULT_SYSTEM_LIMIT if row.system_limit is None else row.system_limit,
        )
        # Only grouping asks how many agents of a campaign there are.
        counted = "" if campaign.grouping == DISABLED else request.campaign
        return Listed(request, logins, campaign, counted)

    def view(self, listed: Listed, all_rooms: bool = False) -> View:
        """Read phones and dialers without the lock.

        Args:
            listed: what :meth:`listed` returned.
            all_rooms: count every free room; else 1 stands for «at least one».
        """
        question = _question(listed, all_rooms)
        view = _view(listed, question, self._connection.batch(reading.floor(question)))
        return replace(view, floor=view.floor.rooms_left()) if all_rooms else view

    def view_under_lock(self, listed: Listed, lock: Lock, with_sessions: bool = False) -> View:
        """Take the lock and read phones, dialers and who is live, in one trip.

        A password that no listed phone has takes no lock: strangers don't keep agents waiting.

        Args:
            listed: what :meth:`listed` returned.
            lock: the lock.
            with_sessions: read the sessions too that a login may end.
        """
        question = _question(listed)
        statements = reading.floor(question)
        if with_sessions:
            statements += [
                reading.sessions_of((question.user,)),
                reading.sessions_on_phones(question.logins, question.user),
            ]
        known = reading.password_is_known(question.logins, listed.request.password)
        return _view(listed, question, lock.take(statements, only_if=known))

    def floor(self) -> list[DialerOnFloor]:
        """Read every dialer."""
        found, *_noted, changes = self._connection.batch(
            [reading.every_dialer(), *reading.changes(user="")]
        )
        state = reading.dialer_state(all_rooms=True, in_campaign=False)
        rows = [
            DialerOnFloor(reading.DIALER_ROW.decode(about), state.decode(dialer))
            for about, dialer in found.rows
        ]
        counted = assemble([row.dialer for row in rows], reading.CHANGE_ROW.read(changes))
        dialers = counted.rooms_left().dialers
        return [row._replace(dialer=dialers[row.row.server_ip]) for row in rows]

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
        """
        _reserved, room, *kept = lock.release(
            [writing.reserve(claim, seconds)],
            [writing.room_beside_the_reserved(claim), writing.keep_decision(decision)],
        )
        if room.rows:
            return True
        # Until the choice is told, nobody makes use of its reservation.
        self._connection.batch(
            [
                writing.forget_reservation(claim.request.user),
                *[writing.forget_decision(reply.last_id) for reply in kept],
            ]
        )
        return False

    def write_session(
        self, claim: Claim, tag: str, ended: Sequence[LiveSession], lock: Lock, decision: dict
    ) -> str | None:
        """Claim a room, end the sessions it replaces, ask for the call, write what is counted.

        Everything is one transaction where the engine has them. Where it hasn't, nobody's session
        ends before there is a room, and the live-agent row comes last: it never stands without its
        room and its call.

        Args:
            claim: what was chosen.
            tag: the session's name.
            ended: the sessions that this one replaces.
            lock: is given back once there is a room.
            decision: for ``evenfloor_decisions``.

        Returns:
            The room; None where none was free, and nothing has changed.
        """

        def work() -> str | None:
            _started, claimed = self._connection.batch([START, writing.claim_room(claim)])
            if not claimed.touched:
                self._connection.batch([ROLLBACK])
                return None
            room = str(claimed.last_id)
            lock.release(
                [
                    *writing.endings(ended),
                    writing.originate(claim, room, tag),
                    writing.live_agent(claim, room, tag),
                    COMMIT,
                    writing.forget_reservation(claim.request.user),
                ],
                [writing.keep_decision(decision)],
            )
            return room

        return self._connection.transaction(work)

    def end_sessions(self, user: str, sessions: Sequence[LiveSession]) -> None:
        """Count a user's sessions no more, and ask their dialers to end the calls."""
        self._connection.transaction(
            lambda: self._connection.batch(
                [
                    START,
                    *writing.endings(sessions),
                    COMMIT,
                    writing.forget_reservation(user),
                ]
            )
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
    """Make a view of the replies to a floor's statements, and to those for sessions if asked."""
    _noted, found, *sessions = replies
    state = reading.state_in(question)
    rows: list[PhoneRow] = []
    dialers: list[Dialer] = []
    changes: list[Change] = []
    newest_id = 0
    for kind, *values in decoded(found):
        if kind == reading.PHONE:
            rows.append(reading.PHONE_ROW.made_of(values[0]))
            dialers.append(state.made_of(values[1]))
        elif kind == reading.CHANGE:
            changes.append(reading.CHANGE_ROW.made_of(values[0]))
        else:
            newest_id = values[0] or 0
    phones = listed_phones(listed.logins, by_login(rows), listed.request.password)
    floor = assemble([dialer for dialer in dialers if dialer.server_ip], changes, newest_id)
    if not sessions:
        return View(listed, phones, floor)
    own, others = (reading.SESSION.read(reply) for reply in sessions)
    places = {(phone.server_ip, channel(phone)) for phone in phones}
    others = [other for other in others if (other.server_ip, other.channel) in places]
    return View(listed, phones, floor, own, others)
