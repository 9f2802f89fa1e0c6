# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the inventory means: its extensions and aliases expanded, its dialers listed.

Pure, without Ansible: used by the modules on the hosts and by the filters on the control node. What
can be wrong with an inventory is in ``validation``.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: The kinds of phone: one that registers with every dialer, the login page of agents who have only
#: a browser and a headset, and one that registers at the edge alone.
SIP, BROWSER, EDGE = KINDS = ("sip", "browser", "edge")
#: The settings of an entry of ``phone_aliases``, as modules take them.
ENTRY_ARGUMENTS = {
    "extensions": {"type": "raw", "required": True},
    "suffix": {"type": "str"},
    "dialers": {"type": "list", "elements": "str"},
    "name": {"type": "str"},
    "phone": {"type": "str", "choices": list(KINDS)},
    "login_password": {"type": "str", "no_log": True},
    "registration_password": {"type": "str", "no_log": True},
}
DEFAULT_SUFFIX = "x"
DEFAULT_ALIAS_NAME = "Agent {extension}"
#: More than any column holds. Python refuses to read a number of thousands of digits.
_LONGEST_NUMBER = 100
#: More than any call centre has seats. Without a limit a typo would fill the memory.
LARGEST_RANGE = 100_000
_LETTERS_IN_ALPHABET = 26
#: A dialer's, as the role settings has it.
DEFAULT_WEIGHT = 1


def expand_extensions(ranges):
    """Expand ranges of extensions.

    Args:
        ranges: ``"101-160"``, ``"101, 103, 110-119"``, a number, or a list of these. Leading
            zeros are kept.

    Returns:
        The extensions, as text, in the order given.

    Raises:
        InventoryError: a part isn't numeric, or a range runs backwards.
    """
    parts = ranges if isinstance(ranges, list) else [ranges]
    words = [word.strip() for part in parts for word in str(part).split(",")]
    return [extension for word in words for extension in _expand_word(word)]


def _expand_word(word):
    """Expand one number or one range."""
    first, dash, last = (piece.strip() for piece in word.partition("-"))
    last = last if dash else first
    where = f"extensions '{word}'"
    if not (is_number(first) and is_number(last)):
        what, fix = "is not a number or a range of numbers", 'write "101" or "101-160"'
        raise InventoryError(Problem(where, what, fix, is_subject=True))
    if int(last) < int(first):
        what, fix = "runs backwards", f'write "{last}-{first}"'
        raise InventoryError(Problem(where, what, fix, is_subject=True))
    count = int(last) - int(first) + 1
    if count > LARGEST_RANGE:
        what = f"are {count} numbers"
        fix = f"check the range, at most {LARGEST_RANGE} are taken at once"
        raise InventoryError(Problem(where, what, fix, is_subject=True))
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def is_number(text):
    """Say whether a text is a whole number in plain digits, no longer than any that is used."""
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def expand_aliases(phone_aliases, dialers):
    """Expand the inventory's ``phone_aliases``: one entry per alias.

    Args:
        phone_aliases: the inventory's list.
        dialers: dicts with ``name`` and ``server_ip``, in the inventory's order.

    Returns:
        Dicts with alias_id, extension, name, named (whether the inventory gives the name),
        server_ips, kind (of phone), login_password, registration_password (the passwords None where
        the inventory doesn't give them).

    Raises:
        InventoryError: a range can't be read, or a dialer isn't known.
    """
    addresses = {dialer["name"]: dialer["server_ip"] for dialer in dialers}
    return [alias for entry in phone_aliases for alias in _expand_entry(entry, addresses)]


def _expand_entry(entry, addresses):
    """Expand one entry; ``addresses`` are the dialers' by name."""
    names = dialer_names(entry, addresses)
    suffix = suffix_of(entry)
    pattern = str(entry.get("name") or DEFAULT_ALIAS_NAME)
    return [
        {
            "alias_id": extension + suffix,
            "extension": extension,
            "name": pattern.replace("{extension}", extension),
            "named": bool(entry.get("name")),
            "server_ips": [addresses[name] for name in names],
            "kind": kind_of_phone(entry),
            "login_password": entry.get("login_password"),
            "registration_password": entry.get("registration_password"),
        }
        for extension in expand_extensions(entry["extensions"])
    ]


def suffix_of(entry):
    """Return what an entry of ``phone_aliases`` puts behind an extension."""
    return DEFAULT_SUFFIX if entry.get("suffix") is None else str(entry["suffix"])


def kind_of_phone(entry):
    """Return the kind of phone that an entry's aliases have."""
    return (entry.get("phone") if isinstance(entry, dict) else None) or SIP


def entry_name(entry):
    """Return how messages call an entry of ``phone_aliases``."""
    return f"phone_aliases, extensions {entry.get('extensions', '(none)')}"


def dialer_names(entry, known):
    """Return the dialers of an entry of ``phone_aliases``, each once.

    Args:
        entry: the entry. One name may stand without brackets; without any it has all dialers.
        known: the names of the inventory's dialers, in its order.

    Raises:
        InventoryError: a dialer isn't known.
    """
    value = entry.get("dialers")
    names = [value] if isinstance(value, str) else list(value or known)
    names = list(dict.fromkeys(map(str, names)))
    for name in names:
        if name not in known:
            what = f"dialers names '{name}', which is not in the group dialers"
            raise InventoryError(Problem(entry_name(entry), what, f"known are {', '.join(known)}"))
    return names


def an_alias(phone_aliases):
    """Return the id of the first alias, to try the choice with.

    Args:
        phone_aliases: the inventory's list.

    Returns:
        Such as ``101x``; empty where there is no alias.

    Raises:
        InventoryError: its range can't be read.
    """
    for entry in phone_aliases or []:
        return expand_extensions(entry["extensions"])[0] + suffix_of(entry)
    return ""


def list_dialers(hostvars, groups):
    """List the dialers of an inventory, with what they default to.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        Dicts with name, server_ip, server_id, max_agents (None: no limit), weight, protocol (of
        new phones in VICIdial's tables; None: as the phones that are there).
    """
    return [_dialer(name, hostvars[name]) for name in groups.get("dialers", [])]


def _dialer(name, variables):
    return {
        "name": name,
        "server_ip": str(variables.get("server_ip") or variables.get("ansible_host") or ""),
        "server_id": str(variables.get("server_id") or name),
        "max_agents": variables.get("max_agents"),
        "weight": variables.get("weight", DEFAULT_WEIGHT),
        "protocol": variables.get("phone_protocol"),
    }


def letters_of(number):
    """Return the letters of the n-th dialer, as VICIdial counts: 1 is a, 26 is z, 27 is aa."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, _LETTERS_IN_ALPHABET)
        letters = chr(ord("a") + rest) + letters
    return letters
