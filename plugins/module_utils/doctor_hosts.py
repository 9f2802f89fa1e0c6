# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The alias doctor's look at hosts: what Asterisk, softphones and clocks say beside the database.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import re
from pathlib import PurePath
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import TAG_PATTERN
from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import BROWSER
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_models import (
    fix_for,
    most_accounts,
    name_of,
)

#: Younger sessions and calls are not compared: the other half may still be on its way. In seconds.
SESSION_GRACE = 20
#: Clocks may differ by so many seconds: nothing depends on them but the order of log lines.
CLOCK_TOLERANCE = 2.0
#: A backup is overdue so many seconds after its time, or, while it is being made, so many.
BACKUP_GRACE, LONGEST_BACKUP = 3600, 12 * 3600
#: What a contact's status is while its phone can be called.
REACHABLE = ("Avail", "NonQual", "NonQualified", "Created")

#: The parts of a line of ``core show channels concise``: there are so many, …
_CHANNEL_FIELDS = 14
#: … and these, from the end, are the seconds it lasts and the channel's unique id.
_SECONDS, _UNIQUE_ID = -3, -1
#: Where the certificates of the cluster's authority are.
_CERTIFICATES = PurePath("/etc/evenfloor")
_RENEW_YOURS = "put a new one there with its key, and run systemctl reload nginx on that host"
_BACKUP = "evenfloor-backup"
_BACKUP_TIMES = ("now", "made", "due")
_TAG = re.compile(TAG_PATTERN)


class DialerState(NamedTuple):
    """What a dialer should be like, and what its Asterisk says.

    Attributes:
        name: the dialer's.
        expected: by extension whether the database says that it is registered.
        sessions: dicts with tag, user and age (seconds).
        endpoints: what ``pjsip show endpoints`` printed.
        channels: what ``core show channels concise`` printed.
        alive: whether the dialer is alive, so that phones should be registered.
        calls_kept: how many calls without a row its daemon lets go on; they are a finding already.
    """

    name: str
    expected: dict
    sessions: list
    endpoints: str
    channels: str
    alive: bool
    calls_kept: int = 0


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
    """Read Asterisk's ``core show channels concise``.

    Returns:
        ``{session's tag: seconds it lasts}``.
    """
    channels = {}
    for line in text.splitlines():
        fields = line.split("!")
        if len(fields) < _CHANNEL_FIELDS:
            continue
        tag, seconds = fields[_UNIQUE_ID], fields[_SECONDS]
        if _TAG.fullmatch(tag) and seconds.isdigit():
            channels[tag] = int(seconds)
    return channels


def look_at_dialer(dialer, alias_of):
    """Compare the database with what a dialer's Asterisk says.

    Args:
        dialer: a DialerState.
        alias_of: the alias of each extension.

    Returns:
        The findings, and the extensions that aren't registered.
    """
    endpoints = parse_endpoints(dialer.endpoints)
    if endpoints is None:
        what = f"Asterisk on {dialer.name} doesn't answer"
        fix = "see systemctl status asterisk and journalctl -u asterisk on it"
        return [Finding("asterisk_silent", what, fix, dialer=dialer.name)], set()
    found = [
        *_look_at_endpoints(dialer, endpoints, alias_of),
        *_look_at_calls(dialer, parse_channels(dialer.channels)),
    ]
    return found, {extension for extension in dialer.expected if not endpoints.get(extension)}


def _look_at_endpoints(dialer, endpoints, alias_of):
    """Find the endpoints that only one side has, and registrations that they disagree on."""
    found, expected, name = [], dialer.expected, dialer.name
    for extension in sorted(set(expected) - set(endpoints)):
        what = f"Asterisk on {name} has no endpoint {extension}"
        alias = alias_of.get(extension, "")
        found.append(Finding("endpoint_missing", what, "run site.yml", alias, name))
    for extension in sorted(set(endpoints) - set(expected)):
        what = f"Asterisk on {name} has an endpoint {extension}, but the database has no such phone"
        found.append(Finding("endpoint_unknown", what, "run site.yml", dialer=name))
    for extension in sorted(set(expected) & set(endpoints)):
        if dialer.alive and expected[extension] != endpoints[extension]:
            states = ("registered", "not registered")
            said, really = states if expected[extension] else reversed(states)
            what = f"the database says {extension} is {said} on {name}, but Asterisk says {really}"
            fix = "look again in 30 s; if it stays, restart evenfloor-dialer there"
            alias = alias_of.get(extension, "")
            found.append(Finding("registration_drift", what, fix, alias, name))
    return found


def _look_at_calls(dialer, channels):
    """Find sessions without a call, and calls without a session."""
    found, name = [], dialer.name
    tags = {session["tag"] for session in dialer.sessions}
    for session in dialer.sessions:
        if session["tag"] not in channels and session["age"] >= SESSION_GRACE:
            what = f"{session['user']} counts as logged in on {name} but has no call there"
            logout = f"run evenfloor logout --user {session['user']} on a login host"
            fix = f"{logout}; if that doesn't help, restart evenfloor-dialer on {name}"
            found.append(Finding("row_without_call", what, fix, dialer=name))
    for tag in () if dialer.calls_kept else sorted(set(channels) - tags):
        if channels[tag] >= SESSION_GRACE:
            what = f"a call of {channels[tag]} s on {name} ({tag}) belongs to nobody"
            fix = f"restart evenfloor-dialer on {name}, which hangs it up"
            found.append(Finding("call_without_row", what, fix, dialer=name))
    return found


def look_at_filter(name, networks, filtered, loaded):
    """Compare the filter that a dialer or an edge should have with the one that it has.

    Args:
        name: the host's.
        networks: the inventory's ``phone_networks``; empty where it says nothing.
        filtered: whether it should have a filter.
        loaded: whether it has one.

    Returns:
        Findings.
    """
    if filtered == loaded:
        if networks:
            return []
        what = f"{name}'s SIP and RTP ports are open to everybody who can reach the host"
        fix = "set phone_networks to the networks of the phones, or to any, and run site.yml"
        return [Finding("sip_open", what, fix, dialer=name)]
    what, fix = f"{name} has no filter for its SIP and RTP ports", "run site.yml"
    if loaded:
        what = f"{name} has a filter for its SIP and RTP ports that the inventory doesn't ask for"
        fix = ("" if networks else "set phone_networks again, or to any, and ") + "run site.yml"
    return [Finding("filter_differs", what, fix, dialer=name)]


def look_at_registrations(missing, alias_of, alive, model_of=None, registered=None):
    """Say which phones aren't registered. If none of an extension is, its softphone is off.

    Args:
        missing: ``{dialer: extensions that aren't registered there}``.
        alias_of: the alias of each extension.
        alive: the names of the dialers that are alive.
        model_of: what has fetched its accounts, by alias: such as ``yealink``, or ``browser``. One
            that holds fewer accounts than there are dialers has all that it can hold, or is
            reported.
        registered: on how many dialers each extension is registered.

    Returns:
        Findings.
    """
    found = []
    dialers_of = collections.defaultdict(list)
    for name in alive:
        for extension in missing.get(name, ()):
            dialers_of[extension].append(name)
    for extension, names in sorted(dialers_of.items()):
        alias = alias_of.get(extension, "")
        model = (model_of or {}).get(alias, "")
        shown = f"{extension} ({name_of(model)})" if model else extension
        if 0 < most_accounts(model) <= (registered or {}).get(extension, 0):
            continue
        # It is registered while its page is open.
        if model == BROWSER and len(names) == len(alive):
            continue
        if len(names) == len(alive) > 1:
            what = f"{shown} is registered nowhere: its softphone is off or cut off"
            fix = "start the softphone; see its log for refused registrations"
            fix = fix_for(model) or fix
            found.append(Finding("softphone_off", what, fix, alias))
            continue
        for name in names:
            what = f"{shown} is not registered on {name}"
            fix = "see the softphone's log, and the network between its host and the dialer"
            fix = fix_for(model) or fix
            found.append(Finding("not_registered", what, fix, alias, name))
    return found


def look_at_seat(name, accounts, wanted, names):
    """Compare a seat's accounts with the phones that it should register.

    Args:
        name: the seat's.
        accounts: addresses like ``sip:101@10.0.0.31``.
        wanted: the same for the phones of its extensions.
        names: dialers' names by ``server_ip``.

    Returns:
        Findings.
    """
    found = []
    for address in sorted(set(wanted) ^ set(accounts)):
        dialer = names.get(address.rpartition("@")[2], "")
        if address in wanted:
            what, kind = f"{name} doesn't register {address}", "account_missing"
        else:
            what, kind = (
                f"{name} registers {address}, which is not one of its phones",
                "account_unknown",
            )
        found.append(Finding(kind, what, "run aliases.yml", dialer=dialer))
    return found


def look_at_certificates(name, text):
    """Find certificates that expire soon, or don't fit the name that clients type.

    Args:
        name: the host's.
        text: a line for each: its file and ``notAfter=…``, or ``name=…``, which it doesn't fit; a
            file alone can't be read.

    Returns:
        Findings.
    """
    found = []
    for line in text.splitlines():
        file, _space, rest = line.partition(" ")
        key, _equals, value = rest.partition("=")
        own = PurePath(file).parent == _CERTIFICATES
        fix = "run site.yml, which makes a new one" if own else _RENEW_YOURS
        if PurePath(file).name == "ca.pem" and own:
            fix = (
                "with one database, move it and ca.key away on its host and run site.yml: it makes"
                " others"
            )
        kind, what = "certificate_expires", f"expires on {value}" if value else "can't be read"
        if key == "name":
            kind, what = "certificate_unfit", f"is not for {value}, which clients type"
        found.append(Finding(kind, f"{file} of {name} {what}", fix, dialer=name))
    return found


def look_at_backups(said, everybody=True):
    """Find backups that failed, and those that are overdue.

    One host of the cluster makes each backup, so that another's is as good as its own.

    Args:
        said: by host what the role ``backup``'s ``last.sh`` printed there: lines of a word and its
            value. "result" is systemd's word for how the unit ended, "success" also where it never
            ran, and "state" whether it runs. The others are missing where nothing is made
            regularly, or nothing was yet; "due" is when the next one was or is due after the
            newest. Times are seconds since the epoch.
        everybody: whether all database hosts have answered. Else the newest may be elsewhere.

    Returns:
        Findings.
    """
    hosts = {name: _backup_words(text) for name, text in said.items()}
    where = f"see journalctl -u {_BACKUP} there, and run backup.yml"
    found = []
    for name, host in hosts.items():
        result = host.get("result", "success")
        if result != "success":
            what = f"the last backup on {name} failed ({result})"
            found.append(Finding("backup_failed", what, where, dialer=name))
        elif host.get("timer", "active") != "active":
            what = f"the timer of {name} that makes backups doesn't run ({host['timer']})"
            fix = f"run systemctl start {_BACKUP}.timer there"
            found.append(Finding("backup_overdue", what, fix, dialer=name))
    return found or (_overdue(hosts, where) if everybody else [])


def _backup_words(text):
    """Read what a host printed of its backups; a line that isn't one of its own is left out."""
    found = {}
    for line in text.splitlines():
        word, _space, value = line.strip().partition(" ")
        if word in ("result", "state", "timer") or (word in _BACKUP_TIMES and value.isdecimal()):
            found[word] = int(value) if word in _BACKUP_TIMES else value
    return found


def _overdue(hosts, fix):
    """Find out whether on each host the next backup after the newest there was due long ago."""
    late = {name: host for name, host in hosts.items() if {"due", "now"} <= set(host)}
    for host in late.values():
        runs = host.get("state") == "activating"
        if host["due"] >= host["now"] - (LONGEST_BACKUP if runs else BACKUP_GRACE):
            return []
    if not late:
        return []
    name = max(late, key=lambda one: late[one].get("made", 0))
    now, due, made = (late[name].get(key, 0) for key in ("now", "due", "made"))
    newest = f"the newest, on {name}, is {(now - made) / 3600:.0f} hours old"
    what = f"a backup was due {(now - due) / 3600:.0f} hours ago, and "
    what += newest if made else "there is none"
    return [Finding("backup_overdue", what, fix, dialer=name)]


def look_at_clocks(clocks):
    """Find hosts whose clock is off.

    Args:
        clocks: ``{host: (here before, there, here after)}``, seconds since the epoch.

    Returns:
        Findings.
    """
    found = []
    for name, (before, there, after) in sorted(clocks.items()):
        off = there - after if there > after else min(0.0, there - before)
        if abs(off) > CLOCK_TOLERANCE:
            what = f"the clock of {name} is {off:+.1f} s off"
            fix = "synchronize it with systemd-timesyncd or chrony"
            found.append(Finding("clock_skew", what, fix, dialer=name))
    return found
