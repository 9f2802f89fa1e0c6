#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: read phones from the cluster's database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: phones_info
short_description: Read the phones of dialers or extensions
version_added: "0.1.0"
description:
  - Reads the phones, and on request their registration passwords for endpoints and softphones.
  - Returns which dialers have been opened for logins, and which phones should be registered and
    aren't.
  - A phone that is closed until its call ends is one of the phones as long as it is there.
options:
  server_ips:
    description: Only phones on these dialers; all by default.
    type: list
    elements: str
  extensions:
    description: Only these extensions or ranges of extensions; all by default.
    type: list
    elements: str
  only_closed:
    description: Only phones that are closed until their calls end.
    type: bool
    default: false
  managed_extensions:
    description:
      - Extensions, or ranges of them, whose softphones this inventory manages. While no dialer has
        been opened, these are awaited.
    type: list
    elements: str
    default: []
  with_passwords:
    description: Whether to return registration passwords. Set C(no_log) on the task then.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: See which phones are registered on a dialer
  evenfloor.cluster.phones_info:
    server_ips: [10.0.0.13]
  delegate_to: db1
  register: phones
"""

RETURN = r"""
phones:
  description: The phones, ordered by extension and server IP.
  returned: success
  type: list
  elements: dict
  sample: [{"extension": "101", "server_ip": "10.0.0.13", "dialer": "dialer3", "login": "101c",
            "name": "Agent 101", "registered": true, "kind": "sip"}]
awaited:
  description:
    - The logins of those phones that aren't registered and should be, because the extension is
      registered on a dialer that has been opened, or, where none has been, because it is managed.
      Nobody waits for closed phones. Phones that fetch their accounts from the login hosts are the
      module M(evenfloor.cluster.followers_info)'s.
  returned: success
  type: list
  elements: str
closed:
  description:
    - Those of the phones that the module M(evenfloor.cluster.aliases) has closed instead of
      removing them under a call. One entry for each agent who is still on such a phone; C(user) is
      empty where nobody is, and the next run of that module removes the phone.
  returned: success
  type: list
  elements: dict
  sample: [{"login": "101a", "extension": "101", "server_ip": "10.0.0.11", "user": "agent7"}]
opened:
  description: The server IPs of the dialers that have been opened for logins.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    EDGE_PHONE,
    REGISTERED_STATES,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    read_agents,
    read_aliases,
    read_models,
    read_opened,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_extensions
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_kinds import kind_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Phone,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    check_cluster,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import agents_on
from ansible_collections.evenfloor.cluster.plugins.module_utils.removed import read_closed


def read_phones(cursor, params, extensions, closed):
    """Read the phones that match and are active, or closed by Evenfloor.

    Args:
        cursor: an open cursor.
        params: the module's.
        extensions: which extensions; None for all.
        closed: places of the phones that Evenfloor has closed.
    """
    server_ips, with_passwords = params["server_ips"], params["with_passwords"]
    conditions, values = ["FALSE" if params["only_closed"] else "active = 'Y'"], []
    if closed:
        conditions = [f"({conditions[0]} OR (extension, server_ip) IN %s)"]
        values = [tuple(sorted(closed))]
    for column, wanted in (("server_ip", server_ips), ("extension", extensions)):
        if wanted is not None:
            conditions.append(f"{column} IN %s" if wanted else "FALSE")
            values += [tuple(wanted)] if wanted else []
    cursor.execute(
        "SELECT extension, server_ip, login, fullname, peer_status, conf_secret, phone_type"
        " FROM phones"
        f" WHERE {' AND '.join(conditions)} ORDER BY extension, server_ip",
        values,
    )
    found = cursor.fetchall()
    cursor.execute("SELECT server_ip, server_id FROM servers")
    names = dict(cursor.fetchall())
    return [
        {
            "extension": extension,
            "server_ip": server_ip,
            "dialer": names.get(server_ip, ""),
            "login": login,
            "name": name or "",
            "registered": state in REGISTERED_STATES,
            "kind": kind_of(phone_type),
            **({"registration_password": secret} if with_passwords else {}),
        }
        for extension, server_ip, login, name, state, secret, phone_type in found
    ]


def describe_closed(phones, agents):
    """List the closed phones with those who talk on them."""
    closed = [Phone(p["extension"], p["server_ip"], p["login"], "", "", "") for p in phones]
    found = agents_on(closed, agents)
    talking = {place_of(phone) for phone, _user in found}
    found += [(phone, "") for phone in closed if place_of(phone) not in talking]
    return [
        {"login": p.login, "extension": p.extension, "server_ip": p.server_ip, "user": user}
        for p, user in sorted(found)
    ]


def expected_extensions(cursor, opened, managed):
    """Say which extensions should be registered on every dialer that has them."""
    managed = set(expand_extensions(managed)) if managed else set()
    if not opened:
        return managed
    cursor.execute(
        "SELECT DISTINCT extension FROM phones WHERE server_ip IN %s AND peer_status IN %s",
        (opened, REGISTERED_STATES),
    )
    registered = {row[0] for row in cursor.fetchall()}
    return registered - (fetching_extensions(cursor) - managed)


def fetching_extensions(cursor):
    """Read the extensions whose phones fetch an account of each dialer from the login hosts."""
    models = read_models(cursor)
    if not models:
        return set()
    logins = [login for a in read_aliases(cursor) if a.alias_id in models for login in a.logins]
    if not logins:
        return set()
    cursor.execute(
        "SELECT DISTINCT extension FROM phones WHERE login IN %s AND phone_type <> %s",
        (logins, EDGE_PHONE),
    )
    return {row[0] for row in cursor.fetchall()}


def read(module, cursor):
    """Read what was asked for.

    Returns:
        What the module returns.
    """
    params = module.params
    check_cluster(cursor, params)
    extensions = params["extensions"]
    wanted = expand_extensions(extensions) if extensions else extensions
    places = read_closed(cursor)
    phones = read_phones(cursor, params, wanted, places)
    closed = [phone for phone in phones if (phone["extension"], phone["server_ip"]) in places]
    opened = read_opened(cursor)
    expected = expected_extensions(cursor, opened, params["managed_extensions"])
    awaited = [
        phone["login"]
        for phone in phones
        if not phone["registered"] and phone not in closed and phone["extension"] in expected
    ]
    return {
        "changed": False,
        "phones": phones,
        "awaited": awaited,
        "closed": describe_closed(closed, read_agents(cursor) if closed else []),
        "opened": opened,
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "server_ips": {"type": "list", "elements": "str"},
            "extensions": {"type": "list", "elements": "str"},
            "only_closed": {"type": "bool", "default": False},
            "managed_extensions": {"type": "list", "elements": "str", "default": []},
            "with_passwords": {"type": "bool", "default": False, "no_log": False},
        },
        supports_check_mode=True,
    )
    work_on_database(module, read, changed=False, phones=[], awaited=[], closed=[], opened=[])


if __name__ == "__main__":
    main()
