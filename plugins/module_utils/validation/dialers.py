# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with dialers."""

from __future__ import annotations

import re

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import is_number
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import shown
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.addresses import is_ipv4

_SERVER_ID_CHARACTERS = re.compile(r"[-_0-9a-zA-Z]+")


def dialer_problems(dialers):
    """Check each dialer's own settings, and that no two have the same address or name."""
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
    if not is_ipv4(server_ip):
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
