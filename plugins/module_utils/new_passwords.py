# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""New passwords for aliases that are there: for which, and for which of their phones.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_extensions
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    new_login_password,
    new_registration_password,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: The word for every alias of the inventory.
ALL = "all"
#: What may change, and in which columns.
KINDS = {
    "login": ("login",),
    "registration": ("registration",),
    "both": ("login", "registration"),
}
NAMES_SHOWN = 5


class NewPasswords(NamedTuple):
    """The new passwords of an alias; None where one stays.

    Attributes:
        alias_id: the alias.
        phones: its phones (``phones.Phone``), which all get them.
        login: the login password.
        registration: the registration password.
    """

    alias_id: str
    phones: list
    login: str | None
    registration: str | None


def choose_aliases(words, wanted):
    """Find the aliases that somebody has named.

    Args:
        words: aliases, extensions and ranges of extensions, or ``all`` alone.
        wanted: the inventory's aliases, as ``inventory.expand_aliases`` returned them.

    Returns:
        Those of ``wanted`` that are named, in its order.

    Raises:
        InventoryError: nothing is named, or something that the inventory doesn't have.
    """
    named = [piece.strip() for word in words for piece in str(word).split(",") if piece.strip()]
    if not named:
        fix = "name some with -e aliases=101x,102x or -e aliases=101-120, or say -e aliases=all"
        raise InventoryError(Problem("aliases", "names no alias", fix, is_subject=True))
    if not wanted:
        fix = "see that Ansible loads your group_vars"
        raise InventoryError(Problem("phone_aliases", "is empty", fix, is_subject=True))
    if named == [ALL]:
        return list(wanted)
    ids = {alias["alias_id"].lower() for alias in wanted}
    extensions = {alias["extension"] for alias in wanted}
    chosen_ids, chosen_extensions = set(), set()
    for word in named:
        if word.lower() in ids:
            chosen_ids.add(word.lower())
        else:
            chosen_extensions.update(_extensions_of(word, extensions, ids))
    return [
        alias
        for alias in wanted
        if alias["alias_id"].lower() in chosen_ids or alias["extension"] in chosen_extensions
    ]


def _extensions_of(word, known, ids):
    """Return the extensions that a word names.

    Raises:
        InventoryError: it isn't a number or a range, or no alias has one of them.
    """
    if word == ALL:
        fix = "say it alone, or leave it out"
        raise InventoryError(Problem("aliases", "names all and others too", fix, is_subject=True))
    if not word.replace("-", "").replace(" ", "").isdigit():
        raise _unknown(word, known, ids)
    found = expand_extensions(word)
    for extension in found:
        if extension not in known:
            raise _unknown(extension, known, ids)
    return found


def _unknown(word, extensions, ids):
    near = difflib.get_close_matches(word.lower(), sorted({*ids, *extensions}), NAMES_SHOWN)
    fix = f"did you mean {' or '.join(near)}?" if near else "see phone_aliases for what there is"
    what = f"'{word}' is neither an alias nor an extension of phone_aliases"
    return InventoryError(Problem("aliases", what, fix))


def check_nobody_gives_them(chosen, kind):
    """Check that the inventory gives none of the passwords that change: it would bring them back.

    Args:
        chosen: the aliases.
        kind: a key of ``KINDS``.

    Raises:
        InventoryError: it gives some.
    """
    for name in KINDS[kind]:
        given = [a["alias_id"] for a in chosen if a[f"{name}_password"] is not None]
        if given:
            what = f"{name}_password of {_first(given)} is given there"
            fix = "change it there and run aliases.yml, or leave these aliases out"
            raise InventoryError(Problem("phone_aliases", what, fix))


def plan_passwords(chosen, phones, aliases, kind, login_length):
    """Make new passwords.

    Args:
        chosen: the aliases, as :func:`choose_aliases` returned them.
        phones: the phones that are there.
        aliases: the aliases that are there.
        kind: a key of ``KINDS``.
        login_length: how many characters a login password has.

    Returns:
        A list of NewPasswords.

    Raises:
        InventoryError: an alias has no phone yet.
    """
    logins = {alias.alias_id.lower(): set(alias.logins) for alias in aliases}
    of_extension, of_login = {}, {}
    for phone in phones:
        of_extension.setdefault(phone.extension, []).append(phone)
        of_login[phone.login] = phone
    planned = []
    for alias in chosen:
        own = {
            phone.login: phone
            for phone in of_extension.get(alias["extension"], [])
            if phone.server_ip in alias["server_ips"]
        }
        listed = logins.get(alias["alias_id"].lower(), set()) & set(of_login)
        own.update({login: of_login[login] for login in listed})
        if not own:
            where = f"alias {alias['alias_id']}"
            raise InventoryError(Problem(where, "has no phone yet", "run aliases.yml first"))
        planned.append(
            NewPasswords(
                alias["alias_id"],
                [own[login] for login in sorted(own)],
                new_login_password(login_length) if "login" in KINDS[kind] else None,
                new_registration_password() if "registration" in KINDS[kind] else None,
            )
        )
    return planned


def summary(planned, kind):
    """Say in words what changes.

    Args:
        planned: what :func:`plan_passwords` returned.
        kind: a key of ``KINDS``.
    """
    what = f"{' and '.join(KINDS[kind])} password{'s' if kind == 'both' else ''}"
    agents = "1 agent" if len(planned) == 1 else f"{len(planned)} agents"
    phones = sum(len(new.phones) for new in planned)
    named = _first([new.alias_id for new in planned])
    return f"The {what} of {agents} ({named}) will change, on {phones} phones."


def _first(names):
    """Name the first few."""
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
