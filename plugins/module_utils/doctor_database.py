# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The alias doctor's look at the database: what the inventory wants, compared with the rows.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections

from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_phones import (
    look_at_kinds,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding

#: Tells a dialer's daemon to end the calls that it keeps.
END_KEPT_CALLS = "systemctl kill --kill-who=main --signal=USR1 evenfloor-dialer"

#: How it comes that somebody has another login password beside VICIdial.
_VOICEMAIL = "An agent who changes the PIN of the voicemail changes it for one phone alone"


def look_at_dialers(wanted, rows, heartbeat_timeout):
    """Find what is wrong with dialers by their rows.

    Args:
        wanted: the inventory's dialers, dicts with name and server_ip.
        rows: dicts with server_ip, name, heartbeat_age (seconds), free_rooms and calls_kept.
        heartbeat_timeout: a dialer whose heartbeat is this old, in seconds, is dead.

    Returns:
        Findings.
    """
    found = []
    names = {dialer["server_ip"]: dialer["name"] for dialer in wanted}
    there = {row["server_ip"] for row in rows}
    for server_ip, name in names.items():
        if server_ip not in there:
            what = f"{name} ({server_ip}) is in the inventory but not in the database"
            found.append(Finding("dialer_missing", what, "run add-dialer.yml", dialer=name))
    for row in rows:
        name = names.get(row["server_ip"])
        if name is None:
            what = f"{row['name']} ({row['server_ip']}) is in the database but not in the inventory"
            fix = "add it to the inventory; to remove it, run remove_dialer.yml afterwards"
            found.append(Finding("dialer_unknown", what, fix, dialer=row["name"]))
        else:
            found += _look_at_row(name, row, heartbeat_timeout)
    return found


def _look_at_row(name, row, heartbeat_timeout):
    """Find what is wrong with a dialer that both sides have."""
    found, age = [], row["heartbeat_age"]
    if age is None or age >= heartbeat_timeout:
        since = "has no known heartbeat" if age is None else f"has been silent for {age} s"
        fix = "see systemctl status asterisk evenfloor-dialer on it, and its path to the database"
        found.append(Finding("heartbeat_stale", f"{name} {since}", fix, dialer=name))
    if not row["free_rooms"]:
        fix = "log agents out, add rooms (dialer_last_room), or set max_agents below its rooms"
        found.append(Finding("no_free_room", f"{name} has no free room", fix, dialer=name))
    if row["calls_kept"]:
        why = "too many at once to end them, or lost in a restore"
        what = f"{row['calls_kept']} calls on {name} have no row: {why}"
        fix = f"bring the rows back; to end the calls, run this on {name}: {END_KEPT_CALLS}"
        found.append(Finding("calls_kept", what, fix, dialer=name))
    return found


def look_at_prepared(transactions):
    """Find transactions that somebody has prepared and left: they keep rows locked for ever.

    Args:
        transactions: their names, as ``XA ROLLBACK`` takes them.

    Returns:
        Findings.
    """
    found = []
    for name in transactions:
        what = f"a transaction was prepared and left ({name}): it keeps rows locked, also after"
        what += " whoever began it has gone"
        fix = f"if no program of yours uses XA, run XA ROLLBACK {name} as the database's root"
        fix += ", and find out which host began it"
        found.append(Finding("transaction_prepared", what, fix))
    return found


def look_at_logins(phones, names):
    """Find the logins that several phones have: an alias can't mean one of them.

    Args:
        phones: dicts with login, extension and server_ip.
        names: dialers' names by ``server_ip``.

    Returns:
        Findings.
    """
    same = collections.defaultdict(list)
    for phone in phones:
        if phone["login"]:
            same[phone["login"].lower()].append(phone)
    found = []
    for login, several in sorted(same.items()):
        if len(several) > 1:
            places = [
                f"{phone['extension']} on {names.get(phone['server_ip'], phone['server_ip'])}"
                for phone in several
            ]
            what = f"{login} is the login of {len(several)} phones: {', '.join(sorted(places))}"
            fix = "leave it to one of them, give the others another login, and run aliases.yml"
            found.append(Finding("login_not_unique", what, fix))
    return found


class AliasDoctor:
    """Finds what is wrong with aliases and their phones, by their rows.

    Args:
        wanted: what ``inventory.expand_aliases`` returned.
        phones: dicts with login, extension, server_ip, active, is_webphone, login_password and
            registration_password.
        names: dialers' names by ``server_ip``.
        owns_phones: whether the inventory should have every alias. If not, aliases that it
            doesn't have aren't reported, and may belong to more than one softphone.
    """

    def __init__(self, wanted, phones, names, owns_phones):
        self._wanted = wanted
        self._wanted_ids = {alias["alias_id"].lower() for alias in wanted}
        self._by_login = {phone["login"].lower(): phone for phone in phones}
        self._by_place = {(phone["extension"], phone["server_ip"]): phone for phone in phones}
        self._names = names
        self._owns_phones = owns_phones

    def look_at(self, aliases):
        """Look at everything.

        Args:
            aliases: phone logins by the alias's id.

        Returns:
            Findings.
        """
        found = []
        lists = {alias_id.lower(): logins for alias_id, logins in aliases.items()}
        for alias in self._wanted:
            found += self._look_at_wanted(alias, lists.get(alias["alias_id"].lower()))
        for alias_id, logins in aliases.items():
            is_wanted = alias_id.lower() in self._wanted_ids
            if self._owns_phones and not is_wanted:
                what = f"{alias_id} is in the database but not in the inventory"
                fix = "add it to phone_aliases, or run aliases.yml to remove it"
                found.append(Finding("alias_unknown", what, fix, alias_id))
            found += self._look_at_list(alias_id, logins, self._owns_phones or is_wanted)
        return found

    def _look_at_wanted(self, alias, logins):
        """Find what the inventory wants of an alias and the database lacks."""
        alias_id, found = alias["alias_id"], []
        if logins is None:
            what = f"{alias_id} is in the inventory but not in the database"
            return [Finding("alias_missing", what, "run aliases.yml", alias_id)]
        listed = {login.lower() for login in logins}
        for server_ip in alias["server_ips"]:
            phone = self._by_place.get((alias["extension"], server_ip))
            name = self._name_of(server_ip)
            if phone is None:
                what = f"{alias['extension']} has no phone on {name}"
                kind = "phone_missing"
            elif phone["login"].lower() not in listed:
                what = f"{phone['login']} on {name} is not in the logins list: nobody is sent there"
                kind = "not_listed"
            else:
                continue
            found.append(Finding(kind, what, "run aliases.yml", alias_id, name))
        return found

    def _look_at_list(self, alias_id, logins, is_one_softphones):
        """Find what is wrong with one logins list."""
        found, there = [], []
        for login in logins:
            phone = self._by_login.get(login.lower())
            if phone is None:
                what = f"{login} is in the logins list, but there is no such phone"
                fix = "run aliases.yml, or remove it from the list"
                found.append(Finding("listed_phone_missing", what, fix, alias_id))
                continue
            there.append(phone)
            if not phone["active"]:
                what = f"{login} is not active: VICIdial would log the agent in nowhere"
                fix = "activate the phone, or remove it from the list"
                name = self._name_of(phone["server_ip"])
                found.append(Finding("listed_phone_inactive", what, fix, alias_id, name))
        found += look_at_kinds(alias_id, there)
        found += self._look_at_passwords(alias_id, there, is_one_softphones)
        return found + self._look_at_places(alias_id, there)

    def _look_at_passwords(self, alias_id, phones, is_one_softphones):
        """Find the phones of a list whose passwords differ from the others'."""
        found = _differing(alias_id, phones, "login_password", "agents can't log in on all of them")
        if found and not self._owns_phones:
            what = f"{found[0].what}. {_VOICEMAIL}"
            found = [found[0]._replace(what=what)]
        if is_one_softphones:
            effect = "softphones can't register"
            found += _differing(alias_id, phones, "registration_password", effect)
        return found

    def _look_at_places(self, alias_id, phones):
        """Find the dialers on which a list names several phones."""
        found = []
        places = collections.Counter(phone["server_ip"] for phone in phones)
        for server_ip, count in places.items():
            if count > 1:
                name = self._name_of(server_ip)
                same = ", ".join(p["login"] for p in phones if p["server_ip"] == server_ip)
                what = f"{same} are {count} phones on {name}: it gets more than its share"
                fix = "leave one of them in the list"
                found.append(Finding("two_phones_on_one_dialer", what, fix, alias_id, name))
        return found

    def _name_of(self, server_ip):
        return self._names.get(server_ip, server_ip)


def _differing(alias_id, phones, setting, effect):
    """Find the phones of a list that have another password than most."""
    counts = collections.Counter(phone[setting] for phone in phones)
    if len(counts) < 2:
        return []
    usual = counts.most_common(1)[0][0]
    odd = ", ".join(phone["login"] for phone in phones if phone[setting] != usual)
    what = f"{odd} has a different {setting.replace('_', ' ')} from the other phones: {effect}"
    fix = f"give the extension an entry of its own with {setting}, and run aliases.yml"
    return [Finding(f"{setting}s_differ", what, fix, alias_id)]
