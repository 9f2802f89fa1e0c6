"""The use cases: choose, login, logout, floor, explain."""

from __future__ import annotations

import contextlib
import json
import logging
import time

from . import config as configuration
from . import metrics, policy
from .answers import (
    Choice,
    Explanation,
    FloorEntry,
    Session,
    choice_of,
    entry_of,
    explanation_of,
)
from .decisions import FAILED, Trail
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    DatabaseUnreachable,
    LoginRefused,
    Malformed,
    UnfitValue,
)
from .lock import Lock
from .login_store import Claim, LoginStore, View
from .request import Listed, Request, check_typed
from .sessions import LiveSession, new_tag

log = logging.getLogger("evenfloor.balancer")

#: What has expired is removed at most so often, in seconds.
PRUNE_INTERVAL = 1.0


@contextlib.contextmanager
def _database_answers():
    """Refuse in the caller's words what the database rejects; its own words are for the log."""
    try:
        yield
    except DatabaseUnreachable as error:
        log.warning("the database: %s", error)
        if isinstance(error, UnfitValue):
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
        self._settings = config.balancer
        self._store = LoginStore(config.database, self._settings.lock_timeout)
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
        self._store.close()

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
        check_typed(
            required=("alias", "password"),
            alias=alias,
            password=password,
            user=user,
            campaign=campaign,
        )
        trail = Trail("choose", Request(alias, user, campaign, password))
        return self._guarded(trail, lambda: self._choose(trail))

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
        check_typed(required=tuple(values), **values)
        trail = Trail("login", Request(alias, user, campaign, password))
        return self._guarded(trail, lambda: self._login(trail, take_over))

    def logout(self, user: str) -> int:
        """End a user's sessions: they stop counting at once, and the dialer ends the calls.

        Args:
            user: the agent.

        Returns:
            How many sessions there were.

        Raises:
            LoginRefused: the database is away.
        """
        check_typed(required=("user",), user=user)
        with _database_answers():
            sessions = self._store.sessions_of(user)
            self._store.end_sessions(user, sessions)
        return len(sessions)

    def floor(self) -> list[FloorEntry]:
        """Return every dialer with its counts.

        Raises:
            LoginRefused: the database is away.
        """
        with _database_answers():
            floor = self._store.floor()
        return [entry_of(row, dialer, self._settings.heartbeat_timeout) for row, dialer in floor]

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            LoginRefused: the database is away.
        """
        with _database_answers():
            self._store.ping()

    def explain(self, alias: str, user: str = "", campaign: str = "") -> Explanation:
        """Say, dialer by dialer, who is eligible and who would win. Changes nothing.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            user: whose own sessions aren't counted.
            campaign: for the campaign's grouping; none is DISABLED.

        Raises:
            LoginRefused: the campaign is not known, or the database is away.
        """
        check_typed(required=("alias",), alias=alias, user=user, campaign=campaign)
        with _database_answers():
            listed = self._store.listed(Request(alias, user, campaign))
            _check_campaign(listed)
            view = self._store.view(listed, all_rooms=True)
        return explanation_of(alias, self._decide(view), view.floor.dialers)

    # -- how they do it -------------------------------------------------------------------

    def _choose(self, trail: Trail) -> Choice:
        listed = self._store.listed(trail.request)
        if not trail.request.user:
            return self._choose_for_nobody(trail, listed)
        full: set[str] = set()
        while True:
            with self._store.lock() as lock:
                view = self._look(trail, listed, lock).without_rooms(full)
                claim, choice = self._won(trail, view)
                seconds = self._settings.reservation_ttl
                if self._store.reserve(claim, seconds, lock, trail.row()):
                    return choice
            full.add(choice.server_ip)

    def _choose_for_nobody(self, trail: Trail, listed: Listed) -> Choice:
        """Choose for nobody in particular: nothing is reserved, and so no lock is needed."""
        view = self._store.view(listed)
        _check_password(view)
        _check_campaign(listed)
        _claim, choice = self._won(trail, view)
        self._store.keep_decision(trail.row())
        return choice

    def _login(self, trail: Trail, take_over: bool) -> Session:
        listed = self._store.listed(trail.request)
        with self._store.lock() as lock:
            view = self._look(trail, listed, lock, with_sessions=True)
            others = self._taken_over(view, take_over)
            view = view.without(others)
            while True:
                claim, choice = self._won(trail, view)
                tag, ended = new_tag(), [*view.own, *others]
                room = self._store.write_session(claim, tag, ended, lock, trail.row())
                if room is not None:
                    return Session(**vars(choice), user=trail.request.user, room=room, tag=tag)
                view = view.without_rooms([choice.server_ip])

    def _look(self, trail: Trail, listed: Listed, lock: Lock, with_sessions: bool = False) -> View:
        """Take the lock and read what the choice needs.

        Raises:
            LoginRefused: the credentials are wrong, or the campaign is not known.
        """
        view = self._store.view_under_lock(listed, lock, with_sessions)
        _check_password(view)
        trail.lock_seconds = lock.seconds
        trail.without_lock = not lock.held
        metrics.LOCK_SECONDS.observe(lock.seconds)
        if not lock.held:
            metrics.WITHOUT_LOCK.inc()
            log.warning("the lock could not be acquired in time: this login goes on without it")
        _check_campaign(listed)
        return view

    def _taken_over(self, view: View, take_over: bool) -> list[LiveSession]:
        """Say which sessions of others end: all those of the agents who use the alias.

        Raises:
            LoginRefused: the alias is in use, and it isn't to be taken over.
        """
        if view.others and not take_over:
            other = view.others[0]
            raise LoginRefused(
                ALIAS_IN_USE,
                f"{view.listed.request.alias} is in use by {other.user} on {other.server_ip}; "
                "log that agent out or take the alias over",
            )
        return self._store.sessions_of(*{other.user for other in view.others})

    def _won(self, trail: Trail, view: View) -> tuple[Claim, Choice]:
        """Decide, and say what the winner claims.

        Raises:
            LoginRefused: nobody is eligible.
        """
        decision, floor = self._decide(view), view.floor
        trail.note(decision, floor.dialers)
        winner = decision.winner
        if winner is None:
            refusals = {phone.login: refusal for phone, refusal in decision.verdicts}
            detail = "; ".join(f"{login}: {refusal}" for login, refusal in refusals.items())
            raise LoginRefused(NO_DIALER_AVAILABLE, detail, refusals)
        claim = Claim(trail.request, winner, floor.dialers[winner.server_ip], floor)
        return claim, choice_of(decision, floor.counts)

    def _decide(self, view: View) -> policy.Decision:
        campaign = view.listed.campaign
        rules = policy.Rules(
            heartbeat_timeout=self._settings.heartbeat_timeout,
            registration=self._settings.registration,
            grouping=campaign.grouping,
            campaign_limit=campaign.limit,
            system_limit=campaign.system_limit,
        )
        return policy.decide(view.phones, view.floor.dialers, rules)

    def _guarded(self, trail: Trail, use_case):
        """Run a use case; count, log and keep how it ended."""
        started = time.perf_counter()
        try:
            with _database_answers():
                return use_case()
        except LoginRefused as refusal:
            trail.outcome = refusal.reason
            if refusal.reason == NO_DIALER_AVAILABLE:
                with contextlib.suppress(DatabaseUnreachable):
                    self._store.keep_decision(trail.row())
            raise
        except BaseException:
            trail.outcome = FAILED
            raise
        finally:
            self._tell(trail, time.perf_counter() - started)
            if trail.outcome not in (DATABASE_UNREACHABLE, FAILED):
                self._prune()

    def _tell(self, trail: Trail, seconds: float) -> None:
        metrics.CHOICES.labels(dialer=trail.chosen, outcome=trail.outcome).inc()
        metrics.CHOICE_SECONDS.observe(seconds)
        if log.isEnabledFor(logging.INFO):
            log.info(json.dumps(trail.line(seconds)))

    def _prune(self) -> None:
        """Remove, now and then, what has expired."""
        now = time.monotonic()
        if now >= self._prune_after:
            self._prune_after = now + PRUNE_INTERVAL
            with contextlib.suppress(DatabaseUnreachable):
                self._store.prune(self._settings.decisions_kept)


def _check_password(view: View) -> None:
    if not any(phone.password_matches for phone in view.phones):
        raise LoginRefused(BAD_CREDENTIALS, "unknown phone login or wrong password")


def _check_campaign(listed: Listed) -> None:
    if listed.campaign is None:
        raise LoginRefused(
            UNKNOWN_CAMPAIGN, f"there is no active campaign with the id {listed.request.campaign}"
        )
