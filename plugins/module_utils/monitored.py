# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a monitoring host asks, and how.

Pure. ``hostvars`` and ``groups`` are Ansible's.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import login_peers
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import (
    DATABASE_PORT,
    HTTP_PORT,
    HTTPS_PORT,
    PHONE_TLS_PORT,
)


def monitored(hostvars, groups):
    """List what a monitoring host asks.

    Returns:
        A dict. ``logins`` are dicts with ``host``, ``target`` (address and port), ``encrypts``,
        ``own`` (whether the certificate is of the cluster's authority) and ``name`` (what the
        certificate is for). ``databases`` are dicts with ``host`` and ``target``. ``certificates``
        are dicts with ``host``, ``port``, ``target`` and ``starttls``, which is empty where TLS
        begins at once.
    """
    logins = [
        _login(name, hostvars[name], bool(login_peers(hostvars, groups, name)))
        for name in groups.get("login", [])
    ]
    databases = [_database(name, hostvars[name]) for name in groups.get("database", [])]
    dialers = [_dialer(name, hostvars[name]) for name in groups.get("dialers", [])]
    encrypted = [
        *((login, "") for login in logins if login["encrypts"]),
        *((database, "mysql") for database in databases if database["encrypts"]),
        *((dialer, "") for dialer in dialers if dialer["encrypts"]),
    ]
    return {
        "logins": logins,
        "databases": databases,
        "certificates": [
            {
                "host": one["host"],
                "port": one["target"].rpartition(":")[2],
                "target": one["target"],
                "starttls": starttls,
            }
            for one, starttls in encrypted
        ],
    }


def _first(variables, *names):
    """Return the first of these variables that has a value; empty where none has."""
    return str(next(filter(None, map(variables.get, names)), ""))


def _target(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _login(host, variables, floats):
    """Say how a login host is asked: at its own address, also where agents use one that floats."""
    encrypts = variables.get("login_tls", "on") == "on"
    typed = [] if floats else ["login_address"]
    address = _first(variables, *typed, "balancer_address", "server_ip", "ansible_host")
    port = variables.get("login_port") or (HTTPS_PORT if encrypts else HTTP_PORT)
    own = not variables.get("login_certificate")
    names = [str(name) for name in variables.get("login_names") or []]
    return {
        "host": host,
        "target": _target(address, port),
        "encrypts": encrypts,
        "own": own,
        "name": address if own else [*names, _first(variables, "login_address") or address][0],
    }


def _database(host, variables):
    address = _first(variables, "database_address", "ansible_host")
    return {
        "host": host,
        "target": _target(address, variables.get("database_port") or DATABASE_PORT),
        "encrypts": variables.get("database_tls", "on") == "on",
    }


def _dialer(host, variables):
    return {
        "host": host,
        "target": _target(
            _first(variables, "server_ip", "ansible_host"),
            variables.get("phone_tls_port") or PHONE_TLS_PORT,
        ),
        "encrypts": variables.get("phone_transport", "both") != "udp",
    }
