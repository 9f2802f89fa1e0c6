"""The use cases: choose, login, logout, floor, explain. The only place that locks."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import random
import string
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pymysql.constants import ER

from . import config as configuration
from . import metrics, policy
from .connection import Lock
from .database import PRUNE_INTERVAL, Campaign, Changes, Database, Floor, PhoneRow
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    DatabaseRefused,
    DatabaseUnreachable,
    LoginRefused,
    Malformed,
)

log = logging.getLogger("evenfloor.balancer")

#: What was read before a wait for the lock longer than this (seconds) is read again.
STALE_AFTER = 0.25

_TAG_RANDOM_CHARACTERS = 7

#: The longest that each value can be, in characters: VICIdial's columns.
LONGEST = {"alias": 255, "password": 100, "user": 20, "campaign": 8}

#: A value that has no place in a column: other characters than the table's, or too many.
_UNFIT = frozenset({1267, 1270, 1271, ER.TRUNCATED_WRONG_VALUE_FOR_FIELD, ER.DATA_TOO_LONG})

#: The outcomes that aren't a refusal.
CHOSEN = "chosen"
FAILED = "failed"


@dataclass(frozen=True)
class Choice:
    """Where an agent is to log in.

    Attributes:
        server_ip: the dialer.
        phone_login: the phone of the alias that is on it.
        extension: the phone's extension.
        counts: local agents before this login, by the ``server_ip`` of every dialer behind
            the alias.
        why: the rule that decided.
    """

    server_ip: str
    phone_login: str
    extension: str
    counts: dict[str, int]
    why: str


@dataclass(frozen=True)
class Session(Choice):
    """A login that is under way: the dialer is about to ring the phone.

    Attributes:
        user: the agent.
        room: the agent's room on the dialer.
        tag: names the session in the database, and is its channel's Uniqueid in Asterisk.
    """

    user: str = ""
    room: str = ""
    tag: str = ""


@dataclass(frozen=True)
class FloorEntry:
    """One dialer of the floor. ``heartbeat_age`` is in seconds, None is «never»."""

    server_id: str
    server_ip: str
    takes_logins: bool
    state: str
    local_agents: int
    remote_agents: int
    free_rooms: int
    phones: int
    registered: int
    heartbeat_age: int | None
    max_agents: int | None


@dataclass(frozen=True)
class Explanation:
    """Who would win and why, without anything being changed."""

    alias: str
    winner: str | None
    why: str
    phones: list[dict] = field(default_factory=list)


@dataclass
class _Trail:
    """What a use case was asked for and what became of it: for the log, the metrics, the table."""

    event: str
    alias: str
    user: str
    campaign: str
    outcome: str = CHOSEN
    winner: policy.Phone | None = None
    detail: str = "[]"
    lock_seconds: float | None = None
    without_lock: bool = False

    def note(self, decision: policy.Decision, dialers: dict[str, policy.Dialer]) -> None:
        """Take in a decision, with every dialer's count and state."""
        self.winner = decision.winner
        self.detail = json.dumps(
            [
                {
                    "phone_login": phone.login,
                    "server_ip": phone.server_ip,
                    "local_agents": dialers[phone.server_ip].local_agents
                    if phone.server_ip in dialers
                    else None,
                    "why_not": refusal,
                }
                for phone, refusal in decision.verdicts
            ]
        )

    def row(self) -> dict:
        """Return the values of a row of ``evenfloor_decisions``."""
        return {
            "user": self.user,
            "alias": self.alias,
            "campaign": self.campaign,
            "server_ip": self.winner.server_ip if self.winner else None,
            "phone_login": self.winner.login if self.winner else None,
            "outcome": self.outcome,
            "detail": self.detail,
        }

    def line(self, seconds: float) -> str:
        """Return the same as a line for the log."""
        head = {
            "event": self.event,
            "user": self.user,
            "alias": self.alias,
            "campaign": self.campaign,
            "outcome": self.outcome,
            "dialer": self.winner.server_ip if self.winner else None,
            "phone_login": self.winner.login if self.winner else None,
            "seconds": round(seconds, 6),
            "lock_seconds": self.lock_seconds and round(self.lock_seconds, 6),
            "without_lock": self.without_lock,
        }
        return f'{json.dumps(head)[:-1]}, "dialers": {self.detail}}}'


@dataclass(frozen=True)
class _Request:
    """What was asked for, as the database has it."""

    campaign: Campaign
    phones: list[policy.Phone]
    rows: dict[str, PhoneRow]
    floor: Floor


def spread(floor: Sequence[FloorEntry]) -> int:
    """Return the highest minus the lowest count among the dialers that take logins."""
    counts = [entry.local_agents for entry in floor if entry.takes_logins]
    return max(counts) - min(counts) if counts else 0


def _new_tag() -> str:
    """Make a session's name, 20 characters in the form of VICIdial's login call ids."""
    letters = string.ascii_lowercase + string.digits
    rest = "".join(random.choices(letters, k=_TAG_RANDOM_CHARACTERS))
    return f"S{time.strftime('%y%m%d%H%M%S')}{rest}"


def _check(required: Sequence[str], **values: str) -> None:
    """Look at what was typed, before the database is asked.

    Raises:
        Malformed: something is missing, isn't text, or is longer than its column.
    """
    for name, value in values.items():
        reason = UNKNOWN_CAMPAIGN if name == "campaign" else BAD_CREDENTIALS
        if not isinstance(value, str) or (name in required and not value):
            raise Malformed(reason, f"'{name}' has to be text and is required")
        if len(value) > LONGEST[name]:
            raise Malformed(reason, f"'{name}' has more than {LONGEST[name]} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed(reason, f"'{name}' isn't text that can be written") from None


@contextlib.contextmanager
def _database_answers():
    """Refuse in the caller's words what the database doesn't do; its own are for the log."""
    try:
        yield
    except DatabaseUnreachable as error:
        log.warning("the database: %s", error)
        if isinstance(error, DatabaseRefused) and error.code in _UNFIT:
            words = "there are characters in it that the database's tables can't hold"
            raise Malformed(BAD_CREDENTIALS, words) from error
        raise LoginRefused(
            DATABASE_UNREACHABLE, "the database doesn't answer as it should; try again in a moment"
        ) from error


class Balancer:
    """Chooses dialers and logs agents in and out.

    Not for use from several threads at once: give each its own.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: configuration.Config):
        self._config = config
        self._settings = config.balancer
        self._database = Database(config.database, self._settings.lock_timeout)
        self._prune_after = 0.0

    @classmethod
    def from_config(cls, path: str = configuration.DEFAULT_PATH) -> Balancer:
        """Make a balancer from an INI file.

        Raises:
            ConfigurationError: the file can't be used.
        """
        return cls(configuration.load(path))

    def close(self) -> None:
        """Give the database connection back. The balancer can be used again afterwards."""
        self._database.close()

    # -- the use cases --------------------------------------------------------------------

    def choose(self, alias: str, password: str, user: str = "", campaign: str = "") -> Choice:
        """Choose a dialer and reserve the place until the login is live.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            password: the login password.
            user: the agent; a reservation is made only for a named one.
            campaign: the campaign's id.

        Raises:
            LoginRefused: nobody is eligible, the credentials are wrong, the campaign is not
                known, or the database is away.
        """
        _check(
            required=("alias", "password"),
            alias=alias,
            password=password,
            user=user,
            campaign=campaign,
        )
        return self._guarded(self._choose, _Trail("choose", alias, user, campaign), password)

    def login(
        self,
        alias: str,
        password: str,
        user: str,
        campaign: str,
        take_over: bool = False,
    ) -> Session:
        """Choose a dialer, claim a room there and have the dialer ring the phone.

        An agent who is logged in already is moved: the old session ends and isn't counted.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            password: the login password.
            user: the agent.
            campaign: the campaign's id.
            take_over: end the session of somebody else who uses this alias.

        Raises:
            LoginRefused: as for :meth:`choose`, and where the alias is in use.
        """
        values = {"alias": alias, "password": password, "user": user, "campaign": campaign}
        _check(required=tuple(values), **values)
        return self._guarded(
            self._login, _Trail("login", alias, user, campaign), password, take_over
        )

    def logout(self, user: str) -> int:
        """End a user's sessions: they stop counting at once, and the dialer ends the calls.

        Args:
            user: the agent.

        Returns:
            How many sessions there were.

        Raises:
            LoginRefused: the database is away.
        """
        _check(required=("user",), user=user)
        with _database_answers():
            sessions = self._database.sessions_of(user)
            self._database.end_sessions(user, sessions)
        return len(sessions)

    def floor(self) -> list[FloorEntry]:
        """Return every dialer with its counts.

        Raises:
            LoginRefused: the database is away.
        """
        with _database_answers():
            floor = self._database.floor()
        entries = []
        for row, dialer in floor:
            refusal = policy.dialer_refusal(dialer, self._settings.heartbeat_timeout)
            entries.append(
                FloorEntry(
                    **vars(row),
                    takes_logins=refusal is None,
                    state=refusal or "takes logins",
                    local_agents=dialer.local_agents,
                    free_rooms=max(dialer.free_rooms, 0),
                    heartbeat_age=dialer.heartbeat_age,
                    max_agents=dialer.max_agents,
                )
            )
        return entries

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            LoginRefused: the database is away.
        """
        with _database_answers():
            self._database.ping()

    def explain(self, alias: str, user: str = "", campaign: str = "") -> Explanation:
        """Say, dialer by dialer, who is eligible and who would win. Changes nothing.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            user: whose own sessions aren't counted.
            campaign: for the campaign's grouping; none is DISABLED.

        Raises:
            LoginRefused: the campaign is not known, or the database is away.
        """
        _check(required=("alias",), alias=alias, user=user, campaign=campaign)
        trail = _Trail("explain", alias, user, campaign)
        with _database_answers():
            request = self._request(trail, None, count_rooms=True)
            changes, _nothing = self._database.changes(request.floor, user)
            decision, dialers = self._decide(request, changes, trail, True, must_win=False)
        phones = []
        for verdict in decision.verdicts:
            dialer = dialers.get(verdict.phone.server_ip)
            phones.append(
                {
                    "phone_login": verdict.phone.login,
                    "server_ip": verdict.phone.server_ip,
                    "eligible": verdict.refusal is None,
                    "why_not": verdict.refusal,
                    "registered": verdict.phone.registered,
                    "local_agents": dialer.local_agents if dialer else None,
                    "campaign_agents": dialer.campaign_agents if dialer else None,
                    "free_rooms": dialer.free_rooms if dialer else None,
                    "heartbeat_age": dialer.heartbeat_age if dialer else None,
                }
            )
        winner = decision.winner.login if decision.winner else None
        return Explanation(alias, winner, decision.why, phones)

    # -- how they do it -------------------------------------------------------------------

    def _guarded(self, use_case, trail: _Trail, password: str, *more):
        """Run a use case; count, log and keep how it ended."""
        started = time.perf_counter()
        try:
            with _database_answers():
                return use_case(trail, password, *more)
        except LoginRefused as refusal:
            trail.outcome = refusal.reason
            if refusal.reason == NO_DIALER_AVAILABLE:
                with contextlib.suppress(DatabaseUnreachable):
                    self._database.record_decision(trail.row())
            raise
        except BaseException:
            trail.outcome = FAILED
            raise
        finally:
            seconds = time.perf_counter() - started
            chosen = trail.winner.server_ip if trail.winner and trail.outcome == CHOSEN else ""
            metrics.CHOICES.labels(dialer=chosen, outcome=trail.outcome).inc()
            metrics.CHOICE_SECONDS.observe(seconds)
            if log.isEnabledFor(logging.INFO):
                log.info(trail.line(seconds))
            if trail.outcome not in (DATABASE_UNREACHABLE, FAILED):
                self._prune()

    def _choose(self, trail: _Trail, password: str) -> Choice:
        if not trail.user:
            request = self._request(trail, password)
            changes, _nothing = self._database.changes(request.floor, trail.user)
            decision, dialers = self._decide(request, changes, trail)
            self._database.record_decision(trail.row())
            return _choice(decision, dialers)
        full: set[str] = set()
        locked = self._settings.read_floor == configuration.LOCKED
        before = self._database.request(trail.alias, trail.campaign) if locked else None
        request = None if locked else self._request(trail, password)
        while True:
            with self._database.lock(self._settings.lock_timeout) as lock:
                if locked:
                    request, changes = self._request_now(trail, password, before, lock)
                else:
                    changes, _nothing = self._database.changes(request.floor, trail.user, lock)
                    self._note_lock(lock, trail)
                    if changes.overtaken or lock.seconds > STALE_AFTER:
                        request = self._request(trail, password)
                        changes, _nothing = self._database.changes(request.floor, trail.user)
                request.floor.mark_full(full)
                decision, dialers = self._decide(request, changes, trail)
                winner = decision.winner
                if self._database.reserve(
                    request.rows[winner.login],
                    dialers[winner.server_ip],
                    trail.user,
                    trail.campaign,
                    self._settings.reservation_ttl,
                    request.floor.newest_id,
                    changes,
                    lock,
                    trail.row(),
                ):
                    return _choice(decision, dialers)
            full.add(winner.server_ip)

    def _login(self, trail: _Trail, password: str, take_over: bool) -> Session:
        request = self._request(trail, password)
        with self._database.lock(self._settings.lock_timeout) as lock:
            changes, others, own = self._look(request, trail, lock)
            self._note_lock(lock, trail)
            if changes.overtaken or lock.seconds > STALE_AFTER:
                request = self._request(trail, password)
                changes, others, own = self._look(request, trail)
            if others and not take_over:
                raise LoginRefused(
                    ALIAS_IN_USE,
                    f"{trail.alias} is in use by {others[0].user} on {others[0].server_ip}; "
                    "log that agent out or take the alias over",
                )
            others = self._database.sessions_of(*{other.user for other in others})
            changes.take_away(others, request.floor.campaign_id)
            while True:
                decision, dialers = self._decide(request, changes, trail)
                winner, tag = decision.winner, _new_tag()
                room = self._database.write_session(
                    request.rows[winner.login],
                    dialers[winner.server_ip],
                    trail.user,
                    trail.campaign,
                    tag,
                    [*own, *others],
                    lock,
                    trail.row(),
                )
                if room is not None:
                    choice = _choice(decision, dialers)
                    return Session(**vars(choice), user=trail.user, room=room, tag=tag)
                request.floor.mark_full([winner.server_ip])

    def _look(self, request: _Request, trail: _Trail, lock: Lock | None = None):
        """Read what has changed, who uses the alias's phones, and where the user is."""
        return self._database.look_before_login(
            request.floor, list(request.rows.values()), trail.user, lock
        )

    def _note_lock(self, lock: Lock, trail: _Trail) -> None:
        trail.lock_seconds = lock.seconds
        trail.without_lock = not lock.held
        metrics.LOCK_SECONDS.observe(lock.seconds)
        if not lock.held:
            metrics.WITHOUT_LOCK.inc()
            log.warning("the lock was not to be had in time: this login goes on without it")

    def _request(self, trail: _Trail, password: str | None, count_rooms: bool = False) -> _Request:
        """Read what the choice needs, besides what logins at the same time change.

        ``password`` None is «don't look at it» (explain).
        """
        logins, campaign, moves = self._database.request(trail.alias, trail.campaign)
        found, floor = self._database.phones(
            logins, _counted(trail.campaign, campaign), moves, count_rooms
        )
        return self._assembled(trail, password, (logins, campaign), (found, floor))

    def _request_now(
        self, trail: _Trail, password: str, before: tuple, lock: Lock
    ) -> tuple[_Request, Changes]:
        """Take the lock, and read the rest of a request with all that logins under way change."""
        logins, campaign, _moves = before
        counted = _counted(trail.campaign, campaign)
        found, floor, changes = self._database.phones_now(logins, counted, trail.user, lock)
        self._note_lock(lock, trail)
        return self._assembled(trail, password, (logins, campaign), (found, floor)), changes

    def _assembled(
        self, trail: _Trail, password: str | None, asked: tuple, there: tuple
    ) -> _Request:
        """Put a request together, of what was asked for and what there is.

        Raises:
            LoginRefused: the credentials are wrong, or the campaign is not known.
        """
        (logins, campaign), (found, floor) = asked, there
        phones, rows = [], {}
        for login in logins:
            row, matches = _best_row(found.get(login.lower(), ()), password)
            if row is None:
                phones.append(policy.Phone(login))
                continue
            login, server_ip, extension, protocol, active, _password, registered = row  # noqa: PLW2901
            rows[login] = row
            phones.append(
                policy.Phone(login, server_ip, extension, protocol, active, matches, registered)
            )
        if password is not None and not any(phone.password_matches for phone in phones):
            raise LoginRefused(BAD_CREDENTIALS, "unknown phone login or wrong password")
        if trail.campaign == "":
            campaign = Campaign(policy.DISABLED, 0, 0)
        elif campaign is None:
            raise LoginRefused(
                UNKNOWN_CAMPAIGN, f"there is no active campaign with the id {trail.campaign}"
            )
        return _Request(campaign, phones, rows, floor)

    def _decide(
        self,
        request: _Request,
        changes: Changes,
        trail: _Trail,
        rooms_counted: bool = False,
        must_win: bool = True,
    ) -> tuple[policy.Decision, dict[str, policy.Dialer]]:
        dialers = request.floor.changed(changes, rooms_counted)
        rules = policy.Rules(
            heartbeat_timeout=self._settings.heartbeat_timeout,
            registration=self._settings.registration,
            grouping=request.campaign.grouping,
            campaign_limit=request.campaign.limit,
            system_limit=request.campaign.system_limit,
        )
        decision = policy.decide(request.phones, dialers, rules)
        trail.note(decision, dialers)
        if decision.winner is None and must_win:
            refusals = {phone.login: refusal for phone, refusal in decision.verdicts}
            detail = "; ".join(f"{login}: {refusal}" for login, refusal in refusals.items())
            raise LoginRefused(NO_DIALER_AVAILABLE, detail, refusals)
        return decision, dialers

    def _prune(self) -> None:
        """Remove, now and then, what has expired."""
        now = time.monotonic()
        if now >= self._prune_after:
            self._prune_after = now + PRUNE_INTERVAL
            with contextlib.suppress(DatabaseUnreachable):
                self._database.prune(self._settings.decisions_kept)


def _counted(campaign_id: str, campaign: Campaign | None) -> str:
    """Say which campaign's agents are counted besides all: only grouping asks for them."""
    grouped = campaign is not None and campaign.grouping != policy.DISABLED
    return campaign_id if grouped else ""


def _choice(decision: policy.Decision, dialers: dict[str, policy.Dialer]) -> Choice:
    return Choice(
        server_ip=decision.winner.server_ip,
        phone_login=decision.winner.login,
        extension=decision.winner.extension,
        counts={server_ip: dialer.local_agents for server_ip, dialer in dialers.items()},
        why=decision.why,
    )


def _matches(row: PhoneRow, password: str | None) -> bool:
    return password is None or (
        row.password != "" and hmac.compare_digest(row.password.encode(), password.encode())
    )


def _best_row(rows: Sequence[PhoneRow], password: str | None) -> tuple[PhoneRow | None, bool]:
    """Pick among the phones of one login, and say whether it has the password.

    The best is one that has the password and is active, the next one that has it.
    """
    best, rank = None, (False, False)
    for row in rows:
        found = (_matches(row, password), row.active)
        if best is None or found > rank:
            best, rank = row, found
    return best, rank[0]
