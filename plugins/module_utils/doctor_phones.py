# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The alias doctor's look at what VICIdial notes of phones and asks of them.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
from urllib.parse import urlsplit

from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding


def look_at_reporting(phones, names):
    """Find the dialers that note no registration although others of the cluster do.

    Where none does, nobody wants it.

    Args:
        phones: dicts with server_ip and reports, whether its registration is noted.
        names: dialers' names by ``server_ip``.

    Returns:
        Findings.
    """
    there = {phone["server_ip"] for phone in phones}
    reporting = {phone["server_ip"] for phone in phones if phone["reports"]}
    if not reporting:
        return []
    found = []
    for server_ip, name in names.items():
        if server_ip in there - reporting:
            what = f"no phone on {name} has a peer_status, and phones on other dialers have one:"
            what += " nobody sees whether a phone is registered there"
            fix = f"on {name}, see that VICIdial's keepalive runs process 2"
            found.append(Finding("registrations_unknown", what, fix, dialer=name))
    return found


def look_at_kinds(alias_id, phones):
    """Find an alias that has web phones and others: an agent has one kind or the other.

    Args:
        alias_id: the alias.
        phones: its phones, dicts with login and is_webphone.

    Returns:
        Findings.
    """
    web = [phone["login"] for phone in phones if phone["is_webphone"]]
    others = [phone["login"] for phone in phones if not phone["is_webphone"]]
    if not web or not others:
        return []
    what = f"{', '.join(web)} {'is a web phone' if len(web) == 1 else 'are web phones'}, and"
    what += f" {', '.join(others)} {'is' if len(others) == 1 else 'are'} not: the login page opens"
    what += " a phone in the browser on some dialers and calls one on others"
    fix = "in VICIdial, set the same under 'Set As Webphone' for all phones of the alias"
    return [Finding("webphones_mixed", what, fix, alias_id)]


def look_at_names(aliases, phones):
    """Find the aliases that are named like a phone: VICIdial looks for an alias first.

    Its page then takes a list even for a phone that is chosen already, and decides again whether
    the phone's dialer may have the login.

    Args:
        aliases: phone logins by the alias's id.
        phones: dicts with login.

    Returns:
        Findings.
    """
    logins = {phone["login"].lower() for phone in phones}
    found = []
    for alias_id in aliases:
        if alias_id.lower() in logins:
            what = f"{alias_id} is also the login of a phone: when that phone is chosen, VICIdial's"
            what += " page looks at its dialer once more, and logs the agent in nowhere if the"
            what += " dialer's heartbeat has got lost in a restart of the database"
            fix = "in VICIdial, give the alias a name that no phone has as its login"
            found.append(Finding("alias_named_like_phone", what, fix, alias_id))
    return found


def look_at_web_sockets(servers, phones, names):
    """Find the dialers whose web phones would connect to nothing, or to another dialer.

    Args:
        servers: dicts with server_ip and web_socket_url.
        phones: dicts with server_ip, active and is_webphone.
        names: dialers' names by ``server_ip``.

    Returns:
        Findings.
    """
    hosts = {row["server_ip"]: _host_of(row["web_socket_url"]) for row in servers}
    shared = collections.Counter(hosts.values())
    used = {phone["server_ip"] for phone in phones if phone["active"] and phone["is_webphone"]}
    found = []
    for server_ip, host in hosts.items():
        if server_ip not in used or server_ip not in names:
            continue
        name = names[server_ip]
        if not host:
            what = f"{name} has web phones and no web_socket_url: they can't register"
            fix = "set the dialer's Web Socket URL in VICIdial, wss:// and a name of its own"
            found.append(Finding("web_socket_missing", what, fix, dialer=name))
        elif shared[host] > 1 or (host != server_ip and host in hosts):
            what = f"{name}'s web_socket_url names {host}, which is another dialer's too: its web"
            what += " phones may register there, and don't ring"
            fix = "give every dialer a name, a certificate and a Web Socket URL of its own"
            found.append(Finding("web_socket_elsewhere", what, fix, dialer=name))
    return found


def _host_of(url):
    """Return the host in a URL, in lower case; empty where there is none."""
    try:
        return urlsplit((url or "").strip()).hostname or ""
    except ValueError:  # brackets that don't match
        return ""
