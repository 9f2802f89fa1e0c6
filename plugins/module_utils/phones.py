# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the phones and aliases that are there to those that are wanted: what has to change.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import join_logins
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import letters_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import (
    LONGEST_LOGINS_LIST,
    LONGEST_PHONE_LOGIN,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    LOGIN_PASSWORD_LENGTH,
    new_login_password,
    new_registration_password,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

_LETTERS = re.compile(r"[a-z]+")


class Phone(NamedTuple):
    """A row of ``phones``."""

    extension: str
    server_ip: str
    login: str
    login_password: str
    registration_password: str
    name: str


class Alias(NamedTuple):
    """A row of ``phones_alias``; ``logins`` is its logins list."""

    alias_id: str
    name: str
    logins: tuple


class Plan(NamedTuple):
    """What has to change.

    Applied in this order, no alias ever names a phone that isn't there: new and changed phones,
    aliases, removed phones. ``changed_aliases`` are pairs of the old and the new one; ``letters``
    are the dialers' by ``server_ip``.
    """

    new_phones: list
    changed_phones: list
    removed_phones: list
    new_aliases: list
    changed_aliases: list
    removed_aliases: list
    letters: dict


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
    login_password_length: int = LOGIN_PASSWORD_LENGTH


def make_plan(phones, aliases, request):
    """Work out what has to change.

    Phones that are there keep their logins, and their passwords unless the inventory gives
    others. A logins list keeps its order; new entries come last.

    Args:
        phones: the phones that are there.
        aliases: the aliases that are there.
        request: what is wanted.

    Returns:
        A Plan.

    Raises:
        InventoryError: a phone login or a logins list would be too long or is taken, or a leaving
            dialer is the last one of an alias.
    """
    return _Planner(phones, aliases, request).plan()


class _Planner:
    """Makes one plan."""

    def __init__(self, phones, aliases, request):
        self._phones, self._request, self._flavor = phones, request, request.flavor
        self._wanted = [_without(alias, request.leaving) for alias in request.wanted]
        self._aliases = {alias.alias_id.lower(): alias for alias in aliases}
        self._extensions = {alias["extension"] for alias in self._wanted}
        self._of_extension = collections.defaultdict(list)
        for phone in phones:
            self._of_extension[phone.extension].append(phone)
        #: Extensions by phone login, of new phones too.
        self._owners = {phone.login.lower(): phone.extension for phone in phones}
        ids = [alias["alias_id"] for alias in self._wanted] + [alias.alias_id for alias in aliases]
        self._ids = {alias_id.lower() for alias_id in ids}
        server_ips = list(dict.fromkeys(ip for alias in self._wanted for ip in alias["server_ips"]))
        taken = _letters_of_names(ids, self._extensions)
        letters = assign_letters(phones, server_ips, taken)
        self._plan = Plan([], [], [], [], [], [], {ip: letters[ip] for ip in server_ips})

    def plan(self):
        """Make the plan."""
        for alias in self._wanted:
            self._check_id(alias)
        for alias in self._wanted:
            siblings = self._of_extension[alias["extension"]]
            old = self._aliases.get(alias["alias_id"].lower())
            wanted = self._flavor.wanted_alias(alias, siblings, old)
            self._plan_alias(wanted, self._plan_phones(wanted, siblings), siblings, old)
        self._remove_phones()
        self._remove_aliases()
        return self._plan

    def _check_id(self, alias):
        alias_id = alias["alias_id"]
        owner = self._owners.get(alias_id.lower())
        if owner is not None:
            what = f"that is the phone login of extension {owner} already"
            raise InventoryError(Problem(f"alias {alias_id}", what, "choose another suffix"))

    def _plan_phones(self, alias, siblings):
        """Plan the phones of a wanted alias; returns them by login."""
        passwords = _passwords_of(alias, siblings, self._request.login_password_length)
        there = {phone.server_ip: phone for phone in siblings}
        name = alias.get("phone_name", alias["name"])
        wanted = {}
        for server_ip in alias["server_ips"]:
            old = there.get(server_ip)
            login = old.login if old else self._new_login(alias["extension"], server_ip)
            phone = Phone(alias["extension"], server_ip, login, *passwords, name)
            if old:
                phone = self._flavor.wanted_phone(alias, phone, old)
                if phone != old:
                    self._plan.changed_phones.append(phone)
            else:
                self._check_login(alias, login)
                self._owners[login.lower()] = phone.extension
                self._plan.new_phones.append(phone)
            wanted[login] = phone
        return wanted

    def _new_login(self, extension, server_ip):
        """Name a new phone: with its dialer's letters, or with others where those are taken.

        Another phone of the extension may have them, on a dialer whose phones were named by hand.
        """
        login = extension + self._plan.letters[server_ip]
        if self._owners.get(login.lower()) != extension:
            return login
        names = (extension + letters_of(number) for number in itertools.count(1))
        taken = {*self._owners, *self._ids}
        taken |= {(extension + letters).lower() for letters in self._plan.letters.values()}
        return next(name for name in names if name not in taken)

    def _check_login(self, alias, login):
        where = f"alias {alias['alias_id']}"
        if len(login) > LONGEST_PHONE_LOGIN:
            what = f"phone login '{login}' has {len(login)} characters, {LONGEST_PHONE_LOGIN} fit"
            raise InventoryError(Problem(where, what, "use shorter extensions"))
        if login.lower() in self._ids:
            what = f"a new phone would have the login '{login}', but there is an alias of that name"
            raise InventoryError(Problem(where, what, "rename or remove that alias first"))
        owner = self._owners.get(login.lower())
        if owner is not None:
            what = f"phone login '{login}' belongs to extension {owner} already"
            raise InventoryError(Problem(where, what, "choose other extensions"))

    def _plan_alias(self, alias, phones, siblings, old):
        """Plan an alias, with the list that it should have of its phones by login."""
        there = list(old.logins) if old else []
        kept = set()
        if old:
            ours = {*self._request.dialers, *self._request.leaving}
            kept = self._flavor.foreign_logins(old, siblings, ours)
        logins = [login for login in there if login in phones or login in kept]
        if self._request.grow:
            logins += self._new_logins(alias, phones, there)
        self._check_list(alias, logins)
        new = Alias(alias["alias_id"], alias["name"], tuple(logins))
        if old is None:
            if logins:
                self._plan.new_aliases.append(new)
        elif (old.name, tuple(old.logins)) != (new.name, new.logins):
            self._plan.changed_aliases.append((old, new))

    def _new_logins(self, alias, phones, there):
        """Return the logins that a list doesn't have yet, in the inventory's order of dialers."""
        new = [
            phone
            for login, phone in phones.items()
            if phone.server_ip in self._request.serving and login not in there
        ]
        new.sort(key=lambda phone: alias["server_ips"].index(phone.server_ip))
        return [phone.login for phone in new]

    def _check_list(self, alias, logins):
        length, longest = len(join_logins(logins)), self._request.longest_list
        if length > longest:
            what = (
                f"its logins list for {len(logins)} dialers has {length} characters, {longest} fit"
            )
            fix = (
                "give it fewer dialers, or set phone_aliases_widen_logins_list: true to widen the"
                " column"
            )
            raise InventoryError(Problem(f"alias {alias['alias_id']}", what, fix))

    def _remove_phones(self):
        """Plan which phones are removed."""
        wanted = {(alias["extension"], ip) for alias in self._wanted for ip in alias["server_ips"]}
        for phone in self._phones:
            if (phone.extension, phone.server_ip) not in wanted and (
                self._request.purge
                or phone.server_ip in self._request.leaving
                or self._flavor.is_unwanted(phone, self._extensions)
            ):
                self._plan.removed_phones.append(phone)

    def _remove_aliases(self):
        """Plan which aliases are removed, and which lose a phone that is removed."""
        wanted = {alias["alias_id"].lower() for alias in self._wanted}
        others = [alias for name, alias in self._aliases.items() if name not in wanted]
        if self._request.purge:
            self._plan.removed_aliases.extend(others)
            return
        gone = {phone.login for phone in self._plan.removed_phones}
        for alias in others:
            left = tuple(login for login in alias.logins if login not in gone)
            if self._request.leaving and alias.logins and not left:
                what = f"would have no phone left without {join_logins(alias.logins)}"
                fix = "give it another one or remove it first"
                where = f"alias {alias.alias_id}"
                raise InventoryError(Problem(where, what, fix, is_subject=True))
            if left != tuple(alias.logins):
                self._plan.changed_aliases.append((alias, alias._replace(logins=left)))


def assign_letters(phones, addresses, taken):
    """Find each dialer's letters: those its phones have, or the next free ones.

    Args:
        phones: the phones that are there.
        addresses: the dialers' ``server_ip``, in the order in which new ones get letters.
        taken: letters that would make a phone login and an alias the same.

    Returns:
        ``{server_ip: letters}``.
    """
    votes = _votes(phones)
    letters, used = {}, set()
    for server_ip in sorted(votes, key=lambda ip: -sum(votes[ip].values())):
        for candidate, _count in votes[server_ip].most_common():
            if candidate not in used:
                letters[server_ip] = candidate
                used.add(candidate)
                break
    # A letter that any phone has, even one made by hand, is not free for a new dialer. Neither is
    # an alias's.
    used.update(letter for counts in votes.values() for letter in counts)
    used.update(suffix.lower() for suffix in taken)
    number = 1
    for server_ip in addresses:
        while server_ip not in letters:
            if letters_of(number) not in used:
                letters[server_ip] = letters_of(number)
                used.add(letters_of(number))
            number += 1
    return letters


def _votes(phones):
    """Count, by dialer, how many of its phones have which letters behind their extension."""
    votes = collections.defaultdict(collections.Counter)
    for phone in phones:
        rest = phone.login[len(phone.extension) :]
        if phone.login.startswith(phone.extension) and _LETTERS.fullmatch(rest):
            votes[phone.server_ip][rest] += 1
    return votes


def _letters_of_names(ids, extensions):
    """Find what, behind some extension, would give the name of an alias: 11 and 1a make 111a."""
    return {
        alias_id[length:]
        for alias_id in ids
        for length in range(1, len(alias_id))
        if alias_id[:length] in extensions
    }


def _without(alias, leaving):
    """Return a wanted alias without the dialers that are being removed.

    Raises:
        InventoryError: none is left.
    """
    stay = [server_ip for server_ip in alias["server_ips"] if server_ip not in leaving]
    if alias["server_ips"] and not stay:
        what = f"would have no dialer left without {', '.join(alias['server_ips'])}"
        fix = (
            "give its entry another one, or take it out of phone_aliases, and run aliases.yml first"
        )
        where = f"alias {alias['alias_id']}"
        raise InventoryError(Problem(where, what, fix, is_subject=True))
    return {**alias, "server_ips": stay}


def _passwords_of(alias, phones, login_length):
    """The passwords of an alias: the inventory's, those its phones have, or new ones.

    Args:
        alias: the wanted alias.
        phones: the phones that its extension has.
        login_length: how many characters a new login password has.
    """
    login = (
        alias["login_password"]
        or _most_common(phone.login_password for phone in phones)
        or new_login_password(login_length)
    )
    registration = (
        alias["registration_password"]
        or _most_common(phone.registration_password for phone in phones)
        or new_registration_password()
    )
    return str(login), str(registration)


def _most_common(values):
    """Return the value that is there most often, the first of several; None where there is none."""
    counted = collections.Counter(value for value in values if value).most_common(1)
    return counted[0][0] if counted else None
