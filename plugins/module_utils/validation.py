# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with an inventory as a whole: every mistake with its place and its fix.

Pure, without Ansible. ``hostvars`` are the variables by host, of the types that the roles'
``argument_specs`` say: ``settings`` has checked each by itself. ``groups`` are Ansible's.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePath

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.agents import (
    AGENT_ARGUMENTS,
    check_login,
    check_once,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import phone_networks
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    DEFAULT_SUFFIX,
    ENTRY_ARGUMENTS,
    dialer_names,
    entry_name,
    expand_aliases,
    expand_extensions,
    is_in_browser,
    is_number,
    letters_of,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.keepalives import (
    keepalive_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import (
    is_one_line,
    kind_of,
    shown,
)

#: VICIdial's login page strips everything else from a phone login …
_LOGIN_CHARACTERS = re.compile(r"[0-9a-zA-Z]*")
#: … and from a phone's password.
_PASSWORD_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")
_CLUSTER_NAME_CHARACTERS = re.compile(r"[-_.0-9a-zA-Z]+")
_SERVER_ID_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")
#: What would end a name early, in Asterisk's files or in VICIdial's.
_NOT_IN_A_NAME = frozenset(';"\\<>')
#: The settings that all hosts have to agree on, because hosts read them for each other.
_SAME_EVERYWHERE = (
    "cluster_flavor",
    "phone_aliases",
    "agents",
    "campaigns",
    "database_name",
    "dialer_wake_port",
    "phone_wss_port",
)
_GROUPS = ("database", "login", "dialers", "seats", "monitoring")
#: By what the database knows a host that connects to it.
_CLIENT_ADDRESS = ("balancer_address", "server_ip")
_ENTRY_KEYS = set(ENTRY_ARGUMENTS)


def inventory_problems(hostvars, groups):
    """Find everything that is wrong with an inventory.

    Returns:
        Problems; empty where all is well.
    """
    dialers = list_dialers(hostvars, groups)
    shared = _shared_variables(hostvars, groups)
    found = [
        *_database_problems(groups, shared.get("cluster_flavor", flavors.DEFAULT)),
        *_empty_group_problems(groups, "dialers", "put at least one dialer into it"),
        *_login_problems(groups),
        *_server_problems(hostvars, groups),
        *_dialer_problems(dialers),
        *_flavor_problems(shared),
        *_monitoring_problems(hostvars, groups, shared),
        *_different_problems(hostvars, groups),
        *_pair_problems(hostvars, groups),
        *_network_problems(hostvars, groups),
        *keepalive_problems(hostvars, groups),
        *_transport_problems(hostvars, groups),
        *_provisioning_problems(hostvars, groups, shared),
        *_browser_problems(hostvars, groups, shared),
        *_timeout_problems(hostvars, groups),
        *_cluster_name_problems(hostvars, groups),
        *_campaign_problems(shared.get("campaigns") or []),
        *_agent_problems(shared.get("agents") or [], shared),
    ]
    entries, widest = shared.get("phone_aliases") or [], _longest_list(shared)
    good_entries = []
    for entry in entries:
        wrong = entry_problems(entry, dialers, widest) or _suffix_problems(entry, shared)
        found += wrong
        if not wrong:
            good_entries.append(entry)
    aliases = expand_aliases(good_entries, dialers)
    return [*found, *_clashes(aliases), *_seat_problems(hostvars, groups, aliases)]


def adoption_problems(hostvars, groups):
    """Find what is wrong with an inventory into which a running cluster will be adopted.

    Its dialers are found on the cluster, so their group may be empty.

    Returns:
        Problems; empty where all is well.
    """
    return [
        *_database_problems(groups, _shared_variables(hostvars, groups).get("cluster_flavor")),
        *_login_problems(groups),
        *_cluster_name_problems(hostvars, groups),
        *_server_problems(hostvars, groups),
        *_pair_problems(hostvars, groups),
        *_timeout_problems(hostvars, groups),
        *_not_adoptable(_shared_variables(hostvars, groups)),
    ]


def hosts_of_cluster(groups):
    """List the hosts that Evenfloor works on.

    Args:
        groups: Ansible's ``groups``.

    Returns:
        The names, each once.
    """
    return list(dict.fromkeys(name for group in _GROUPS for name in groups.get(group, [])))


def _shared_variables(hostvars, groups):
    """Return the variables of some host: what all hosts share is in them."""
    return next((hostvars[name] for name in hosts_of_cluster(groups)), {})


def _longest_list(variables):
    """Say how many characters a logins list may have."""
    widen = str(variables.get("phone_aliases_widen_logins_list")).lower() in ("true", "yes", "1")
    return limits.WIDE_LOGINS_LIST if widen else limits.LONGEST_LOGINS_LIST


# -- groups and flavor -----------------------------------------------------------------------


def _database_problems(groups, flavor_name=flavors.DEFAULT):
    """Check how many databases there are: of an even number, half is no majority."""
    databases = groups.get("database", [])
    flavor = flavors.FLAVORS.get(flavor_name)
    may_be_several = flavor is not None and not flavor.adopted
    if len(databases) == 1 or (may_be_several and len(databases) % 2):
        return []
    what = f"has {len(databases)} hosts ({', '.join(databases) or 'none'})"
    fix = (
        "put one into it, or three or another odd number"
        if may_be_several
        else (
            f"put exactly one into it: {flavor.software if flavor else 'this flavor'} runs on one"
        )
    )
    return [Problem("group database", what, fix, is_subject=True)]


def _login_problems(groups):
    fix = "put at least one host for the login service into it"
    return _empty_group_problems(groups, "login", fix)


def _empty_group_problems(groups, group, fix):
    if groups.get(group):
        return []
    return [Problem(f"group {group}", "is empty", fix, is_subject=True)]


def _server_problems(hostvars, groups):
    """Check the addresses that other hosts, or the database's grants, know a host by."""
    found = []
    for name in groups.get("database", []):
        found += _own_address_problems(name, hostvars[name], ("database_address",))
    for name in groups.get("login", []):
        # A dialer's own address is checked with the dialers'.
        if name not in groups.get("dialers", []):
            found += _own_address_problems(name, hostvars[name], _CLIENT_ADDRESS)
    for name in groups.get("monitoring", []):
        if name not in groups.get("dialers", []):
            found += _own_address_problems(name, hostvars[name], _CLIENT_ADDRESS)
    # A host that is both has one mistake.
    return list({(problem.where, problem.what): problem for problem in found}.values())


def _own_address_problems(name, variables, settings):
    """Check the first of these settings that a host has, or its ``ansible_host``."""
    given = [setting for setting in settings if variables.get(setting) is not None]
    setting = given[0] if given else "ansible_host"
    address = variables.get(setting)
    everywhere = address == "0.0.0.0" and variables.get("balancer_database_host")  # noqa: S104
    if _is_ipv4(address) or everywhere:
        return []
    what = f"{setting} {shown(address)} is not an IPv4 address"
    if address is None:
        what = "ansible_host is missing"
    reached = "to the address with which the cluster's hosts reach it, like 10.0.0.10"
    fix = f"set {setting} {reached}"
    if settings[0] != setting:
        fix += f"; if Ansible needs a name there, set {settings[0]} besides"
    return [Problem(name, what, fix)]


def _different_problems(hostvars, groups):
    """Find settings that hosts don't agree on."""
    found = []
    names = hosts_of_cluster(groups)
    for setting in _SAME_EVERYWHERE:
        first = hostvars[names[0]].get(setting) if names else None
        other = next((name for name in names if hostvars[name].get(setting) != first), None)
        if other:
            what = f"differs between {names[0]} and {other}"
            found.append(Problem(setting, what, "set it once, in group_vars/all", True))
    return [*found, *_port_problems({name: hostvars[name] for name in names})]


def _port_problems(hostvars):
    """Find hosts that would look for the database at another port than its own."""
    ports = {
        name: str(variables.get("database_port", limits.DATABASE_PORT))
        for name, variables in hostvars.items()
        if "balancer_database_port" not in variables
    }
    first = next(iter(ports), None)
    other = next((name for name, port in ports.items() if port != ports[first]), None)
    if other is None:
        return []
    what = f"is {ports[first]} on {first} and {ports[other]} on {other}"
    fix = "set it in group_vars/all: login hosts and dialers connect to it"
    return [Problem("database_port", what, fix, True)]


def _pair_problems(hostvars, groups):
    """Check the settings that are the first and the last of something."""
    found = []
    for first, last in limits.PAIRS:
        for name in hosts_of_cluster(groups):
            ends = [hostvars[name].get(setting) for setting in (first, last)]
            found += _range_problems((first, last), *map(_whole, ends))
    return list(dict.fromkeys(found))


def _timeout_problems(hostvars, groups):
    """Find waits that are longer than the requests that they are a part of."""
    setting, found = "balancer_request_timeout", []
    for name in hosts_of_cluster(groups):
        variables = hostvars[name]
        most = float(variables.get(setting, limits.REQUEST_TIMEOUT))
        for wait, usual in limits.WAITS_OF_REQUESTS.items():
            seconds = variables.get(wait, usual)
            if float(seconds) > most:
                what = f"is above {setting}, which is {most:g}"
                fix = "raise that one, or lower this one: no request is waited for longer"
                found.append(Problem(f"{wait} {seconds}", what, fix, True))
    return list(dict.fromkeys(found))


def _whole(value):
    return None if value is None else int(value)


def _range_problems(settings, first, last):
    """Check a range of which both ends are given, or, of rooms, one."""
    is_rooms = settings[0] == "dialer_first_room"
    if is_rooms:
        first = limits.FIRST_ROOM if first is None else first
        last = limits.LAST_ROOM if last is None else last
    if first is None or last is None:
        return []
    where = f"{settings[0]} {first}"
    if first > last:
        what = f"is above {settings[1]} {last}"
        return [Problem(where, what, "the first may not be above the last", True)]
    if not is_rooms:
        return []
    if str(first)[0] != str(last)[0]:
        what = f"and {settings[1]} {last} begin with different digits"
        fix = "the dialplan needs rooms that all begin with the same digit"
        return [Problem(where, what, fix, True)]
    if last - first >= limits.MOST_ROOMS:
        what = f"to {settings[1]} {last} are {last - first + 1} rooms"
        return [Problem(where, what, f"at most {limits.MOST_ROOMS} are made", True)]
    return []


def _flavor_problems(variables):
    name = variables.get("cluster_flavor", flavors.DEFAULT)
    try:
        flavors.flavor_of(name)
    except InventoryError as error:
        return [error.problem]
    return []


def _monitoring_problems(hostvars, groups, shared):
    """Find monitoring hosts that could not see the cluster, or could tell nobody."""
    hosts = groups.get("monitoring", [])
    flavor = flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))
    if hosts and flavor is not None and not flavor.manages_dialers:
        what = f"has {hosts[0]}, but cluster_flavor is {flavor.name}"
        fix = "leave it out: there, only the login host itself can read /metrics"
        return [Problem("group monitoring", what, fix, is_subject=True)]
    return [problem for name in hosts for problem in _mail_problems(name, hostvars[name])]


def _mail_problems(name, variables):
    """Find what is missing for a monitoring host's mails."""
    given = {
        setting
        for setting in ("to", "from", "server", "user", "password")
        if variables.get(f"monitoring_mail_{setting}")
    }
    needed = {"to", "from", "server"} if given else set()
    if given & {"user", "password"}:
        needed |= {"user", "password"}
    return [
        Problem(
            name,
            f"monitoring_mail_{setting} is missing",
            "set it, or leave all of monitoring_mail_* out",
        )
        for setting in sorted(needed - given)
    ]


def _cluster_name_problems(hostvars, groups):
    """Check the cluster's name, which is by default that of the inventory's folder."""
    variables = next((hostvars[name] for name in groups.get("database", [])), {})
    folder = PurePath(variables.get("inventory_dir") or "").name
    name = str(variables.get("cluster_name", folder))
    longest = limits.LONGEST_CLUSTER_NAME
    if _CLUSTER_NAME_CHARACTERS.fullmatch(name) and len(name) <= longest:
        return []
    if not name and "cluster_name" not in variables:
        return []
    what = f"is '{name}'"
    fix = (
        "set cluster_name in group_vars/all to a name of its own for this cluster, at most"
        f" {longest} letters, digits, dots, hyphens and underscores"
    )
    return [Problem("cluster_name", what, fix, is_subject=True)]


def _not_adoptable(variables):
    name = variables.get("cluster_flavor", flavors.DEFAULT)
    adoptable = [flavor for flavor in flavors.FLAVORS.values() if flavor.adopted]
    if name in [flavor.name for flavor in adoptable]:
        return []
    kinds = " or ".join(flavor.software for flavor in adoptable)
    names = " or ".join(flavor.name for flavor in adoptable)
    fix = (
        f"adopting is for a cluster that runs {kinds}: set cluster_flavor: {names} in"
        " group_vars/all"
    )
    return [Problem("cluster_flavor", f"is '{name}'", fix, is_subject=True)]


# -- dialers ---------------------------------------------------------------------------------


def _dialer_problems(dialers):
    found = []
    owner_of_ip, owner_of_id = {}, {}
    for dialer in dialers:
        found += [
            *_address_problems(dialer, owner_of_ip),
            *_server_id_problems(dialer, owner_of_id),
            *_limit_problems(dialer),
            *_weight_problems(dialer),
        ]
        owner_of_ip.setdefault(dialer["server_ip"], dialer["name"])
        owner_of_id.setdefault(dialer["server_id"].lower(), dialer["name"])
    return found


def _address_problems(dialer, owners):
    """Check a dialer's address; ``owners`` are the dialers before it, by address."""
    name, server_ip = dialer["name"], dialer["server_ip"]
    if not _is_ipv4(server_ip):
        what = f"server_ip '{server_ip}' is not an IPv4 address"
        fix = (
            "set server_ip (or ansible_host) to the address that phones register to, like 10.0.0.11"
        )
        return [Problem(name, what, fix)]
    if server_ip in owners:
        what = f"server_ip {server_ip} is also {owners[server_ip]}'s"
        return [Problem(name, what, "every dialer needs its own")]
    return []


def _server_id_problems(dialer, owners):
    """Check a dialer's short name; ``owners`` are the dialers before it, by short name."""
    name, server_id = dialer["name"], dialer["server_id"]
    if len(server_id) > limits.LONGEST_SERVER_ID:
        what = f"server_id '{server_id}' has {len(server_id)} characters"
        fix = f"set server_id to a name of at most {limits.LONGEST_SERVER_ID}"
        return [Problem(name, what, fix)]
    if not _SERVER_ID_CHARACTERS.fullmatch(server_id):
        what = f"server_id '{server_id}' has characters other than letters, digits, - and _"
        return [Problem(name, what, "set server_id to a name without them")]
    if server_id.lower() in owners:
        what = f"server_id '{server_id}' is also {owners[server_id.lower()]}'s"
        return [Problem(name, what, "every dialer needs its own (capitals don't count)")]
    return []


def _limit_problems(dialer):
    limit, highest = dialer["max_agents"], limits.HIGHEST_MAX_AGENTS
    is_whole = isinstance(limit, (int, str)) and is_number(str(limit))
    if limit is None or (is_whole and 1 <= int(limit) <= highest):
        return []
    what = f"max_agents {shown(limit)} is not a whole number above 0 (at most {highest})"
    return [Problem(dialer["name"], what, "leave it out for no limit")]


def _weight_problems(dialer):
    """Check a dialer's weight, which is within its bounds, for decimals that no column holds."""
    weight, decimals = str(dialer["weight"]), limits.WEIGHT_DECIMALS
    if len(weight.partition(".")[2].rstrip("0")) <= decimals:
        return []
    what = f"weight {shown(weight)} has more than {decimals} decimals"
    return [Problem(dialer["name"], what, "round it")]


def _is_ipv4(text):
    """Say whether a value is an address that a host can have."""
    if not isinstance(text, str):
        return False
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    nobodys = address.is_unspecified or address.is_multicast or address.is_reserved
    return str(address) == text and not nobodys


# -- how phones reach dialers ----------------------------------------------------------------


def _network_problems(hostvars, groups):
    """Find dialers whose phones are anywhere and in some networks at once."""
    found = []
    for name in groups.get("dialers", []):
        networks = phone_networks(hostvars[name])
        if limits.ANY_NETWORK in networks and len(networks) > 1:
            what = f"phone_networks has {limits.ANY_NETWORK} and networks besides"
            fix = f"write either the networks or phone_networks: {limits.ANY_NETWORK}"
            found.append(Problem(name, what, fix))
    return found


def _transport_problems(hostvars, groups):
    """Find phones that speak to a dialer in a way that it doesn't serve.

    One with TLS may reach a dialer over UDP that serves nothing else, but not all of them.
    """
    seats = [(name, "softphone_transport") for name in groups.get("seats", [])]
    hosts = _provisioning_hosts(hostvars, groups)
    return [
        problem
        for name, setting in [*seats, *((name, "login_provisioning_transport") for name in hosts)]
        for problem in _transport_problem(hostvars, groups, name, setting)
    ]


def _transport_problem(hostvars, groups, host, setting):
    dialers = groups.get("dialers", [])
    served = {dialer: hostvars[dialer].get("phone_transport", "both") for dialer in dialers}
    wanted = hostvars[host].get(setting)
    if wanted is None and setting == "login_provisioning_transport":
        wanted = "tls" if hostvars[host].get("phone_transport") == "tls" else "udp"
    others = [dialer for dialer in dialers if served[dialer] not in ("both", wanted)]
    if others and (wanted == "udp" or (wanted == "tls" and others == dialers)):
        name = others[-1]
        what = f"{setting} is {wanted}, and {name}'s phone_transport is {served[name]}"
        return [Problem(host, what, "make them agree, or set phone_transport: both")]
    return []


def _provisioning_hosts(hostvars, groups):
    """List the login hosts from which phones fetch their accounts."""
    return [name for name in groups.get("login", []) if hostvars[name].get("login_provisioning")]


def _provisioning_problems(hostvars, groups, shared):
    """Find login hosts that can't provision phones, or that would do so without encryption."""
    flavor = flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))
    found = []
    for name in _provisioning_hosts(hostvars, groups):
        variables = hostvars[name]
        if flavor is not None and not flavor.has_login:
            what = f"login_provisioning is on, but cluster_flavor is {flavor.name}"
            found.append(Problem(name, what, "leave it out"))
        elif variables.get("login_tls") == "off" and not variables.get(
            "login_provisioning_unencrypted"
        ):
            what = "login_provisioning is on, but login_tls is off"
            fix = (
                'set login_tls: "on", or login_provisioning_unencrypted: true if everybody on the'
                " way may read registration passwords"
            )
            found.append(Problem(name, what, fix))
    return found


def _browser_problems(hostvars, groups, shared):
    """Find what keeps the login page from being a phone."""
    entries = [entry for entry in shared.get("phone_aliases") or [] if is_in_browser(entry)]
    flavor = flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))
    if not entries:
        return []
    if flavor is not None and not flavor.has_login:
        what = f"phone is browser, but cluster_flavor is {flavor.name}"
        return [Problem(entry_name(entries[0]), what, "leave it out")]
    found = []
    for name in groups.get("login", []):
        if hostvars[name].get("login_tls") == "off":
            what = "login_tls is off, but aliases have phone: browser"
            fix = 'set login_tls: "on": without it, browsers give no page the microphone'
            found.append(Problem(name, what, fix))
    return found


# -- aliases ---------------------------------------------------------------------------------


def entry_problems(entry, dialers, longest_list=limits.LONGEST_LOGINS_LIST):
    """Find what is wrong with an entry of ``phone_aliases``, taken by itself.

    Args:
        entry: the entry.
        dialers: the inventory's, dicts with ``name`` and ``server_ip``.
        longest_list: how many characters a logins list may have.

    Returns:
        Problems; empty where all is well.
    """
    if not isinstance(entry, dict) or "extensions" not in entry:
        # Without the values: a password may be among them.
        what = f"an entry that is {kind_of(entry)}"
        if isinstance(entry, dict):
            what = f"the entry with {', '.join(map(str, entry)) or 'nothing in it'}"
        fix = 'write - extensions: "101-160"'
        return [Problem("phone_aliases", f"{what} names no extensions", fix)]
    where = entry_name(entry)
    unknown = sorted(set(entry) - _ENTRY_KEYS)
    if unknown:
        fix = f"known are {', '.join(sorted(_ENTRY_KEYS))}"
        return [Problem(where, f"'{unknown[0]}' is not a setting of an alias", fix)]
    try:
        dialer_names(entry, [dialer["name"] for dialer in dialers])
    except InventoryError as error:
        return [error.problem]
    try:
        aliases = expand_aliases([entry], dialers)
    except InventoryError as error:
        return [error.problem.within("phone_aliases")]
    found = _password_problems(where, entry)
    for alias in aliases:
        found += _alias_problems(where, alias, len(dialers), longest_list)
        if found:
            break  # the others of the range have the same fault
    return found


def _suffix_problems(entry, shared):
    """Refuse an empty suffix, except where others have made aliases that are named so."""
    flavor = flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))
    if entry.get("suffix") != "" or flavor is None or not flavor.owns_phones:
        return []
    what = "suffix is empty, so that the aliases would have the names of their extensions"
    fix = f"leave it out for '{DEFAULT_SUFFIX}', or give it letters or digits"
    return [Problem(entry_name(entry), what, fix)]


def _password_problems(where, entry):
    found = []
    for setting, shortest in (
        ("login_password", limits.SHORTEST_LOGIN_PASSWORD),
        ("registration_password", limits.SHORTEST_REGISTRATION_PASSWORD),
    ):
        value = entry.get(setting)
        if value is None:
            continue
        text = str(value)
        fits = shortest <= len(text) <= limits.LONGEST_PASSWORD
        if not fits or not _PASSWORD_CHARACTERS.fullmatch(text):
            what = (
                f"{setting} has to be {shortest} to {limits.LONGEST_PASSWORD} letters, digits, -"
                " and _ (VICIdial strips the rest)"
            )
            found.append(Problem(where, what, "choose another or leave it out"))
    return found


def _alias_problems(where, alias, dialers, longest_list):
    """Check one alias of an entry; ``dialers`` is how many the cluster has."""
    alias_id, extension, name = alias["alias_id"], alias["extension"], alias["name"]
    if not _LOGIN_CHARACTERS.fullmatch(alias_id):
        what = f"alias '{alias_id}' has characters that VICIdial strips"
        return [Problem(where, what, "use only letters and digits in suffix")]
    if not limits.SHORTEST_ALIAS <= len(alias_id) <= limits.LONGEST_ALIAS:
        what = f"alias '{alias_id}' has {len(alias_id)} characters"
        fix = (
            f"make extension and suffix together {limits.SHORTEST_ALIAS} to {limits.LONGEST_ALIAS}"
        )
        return [Problem(where, what, fix)]
    if not is_one_line(name) or _NOT_IN_A_NAME & set(name):
        what = f'name {shown(name)} has control characters, line ends or one of ; " \\ < >'
        return [Problem(where, what, "write it without them")]
    if len(name) > limits.LONGEST_ALIAS_NAME:
        fix = f"at most {limits.LONGEST_ALIAS_NAME} fit"
        return [Problem(where, f"name '{name}' has {len(name)} characters", fix)]
    login = extension + letters_of(max(dialers, 1))
    if len(login) > limits.LONGEST_PHONE_LOGIN:
        what = f"phone logins like '{login}' have {len(login)} characters"
        fix = f"use shorter extensions, at most {limits.LONGEST_PHONE_LOGIN} fit"
        return [Problem(where, what, fix)]
    return _list_problems(where, alias, longest_list)


def _list_problems(where, alias, longest_list):
    numbers = range(1, len(alias["server_ips"]) + 1)
    length = len(",".join(alias["extension"] + letters_of(number) for number in numbers))
    if length <= longest_list:
        return []
    what = (
        f"the logins list of '{alias['alias_id']}' for {len(numbers)} dialers has {length}"
        f" characters, {longest_list} fit"
    )
    fix = (
        "give the alias fewer dialers (dialers:), or set phone_aliases_widen_logins_list: true to"
        " widen the column"
    )
    return [Problem(where, what, fix)]


def _clashes(aliases):
    found, owner_of_extension, ids = [], {}, set()
    for alias in aliases:
        extension, alias_id = alias["extension"], alias["alias_id"]
        if extension in owner_of_extension:
            what = (
                f"extension {extension} is in alias '{alias_id}' and in alias"
                f" '{owner_of_extension[extension]}'"
            )
            fix = "it belongs to one alias, take it out of one of the ranges"
            found.append(Problem("phone_aliases", what, fix))
        elif alias_id.lower() in ids:
            what = f"two extensions give alias '{alias_id}'"
            found.append(Problem("phone_aliases", what, "change a suffix"))
        owner_of_extension.setdefault(extension, alias_id)
        ids.add(alias_id.lower())
    return found


# -- campaigns and seats ---------------------------------------------------------------------


def _campaign_problems(campaigns):
    found, seen = [], set()
    for campaign in campaigns:
        if not isinstance(campaign, dict) or "id" not in campaign:
            what = shown(campaign)
            if isinstance(campaign, dict):
                what = f"the entry with {', '.join(map(str, campaign)) or 'nothing in it'}"
            found.append(Problem("campaigns", f"{what} names no id", "write - id: SALES"))
            continue
        name = campaign["id"]
        if len(str(campaign.get("name") or "")) > limits.LONGEST_CAMPAIGN_NAME:
            what = f"id '{name}': name has more than {limits.LONGEST_CAMPAIGN_NAME} characters"
            found.append(Problem("campaigns", what, "write a shorter one"))
        if name.lower() in seen:
            what = f"id '{name}' is there twice (capitals don't count)"
            found.append(Problem("campaigns", what, "take one out"))
        seen.add(name.lower())
    return found


def _agent_problems(agents, shared):
    """Check the agents who have passwords of their own; no message shows a password."""
    found, good = [], []
    for agent in agents:
        wrong = _one_agents_problems(agent)
        found += wrong
        if not wrong:
            good.append(agent)
    try:
        check_once(good)
        flavor = flavors.FLAVORS.get(shared.get("cluster_flavor", flavors.DEFAULT))
        if flavor is not None:
            check_login(agents, flavor)
    except InventoryError as error:
        found.append(error.problem)
    return found


def _one_agents_problems(agent):
    if not isinstance(agent, dict) or not set(AGENT_ARGUMENTS) <= set(agent):
        what = f"an entry that is {kind_of(agent)}"
        if isinstance(agent, dict):
            what = f"the entry with {', '.join(map(str, agent)) or 'nothing in it'}"
        fix = "write - user: agent7, and password: with a variable of the vault"
        return [Problem("agents", f"{what} lacks a user or a password", fix)]
    user, password = agent["user"], agent["password"]
    where, fix = f"agents, user {user}", "choose another"
    shortest, longest = limits.SHORTEST_USER_PASSWORD, limits.LONGEST_PASSWORD
    if not shortest <= len(password) <= longest:
        return [Problem(where, f"password has to be {shortest} to {longest} characters", fix)]
    if password.lower() == user.lower():
        return [Problem(where, "password is the user's name", fix)]
    return []


def _seat_problems(hostvars, groups, aliases):
    known = {alias["extension"] for alias in aliases}
    in_browser = {alias["extension"] for alias in aliases if alias["in_browser"]}
    found, owner = [], {}
    for seat in groups.get("seats", []):
        ranges = hostvars[seat].get("softphone_extensions") or []
        try:
            extensions = expand_extensions(ranges) if ranges else []
        except InventoryError as error:
            found.append(error.problem.within("softphone_extensions").within(seat))
            continue
        for extension in extensions:
            if extension not in known:
                what = f"softphone_extensions names {extension}, which no alias has"
                fix = "add it to phone_aliases or take it out here"
                found.append(Problem(seat, what, fix))
            elif extension in in_browser:
                what = f"softphone_extensions names {extension}, whose alias has phone: browser"
                fix = "take it out here, or take phone: browser out there"
                found.append(Problem(seat, what, fix))
            elif extension in owner:
                what = f"extension {extension} is also on {owner[extension]}"
                found.append(Problem(seat, what, "an agent's softphone lives on one seat"))
            owner.setdefault(extension, seat)
    return found
