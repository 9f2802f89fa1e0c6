# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phones and aliases, what is wanted of them, and what has to change.

Data alone: ``phones`` makes plans, ``plan_text`` says what is in them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import SIP
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import LONGEST_LOGINS_LIST
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    LOGIN_PASSWORD_LENGTH,
)


class Phone(NamedTuple):
    """A row of ``phones``; ``kind`` is one of ``inventory.KINDS``."""

    extension: str
    server_ip: str
    login: str
    login_password: str
    registration_password: str
    name: str
    kind: str = SIP


class Alias(NamedTuple):
    """A row of ``phones_alias``; ``logins`` is its logins list."""

    alias_id: str
    name: str
    logins: tuple


@dataclass(frozen=True)
class Kept:
    """What was removed and can come back.

    Attributes:
        phones: the phones, those that were removed last first.
        aliases: the aliases.
        closed: extension and ``server_ip`` of the phones that are still there, closed, because an
            agent was talking on them when they should have gone.
    """

    phones: Sequence[Phone] = ()
    aliases: Sequence[Alias] = ()
    closed: Collection[tuple] = ()


@dataclass(frozen=True)
class Plan:
    """What has to change.

    Applied in this order, no alias ever names a phone that isn't there: new, renamed, changed and
    opened phones, aliases, closed and removed phones.

    Attributes:
        new_phones: phones that are made.
        renamed_phones: pairs of the old and the new one, which has another login. Another phone
            has the old login too.
        changed_phones: phones that get other passwords or another name.
        opened_phones: closed phones that are wanted again.
        new_aliases: aliases that are made.
        changed_aliases: pairs of the old and the new one.
        removed_aliases: aliases that go.
        closed_phones: phones that should go and are closed, because an agent talks on them.
        removed_phones: phones that go.
        returned: which of the new ones were removed before: places of phones, ids of aliases.
        waiting: phones that were closed before, and an agent still talks on them.
        ended: places of those removed phones that were closed before.
        forgotten: what needs no keeping, because it is there: places of phones, ids of aliases.
        problems: what only a person can put right.
        letters: the dialers' letters by ``server_ip``.
    """

    new_phones: list = field(default_factory=list)
    renamed_phones: list = field(default_factory=list)
    changed_phones: list = field(default_factory=list)
    opened_phones: list = field(default_factory=list)
    new_aliases: list = field(default_factory=list)
    changed_aliases: list = field(default_factory=list)
    removed_aliases: list = field(default_factory=list)
    closed_phones: list = field(default_factory=list)
    removed_phones: list = field(default_factory=list)
    returned: set = field(default_factory=set)
    waiting: list = field(default_factory=list)
    ended: set = field(default_factory=set)
    forgotten: set = field(default_factory=set)
    problems: list = field(default_factory=list)
    letters: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is wanted of phones and aliases.

    Attributes:
        wanted: the aliases, as ``inventory.expand_aliases`` returned them.
        flavor: whose phones they are (``flavors.base.Flavor``).
        serving: the ``server_ip`` of the dialers whose phones may be in logins lists.
        dialers: the ``server_ip`` of the inventory's dialers.
        leaving: the ``server_ip`` of dialers that are being removed, with all their phones.
        grow: whether logins lists may get new entries now. Without it they only shrink.
        purge: whether to remove phones and aliases that aren't wanted, whoever made them.
        longest_list: how many characters a logins list may have.
        kept: what was removed and can come back.
        busy: extension, in small letters, and ``server_ip`` of the phones that agents talk on.
        login_password_length: how many characters a new login password has.
    """

    wanted: Sequence[dict]
    flavor: Any
    serving: Collection[str] = ()
    dialers: Collection[str] = ()
    leaving: Collection[str] = ()
    grow: bool = True
    purge: bool = False
    longest_list: int = LONGEST_LOGINS_LIST
    kept: Kept = Kept()
    busy: Collection[tuple] = ()
    login_password_length: int = LOGIN_PASSWORD_LENGTH


def place_of(phone):
    """Return what names a phone: its extension and ``server_ip``."""
    return (phone.extension, phone.server_ip)
