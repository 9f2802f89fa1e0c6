"""The use cases: choose, login, logout, floor, explain."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

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
from .callers import HOST, Caller
from .connection import until_won
from .database_answers import database_answers
from .day import Day
from .deadline import Deadline
from .decisions import Trail
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    NO_DIALER_AVAILABLE,
    NOT_ALLOWED,
    UNKNOWN_CAMPAIGN,
    DatabaseRefused,
    LoginRefused,
    RowBusy,
)
from .gate import WRONG_PASSWORD, Gate
from .lock import Lock
from .login_statements import Claim
from .login_store import LoginStore
from .records import Records
from .registrations import Reporting
from .request import KnownAgent, Listed, Request, check_typed
from .sessions import LiveSession, new_tag
from .view import View

log = logging.getLogger("evenfloor.balancer")

#: How often a login is decided in all, if others' claims come in between. Each time is as likely
#: to be the last as not where two databases are written to, so that one in a million fails.
CLAIM_TRIES = 20


class Balancer:
    """Chooses dialers and logs agents in and out.

    Not for use from several threads at once: give each its own.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: configuration.Config):
        self._settings = config.balancer
        self._usual = self._settings.rules
        self._store = LoginStore(
            config.database,
            self._settings.lock_timeout,
            self._settings.is_guarded,
            self._settings.wake_port,
        )
        self._reporting = Reporting(self._store.reporting_dialers)
        self._gate = Gate(self._store, self._settings.request_timeout)
        self._records = Records(self._store, self._settings)

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

    def choose(
        self,
        alias: str,
        password: str,
        user: str = "",
        campaign: str = "",
        caller: Caller = HOST,
    ) -> Choice:
        """Choose a dialer and reserve the place until the login is live.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            password: the login password.
            user: the agent; a reservation is made only for a named one.
            campaign: the campaign's id.
            caller: who asks, what it sends as the agent's own password, and until when it waits; by
                default whoever holds the configuration, who needs no such password. What can't be
                done by then isn't begun, and nothing is reserved.

        Raises:
            LoginRefused: nobody is eligible, the credentials are wrong, the campaign is not
                known, or the database is away; or the caller has sent too many wrong passwords.
        """
        check_typed(
            required=("alias", "password"),
            alias=alias,
            password=password,
            user=user,
            campaign=campaign,
            user_password=caller.user_password,
        )
        trail = Trail("choose", _asked(caller, alias, password, user, campaign))
        return self._in_time(trail, lambda: self._choose(trail, caller), caller)

    def login(
        self,
        alias: str,
        password: str,
        user: str,
        campaign: str,
        take_over: bool = False,
        caller: Caller = HOST,
    ) -> Session:
        """Choose a dialer, claim a room there and have the dialer ring the phone.

        An agent who is logged in already is moved: the old session ends and isn't counted.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            password: the login password.
            user: the agent.
            campaign: the campaign's id.
            take_over: end the session of somebody else who uses this alias.
            caller: as for :meth:`choose`; a session that comes too late ends.

        Raises:
            LoginRefused: as for :meth:`choose`, and where the alias is in use, or the agent is
                logged in elsewhere and the caller hasn't proved to be that agent.
        """
        values = {"alias": alias, "password": password, "user": user, "campaign": campaign}
        check_typed(required=tuple(values), **values, user_password=caller.user_password)
        trail = Trail("login", _asked(caller, alias, password, user, campaign))
        return self._in_time(trail, lambda: self._login(trail, take_over, caller), caller)

    def agent_to_prove(
        self, alias: str, password: str, user: str, campaign: str, caller: Caller
    ) -> KnownAgent | None:
        """Find the agent whose own password is to be looked at before a choice or a login.

        It takes long, and whoever has asked this can do it while the balancer serves others.

        Args:
            alias: as for :meth:`choose`, as all of them.
            password: the login password.
            user: the agent.
            campaign: the campaign's id.
            caller: who asks.

        Returns:
            The agent. None where there is nothing to prove, or no hash is worth it: who doesn't
            know the phone's password, or has sent too many wrong ones, is refused anyway.

        Raises:
            LoginRefused: a value can't be used, or the database is away.
        """
        values = {"alias": alias, "password": password, "user": user, "campaign": campaign}
        check_typed(("alias", "password"), **values, user_password=caller.user_password)
        request = _asked(caller, alias, password, user, campaign)
        with self._store.within(self._gate.deadline(caller)), database_answers():
            return self._gate.agent_to_prove(request)

    def prove(self, alias: str, password: str, user: str, campaign: str, caller: Caller) -> None:
        """Look whether somebody may log in with this; choose and change nothing.

        Args:
            alias: as for :meth:`choose`, as all of them.
            password: the login password.
            user: the agent.
            campaign: the campaign's id.
            caller: who asks.

        Raises:
            LoginRefused: the credentials are wrong, which is counted; the caller has sent too many
                wrong passwords; or the database is away.
        """
        values = {"alias": alias, "password": password, "user": user, "campaign": campaign}
        check_typed(tuple(values), **values, user_password=caller.user_password)
        request = _asked(caller, **values)
        with (
            self._store.within(self._gate.deadline(caller)),
            database_answers(),
            self._gate.wrong_passwords_counted(request),
        ):
            listed = self._gate.listed(request, of_one_alias=True)
            self._gate.check_phone(listed)
            self._gate.prove_agent(listed, caller)

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
        with database_answers():
            sessions = self._store.claims.sessions_of(user)
            self._store.claims.end_sessions(user, sessions)
        return len(sessions)

    def logout_session(self, user: str, tag: str) -> int:
        """End one session, if it is still there.

        Args:
            user: the agent.
            tag: the session's name.

        Returns:
            1 where it was there, else 0.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            return self._store.claims.end_session(user, tag)

    def logout_alias(self, alias: str, password: str, caller: Caller = HOST) -> int:
        """End the sessions on an alias's phones, whoever's they are.

        Args:
            alias: a phone alias, a comma-separated logins list, or one phone login.
            password: the login password.
            caller: who asks; by default whoever holds the configuration.

        Returns:
            How many sessions there were.

        Raises:
            LoginRefused: the credentials are wrong, the caller has sent too many wrong passwords,
                or the database is away.
        """
        check_typed(required=("alias", "password"), alias=alias, password=password)
        request = _asked(caller, alias, password)
        with database_answers(), self._gate.wrong_passwords_counted(request):
            listed = self._gate.listed(request, of_one_alias=True)
            view = self._store.view(listed, with_sessions=True)
            _check_password(view)
            if listed.agent.needed and not view.others:
                # Or it would tell for nothing whether the phone's password is right.
                raise LoginRefused(BAD_CREDENTIALS, WRONG_PASSWORD)
            for user in {session.user for session in view.others}:
                ended = [session for session in view.others if session.user == user]
                self._store.claims.end_sessions(user, ended)
        return len(view.others)

    def floor(self) -> list[FloorEntry]:
        """Return every dialer with its counts.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            floor = self._store.floor()
        return [entry_of(row, dialer, self._usual) for row, dialer in floor]

    def day(self, day: date) -> Day:
        """Return a day of the floor.

        Args:
            day: by the clock of this host.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            return self._store.day(day, self._settings.decisions_kept)

    def day_as_csv(self, day: date) -> str:
        """Return every quarter minute of a day as CSV.

        Args:
            day: by the clock of this host.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            return self._store.day_as_csv(day)

    def dialer_names(self, deadline: Deadline) -> dict[str, str]:
        """Return every dialer's name by its ``server_ip``.

        Args:
            deadline: until when the caller waits.

        Raises:
            LoginRefused: the database is away.
        """
        with self._store.within(deadline), database_answers():
            return self._store.dialer_names()

    def has_agents(self) -> bool:
        """Say whether agents have passwords of their own.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            return self._store.has_agents()

    def database(self) -> str:
        """Return the host name of the database that is reached: of several, one is written to.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
            return self._store.database()

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            LoginRefused: the database is away.
        """
        with database_answers():
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
        with database_answers():
            listed = self._store.listed(Request(alias, user, campaign))
            _check_campaign(listed)
            self._look_who_reports()
            view = self._store.view(listed, all_rooms=True)
            rules = self._rules(view)
        decision = policy.decide(view.phones, view.floor.dialers, rules)
        return explanation_of(alias, decision, view.floor.dialers, rules)

    # -- how they do it -------------------------------------------------------------------

    def _in_time(self, trail: Trail, use_case, caller: Caller):
        """Run a use case, keep how it ended, and undo it if nobody waits for it any longer."""
        with self._store.within(self._gate.deadline(caller)), database_answers():
            with (
                self._records.kept(trail),
                database_answers(),
                self._gate.wrong_passwords_counted(trail.request),
            ):
                result = use_case()
                self._store.claims.undo_if_late()
            self._store.claims.undo_if_late()
        return result

    def _choose(self, trail: Trail, caller: Caller) -> Choice:
        listed = self._gate.listed(trail.request, of_one_alias=not caller.is_trusted)
        self._look_who_reports()
        if not trail.request.user:
            return self._choose_for_nobody(trail, listed)
        self._gate.prove_agent(listed, caller)
        full: set[str] = set()
        while True:
            with self._store.lock() as lock:
                view = self._look(trail, listed, lock).without_rooms(full)
                claim, choice = self._won(trail, view)
                seconds = self._settings.reservation_ttl
                if self._store.claims.reserve(claim, seconds, lock, trail.row()):
                    return choice
            full.add(choice.server_ip)

    def _choose_for_nobody(self, trail: Trail, listed: Listed) -> Choice:
        """Choose for nobody in particular: nothing is reserved, and so no lock is needed.

        Where agents have passwords, strangers are refused: the answer would say whether the
        phone's password is right.
        """
        if listed.agent.needed:
            raise LoginRefused(BAD_CREDENTIALS, WRONG_PASSWORD)
        view = self._store.view(listed)
        _check_password(view)
        _check_campaign(listed)
        _claim, choice = self._won(trail, view)
        self._store.keep_decision(trail.row())
        return choice

    def _login(self, trail: Trail, take_over: bool, caller: Caller) -> Session:
        listed = self._gate.listed(trail.request, of_one_alias=True)
        self._look_who_reports()
        caller = self._gate.prove_agent(listed, caller)
        return until_won(lambda: self._claimed(trail, listed, take_over, caller), CLAIM_TRIES)

    def _claimed(self, trail: Trail, listed: Listed, take_over: bool, caller: Caller) -> Session:
        """Decide under the lock, and write the session.

        Raises:
            LostRace: others have claimed something meanwhile, and nothing has changed.
            DatabaseRefused: rows are locked, and no other dialer is left.
        """
        with self._store.lock() as lock:
            view = self._look(trail, listed, lock, with_sessions=True)
            _check_move(view, caller)
            others = _taken_over(view, take_over)
            view = view.without(others)
            busy: RowBusy | None = None
            while True:
                claim, choice = self._won(trail, view, busy)
                tag, ended = new_tag(), [*view.own, *others]
                try:
                    room = self._store.claims.write_session(claim, tag, ended, lock, trail.row())
                except RowBusy as error:
                    log.warning("%s: %s; the next dialer is asked", choice.server_ip, error)
                    room, busy = None, error
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

    def _won(self, trail: Trail, view: View, busy: RowBusy | None = None) -> tuple[Claim, Choice]:
        """Decide, and say what the winner claims.

        Args:
            trail: what is known of the login.
            view: what is decided with.
            busy: why a dialer was passed over that may have rooms.

        Raises:
            LoginRefused: nobody is eligible.
            DatabaseRefused: nobody else is: it's the database that has no time.
        """
        floor = view.floor
        decision = policy.decide(view.phones, floor.dialers, self._rules(view))
        trail.note(decision, floor.dialers)
        winner = decision.winner
        if winner is None and busy:
            raise DatabaseRefused(str(busy)) from busy
        if winner is None:
            refusals = {
                phone.login: refusal if phone.password_matches else WRONG_PASSWORD
                for phone, refusal, _remarks in decision.verdicts
            }
            detail = "; ".join(f"{login}: {refusal}" for login, refusal in refusals.items())
            raise LoginRefused(NO_DIALER_AVAILABLE, detail, refusals)
        claim = Claim(trail.request, winner, floor.dialers[winner.server_ip], floor)
        return claim, choice_of(decision, floor.counts)

    def _look_who_reports(self) -> None:
        """Learn where registrations are kept, if that decides; before the lock is taken."""
        if self._settings.registration == policy.AUTO:
            self._reporting.refresh()

    def _rules(self, view: View) -> policy.Rules:
        if self._settings.registration == policy.AUTO:
            self._reporting.meet(view.floor.dialers.values())
        campaign = view.listed.campaign
        return replace(
            self._usual,
            reporting=self._reporting.dialers,
            grouping=campaign.grouping,
            campaign_limit=campaign.limit,
            system_limit=campaign.system_limit,
        )


def _asked(
    caller: Caller, alias: str, password: str, user: str = "", campaign: str = ""
) -> Request:
    proves_user = not caller.is_trusted or (user != "" and caller.user_password != "")
    client = "" if caller.is_trusted else caller.client
    return Request(alias, user, campaign, password, client, proves_user)


def _check_password(view: View) -> None:
    if not any(phone.password_matches for phone in view.phones):
        raise LoginRefused(BAD_CREDENTIALS, WRONG_PASSWORD)


def _check_move(view: View, caller: Caller) -> None:
    """Look whether the agent's own sessions, which would end, are the caller's to end.

    Raises:
        LoginRefused: one is on another alias, and the caller hasn't proved that it is its own.
    """
    for session in view.own:
        proved = caller.is_trusted or caller.is_agent or view.is_here(session)
        if not proved and not (session.tag and session.tag == caller.session):
            raise LoginRefused(
                NOT_ALLOWED,
                f"{session.user} is logged in with another phone alias; log out there first",
            )


def _taken_over(view: View, take_over: bool) -> list[LiveSession]:
    """Say which sessions of others end: those on the phones that have the password.

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
    return view.others


def _check_campaign(listed: Listed) -> None:
    if listed.campaign is None:
        raise LoginRefused(
            UNKNOWN_CAMPAIGN, f"there is no active campaign with the id {listed.request.campaign}"
        )
