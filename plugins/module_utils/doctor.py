# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""The alias doctor: from what the database, Asterisk, softphones and clocks say to findings.

Pure, without Ansible and without a database. A finding is a dict with ``finding`` (its kind),
``alias``, ``dialer`` (empty where it has none), ``what`` is wrong and the ``mend``, both in words.
"""

from __future__ import annotations

import collections
import re

#: A session that is younger, in seconds, may still get its call, and a call its end noticed.
SESSION_GRACE = 20
#: Clocks may differ by so many seconds: nothing depends on them but the order of log lines.
CLOCK_TOLERANCE = 2.0
#: What a contact's status is while its phone can be called.
REACHABLE = ("Avail", "NonQual", "NonQualified", "Created")

#: Stands between Asterisk's endpoints and its channels in what check.yml reads.
MARK = "--- channels ---"

_TAG = re.compile(r"S\d{12}[a-z0-9]{7}")


def finding(kind, what, mend, alias="", dialer=""):
    """Make a finding."""
    return {"finding": kind, "alias": alias, "dialer": dialer, "what": what, "mend": mend}


# -- the database ----------------------------------------------------------------------------


def look_at_dialers(wanted, rows, heartbeat_timeout):
    """Find what is wrong with dialers by their rows.

    Args:
        wanted: the inventory's dialers, dicts with name and server_ip.
        rows: dicts with server_ip, name, heartbeat_age (seconds), free_rooms.
        heartbeat_timeout: seconds.
    """
    found = []
    names = {dialer["server_ip"]: dialer["name"] for dialer in wanted}
    there = {row["server_ip"] for row in rows}
    for server_ip, name in names.items():
        if server_ip not in there:
            words = f"the inventory has {name} ({server_ip}), the database hasn't"
            found.append(finding("dialer_missing", words, "run add-dialer.yml", dialer=name))
    for row in rows:
        name = names.get(row["server_ip"])
        if name is None:
            words = f"the database has {row['name']} ({row['server_ip']}), the inventory hasn't"
            mend = "add it to the inventory, or put it back there and run remove-dialer.yml"
            found.append(finding("dialer_unknown", words, mend, dialer=row["name"]))
            continue
        age = row["heartbeat_age"]
        if age is None or age >= heartbeat_timeout:
            since = "has never sent a heartbeat" if age is None else f"is silent for {age} s"
            mend = (
                "see systemctl status asterisk evenfloor-dialer on it, and its way to the database"
            )
            found.append(finding("heartbeat_stale", f"{name} {since}", mend, dialer=name))
        if not row["free_rooms"]:
            mend = "log agents out, add rooms (dialer_last_room), or set max_agents below its rooms"
            found.append(finding("no_free_room", f"{name} has no free room", mend, dialer=name))
    return found


def look_at_aliases(wanted, aliases, phones, names, owned=True):
    """Find what is wrong with aliases and their phones, by their rows.

    Args:
        wanted: what ``inventory.expand_aliases`` returned.
        aliases: ``{alias_id: [phone login, …]}``.
        phones: dicts with login, extension, server_ip, active, login_password and
            registration_password.
        names: dialers' names by ``server_ip``.
        owned: whether aliases that the inventory doesn't have are wrong.
    """
    found = []
    by_login = {phone["login"].lower(): phone for phone in phones}
    by_place = {(phone["extension"], phone["server_ip"]): phone for phone in phones}
    listed_ids = {alias_id.lower(): logins for alias_id, logins in aliases.items()}
    for alias in wanted:
        logins = listed_ids.get(alias["alias_id"].lower())
        if logins is None:
            words = f"{alias['alias_id']} is in the inventory and not in the database"
            found.append(finding("alias_missing", words, "run aliases.yml", alias["alias_id"]))
            continue
        listed = {login.lower() for login in logins}
        for server_ip in alias["server_ips"]:
            phone = by_place.get((alias["extension"], server_ip))
            name = names.get(server_ip, server_ip)
            if phone is None:
                words = f"{alias['extension']} has no phone on {name}"
                kind = "phone_missing"
            elif phone["login"].lower() not in listed:
                words = f"{phone['login']} on {name} is not in the logins list: nobody lands there"
                kind = "not_listed"
            else:
                continue
            found.append(finding(kind, words, "run aliases.yml", alias["alias_id"], name))
    wanted_ids = {alias["alias_id"].lower() for alias in wanted}
    for alias_id, logins in aliases.items():
        if owned and alias_id.lower() not in wanted_ids:
            words = f"{alias_id} is in the database and not in the inventory"
            mend = "add it to phone_aliases, or run aliases.yml to remove it"
            found.append(finding("alias_unknown", words, mend, alias_id))
        one_softphone = owned or alias_id.lower() in wanted_ids
        found += _look_at_list(alias_id, logins, by_login, names, one_softphone)
    return found


def _look_at_list(alias_id, logins, by_login, names, one_softphone):
    """Find what is wrong with one logins list, which may not be one softphone's."""
    found = []
    there = []
    for login in logins:
        phone = by_login.get(login.lower())
        if phone is None:
            words = f"{login} is in the logins list, and there is no such phone"
            mend = "run aliases.yml, or take it out of the list"
            found.append(finding("listed_phone_missing", words, mend, alias_id))
            continue
        there.append(phone)
        if not phone["active"]:
            words = f"{login} is not active: VICIdial would log the agent in nowhere"
            mend = "activate the phone, or take it out of the list"
            name = names.get(phone["server_ip"], phone["server_ip"])
            found.append(finding("listed_phone_inactive", words, mend, alias_id, name))
    for column, kind, words in (
        ("login_password", "login_passwords_differ", "agents can't log in on all of them"),
        ("registration_password", "registration_passwords_differ", "softphones can't register"),
    ):
        if column == "registration_password" and not one_softphone:
            continue
        if len({phone[column] for phone in there}) > 1:
            label = column.replace("_", " ")
            counts = collections.Counter(phone[column] for phone in there)
            usual = counts.most_common(1)[0][0]
            odd = ", ".join(phone["login"] for phone in there if phone[column] != usual)
            text = f"{odd} has another {label} than the other phones: {words}"
            mend = f"set {label.replace(' ', '_')} in the alias's entry and run site.yml"
            found.append(finding(kind, text, mend, alias_id))
    places = collections.Counter(phone["server_ip"] for phone in there)
    for server_ip, count in places.items():
        if count > 1:
            name = names.get(server_ip, server_ip)
            same = ", ".join(p["login"] for p in there if p["server_ip"] == server_ip)
            words = f"{same} are {count} phones on {name}: it gets more than its share"
            mend = "leave one of them in the list"
            found.append(finding("two_phones_on_one_dialer", words, mend, alias_id, name))
    return found


# -- what hosts say --------------------------------------------------------------------------


def parse_endpoints(text):
    """Read Asterisk's ``pjsip show endpoints``.

    Returns:
        ``{endpoint: whether its phone can be called}``; None where Asterisk didn't answer.
    """
    if "Endpoint:" not in text:
        return {} if "No objects found" in text else None
    endpoints, name = {}, None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[1].startswith("<"):
            continue
        if words[0] == "Endpoint:":
            name = words[1].partition("/")[0]
            endpoints[name] = False
        elif words[0] == "Contact:" and name is not None:
            endpoints[name] |= any(word in REACHABLE for word in words[2:])
    return endpoints


def parse_channels(text):
    """Read Asterisk's ``core show channels concise``: ``{session's tag: seconds it lasts}``."""
    channels = {}
    for line in text.splitlines():
        fields = line.split("!")
        if len(fields) >= 14 and _TAG.fullmatch(fields[-1]) and fields[-3].isdigit():
            channels[fields[-1]] = int(fields[-3])
    return channels


def look_at_dialer(name, expected, sessions, endpoints_text, channels_text, alias_of, serves):
    """Compare the database with what a dialer's Asterisk says.

    Args:
        name: the dialer's.
        expected: ``{extension: whether the database says that it is registered}``.
        sessions: dicts with tag, user and age (seconds).
        endpoints_text: what ``pjsip show endpoints`` printed.
        channels_text: what ``core show channels concise`` printed.
        alias_of: the alias of each extension.
        serves: whether the dialer is alive and phones should be registered.

    Returns:
        The findings, and the extensions that aren't registered.
    """
    endpoints = parse_endpoints(endpoints_text)
    if endpoints is None:
        mend = "see systemctl status asterisk and journalctl -u asterisk on it"
        words = f"Asterisk on {name} doesn't answer"
        return [finding("asterisk_silent", words, mend, dialer=name)], set()
    found = []
    for extension in sorted(set(expected) - set(endpoints)):
        words = f"Asterisk on {name} has no endpoint {extension}"
        alias = alias_of.get(extension, "")
        found.append(finding("endpoint_missing", words, "run site.yml", alias, name))
    for extension in sorted(set(endpoints) - set(expected)):
        words = f"Asterisk on {name} has an endpoint {extension}, the database has no such phone"
        found.append(finding("endpoint_unknown", words, "run site.yml", dialer=name))
    for extension in sorted(set(expected) & set(endpoints)):
        if serves and expected[extension] != endpoints[extension]:
            states = ("registered", "not registered")
            said, really = states if expected[extension] else reversed(states)
            words = f"the database says {extension} is {said} on {name}, Asterisk says {really}"
            mend = "look again in 30 s; if it stays, restart evenfloor-dialer there"
            alias = alias_of.get(extension, "")
            found.append(finding("registration_drift", words, mend, alias, name))
    return found + _look_at_calls(name, sessions, parse_channels(channels_text)), {
        extension for extension in expected if not endpoints.get(extension)
    }


def _look_at_calls(name, sessions, channels):
    found = []
    tags = {session["tag"] for session in sessions}
    for session in sessions:
        if session["tag"] not in channels and session["age"] >= SESSION_GRACE:
            words = f"{session['user']} counts as logged in on {name} and has no call there"
            mend = f"evenfloor logout --user {session['user']}; restart evenfloor-dialer on {name}"
            found.append(finding("row_without_call", words, mend, dialer=name))
    for tag in sorted(set(channels) - tags):
        if channels[tag] >= SESSION_GRACE:
            words = f"a call of {channels[tag]} s on {name} ({tag}) belongs to nobody"
            mend = f"restart evenfloor-dialer on {name}, which hangs it up"
            found.append(finding("call_without_row", words, mend, dialer=name))
    return found


def look_at_registrations(missing, alias_of, serving):
    """Say which phones aren't registered; where none of an extension is, its softphone is off.

    Args:
        missing: ``{dialer: extensions that aren't registered there}``.
        alias_of: the alias of each extension.
        serving: dialers that live.
    """
    found = []
    dialers_of = collections.defaultdict(list)
    for name in serving:
        for extension in missing.get(name, ()):
            dialers_of[extension].append(name)
    for extension, names in sorted(dialers_of.items()):
        alias = alias_of.get(extension, "")
        if len(names) == len(serving) > 1:
            words = f"{extension} is registered nowhere: its softphone is off or cut off"
            mend = "start the softphone; see its log for refused registrations"
            found.append(finding("softphone_off", words, mend, alias))
            continue
        for name in names:
            words = f"{extension} is not registered on {name}"
            mend = "see the softphone's log, and the way between its host and the dialer"
            found.append(finding("not_registered", words, mend, alias, name))
    return found


def look_at_seat(name, accounts, wanted, names):
    """Compare a seat's accounts with the phones that it should register.

    Args:
        name: the seat's.
        accounts: addresses like ``sip:101@10.0.0.31``.
        wanted: the same for the phones of its extensions.
        names: dialers' names by ``server_ip``.
    """
    found = []
    for address in sorted(set(wanted) ^ set(accounts)):
        dialer = names.get(address.rpartition("@")[2], "")
        if address in wanted:
            words, kind = f"{name} doesn't register {address}", "account_missing"
        else:
            words, kind = f"{name} registers {address}, which is no phone of its", "account_unknown"
        found.append(finding(kind, words, "run aliases.yml", dialer=dialer))
    return found


def look_at_clocks(clocks):
    """Find hosts whose clock is off.

    Args:
        clocks: ``{host: (here before, there, here after)}``, seconds since the epoch.
    """
    found = []
    for name, (before, there, after) in sorted(clocks.items()):
        off = there - after if there > after else min(0.0, there - before)
        if abs(off) > CLOCK_TOLERANCE:
            words = f"the clock of {name} is {off:+.1f} s off"
            mend = "have it keep time (systemd-timesyncd or chrony)"
            found.append(finding("clock_skew", words, mend, dialer=name))
    return found


def as_table(findings):
    """Lay findings out for a person."""
    if not findings:
        return "All is well."
    heads = ("alias", "dialer", "finding")
    widths = [max(len(head), *(len(row[head]) for row in findings)) for head in heads]
    lines = ["  ".join(head.ljust(width) for head, width in zip(heads, widths)) + "  what → mend"]
    for row in findings:
        cells = [(row[head] or "-").ljust(width) for head, width in zip(heads, widths)]
        lines.append("  ".join(cells) + f"  {row['what']} → {row['mend']}")
    return "\n".join(lines)
