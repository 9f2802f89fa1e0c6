"""What can go wrong, in the caller's words."""

from __future__ import annotations

BAD_CREDENTIALS = "bad_credentials"
NO_DIALER_AVAILABLE = "no_dialer_available"
ALIAS_IN_USE = "alias_in_use"
UNKNOWN_CAMPAIGN = "unknown_campaign"
DATABASE_UNREACHABLE = "database_unreachable"


class ConfigurationError(Exception):
    """The configuration can't be used; the message says what is wrong and how to fix it."""


class DatabaseUnreachable(Exception):
    """The database didn't answer, or went away in the middle."""


class DatabaseRefused(DatabaseUnreachable):
    """The database is reachable but rejects the operation: read-only, full, a table missing."""


class LostRace(DatabaseRefused):
    """Another transaction was in the way, and this one was rolled back. It can be tried again."""


class UnfitValue(DatabaseRefused):
    """A value doesn't fit its column: too long, or characters that the table can't hold."""


class LoginRefused(Exception):
    """A login that was refused.

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
        """Pass between processes with every attribute."""
        return type(self), (self.reason, self.detail, self.dialers)


class Malformed(LoginRefused):
    """A value that can't be used: missing, not text, or not fit for its column."""
