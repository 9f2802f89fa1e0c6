"""The use cases: choose, login, logout, floor, explain. The only place that locks."""

from __future__ import annotations

import hmac
import json
import logging
import random
import string
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from . import config as configuration
from . import metrics, policy
from .database import Campaign, Database, PhoneRow
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    DatabaseUnreachable,
    LoginRefused,
)

log = logging.getLogger("evenfloor.balancer")

#: A room can be gone between the count and the claim where the lock wasn't to be had.
ROOM_TRIES = 3

_TAG_RANDOM_CHARACTERS = 7


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


@dataclass(frozen=True)
class _Request:
    alias: str
    user: str
    campaign_id: str
    campaign: Campaign
    phones: list[policy.Phone]
    rows: dict[str, PhoneRow]


def spread(floor: Sequence[FloorEntry]) -> int:
    """Return the highest minus the lowest count among the dialers that take logins."""
    counts = [entry.local_agents for entry in floor if entry.takes_logins]
    return max(counts) - min(counts) if counts else 0


def _new_tag() -> str:
    """Make a session's name, 20 characters in the form of VICIdial's login call ids."""
    letters = string.ascii_lowercase + string.digits
    rest = "".join(random.choices(letters, k=_TAG_RANDOM_CHARACTERS))
    return f"S{time.strftime('%y%m%d%H%M%S')}{rest}"


class Balancer:
    """Chooses dialers and logs agents in and out.

    Not for use from several threads at once: give each its own.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: configuration.Config):
        self._config = config
        self._settings = config.balancer
        self._database = Database(config.database)

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
        return self._guarded(self._choose, alias, password, user, campaign)

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
        return self._guarded(self._login, alias, password, user, campaign, take_over)

    def logout(self, user: str) -> int:
        """End a user's sessions: they stop counting at once, and the dialer ends the calls.

        Args:
            user: the agent.

        Returns:
            How many sessions there were.

        Raises:
            LoginRefused: the database is away.
        """
        try:
            return self._database.transaction(lambda: self._end_sessions_of(user))
        except DatabaseUnreachable as error:
            raise LoginRefused(DATABASE_UNREACHABLE, str(error)) from error

    def floor(self) -> list[FloorEntry]:
        """Return every dialer with its counts.

        Raises:
            LoginRefused: the database is away.
        """
        try:
            rows, dialers = self._database.floor()
        except DatabaseUnreachable as error:
            raise LoginRefused(DATABASE_UNREACHABLE, str(error)) from error
        entries = []
        for row in rows:
            dialer = dialers[row["server_ip"]]
            refusal = policy.dialer_refusal(dialer, self._settings.heartbeat_timeout)
            entries.append(
                FloorEntry(
                    **row,
                    takes_logins=refusal is None,
                    state=refusal or "takes logins",
                    local_agents=dialer.local_agents,
                    free_rooms=max(dialer.free_rooms, 0),
                    heartbeat_age=dialer.heartbeat_age,
                    max_agents=dialer.max_agents,
                )
            )
        return entries

    def explain(self, alias: str, user: str = "", campaign: str = "") -> Explanation:
        """Say, dialer by dialer, who is eligible and who would win. Changes nothing.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            user: whose own sessions aren't counted.
            campaign: for the campaign's grouping; none is DISABLED.

        Raises:
            LoginRefused: the campaign is not known, or the database is away.
        """
        try:
            request = self._request(alias, None, user, campaign)
            decision, dialers = self._decide(request)
        except DatabaseUnreachable as error:
            raise LoginRefused(DATABASE_UNREACHABLE, str(error)) from error
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

    def _guarded(self, use_case, alias: str, password: str, user: str, campaign: str, *more):
        """Run a use case, count and log how it ended."""
        started = time.perf_counter()
        outcome, chosen = "chosen", ""
        try:
            choice = use_case(alias, password, user, campaign, *more)
            chosen = choice.server_ip
            return choice
        except DatabaseUnreachable as error:
            outcome = DATABASE_UNREACHABLE
            raise LoginRefused(DATABASE_UNREACHABLE, str(error)) from error
        except LoginRefused as refusal:
            outcome = refusal.reason
            raise
        finally:
            metrics.CHOICES.labels(dialer=chosen, outcome=outcome).inc()
            metrics.CHOICE_SECONDS.observe(time.perf_counter() - started)
            log.info(
                json.dumps(
                    {
                        "event": use_case.__name__.strip("_"),
                        "user": user,
                        "alias": alias,
                        "campaign": campaign,
                        "outcome": outcome,
                        "dialer": chosen,
                    }
                )
            )

    def _choose(self, alias: str, password: str, user: str, campaign: str) -> Choice:
        request = self._request(alias, password, user, campaign)
        with self._lock():
            decision, dialers = self._decide(request)
            choice = self._chosen(request, decision, dialers)
            if user:
                phone = request.rows[choice.phone_login]
                self._database.reserve(
                    phone, user, request.campaign_id, self._settings.reservation_ttl
                )
        self._record(request, decision, dialers)
        return choice

    def _login(
        self, alias: str, password: str, user: str, campaign: str, take_over: bool
    ) -> Session:
        request = self._request(alias, password, user, campaign)
        if request.campaign_id == "":
            raise LoginRefused(UNKNOWN_CAMPAIGN, "a login needs a campaign")
        with self._lock():
            self._clear_alias(request, take_over)
            session, decision, dialers = self._claimed(request)
        self._record(request, decision, dialers)
        return session

    def _claimed(self, request: _Request):
        """Decide and write the session; again where the room was taken in between."""
        for tries_left in reversed(range(ROOM_TRIES)):
            decision, dialers = self._decide(request)
            choice = self._chosen(request, decision, dialers)
            session = Session(**asdict(choice), user=request.user, tag=_new_tag())
            engine = dialers[choice.server_ip].conf_engine
            session = self._database.transaction(
                lambda session=session, engine=engine: self._write(request, session, engine)
            )
            if session is not None:
                return session, decision, dialers
            if not tries_left:
                break
        raise LoginRefused(NO_DIALER_AVAILABLE, "the last free rooms were taken meanwhile")

    def _write(self, request: _Request, session: Session, conf_engine: str) -> Session | None:
        """Write a session: room, call, and last the row that is counted."""
        phone = request.rows[session.phone_login]
        self._end_sessions_of(request.user)
        room = self._database.claim_room(phone, conf_engine)
        if room is None:
            return None
        self._database.queue_originate(phone, room, session.tag)
        self._database.insert_live_agent(
            phone, request.user, request.campaign_id, room, session.tag
        )
        self._database.drop_reservation(request.user)
        return replace(session, room=room)

    def _end_sessions_of(self, user: str) -> int:
        sessions = self._database.sessions_of(user)
        for session in sessions:
            self._database.delete_live_agent(session)
            self._database.queue_hangup(session)
        return len(sessions)

    def _clear_alias(self, request: _Request, take_over: bool) -> None:
        """Refuse an alias that somebody else uses, or end their session if told to."""
        others = self._database.other_users_of(request.rows.values(), request.user)
        if others and not take_over:
            other = others[0]
            raise LoginRefused(
                ALIAS_IN_USE,
                f"{request.alias} is in use by {other.user} on {other.server_ip}; "
                "log that agent out or take the alias over",
            )
        for user in {other.user for other in others}:
            self.logout(user)

    def _lock(self):
        return _CountedLock(self._database, self._settings.lock_timeout)

    def _request(self, alias: str, password: str | None, user: str, campaign_id: str) -> _Request:
        """Read what the choice needs and what doesn't change while it is made.

        ``password`` None is «don't look at it» (explain).
        """
        logins = self._database.logins_list(alias)
        found = self._database.phones(logins)
        phones, rows = [], {}
        for login in logins:
            row = _best_row(found.get(login.lower(), []), password)
            if row is None:
                phones.append(policy.Phone(login))
                continue
            rows[row.login] = row
            phones.append(
                policy.Phone(
                    login=row.login,
                    server_ip=row.server_ip,
                    extension=row.extension,
                    protocol=row.protocol,
                    active=row.active,
                    password_matches=_matches(row, password),
                    registered=row.registered,
                )
            )
        if password is not None and not any(phone.password_matches for phone in phones):
            raise LoginRefused(BAD_CREDENTIALS, "unknown phone login or wrong password")
        campaign = self._campaign(campaign_id)
        return _Request(alias, user, campaign_id, campaign, phones, rows)

    def _campaign(self, campaign_id: str) -> Campaign:
        if campaign_id == "":
            return Campaign(policy.DISABLED, 0, 0)
        campaign = self._database.campaign(campaign_id)
        if campaign is None:
            raise LoginRefused(
                UNKNOWN_CAMPAIGN, f"there is no active campaign with the id {campaign_id}"
            )
        return campaign

    def _decide(self, request: _Request) -> tuple[policy.Decision, dict[str, policy.Dialer]]:
        dialers = self._database.dialers(
            [phone.server_ip for phone in request.phones if phone.server_ip],
            request.user,
            # Only grouping asks for the campaign's agents.
            "" if request.campaign.grouping == policy.DISABLED else request.campaign_id,
        )
        rules = policy.Rules(
            heartbeat_timeout=self._settings.heartbeat_timeout,
            registration=self._settings.registration,
            grouping=request.campaign.grouping,
            campaign_limit=request.campaign.limit,
            system_limit=request.campaign.system_limit,
        )
        return policy.decide(request.phones, dialers, rules), dialers

    def _chosen(self, request: _Request, decision: policy.Decision, dialers) -> Choice:
        counts = {server_ip: dialer.local_agents for server_ip, dialer in dialers.items()}
        if decision.winner is None:
            self._record(request, decision, dialers)
            refusals = {verdict.phone.login: verdict.refusal for verdict in decision.verdicts}
            detail = "; ".join(f"{login}: {refusal}" for login, refusal in refusals.items())
            raise LoginRefused(NO_DIALER_AVAILABLE, detail, refusals)
        return Choice(
            server_ip=decision.winner.server_ip,
            phone_login=decision.winner.login,
            extension=decision.winner.extension,
            counts=counts,
            why=decision.why,
        )

    def _record(self, request: _Request, decision: policy.Decision, dialers) -> None:
        """Keep the decision. A failure to do so never fails a login."""
        detail = [
            {
                "phone_login": verdict.phone.login,
                "server_ip": verdict.phone.server_ip,
                "why_not": verdict.refusal,
                "local_agents": dialers[verdict.phone.server_ip].local_agents
                if verdict.phone.server_ip in dialers
                else None,
            }
            for verdict in decision.verdicts
        ]
        winner = decision.winner
        record = {
            "user": request.user,
            "alias": request.alias,
            "campaign": request.campaign_id,
            "server_ip": winner.server_ip if winner else None,
            "phone_login": winner.login if winner else None,
            "outcome": "chosen" if winner else NO_DIALER_AVAILABLE,
        }
        try:
            self._database.record_decision(record, detail, self._settings.decisions_kept)
        except Exception:
            log.warning("the decision for %s could not be kept", request.user, exc_info=True)


class _CountedLock:
    """The database's lock, with the time it took and whether it was to be had on the metrics."""

    def __init__(self, database: Database, timeout: int):
        self._context = database.lock(timeout)

    def __enter__(self) -> bool:
        started = time.perf_counter()
        held = self._context.__enter__()
        metrics.LOCK_SECONDS.observe(time.perf_counter() - started)
        if not held:
            metrics.WITHOUT_LOCK.inc()
            log.warning("the lock was not to be had in time: this login goes on without it")
        return held

    def __exit__(self, *failure) -> bool | None:
        return self._context.__exit__(*failure)


def _matches(row: PhoneRow, password: str | None) -> bool:
    return password is None or (
        row.password != "" and hmac.compare_digest(row.password.encode(), password.encode())
    )


def _best_row(rows: Sequence[PhoneRow], password: str | None) -> PhoneRow | None:
    """Pick among the phones of one login: the first with the right password, else the first."""
    for row in rows:
        if _matches(row, password):
            return row
    return rows[0] if rows else None
