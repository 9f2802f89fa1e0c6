# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""From the phones and aliases of a cluster that runs already to an inventory that says the same.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import re

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import DEFAULT_SUFFIX, problems

#: What the problems of an inventory are asked for with: everything besides the aliases is right.
_GROUPS = {"database": ["db"], "login": ["login"]}

_PLAIN_NAME = re.compile(r"[a-z][-_0-9a-z]*")
#: What YAML takes for something else than text.
_NO_NAMES = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


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
        reason, extension, places = _look_at(alias, by_login, names)
        if reason is None and extension in owner:
            reason = f"its phones are those of alias {owner[extension]} too"
        if reason is None:
            reason = _unusable(extension, _suffix(alias, extension), dialers)
        if reason is not None:
            left_alone.append((alias.alias_id, reason))
            continue
        owner[extension] = alias.alias_id
        key = (_suffix(alias, extension), tuple(name for name in names.values() if name in places))
        adopted.setdefault(key, []).append(extension)
    entries = [_entry(*key, adopted[key], len(names)) for key in sorted(adopted, key=_order)]
    return entries, sorted(left_alone)


def _usual_first(alias):
    """Of several aliases of one extension the one with the usual suffix is adopted."""
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


def _look_at(alias, by_login, names):
    """Find the extension and the dialers of an alias, or the reason why it can't be expressed."""
    if alias.alias_id.lower() in by_login:
        return "its id is a phone's login as well", None, None
    extensions, places = [], []
    for login in alias.logins:
        found = by_login.get(login.lower(), [])
        if len(found) != 1:
            what = "there is no phone" if not found else f"{len(found)} phones have the login"
            return f"{what} {login}", None, None
        (phone,) = found
        if phone.server_ip not in names:
            return f"phone {login} is on {phone.server_ip}, which is no dialer here", None, None
        extensions.append(phone.extension)
        places.append(names[phone.server_ip])
    if not alias.logins:
        return "its logins list is empty", None, None
    if len(set(extensions)) > 1:
        return f"it mixes the extensions {', '.join(sorted(set(extensions)))}", None, None
    if len(set(places)) < len(places):
        return "two of its phones are on one dialer", None, None
    extension = extensions[0]
    if not (extension.isascii() and extension.isdigit()):
        return f"extension {extension} is not a number", None, None
    if not alias.alias_id.startswith(extension):
        return f"its id does not begin with its extension, {extension}", None, None
    return None, extension, places


def _unusable(extension, suffix, dialers):
    """Say what the inventory's own rules have against an alias; None for nothing."""
    hosts = {dialer["name"]: {"ansible_host": dialer["server_ip"]} for dialer in dialers}
    entry = {"extensions": extension, "suffix": suffix}
    hosts["db"] = {"phone_aliases": [entry]}
    groups = {**_GROUPS, "dialers": [dialer["name"] for dialer in dialers], "all": ["db"]}
    wrong = [text for text in problems(hosts, groups) if text.startswith("phone_aliases")]
    return wrong[0] if wrong else None


def report_text(found):
    """Lay out what was found on a cluster, what would be added, and what is left alone.

    Args:
        found: what the module ``vicidial_info`` returned.
    """
    if not found.get("report"):
        why = found.get("msg", "it is not there")
        after = "without --check the driver is installed first"
        return f"The database was not looked into: {why}; {after}."
    missing = found["missing"]
    added = [f"table {table}" for table in missing["tables"]]
    added += [f"index {index['name']} on {index['table']}" for index in missing["indexes"]]
    entries = found["phone_aliases"]
    ranges = ", ".join(f"{text}" for entry in entries for text in entry["extensions"])
    lines = [f"Found: {line}" for line in found["report"]]
    lines.append(f"Evenfloor adds: {', '.join(added) if added else 'nothing, all of it is there'}")
    lines.append(f"Aliases for the inventory, by extension: {ranges or 'none'}")
    lines += [f"Left alone: {left['what']}: {left['why']}" for left in found["left_alone"]]
    return "\n".join(lines)


def dialers_text(dialers):
    """Write dialers as an inventory file.

    Args:
        dialers: dicts with ``name``, ``server_ip`` and ``server_id``.
    """
    lines = [
        "---",
        "# Written by playbooks/adopt.yml from VICIdial's servers. For a new dialer add its name",
        "# and server_ip, then run add-dialer.yml.",
        "dialers:",
        "  hosts:" if dialers else "  hosts: {}",
    ]
    for dialer in dialers:
        lines += [f"    {_key(dialer['name'])}:", f"      server_ip: {dialer['server_ip']}"]
        if dialer["server_id"] != dialer["name"]:
            lines.append(f"      server_id: {_quoted(dialer['server_id'])}")
    return "\n".join(lines) + "\n"


def aliases_text(entries):
    """Write ``phone_aliases`` as a variables file.

    Args:
        entries: the inventory's list, as ``adopt_aliases`` makes it.
    """
    lines = [
        "---",
        "# Written by playbooks/adopt.yml from VICIdial's aliases. Names and passwords stay in the",
        "# database, as they are.",
        "phone_aliases:" if entries else "phone_aliases: []",
    ]
    for entry in entries:
        lines.append(f"  - extensions: [{', '.join(map(_quoted, entry['extensions']))}]")
        if "suffix" in entry:
            lines.append(f"    suffix: {_quoted(entry['suffix'])}")
        if "dialers" in entry:
            lines.append(f"    dialers: [{', '.join(map(_key, entry['dialers']))}]")
    return "\n".join(lines) + "\n"


def _quoted(text):
    return f'"{text}"'


def _key(name):
    """Write a name so that YAML takes it for text."""
    return name if _PLAIN_NAME.fullmatch(name) and name not in _NO_NAMES else _quoted(name)
