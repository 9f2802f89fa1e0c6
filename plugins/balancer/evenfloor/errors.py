"""What can go wrong, in the caller's words."""

from __future__ import annotations

BAD_CREDENTIALS = "bad_credentials"
NO_DIALER_AVAILABLE = "no_dialer_available"
ALIAS_IN_USE = "alias_in_use"
UNKNOWN_CAMPAIGN = "unknown_campaign"
DATABASE_UNREACHABLE = "database_unreachable"


class ConfigurationError(Exception):
    """The configuration can't be used; the message says what and how to mend it."""


class DatabaseUnreachable(Exception):
    """The database didn't answer, or went away in the middle."""


class DatabaseRefused(DatabaseUnreachable):
    """The database answered that it doesn't do what was asked: read-only, full, a table missing.

    Attributes:
        code: the database's error number.
    """

    def __init__(self, code: int, words: str):
        super().__init__(words)
        self.code = code


class LoginRefused(Exception):
    """A login that can't be had.

    Attributes:
        reason: one of ``bad_credentials``, ``no_dialer_available``, ``alias_in_use``,
            ``unknown_campaign``, ``database_unreachable``.
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
        """Let it pass between processes whole."""
        return type(self), (self.reason, self.detail, self.dialers)


class Malformed(LoginRefused):
    """A value that can't be what was asked for: missing, not text, or not fit for its column."""
