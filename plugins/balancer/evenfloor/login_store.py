"""What a login reads and writes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from . import agents, attempts, day_statements, event_statements, floor_store, history_statements
from . import floor_statements as reading
from . import login_statements as writing
from .claims import UNDO_TIMEOUT, Claims
from .config import DatabaseConfig
from .connection import Connection
from .day import Day, DayRows, as_csv, bounds, day_of
from .deadline import Deadline
from .events import REFUSED, Event
from .floor import DialerOnFloor
from .floor_statements import FloorQuestion
from .lock import Lock
from .phones import of_one_alias, parse_logins
from .policy import DISABLED
from .registrations import ReportingRow
from .request import Campaign, KnownAgent, Listed, Request, Tried
from .vicidial import DEFAULT_GROUPING_LIMIT, DEFAULT_SYSTEM_LIMIT
from .view import View, question_of, view_of

#: How long an answer is waited for, in seconds. A database that hangs is an error within 5 s, also
#: where the connection has to be made again.
ANSWER_TIMEOUT = 3
#: How long a row lock is waited for, in seconds. Then the next best dialer is taken.
ROW_WAIT = 1
#: How long a question whether all is well may take, in seconds.
PING_TIMEOUT = 1.5
#: How long a day of the floor is waited for, in seconds.
DAY_TIMEOUT = 20


class LoginStore:
    """The database as a login sees it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
        longest_lock: the longest that the lock is waited for, in seconds.
        busy: whether it is read how busy dialers are.
        wake_port: on which dialers' daemons listen for datagrams; 0 where none are sent.

    Attributes:
        claims: what choices and logins claim, and how it is given back.
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
        self.claims = Claims(self._connection, wake_port)

    def close(self) -> None:
        """Give the connection back; the next question makes a new one."""
        self._connection.close()
        self.claims.close()

    @contextlib.contextmanager
    def within(self, deadline: Deadline):
        """Do what is asked for inside within a deadline, or not at all.

        Args:
            deadline: until when the caller waits.
        """
        self.claims.forget_caller()
        with self._connection.within(deadline):
            yield

    def database(self) -> str:
        """Return the host name of the database.

        Raises:
            DatabaseUnreachable: it didn't answer.
        """
        return self._connection.run("SELECT @@hostname").rows[0][0]

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
        question = question_of(listed)
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
        view = self._seen(view_of(listed, question, replies))
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
        return self._seen(view_of(listed, question, lock.take(reading.floor(question), known)))

    def _asked(self, listed: Listed, sessions: bool, all_rooms: bool = False) -> FloorQuestion:
        question = question_of(listed, all_rooms)
        return replace(question, busy=self._busy, sessions=sessions)

    def _seen(self, view: View) -> View:
        return replace(view, floor=floor_store.with_last_known(self._connection, view.floor))

    def floor(self) -> list[DialerOnFloor]:
        """Read every dialer."""
        return floor_store.read_floor(self._connection, self._busy)[0]

    def dialer_names(self) -> dict[str, str]:
        """Read every dialer's name by its ``server_ip``."""
        return dict(self._connection.batch([reading.dialer_names()])[0].rows)

    def day(self, day: date, decisions_kept: int) -> Day:
        """Read a day of the floor, by the clock of this host.

        Args:
            day: which.
            decisions_kept: for how long, in seconds.
        """
        limits = bounds(day)
        parts, spreads, counts, events, names = self._connection.batch(
            [
                history_statements.parts(*limits),
                history_statements.spreads(*limits),
                day_statements.counts(*limits),
                event_statements.of_a_day(*limits),
                reading.dialer_names(),
            ],
            most=DAY_TIMEOUT,
        )
        rows = DayRows(
            history_statements.PART_ROW.read(parts),
            history_statements.SPREAD_ROW.read(spreads),
            day_statements.COUNT_ROW.read(counts),
            event_statements.DAY_EVENT_ROW.read(events),
            dict(names.rows),
        )
        return day_of(day, rows, time.time() - decisions_kept)

    def day_as_csv(self, day: date) -> str:
        """Read a day's quarter minutes as CSV, by the clock of this host."""
        found, names = self._connection.batch(
            [history_statements.rows(*bounds(day)), reading.dialer_names()], most=DAY_TIMEOUT
        )
        return as_csv(history_statements.HISTORY_ROW.read(found), dict(names.rows))

    def reporting_dialers(self) -> list[ReportingRow]:
        """Read of each dialer whether the database says who is registered."""
        return reading.REPORTING_ROW.read(self._connection.batch([reading.reporting_dialers()])[0])

    # -- what a login writes --------------------------------------------------------------

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
            found = self._connection.batch([reading.extensions_of(question_of(listed).logins)])
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
