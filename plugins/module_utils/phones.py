# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the phones and aliases that are there to those that are wanted: what has to change.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import itertools

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import join_logins
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import letters_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.letters import (
    assign_letters,
    letters_in,
    letters_of_names,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import (
    LONGEST_PHONE_LOGIN,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import (
    new_login_password,
    new_registration_password,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
    Plan,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.shared_logins import (
    find_shared,
    shared_problem,
)


def make_plan(phones, aliases, request):
    """Work out what has to change.

    Phones that are there keep their logins, and their passwords unless the inventory gives
    others. What was removed comes back as it was. A logins list keeps its order; new entries come
    last. Of two phones with one login, one gets a login of its own.

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
        self._places = {(a["extension"], ip) for a in self._wanted for ip in a["server_ips"]}
        self._going = [phone for phone in phones if self._goes(phone)]
        self._former = {place_of(phone): phone for phone in reversed(request.kept.phones)}
        self._former_aliases = {alias.alias_id.lower(): alias for alias in request.kept.aliases}
        self._former_of_extension = collections.defaultdict(list)
        for phone in request.kept.phones:
            self._former_of_extension[phone.extension].append(phone)
        server_ips = list(dict.fromkeys(ip for alias in self._wanted for ip in alias["server_ips"]))
        taken = letters_of_names(ids, self._extensions)
        letters = assign_letters(phones, server_ips, taken, request.kept.phones)
        self._plan = Plan(letters={ip: letters[ip] for ip in server_ips})
        #: New logins by place.
        self._renamed = {}

    def plan(self):
        """Make the plan."""
        for alias in self._wanted:
            self._check_id(alias)
        self._find_renamed()
        for alias in self._wanted:
            siblings = self._of_extension[alias["extension"]]
            old = self._aliases.get(alias["alias_id"].lower())
            wanted = self._flavor.wanted_alias(alias, siblings, old)
            self._plan_alias(wanted, self._plan_phones(wanted, siblings), siblings, old)
        self._remove_phones()
        self._remove_aliases()
        self._forget()
        return self._plan

    def _goes(self, phone):
        """Say whether a phone goes, at once or when its call has ended."""
        return place_of(phone) not in self._places and (
            self._request.purge
            or phone.server_ip in self._request.leaving
            or place_of(phone) in self._request.kept.closed
            or self._flavor.is_unwanted(phone, self._extensions)
        )

    def _find_renamed(self):
        """Find phones that need a login of their own, because others have theirs too."""
        for phones in find_shared(self._phones, self._going):
            ours = [p for p in phones if place_of(p) in self._places and letters_in(p)]
            others = [phone for phone in phones if phone not in ours]
            if not ours and not self._places & {place_of(phone) for phone in others}:
                continue
            if len(others) > 1:
                self._plan.problems.append(shared_problem(others))
            order = list(self._plan.letters)
            ours.sort(key=lambda p: (self._has_anothers_letters(p), order.index(p.server_ip)))
            for phone in ours if others else ours[1:]:
                login = phone.extension + self._plan.letters[phone.server_ip]
                login = self._first_free(phone.extension, login)
                self._owners[login.lower()] = phone.extension
                self._renamed[place_of(phone)] = login

    def _has_anothers_letters(self, phone):
        return self._plan.letters[phone.server_ip] != letters_in(phone)

    def _check_id(self, alias):
        alias_id = alias["alias_id"]
        owner = self._owners.get(alias_id.lower())
        if owner is not None:
            what = f"that is the phone login of extension {owner} already"
            raise InventoryError(Problem(f"alias {alias_id}", what, "choose another suffix"))

    def _plan_phones(self, alias, siblings):
        """Plan the phones of a wanted alias; returns them by login."""
        former = self._former_of_extension[alias["extension"]]
        passwords = _passwords_of(alias, siblings, former, self._request.login_password_length)
        there = {phone.server_ip: phone for phone in siblings}
        name = alias.get("phone_name", alias["name"])
        wanted = {}
        for server_ip in alias["server_ips"]:
            old = there.get(server_ip)
            login = old.login if old else ""
            common = (*passwords, name, alias["kind"])
            phone = Phone(alias["extension"], server_ip, login, *common)
            phone = self._plan_old(alias, phone, old) if old else self._plan_new(alias, phone)
            wanted[phone.login] = phone
        return wanted

    def _plan_old(self, alias, phone, old):
        """Plan a phone that is there; ``phone`` is as a new one would be."""
        login = self._renamed.get(place_of(old))
        if login:
            self._check_length(alias, login)
            renamed = old._replace(login=login)
            self._plan.renamed_phones.append((old, renamed))
            phone, old = phone._replace(login=login), renamed
        phone = self._flavor.wanted_phone(alias, phone, old)
        if phone != old:
            self._plan.changed_phones.append(phone)
        if place_of(old) in self._request.kept.closed:
            self._plan.opened_phones.append(phone)
        return phone

    def _plan_new(self, alias, phone):
        """Plan a phone that isn't there; one that was removed comes back with its login."""
        former = self._former.get(place_of(phone))
        login = self._new_login(phone.extension, phone.server_ip)
        if former:
            self._plan.returned.add(place_of(phone))
            phone = phone._replace(name=self._flavor.wanted_phone(alias, phone, former).name)
            login = self._first_free(phone.extension, former.login, login)
        self._check_login(alias, login)
        self._owners[login.lower()] = phone.extension
        phone = phone._replace(login=login)
        self._plan.new_phones.append(phone)
        return phone

    def _new_login(self, extension, server_ip):
        """Name a new phone: with its dialer's letters, or with others where those are taken.

        Another phone of the extension may have them, on a dialer whose phones were named by hand.
        """
        login = extension + self._plan.letters[server_ip]
        return (
            login if self._owners.get(login.lower()) != extension else self._free_login(extension)
        )

    def _first_free(self, extension, *logins):
        """Return the first of these logins that is free, or another one."""
        for login in logins:
            if login and login.lower() not in self._owners and login.lower() not in self._ids:
                return login
        return self._free_login(extension)

    def _free_login(self, extension):
        """Find a login that no phone, no alias, no dialer's letters and no kept phone have."""
        names = (extension + letters_of(number) for number in itertools.count(1))
        taken = {*self._owners, *self._ids}
        taken |= {phone.login.lower() for phone in self._former_of_extension[extension]}
        taken |= {(extension + letters).lower() for letters in self._plan.letters.values()}
        return next(name for name in names if name not in taken)

    def _check_length(self, alias, login):
        if len(login) > LONGEST_PHONE_LOGIN:
            where = f"alias {alias['alias_id']}"
            what = f"phone login '{login}' has {len(login)} characters, {LONGEST_PHONE_LOGIN} fit"
            raise InventoryError(Problem(where, what, "use shorter extensions"))

    def _check_login(self, alias, login):
        self._check_length(alias, login)
        where = f"alias {alias['alias_id']}"
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
        logins += self._new_logins(alias, phones, there)
        self._check_list(alias, logins)
        new = Alias(alias["alias_id"], alias["name"], tuple(logins))
        if old is None:
            if logins:
                self._plan.new_aliases.append(new)
                if new.alias_id.lower() in self._former_aliases:
                    self._plan.returned.add(new.alias_id)
        elif (old.name, tuple(old.logins)) != (new.name, new.logins):
            self._plan.changed_aliases.append((old, new))

    def _new_logins(self, alias, phones, there):
        """Return the logins that a list doesn't have yet.

        They are in the order that a removed alias had, and in the inventory's order of dialers. A
        phone that gets another login was named before, so that the list doesn't grow by it.
        """
        new = [
            phone
            for login, phone in phones.items()
            if phone.server_ip in self._request.serving
            and login not in there
            and (self._request.grow or place_of(phone) in self._renamed)
        ]
        former = None if there else self._former_aliases.get(alias["alias_id"].lower())
        order = {login: number for number, login in enumerate(former.logins if former else ())}
        inventorys = alias["server_ips"].index
        new.sort(key=lambda p: (order.get(p.login, len(order)), inventorys(p.server_ip)))
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
        """Plan which phones are removed, and which wait for a call to end.

        Nobody talks on a dialer that is being removed: whoever does that has waited.
        """
        for phone in self._going:
            was_closed = place_of(phone) in self._request.kept.closed
            place = (phone.extension.lower(), phone.server_ip)
            if place in self._request.busy and phone.server_ip not in self._request.leaving:
                (self._plan.waiting if was_closed else self._plan.closed_phones).append(phone)
                continue
            self._plan.removed_phones.append(phone)
            if was_closed:
                self._plan.ended.add(place_of(phone))

    def _remove_aliases(self):
        """Plan which aliases are removed, and which lose a phone that is removed."""
        wanted = {alias["alias_id"].lower() for alias in self._wanted}
        others = [alias for name, alias in self._aliases.items() if name not in wanted]
        if self._request.purge:
            self._plan.removed_aliases.extend(others)
            return
        going = {place_of(phone) for phone in self._going}
        stay = {phone.login for phone in self._phones if place_of(phone) not in going}
        gone = {phone.login for phone in self._going} - stay
        for alias in others:
            left = tuple(login for login in alias.logins if login not in gone)
            if self._request.leaving and alias.logins and not left:
                what = f"would have no phone left without {join_logins(alias.logins)}"
                fix = "give it another one or remove it first"
                where = f"alias {alias.alias_id}"
                raise InventoryError(Problem(where, what, fix, is_subject=True))
            if left != tuple(alias.logins):
                self._plan.changed_aliases.append((alias, alias._replace(logins=left)))

    def _forget(self):
        """Plan what needs no keeping, because it is there again or never went."""
        there = {alias["alias_id"].lower() for alias in self._wanted} & {
            *self._aliases,
            *(alias.alias_id.lower() for alias in self._plan.new_aliases),
        }
        kept = self._request.kept
        self._plan.forgotten.update(self._places & {place_of(phone) for phone in kept.phones})
        self._plan.forgotten.update(a.alias_id for a in kept.aliases if a.alias_id.lower() in there)


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


def _passwords_of(alias, phones, former, login_length):
    """The passwords of an alias: the inventory's, those its phones have or had, or new ones.

    Args:
        alias: the wanted alias.
        phones: the phones that its extension has.
        former: the phones that it had, the newest first.
        login_length: how many characters a new login password has.
    """
    login = (
        alias["login_password"]
        or _most_common(phone.login_password for phone in phones)
        or _first(phone.login_password for phone in former)
        or new_login_password(login_length)
    )
    registration = (
        alias["registration_password"]
        or _most_common(phone.registration_password for phone in phones)
        or _first(phone.registration_password for phone in former)
        or new_registration_password()
    )
    return str(login), str(registration)


def _first(values):
    """Return the first value that isn't empty; None where there is none."""
    return next(filter(None, values), None)


def _most_common(values):
    """Return the value that is there most often, the first of several; None where there is none."""
    counted = collections.Counter(value for value in values if value).most_common(1)
    return counted[0][0] if counted else None
