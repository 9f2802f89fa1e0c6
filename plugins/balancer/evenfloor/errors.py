"""What can go wrong, in the caller's words."""

from __future__ import annotations

BAD_CREDENTIALS = "bad_credentials"
NO_DIALER_AVAILABLE = "no_dialer_available"
ALIAS_IN_USE = "alias_in_use"
UNKNOWN_CAMPAIGN = "unknown_campaign"
DATABASE_UNREACHABLE = "database_unreachable"
NOT_ALLOWED = "not_allowed"
TOO_MANY_ATTEMPTS = "too_many_attempts"
REASONS = (
    BAD_CREDENTIALS,
    NO_DIALER_AVAILABLE,
    ALIAS_IN_USE,
    UNKNOWN_CAMPAIGN,
    DATABASE_UNREACHABLE,
    NOT_ALLOWED,
    TOO_MANY_ATTEMPTS,
)


class ConfigurationError(Exception):
    """The configuration can't be used; the message says what is wrong and how to fix it."""


class DatabaseUnreachable(Exception):
    """The database didn't answer, or went away in the middle."""


class DatabaseSilent(DatabaseUnreachable):
    """The database didn't answer in time. What it was asked to do may still happen."""


class TooLate(DatabaseUnreachable):
    """Whoever asked no longer waits for the answer, so nothing more is begun."""


class DatabaseRefused(DatabaseUnreachable):
    """The database is reachable but rejects the operation: read-only, full, a table missing."""


class LostRace(DatabaseRefused):
    """Another transaction was in the way, and this one was rolled back. It can be tried again."""


class RowBusy(LostRace):
    """Somebody else has locked a row, and it wasn't free in time."""


class UnfitValue(DatabaseRefused):
    """A value doesn't fit its column: too long, or characters that the table can't hold."""


class LoginRefused(Exception):
    """A login that was refused.

    Attributes:
        reason: one of ``bad_credentials``, ``no_dialer_available``, ``alias_in_use``,
            ``unknown_campaign``, ``database_unreachable``; over HTTP also ``not_allowed`` and
            ``too_many_attempts``.
        detail: the same in words, for a person.
        dialers: for ``no_dialer_available``, ``{phone_login: why not}`` in the order of the
            logins list; empty otherwise.
    """

    def __init__(self, reason: str, detail: str, dialers: dict | None = None):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.dialers = dialers or {}

    def __reduce__(self):
        """Pass between processes with every attribute."""
        return type(self), (self.reason, self.detail, self.dialers)


def no_answer() -> LoginRefused:
    """Make the refusal for a database that isn't reachable."""
    words = "the database doesn't answer as it should; try again in a moment"
    return LoginRefused(DATABASE_UNREACHABLE, words)


def busy() -> LoginRefused:
    """Make the refusal of a login service that has too much to do."""
    return LoginRefused(DATABASE_UNREACHABLE, "the login service is busy; try again in a moment")


class Malformed(LoginRefused):
    """A value that can't be used: missing, not text, or not fit for its column."""


class WrongUserPassword(LoginRefused):
    """A phone's right password, and a wrong one of the agent's own, or a user who is no agent.

    Whoever asks is told no more than of any wrong password.
    """


class WrongPassword(LoginRefused):
    """A wrong password that has been counted, or an alias that nobody has.

    Attributes:
        failures: how many its address has sent, this one too.
    """

    def __init__(self, detail: str, failures: int):
        super().__init__(BAD_CREDENTIALS, detail)
        self.failures = failures

    def __reduce__(self):
        """Pass between processes with every attribute."""
        return type(self), (self.detail, self.failures)


class TooManyAttempts(LoginRefused):
    """An address that has sent too many wrong passwords.

    Attributes:
        seconds: when it may try again.
    """

    def __init__(self, detail: str, seconds: int):
        super().__init__(TOO_MANY_ATTEMPTS, detail)
        self.seconds = seconds

    def __reduce__(self):
        """Pass between processes with every attribute."""
        return type(self), (self.detail, self.seconds)
