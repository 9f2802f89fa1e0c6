# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""From the phones and aliases that are there to those that are wanted: what has to change.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import re
import secrets
import string

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    LONGEST_LOGINS_LIST,
    LONGEST_PHONE_LOGIN,
    InventoryError,
    letters_of,
)

LOGIN_PASSWORD_LENGTH = 10
REGISTRATION_PASSWORD_LENGTH = 24
#: Without what is easily taken for something else when it is read from a note and typed.
_TYPED_CHARACTERS = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("l1o0i")))
_LETTERS = re.compile(r"[a-z]+")

Phone = collections.namedtuple(
    "Phone", "extension server_ip login login_password registration_password name"
)
Alias = collections.namedtuple("Alias", "alias_id name logins")

Plan = collections.namedtuple(
    "Plan",
    "new_phones changed_phones removed_phones new_aliases changed_aliases removed_aliases letters",
)


def new_login_password():
    """Make a password that a person can type."""
    return "".join(secrets.choice(_TYPED_CHARACTERS) for _ in range(LOGIN_PASSWORD_LENGTH))


def new_registration_password():
    """Make a password that only machines read."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(REGISTRATION_PASSWORD_LENGTH))


def assign_letters(phones, addresses, taken):
    """Find each dialer's letters: those its phones have, or the next free ones.

    Args:
        phones: the phones that are there.
        addresses: the dialers' ``server_ip``, in the order in which new ones get letters.
        taken: letters that would make a phone login and an alias the same.

    Returns:
        ``{server_ip: letters}``.
    """
    votes = collections.defaultdict(collections.Counter)
    for phone in phones:
        rest = phone.login[len(phone.extension) :]
        if phone.login.startswith(phone.extension) and _LETTERS.fullmatch(rest):
            votes[phone.server_ip][rest] += 1
    letters, used = {}, set()
    for server_ip in sorted(votes, key=lambda ip: -sum(votes[ip].values())):
        for candidate, _count in votes[server_ip].most_common():
            if candidate not in used:
                letters[server_ip] = candidate
                used.add(candidate)
                break
    # A letter that any phone has, be it by hand, is not free for a new dialer, nor is an alias's.
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


def _letters_of_names(ids, extensions):
    """Find what, behind some extension, would give the name of an alias: 11 and 1a make 111a."""
    return {
        alias_id[length:]
        for alias_id in ids
        for length in range(1, len(alias_id))
        if alias_id[:length] in extensions
    }


def make_plan(
    phones,
    aliases,
    wanted,
    serving,
    grow=True,
    purge=False,
    leaving=(),
    room=LONGEST_LOGINS_LIST,
    shared=None,
):
    """Work out what has to change.

    Phones that are there keep their logins, and their passwords unless the inventory gives
    others. A logins list keeps its order; new entries come last.

    Args:
        phones: the phones that are there.
        aliases: the aliases that are there.
        wanted: what ``inventory.expand_aliases`` returned.
        serving: the ``server_ip`` of the dialers whose phones may be in logins lists.
        grow: whether logins lists may get new entries now. Without it they only shrink.
        purge: whether phones and aliases that aren't wanted go. Without it only those of
            wanted aliases do.
        leaving: the ``server_ip`` of dialers that go: all their phones are removed.
        room: how many characters a logins list may have.
        shared: None where Evenfloor owns phones and aliases. Where others write them too, the
            ``server_ip`` of the inventory's dialers: then only what the inventory says is changed.
            Phones keep names and passwords that it doesn't give, none is removed unless its dialer
            goes, and a logins list keeps logins that are not the extension's on these dialers.

    Returns:
        A Plan. Its order of application never lets an alias name a phone that isn't there:
        new and changed phones, aliases, removed phones.

    Raises:
        InventoryError: a phone login or a logins list would be too long or is taken, or a leaving
            dialer is the last one of an alias.
    """
    wanted = [_without(alias, leaving) for alias in wanted]
    owned = shared is None
    by_extension = collections.defaultdict(list)
    for phone in phones:
        by_extension[phone.extension].append(phone)
    addresses = list(dict.fromkeys(ip for alias in wanted for ip in alias["server_ips"]))
    extensions = {alias["extension"] for alias in wanted}
    ids = [alias["alias_id"] for alias in wanted] + [alias.alias_id for alias in aliases]
    letters = assign_letters(phones, addresses, _letters_of_names(ids, extensions))
    names = {alias_id.lower() for alias_id in ids}
    there = {alias.alias_id.lower(): alias for alias in aliases}
    owner = {phone.login.lower(): phone.extension for phone in phones}

    _check_names(wanted, owner)
    plan = Plan([], [], [], [], [], [], {ip: letters[ip] for ip in addresses})
    for alias in wanted:
        siblings = by_extension[alias["extension"]]
        old_alias = there.get(alias["alias_id"].lower())
        kept = ()
        if not owned:
            alias = _as_there(alias, siblings, old_alias)  # noqa: PLW2901
            if old_alias:
                kept = _strangers(old_alias, siblings, {*shared, *leaving})
        wanted_phones = _plan_phones(plan, alias, siblings, owner, names, owned)
        _plan_alias(plan, alias, wanted_phones, old_alias, serving if grow else None, room, kept)

    wanted_places = {(alias["extension"], ip) for alias in wanted for ip in alias["server_ips"]}
    for phone in phones:
        of_wanted = owned and phone.extension in extensions
        unwanted = purge or of_wanted or phone.server_ip in leaving
        if unwanted and (phone.extension, phone.server_ip) not in wanted_places:
            plan.removed_phones.append(phone)
    wanted_ids = {alias["alias_id"].lower() for alias in wanted}
    others = [alias for name, alias in there.items() if name not in wanted_ids]
    if purge:
        plan.removed_aliases.extend(others)
    else:
        _let_go(plan, others, leaving)
    return plan


def _plan_phones(plan, alias, siblings, owner, names, owned):
    """Add the phones of a wanted alias to the plan.

    Args:
        plan: the plan.
        alias: the wanted alias.
        siblings: the phones that its extension has.
        owner: extensions by phone login; gets the new ones.
        names: the ids of all aliases.
        owned: whether phones that are there follow the inventory in everything.

    Returns:
        The wanted phones by login.
    """
    passwords = _passwords_of(alias, siblings)
    by_server = {phone.server_ip: phone for phone in siblings}
    wanted = {}
    for server_ip in alias["server_ips"]:
        old = by_server.get(server_ip)
        login = old.login if old else alias["extension"] + plan.letters[server_ip]
        name = alias.get("phone_name", alias["name"])
        phone = Phone(alias["extension"], server_ip, login, *passwords, name)
        if old and not owned:
            phone = _only_what_is_given(alias, phone, old)
        wanted[login] = phone
        if old is None:
            _check_login(alias, phone, owner, names)
            owner[login.lower()] = phone.extension
            plan.new_phones.append(phone)
        elif old != phone:
            plan.changed_phones.append(phone)
    return wanted


def _without(alias, leaving):
    """Return a wanted alias without the dialers that go."""
    stay = [server_ip for server_ip in alias["server_ips"] if server_ip not in leaving]
    if alias["server_ips"] and not stay:
        raise InventoryError(
            f"alias {alias['alias_id']} has no dialer but {', '.join(alias['server_ips'])}; give"
            " its entry another one, or take it out of phone_aliases, and run aliases.yml first"
        )
    return {**alias, "server_ips": stay}


def _let_go(plan, aliases, leaving):
    """Take the phones that go out of aliases that stay although nobody asked for them.

    Raises:
        InventoryError: a leaving dialer is the last of one.
    """
    gone = {phone.login for phone in plan.removed_phones}
    for alias in aliases:
        left = tuple(login for login in alias.logins if login not in gone)
        if leaving and alias.logins and not left:
            raise InventoryError(
                f"alias {alias.alias_id} has no phone but {','.join(alias.logins)}, which would go;"
                " give it another one or remove it first"
            )
        if left != tuple(alias.logins):
            plan.changed_aliases.append((alias, alias._replace(logins=left)))


def _as_there(alias, phones, old):
    """Return a wanted alias, with the names that alias and phones have if it isn't given one."""
    if alias["named"]:
        return alias
    phone_names = [phone.name for phone in phones if phone.name]
    return {
        **alias,
        "name": old.name if old else alias["name"],
        "phone_name": (phone_names or [alias["name"]])[0],
    }


def _only_what_is_given(alias, phone, old):
    """Return a phone that is there, with nothing changed but what the inventory gives."""
    return old._replace(
        login_password=phone.login_password if alias["login_password"] else old.login_password,
        registration_password=phone.registration_password
        if alias["registration_password"]
        else old.registration_password,
        name=phone.name if alias["named"] else old.name,
    )


def _strangers(old, phones, addresses):
    """Find the logins of a list that aren't the extension's phones on these dialers."""
    known = {phone.login for phone in phones if phone.server_ip in addresses}
    return {login for login in old.logins if login not in known}


def _passwords_of(alias, phones):
    """The passwords of an alias: the inventory's, those its phones have, or new ones."""
    login = (
        alias["login_password"]
        or _most_common(phone.login_password for phone in phones)
        or new_login_password()
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


def _check_names(wanted, owner):
    for alias in wanted:
        if alias["alias_id"].lower() in owner:
            raise InventoryError(
                f"alias {alias['alias_id']}: that is the phone login of extension "
                f"{owner[alias['alias_id'].lower()]} already; choose another suffix"
            )


def _check_login(alias, phone, owner, names):
    if len(phone.login) > LONGEST_PHONE_LOGIN:
        raise InventoryError(
            f"alias {alias['alias_id']}: phone login '{phone.login}' has {len(phone.login)} "
            f"characters, {LONGEST_PHONE_LOGIN} fit; use shorter extensions"
        )
    if phone.login.lower() in names:
        raise InventoryError(
            f"alias {alias['alias_id']}: a new phone would have the login '{phone.login}', and "
            "there is an alias of that name; rename or remove that alias first"
        )
    if phone.login.lower() in owner:
        raise InventoryError(
            f"alias {alias['alias_id']}: phone login '{phone.login}' belongs to extension "
            f"{owner[phone.login.lower()]} already; choose other extensions"
        )


def _plan_alias(plan, alias, phones, old, serving, room, kept=()):
    """Add an alias to the plan, with the list it should have.

    ``serving`` None: it only shrinks. ``kept`` are logins that stay although they aren't wanted.
    """
    before = list(old.logins) if old else []
    logins = [login for login in before if login in phones or login in kept]
    if serving is not None:
        logins += sorted(
            (
                login
                for login, phone in phones.items()
                if phone.server_ip in serving and login not in before
            ),
            key=lambda login: alias["server_ips"].index(phones[login].server_ip),
        )
    text = ",".join(logins)
    if len(text) > room:
        raise InventoryError(
            f"alias {alias['alias_id']}: its logins list for {len(logins)} dialers has {len(text)} "
            f"characters, {room} fit; give it fewer dialers, or set "
            "phone_aliases_widen_logins_list: true to widen the column"
        )
    new = Alias(alias["alias_id"], alias["name"], tuple(logins))
    if old is None:
        if logins:
            plan.new_aliases.append(new)
    elif (old.name, tuple(old.logins)) != (new.name, new.logins):
        plan.changed_aliases.append((old, new))


def describe(plan):
    """Say each change in words, without passwords."""
    lines = [f"phone {p.login} on {p.server_ip}: added" for p in plan.new_phones]
    lines += [f"phone {p.login} on {p.server_ip}: changed" for p in plan.changed_phones]
    lines += [f"alias {a.alias_id}: added with {','.join(a.logins)}" for a in plan.new_aliases]
    for old, new in plan.changed_aliases:
        parts = []
        if tuple(old.logins) != tuple(new.logins):
            parts.append(f"{','.join(old.logins)} becomes {','.join(new.logins)}")
        if old.name != new.name:
            parts.append(f"named {new.name}")
        lines.append(f"alias {new.alias_id}: {', '.join(parts)}")
    lines += [f"alias {a.alias_id}: removed" for a in plan.removed_aliases]
    lines += [f"phone {p.login} on {p.server_ip}: removed" for p in plan.removed_phones]
    return lines


def as_diff(plan):
    """Lay the changes out as Ansible's before and after, without passwords."""
    before = [_phone_line(p) for p in plan.removed_phones]
    before += [_alias_line(a) for a in plan.removed_aliases]
    before += [_alias_line(old) for old, _new in plan.changed_aliases]
    before += [f"{_phone_line(p)} (passwords or name as before)" for p in plan.changed_phones]
    after = [_phone_line(p) for p in plan.new_phones]
    after += [_alias_line(a) for a in plan.new_aliases]
    after += [_alias_line(new) for _old, new in plan.changed_aliases]
    after += [f"{_phone_line(p)} (passwords or name as wanted)" for p in plan.changed_phones]
    return {
        "before_header": "phones and aliases",
        "after_header": "phones and aliases",
        "before": "".join(f"{line}\n" for line in sorted(before)),
        "after": "".join(f"{line}\n" for line in sorted(after)),
    }


def _phone_line(phone):
    return f"phone {phone.login} on {phone.server_ip}"


def _alias_line(alias):
    return f"alias {alias.alias_id} ({alias.name}): {','.join(alias.logins)}"
