# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns the phones and aliases of a running cluster into an inventory that says the same.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    DEFAULT_SUFFIX,
    is_number,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation import entry_problems


def fold_extensions(extensions):
    """Fold extensions into ranges: the reverse of ``inventory.expand_extensions``.

    Args:
        extensions: numbers as text, in any order. Leading zeros count: 007 and 7 are two.

    Returns:
        Texts like ``"101-160"`` and ``"7"``, the shortest numbers first.
    """
    ranges = []
    for extension in sorted(extensions, key=lambda text: (len(text), text)):
        if ranges:
            first, last = ranges[-1]
            if len(last) == len(extension) and int(last) + 1 == int(extension):
                ranges[-1] = (first, extension)
                continue
        ranges.append((extension, extension))
    return [first if first == last else f"{first}-{last}" for first, last in ranges]


def adopt_aliases(phones, aliases, dialers):
    """Write aliases as entries of the inventory's ``phone_aliases``.

    Names and passwords are left out: they stay in the database, as they are.

    Args:
        phones: the phones that are there.
        aliases: the aliases that are there.
        dialers: dicts with ``name`` and ``server_ip``, in the inventory's order.

    Returns:
        The entries, and what was left alone: pairs of an alias's id and the reason. Where these
        entries are the inventory, ``phones.make_plan`` has nothing to change.
    """
    names = {dialer["server_ip"]: dialer["name"] for dialer in dialers}
    by_login = collections.defaultdict(list)
    for phone in phones:
        by_login[phone.login.lower()].append(phone)
    adopted, left_alone, owner = {}, [], {}
    for alias in sorted(aliases, key=_usual_first):
        try:
            place = _place_of(alias, by_login, names)
            if place.extension in owner:
                raise _LeftAlone(f"its phones are those of alias {owner[place.extension]} too")
            suffix = _suffix(alias, place.extension)
            _check_rules(place.extension, suffix, dialers)
        except _LeftAlone as error:
            left_alone.append((alias.alias_id, str(error)))
            continue
        owner[place.extension] = alias.alias_id
        key = (suffix, tuple(name for name in names.values() if name in place.dialers))
        adopted.setdefault(key, []).append(place.extension)
    entries = [_entry(*key, adopted[key], len(names)) for key in sorted(adopted, key=_order)]
    return entries, sorted(left_alone)


class _LeftAlone(Exception):
    """An alias can't be expressed by the inventory; the message is the reason."""


class _Place(NamedTuple):
    """The extension of an alias, and the names of the dialers behind it."""

    extension: str
    dialers: list


def _usual_first(alias):
    """Sort the usual suffix first: of several aliases of one extension that one is adopted."""
    return (not alias.alias_id.endswith(DEFAULT_SUFFIX), alias.alias_id)


def _order(key):
    suffix, dialers = key
    return (suffix != DEFAULT_SUFFIX, suffix, len(dialers), dialers)


def _entry(suffix, dialers, extensions, all_dialers):
    entry = {"extensions": fold_extensions(extensions)}
    if suffix != DEFAULT_SUFFIX:
        entry["suffix"] = suffix
    if len(dialers) != all_dialers:
        entry["dialers"] = list(dialers)
    return entry


def _suffix(alias, extension):
    return alias.alias_id[len(extension) :]


def _place_of(alias, by_login, names):
    """Find the extension and the dialers of an alias.

    Raises:
        _LeftAlone: it has none, or several.
    """
    if alias.alias_id.lower() in by_login:
        raise _LeftAlone("its id is a phone's login as well")
    phones = [_phone_of(login, by_login, names) for login in alias.logins]
    if not phones:
        raise _LeftAlone("its logins list is empty")
    extensions = sorted({phone.extension for phone in phones})
    if len(extensions) > 1:
        raise _LeftAlone(f"it mixes the extensions {', '.join(extensions)}")
    dialers = [names[phone.server_ip] for phone in phones]
    if len(set(dialers)) < len(dialers):
        raise _LeftAlone("two of its phones are on one dialer")
    (extension,) = extensions
    if not is_number(extension):
        raise _LeftAlone(f"extension {extension} is not a number")
    if not alias.alias_id.startswith(extension):
        raise _LeftAlone(f"its id does not begin with its extension, {extension}")
    return _Place(extension, dialers)


def _phone_of(login, by_login, names):
    """Find the one phone of a login.

    Raises:
        _LeftAlone: there is none, or there are several, or it is on no dialer.
    """
    found = by_login.get(login.lower(), [])
    if not found:
        raise _LeftAlone(f"there is no phone {login}")
    if len(found) > 1:
        raise _LeftAlone(f"{len(found)} phones have the login {login}")
    (phone,) = found
    if phone.server_ip not in names:
        raise _LeftAlone(f"phone {login} is on {phone.server_ip}, which is no dialer here")
    return phone


def _check_rules(extension, suffix, dialers):
    """Check an alias against the inventory's own rules.

    Raises:
        _LeftAlone: it breaks one.
    """
    for problem in entry_problems({"extensions": extension, "suffix": suffix}, dialers):
        raise _LeftAlone(problem.sentence())


def report_text(found):
    """Lay out what was found on a cluster, what would be added, and what is left alone.

    Args:
        found: what the module ``vicidial_info`` returned.
    """
    if not found.get("report"):
        why = found.get("msg", "it is not there")
        return (
            f"The database was not inspected: {why}.\n"
            "So it is not known which dialers, phones and aliases there are, whether the schema"
            " fits, and what Evenfloor would add: none of it is shown.\n"
            "Without --check the driver is installed first. To look before that, install it by hand"
            " and repeat this."
        )
    missing = found["missing"]
    added = [f"table {table}" for table in missing["tables"]]
    added += [f"index {index['name']} on {index['table']}" for index in missing["indexes"]]
    entries = found["phone_aliases"]
    ranges = ", ".join(text for entry in entries for text in entry["extensions"])
    lines = [f"Found: {line}" for line in found["report"]]
    lines.append(f"Evenfloor adds: {', '.join(added) if added else 'nothing, all of it is there'}")
    lines.append(f"Aliases for the inventory, by extension: {ranges or 'none'}")
    lines += [f"Left alone: {left['what']}: {left['why']}" for left in found["left_alone"]]
    return "\n".join(lines)
