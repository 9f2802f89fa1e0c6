"""Who may: passwords are looked at, and wrong ones are counted."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from . import agents, attempts
from .callers import Caller
from .deadline import Deadline
from .errors import BAD_CREDENTIALS, LoginRefused, Malformed, WrongPassword, WrongUserPassword
from .login_store import LoginStore
from .request import KnownAgent, Listed, Request

#: One answer for all: nobody learns from it which phone logins, or which agents, there are.
WRONG_PASSWORD = "unknown phone login or user, or wrong password"  # noqa: S105 - words


class Gate:
    """Looks whether a caller may have what it asks for.

    Args:
        store: the database as a login sees it.
        request_timeout: how long a caller waits that doesn't say so itself, in seconds.
    """

    def __init__(self, store: LoginStore, request_timeout: float):
        self._store = store
        self._request_timeout = request_timeout

    def deadline(self, caller: Caller) -> Deadline:
        """Say until when a caller waits."""
        return caller.deadline or Deadline(self._request_timeout)

    def agent_to_prove(self, request: Request) -> KnownAgent | None:
        """Find the agent whose password is worth its hash; see :class:`.balancer.Balancer`."""
        listed = self._store.listed(request)
        if not listed.agent.needed or attempts.is_over(listed.tried):
            return None
        listed = self._store.of_one_alias(listed)
        return listed.agent if self._store.knows_password(listed) else None

    def check_phone(self, listed: Listed) -> None:
        """Look whether one of the listed phones has the login password.

        Raises:
            LoginRefused: none has.
        """
        if not self._store.knows_password(listed):
            raise LoginRefused(BAD_CREDENTIALS, WRONG_PASSWORD)

    def listed(self, request: Request, of_one_alias: bool = False) -> Listed:
        """Read what is asked for.

        Args:
            request: what was typed.
            of_one_alias: cut a typed list down: a stranger typed it, or it's about sessions.

        Raises:
            TooManyAttempts: the client has sent too many wrong passwords.
        """
        listed = self._store.listed(request)
        attempts.check(listed.tried)
        return self._store.of_one_alias(listed) if of_one_alias else listed

    @contextlib.contextmanager
    def wrong_passwords_counted(self, request: Request):
        """Count a wrong password for whoever sent it.

        Raises:
            WrongPassword: instead of a refusal for a wrong password.
        """
        try:
            yield
        except LoginRefused as refusal:
            wrong = refusal.reason == BAD_CREDENTIALS and not isinstance(refusal, Malformed)
            if not wrong or not request.client:
                raise
            is_users = isinstance(refusal, WrongUserPassword)
            tried = self._store.count_wrong_password(request, is_users)
            raise WrongPassword(refusal.detail, tried.failures) from refusal

    def prove_agent(self, listed: Listed, caller: Caller) -> Caller:
        """Look whether the user is who it says, where agents have passwords of their own.

        A password is looked at before the lock is taken, because its hash takes long, and only for
        whoever knows the phone's: strangers who guess don't keep the processors busy.

        Returns:
            The caller, who has proved to be the agent if that was looked at.

        Raises:
            LoginRefused: the phone's password, the user or its password is wrong.
        """
        if not listed.agent.needed:
            return caller
        self.check_phone(listed)
        if caller.proof and caller.proof.agent == listed.agent:
            is_right = caller.proof.is_right
        else:
            user, password = listed.request.user, caller.user_password
            is_right = agents.is_right(listed.agent, user, password, self.deadline(caller))
        if not is_right:
            raise WrongUserPassword(BAD_CREDENTIALS, WRONG_PASSWORD)
        return replace(caller, is_agent=True)
