# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a host's own address."""

from __future__ import annotations

import ipaddress

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import shown


def is_ipv4(text):
    """Say whether a value is an address that a host can have."""
    if not isinstance(text, str):
        return False
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    nobodys = address.is_unspecified or address.is_multicast or address.is_reserved
    return str(address) == text and not nobodys


def own_address_problems(name, variables, settings):
    """Check the first of these settings that a host has, or its ``ansible_host``."""
    given = [setting for setting in settings if variables.get(setting) is not None]
    setting = given[0] if given else "ansible_host"
    address = variables.get(setting)
    everywhere = address == "0.0.0.0" and variables.get("balancer_database_host")  # noqa: S104
    if is_ipv4(address) or everywhere:
        return []
    what = f"{setting} {shown(address)} is not an IPv4 address"
    if address is None:
        what = "ansible_host is missing"
    reached = "to the address with which the cluster's hosts reach it, like 10.0.0.10"
    fix = f"set {setting} {reached}"
    if settings[0] != setting:
        fix += f"; if Ansible needs a name there, set {settings[0]} besides"
    return [Problem(name, what, fix)]
