"""The phones behind an alias: which rows a logins list means. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .policy import Phone


class PhoneRow(NamedTuple):
    """A row of ``phones``, as far as the choice needs it.

    Attributes:
        login: the phone login.
        server_ip: the phone's dialer.
        extension: the extension there.
        protocol: ``PJSIP``, ``SIP`` and so on.
        active: whether the phone is active.
        password: the login password; empty for none.
        registered: whether its softphone is registered.
        is_webphone: whether VICIdial's login page opens it in the browser.
    """

    login: str
    server_ip: str
    extension: str
    protocol: str
    active: bool
    password: str
    registered: bool
    is_webphone: bool = False


def parse_logins(text: str) -> list[str]:
    """Take a logins list apart: phone logins, separated by commas.

    Spaces around a phone login don't belong to it, and an empty entry is none.
    """
    return [login for login in map(str.strip, text.split(",")) if login]


def channel(phone: Phone | PhoneRow) -> str:
    """Name a phone as Asterisk dials it and as live-agent rows do: ``PJSIP/101``."""
    return f"{phone.protocol}/{phone.extension}"


def by_login(rows: Iterable[PhoneRow]) -> dict[str, list[PhoneRow]]:
    """Sort phones by their login in lower case. Logins aren't unique in VICIdial."""
    found: dict[str, list[PhoneRow]] = {}
    for row in rows:
        found.setdefault(row.login.lower(), []).append(row)
    return found


def of_one_alias(logins: Sequence[str], aliases: Iterable[str]) -> list[str]:
    """Cut a typed list down to the phones of one alias.

    Args:
        logins: what was typed, at least one.
        aliases: the logins lists of the aliases that have the first of them.

    Returns:
        Those that one alias has; the first alone where no alias has it.
    """
    found = [logins[0]]
    for text in aliases:
        listed = {login.lower() for login in parse_logins(text)}
        of_alias = [login for login in logins if login.lower() in listed]
        found = max(found, of_alias, key=len)
    return found


def listed_phones(
    logins: Iterable[str], found: Mapping[str, Sequence[PhoneRow]], password: str | None
) -> list[Phone]:
    """Say which phone each login of a list means.

    Of several phones with one login, one that has the password and is active comes first, then one
    that has the password; VICIdial's page takes the same.

    Args:
        logins: the logins list.
        found: the phones by login in lower case.
        password: what was typed; None is «every password matches».

    Returns:
        A phone for each login, in the list's order; one without ``server_ip`` where there is none.
    """
    return [_phone(login, found.get(login.lower(), ()), password) for login in logins]


def _phone(login: str, rows: Sequence[PhoneRow], password: str | None) -> Phone:
    if not rows:
        return Phone(login)
    ranked = [((_matches(row, password), row.active), row) for row in rows]
    (matches, active), row = max(ranked, key=lambda pair: pair[0])
    return Phone(
        row.login,
        row.server_ip,
        row.extension,
        row.protocol,
        active,
        matches,
        row.registered,
        row.is_webphone,
    )


def _matches(row: PhoneRow, password: str | None) -> bool:
    return password is None or (
        row.password != "" and hmac.compare_digest(row.password.encode(), password.encode())
    )
