# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with ``phone_aliases``."""

from __future__ import annotations

import re

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    DEFAULT_SUFFIX,
    ENTRY_ARGUMENTS,
    dialer_names,
    entry_name,
    expand_aliases,
    letters_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import (
    is_one_line,
    kind_of,
    shown,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.shared import (
    known_flavor,
)

#: VICIdial's login page strips everything else from a phone login …
_LOGIN_CHARACTERS = re.compile(r"[0-9a-zA-Z]*")
#: … and from a phone's password.
_PASSWORD_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")
#: What would end a name early, in Asterisk's files or in VICIdial's.
_NOT_IN_A_NAME = frozenset(';"\\<>')


def longest_list(variables):
    """Say how many characters a logins list may have."""
    widen = str(variables.get("phone_aliases_widen_logins_list")).lower() in ("true", "yes", "1")
    return limits.WIDE_LOGINS_LIST if widen else limits.LONGEST_LOGINS_LIST


def entry_problems(entry, dialers, longest_list=limits.LONGEST_LOGINS_LIST):
    """Find what is wrong with an entry of ``phone_aliases``, taken by itself.

    Args:
        entry: the entry.
        dialers: the inventory's, dicts with ``name`` and ``server_ip``.
        longest_list: how many characters a logins list may have.

    Returns:
        Problems; empty where all is well.
    """
    if not isinstance(entry, dict) or "extensions" not in entry:
        # Without the values: a password may be among them.
        what = f"an entry that is {kind_of(entry)}"
        if isinstance(entry, dict):
            what = f"the entry with {', '.join(map(str, entry)) or 'nothing in it'}"
        fix = 'write - extensions: "101-160"'
        return [Problem("phone_aliases", f"{what} names no extensions", fix)]
    where = entry_name(entry)
    unknown = sorted(set(entry) - set(ENTRY_ARGUMENTS))
    if unknown:
        fix = f"known are {', '.join(sorted(ENTRY_ARGUMENTS))}"
        return [Problem(where, f"'{unknown[0]}' is not a setting of an alias", fix)]
    try:
        dialer_names(entry, [dialer["name"] for dialer in dialers])
    except InventoryError as error:
        return [error.problem]
    try:
        aliases = expand_aliases([entry], dialers)
    except InventoryError as error:
        return [error.problem.within("phone_aliases")]
    found = _password_problems(where, entry)
    for alias in aliases:
        found += _alias_problems(where, alias, len(dialers), longest_list)
        if found:
            break  # the others of the range have the same fault
    return found


def suffix_problems(entry, shared):
    """Refuse an empty suffix, except where others have made aliases that are named so."""
    flavor = known_flavor(shared)
    if entry.get("suffix") != "" or flavor is None or not flavor.owns_phones:
        return []
    what = "suffix is empty, so that the aliases would have the names of their extensions"
    fix = f"leave it out for '{DEFAULT_SUFFIX}', or give it letters or digits"
    return [Problem(entry_name(entry), what, fix)]


def _password_problems(where, entry):
    found = []
    for setting, shortest in (
        ("login_password", limits.SHORTEST_LOGIN_PASSWORD),
        ("registration_password", limits.SHORTEST_REGISTRATION_PASSWORD),
    ):
        value = entry.get(setting)
        if value is None:
            continue
        text = str(value)
        fits = shortest <= len(text) <= limits.LONGEST_PASSWORD
        if not fits or not _PASSWORD_CHARACTERS.fullmatch(text):
            what = (
                f"{setting} has to be {shortest} to {limits.LONGEST_PASSWORD} letters, digits, -"
                " and _ (VICIdial strips the rest)"
            )
            found.append(Problem(where, what, "choose another or leave it out"))
    return found


def _alias_problems(where, alias, dialers, longest_list):
    """Check one alias of an entry; ``dialers`` is how many the cluster has."""
    alias_id, extension, name = alias["alias_id"], alias["extension"], alias["name"]
    if not _LOGIN_CHARACTERS.fullmatch(alias_id):
        what = f"alias '{alias_id}' has characters that VICIdial strips"
        return [Problem(where, what, "use only letters and digits in suffix")]
    if not limits.SHORTEST_ALIAS <= len(alias_id) <= limits.LONGEST_ALIAS:
        what = f"alias '{alias_id}' has {len(alias_id)} characters"
        fix = (
            f"make extension and suffix together {limits.SHORTEST_ALIAS} to {limits.LONGEST_ALIAS}"
        )
        return [Problem(where, what, fix)]
    if not is_one_line(name) or _NOT_IN_A_NAME & set(name):
        what = f'name {shown(name)} has control characters, line ends or one of ; " \\ < >'
        return [Problem(where, what, "write it without them")]
    if len(name) > limits.LONGEST_ALIAS_NAME:
        fix = f"at most {limits.LONGEST_ALIAS_NAME} fit"
        return [Problem(where, f"name '{name}' has {len(name)} characters", fix)]
    login = extension + letters_of(max(dialers, 1))
    if len(login) > limits.LONGEST_PHONE_LOGIN:
        what = f"phone logins like '{login}' have {len(login)} characters"
        fix = f"use shorter extensions, at most {limits.LONGEST_PHONE_LOGIN} fit"
        return [Problem(where, what, fix)]
    return _list_problems(where, alias, longest_list)


def _list_problems(where, alias, longest_list):
    numbers = range(1, len(alias["server_ips"]) + 1)
    length = len(",".join(alias["extension"] + letters_of(number) for number in numbers))
    if length <= longest_list:
        return []
    what = (
        f"the logins list of '{alias['alias_id']}' for {len(numbers)} dialers has {length}"
        f" characters, {longest_list} fit"
    )
    fix = (
        "give the alias fewer dialers (dialers:), or set phone_aliases_widen_logins_list: true to"
        " widen the column"
    )
    return [Problem(where, what, fix)]


def clashes(aliases):
    """Find extensions and names that two aliases have."""
    found, owner_of_extension, ids = [], {}, set()
    for alias in aliases:
        extension, alias_id = alias["extension"], alias["alias_id"]
        if extension in owner_of_extension:
            what = (
                f"extension {extension} is in alias '{alias_id}' and in alias"
                f" '{owner_of_extension[extension]}'"
            )
            fix = "it belongs to one alias, take it out of one of the ranges"
            found.append(Problem("phone_aliases", what, fix))
        elif alias_id.lower() in ids:
            what = f"two extensions give alias '{alias_id}'"
            found.append(Problem("phone_aliases", what, "change a suffix"))
        owner_of_extension.setdefault(extension, alias_id)
        ids.add(alias_id.lower())
    return found
