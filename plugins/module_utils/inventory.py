# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""What the inventory means: its aliases expanded, its dialers listed, its mistakes named.

Pure, without Ansible: used by the modules on the hosts and by the filters on the control node.
"""

from __future__ import annotations

import ipaddress
import re

DEFAULT_SUFFIX = "x"
LONGEST_SERVER_ID = 10
SHORTEST_ALIAS = 2
LONGEST_ALIAS = 20
LONGEST_PHONE_LOGIN = 15
LONGEST_LOGINS_LIST = 255
#: With phone_aliases_widen_logins_list: 600 dialers, more than anybody has.
WIDE_LOGINS_LIST = 4096
LONGEST_ALIAS_NAME = 50
LONGEST_PASSWORD = 100
LONGEST_CAMPAIGN = 8
HIGHEST_MAX_AGENTS = 65535
PLAIN, VICIDIAL = "plain", "vicidial"
DEFAULT_ALIAS_NAME = "Agent {extension}"
#: More than any call centre has seats; a slip of the finger would fill the memory.
LARGEST_RANGE = 100_000

#: VICIdial's login page strips everything else from a phone login …
_LOGIN_CHARACTERS = re.compile(r"[0-9a-zA-Z]*")
#: … and from a phone's password.
_PASSWORD_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")
_CAMPAIGN_ID = re.compile(r"[-_0-9a-zA-Z]{2,8}")
_SERVER_ID_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")

_ENTRY_KEYS = {
    "extensions",
    "suffix",
    "dialers",
    "name",
    "login_password",
    "registration_password",
}


class InventoryError(ValueError):
    """A value that can't be used; the message names it and the mend."""


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
    extensions = []
    for word in words:
        first, dash, last = (piece.strip() for piece in word.partition("-"))
        last = last if dash else first
        if not (_is_number(first) and _is_number(last)):
            raise InventoryError(
                f"extensions '{word}' is not a number or a range of numbers; "
                'write "101" or "101-160"'
            )
        if int(last) < int(first):
            raise InventoryError(f"extensions '{word}' runs backwards; write \"{last}-{first}\"")
        if int(last) - int(first) >= LARGEST_RANGE:
            raise InventoryError(
                f"extensions '{word}' are {int(last) - int(first) + 1} numbers; check the range, "
                f"at most {LARGEST_RANGE} are taken at once"
            )
        extensions += [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return extensions


def _is_number(text):
    return text.isascii() and text.isdigit()


def expand_aliases(phone_aliases, dialers):
    """Expand the inventory's ``phone_aliases``: one entry per alias.

    Args:
        phone_aliases: the inventory's list.
        dialers: dicts with ``name`` and ``server_ip``, in the inventory's order.

    Returns:
        Dicts with alias_id, extension, name, named (whether the inventory gives the name),
        server_ips, login_password, registration_password (the passwords None where the inventory
        doesn't give them).

    Raises:
        InventoryError: a range can't be read, or a dialer isn't known.
    """
    addresses = {dialer["name"]: dialer["server_ip"] for dialer in dialers}
    aliases = []
    for entry in phone_aliases:
        names = _names(entry.get("dialers")) or list(addresses)
        for name in names:
            if name not in addresses:
                raise InventoryError(
                    f"{_entry_name(entry)}: dialers names '{name}', which is not in the group "
                    f"dialers; known are {', '.join(addresses)}"
                )
        suffix = DEFAULT_SUFFIX if entry.get("suffix") is None else str(entry["suffix"])
        pattern = str(entry.get("name") or DEFAULT_ALIAS_NAME)
        for extension in expand_extensions(entry["extensions"]):
            aliases.append(
                {
                    "alias_id": extension + suffix,
                    "extension": extension,
                    "name": pattern.replace("{extension}", extension),
                    "named": bool(entry.get("name")),
                    "server_ips": [addresses[name] for name in names],
                    "login_password": entry.get("login_password"),
                    "registration_password": entry.get("registration_password"),
                }
            )
    return aliases


def _names(value):
    """Read a list of names, of which one alone may stand without brackets; each counts once."""
    names = [value] if isinstance(value, str) else list(value or [])
    return list(dict.fromkeys(str(name) for name in names))


def list_dialers(hostvars, groups):
    """List the dialers of an inventory, with what they default to.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        Dicts with name, server_ip, server_id, max_agents (None: no limit), protocol (of new phones
        in VICIdial's tables; None: as the phones that are there).
    """
    dialers = []
    for name in groups.get("dialers", []):
        variables = hostvars[name]
        dialers.append(
            {
                "name": name,
                "server_ip": str(variables.get("server_ip") or variables.get("ansible_host") or ""),
                "server_id": str(variables.get("server_id") or name),
                "max_agents": variables.get("max_agents"),
                "protocol": variables.get("phone_protocol"),
            }
        )
    return dialers


def problems(hostvars, groups):
    """Find everything that is wrong with an inventory.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        A list of sentences, each naming host, value and mend; empty where all is well.
    """
    dialers = list_dialers(hostvars, groups)
    found = _group_problems(groups) + _dialer_problems(dialers)
    first = next((hostvars[name] for name in groups.get("all", [])), {})
    found += _flavor_problems(first)
    entries = first.get("phone_aliases") or []
    found += _campaign_problems(first.get("campaigns") or [])
    widen = str(first.get("phone_aliases_widen_logins_list")).lower() in ("true", "yes", "1")
    room = WIDE_LOGINS_LIST if widen else LONGEST_LOGINS_LIST
    good_entries = []
    for entry in entries:
        wrong = _entry_problems(entry, dialers, room)
        found += wrong
        if not wrong:
            good_entries.append(entry)
    aliases = expand_aliases(good_entries, dialers)
    found += _clashes(aliases)
    found += _seat_problems(hostvars, groups, aliases)
    return found


def adopt_problems(hostvars, groups):
    """Find what is wrong with an inventory to which a cluster is to be added that runs already.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        A list of sentences; empty where all is well.
    """
    found = [text for text in _group_problems(groups) if not text.startswith("group dialers")]
    for name in dict.fromkeys([*groups.get("database", []), *groups.get("login", [])]):
        address = str(hostvars[name].get("ansible_host") or "")
        if not _is_ipv4(address):
            found.append(
                f"{name}: ansible_host '{address}' is not an IPv4 address; set ansible_host to the "
                "address with which the cluster's hosts reach it, like 10.0.0.10"
            )
    first = next((hostvars[name] for name in groups.get("all", [])), {})
    flavor = first.get("cluster_flavor", PLAIN)
    if flavor != VICIDIAL:
        found.append(
            f"cluster_flavor is '{flavor}'; adopting is for a cluster that runs VICIdial: set "
            f"cluster_flavor: {VICIDIAL} in group_vars/all"
        )
    return found


def _flavor_problems(variables):
    """Say what is wrong with ``cluster_flavor``.

    Args:
        variables: a host's.
    """
    flavor = variables.get("cluster_flavor", PLAIN)
    if flavor in (PLAIN, VICIDIAL):
        return []
    return [
        f"cluster_flavor '{flavor}' is not known; use {PLAIN} (Evenfloor builds the cluster) or "
        f"{VICIDIAL} (it runs VICIdial already)"
    ]


def _group_problems(groups):
    found = []
    databases = groups.get("database", [])
    if len(databases) != 1:
        found.append(
            f"group database has {len(databases)} hosts ({', '.join(databases) or 'none'}); "
            "put exactly one into it"
        )
    if not groups.get("dialers"):
        found.append("group dialers is empty; put at least one dialer into it")
    if not groups.get("login"):
        found.append("group login is empty; put at least one host for the login service into it")
    return found


def _dialer_problems(dialers):
    found = []
    owner_of_ip, owner_of_id = {}, {}
    for dialer in dialers:
        name, server_ip, server_id = dialer["name"], dialer["server_ip"], dialer["server_id"]
        if not _is_ipv4(server_ip):
            found.append(
                f"{name}: server_ip '{server_ip}' is not an IPv4 address; set server_ip (or "
                "ansible_host) to the address that phones register to, like 10.0.0.11"
            )
        elif server_ip in owner_of_ip:
            found.append(
                f"{name}: server_ip {server_ip} is also {owner_of_ip[server_ip]}'s; every dialer "
                "needs its own"
            )
        owner_of_ip.setdefault(server_ip, name)
        if len(server_id) > LONGEST_SERVER_ID:
            found.append(
                f"{name}: server_id '{server_id}' has {len(server_id)} characters; set server_id "
                f"to a name of at most {LONGEST_SERVER_ID}"
            )
        elif not _SERVER_ID_CHARACTERS.fullmatch(server_id):
            found.append(
                f"{name}: server_id '{server_id}' has characters other than letters, digits, - "
                "and _; set server_id to a name without them"
            )
        elif server_id.lower() in owner_of_id:
            found.append(
                f"{name}: server_id '{server_id}' is also {owner_of_id[server_id.lower()]}'s; "
                "every dialer needs its own (capitals don't count)"
            )
        owner_of_id.setdefault(server_id.lower(), name)
        limit = dialer["max_agents"]
        if limit is not None and not (
            _is_number(str(limit)) and 1 <= int(limit) <= HIGHEST_MAX_AGENTS
        ):
            found.append(
                f"{name}: max_agents '{limit}' is not a whole number above 0 (at most "
                f"{HIGHEST_MAX_AGENTS}); leave it out for no limit"
            )
    return found


def _is_ipv4(text):
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False


def _entry_name(entry):
    return f"phone_aliases, extensions {entry.get('extensions', '(none)')}"


def _entry_problems(entry, dialers, room):
    if not isinstance(entry, dict) or "extensions" not in entry:
        shown = f"the entry with {', '.join(entry)}" if isinstance(entry, dict) else repr(entry)
        return [f'phone_aliases: {shown} names no extensions; write - extensions: "101-160"']
    where = _entry_name(entry)
    unknown = sorted(set(entry) - _ENTRY_KEYS)
    if unknown:
        known = ", ".join(sorted(_ENTRY_KEYS))
        return [f"{where}: '{unknown[0]}' is not a setting of an alias; known are {known}"]
    try:
        aliases = expand_aliases([entry], dialers)
    except InventoryError as error:
        text = str(error)
        return [text if text.startswith("phone_aliases") else f"phone_aliases: {text}"]
    found = []
    for secret in ("login_password", "registration_password"):
        value = entry.get(secret)
        if value is not None and (
            not _PASSWORD_CHARACTERS.fullmatch(str(value)) or len(str(value)) > LONGEST_PASSWORD
        ):
            found.append(
                f"{where}: {secret} may only have letters, digits, - and _ (VICIdial strips the "
                f"rest), at most {LONGEST_PASSWORD}; choose another or leave it out"
            )
    for alias in aliases:
        found += _alias_problems(where, alias, dialers, room)
        if found:
            break  # the others of the range have the same fault
    return found


def _alias_problems(where, alias, dialers, room):
    alias_id, extension = alias["alias_id"], alias["extension"]
    if not _LOGIN_CHARACTERS.fullmatch(alias_id):
        return [
            f"{where}: alias '{alias_id}' has characters that VICIdial strips; use only letters "
            "and digits in suffix"
        ]
    if not SHORTEST_ALIAS <= len(alias_id) <= LONGEST_ALIAS:
        return [
            f"{where}: alias '{alias_id}' has {len(alias_id)} characters; make extension and "
            f"suffix together {SHORTEST_ALIAS} to {LONGEST_ALIAS}"
        ]
    if len(alias["name"]) > LONGEST_ALIAS_NAME:
        return [
            f"{where}: name '{alias['name']}' has {len(alias['name'])} characters; at most "
            f"{LONGEST_ALIAS_NAME} fit"
        ]
    longest = len(extension) + len(letters_of(max(len(dialers), 1)))
    if longest > LONGEST_PHONE_LOGIN:
        return [
            f"{where}: phone logins like '{extension}{letters_of(max(len(dialers), 1))}' have "
            f"{longest} characters; use shorter extensions, at most {LONGEST_PHONE_LOGIN} fit"
        ]
    logins = [extension + letters_of(number) for number in range(1, len(alias["server_ips"]) + 1)]
    length = len(",".join(logins))
    if length > room:
        return [
            f"{where}: the logins list of '{alias_id}' for {len(logins)} dialers has {length} "
            f"characters, {room} fit; give the alias fewer dialers (dialers:), or set "
            "phone_aliases_widen_logins_list: true to widen the column"
        ]
    return []


def _clashes(aliases):
    found, owner_of_extension, ids = [], {}, set()
    for alias in aliases:
        extension, alias_id = alias["extension"], alias["alias_id"]
        if extension in owner_of_extension:
            found.append(
                f"phone_aliases: extension {extension} is in alias '{alias_id}' and in alias "
                f"'{owner_of_extension[extension]}'; it belongs to one alias, take it out "
                "of one of the ranges"
            )
        elif alias_id.lower() in ids:
            found.append(f"phone_aliases: two extensions give alias '{alias_id}'; change a suffix")
        owner_of_extension.setdefault(extension, alias_id)
        ids.add(alias_id.lower())
    return found


def _campaign_problems(campaigns):
    found, seen = [], set()
    for campaign in campaigns:
        if not isinstance(campaign, dict):
            found.append(f"campaigns: '{campaign}' names no id; write - id: {campaign}")
            continue
        name = str(campaign.get("id", ""))
        if not _CAMPAIGN_ID.fullmatch(name):
            found.append(
                f"campaigns: id '{name}' has to be 2 to {LONGEST_CAMPAIGN} letters, digits, - or _"
            )
        elif name in seen:
            found.append(f"campaigns: id '{name}' is there twice; take one out")
        seen.add(name)
    return found


def _seat_problems(hostvars, groups, aliases):
    known = {alias["extension"] for alias in aliases}
    found, owner = [], {}
    for seat in groups.get("seats", []):
        ranges = hostvars[seat].get("softphone_extensions") or []
        try:
            extensions = expand_extensions(ranges) if ranges else []
        except InventoryError as error:
            found.append(f"{seat}: softphone_extensions: {error}")
            continue
        for extension in extensions:
            if extension not in known:
                found.append(
                    f"{seat}: softphone_extensions names {extension}, which no alias has; "
                    "add it to phone_aliases or take it out here"
                )
            elif extension in owner:
                found.append(
                    f"{seat}: extension {extension} is also on {owner[extension]}; an agent's "
                    "softphone lives on one seat"
                )
            owner.setdefault(extension, seat)
    return found


def letters_of(number):
    """Name the n-th dialer as VICIdial does: 1 is a, 26 is z, 27 is aa."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters
