#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible module: whose cluster a database is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Record whose cluster a database is, and refuse another's
version_added: "0.1.0"
description:
  - Fails if the database belongs to a cluster of another flavor or another name, if none of its
    dialers in service is among O(dialers), or if one of O(dialers) has another address there.
  - Then records flavor and name, if none are recorded yet. In check mode it only looks.
options:
  dialers:
    description:
      - The dialers, each with C(name), C(server_ip) and C(server_id). Without any, dialers aren't
        compared.
    type: list
    elements: dict
    default: []
  login_unix_socket:
    description:
      - Connect as root through this socket instead of by O(config_file). The password, if root has
        one, is in C(~/.my.cnf).
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
extends_documentation_fragment: [evenfloor.cluster.database, evenfloor.cluster.attributes]
"""

EXAMPLES = r"""
- name: See that the database is this cluster's
  evenfloor.cluster.cluster:
    cluster_name: lyon
    dialers:
      - name: dialer1
        server_ip: 10.0.0.11
        server_id: dialer1
    login_unix_socket: /run/mysqld/mysqld.sock
  check_mode: true
  delegate_to: db1
"""

RETURN = r"""
recorded:
  description: The C(flavor) and the C(name) that are recorded, now or before.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenfloor.cluster.plugins.module_utils.addresses import check_addresses
from ansible_collections.evenfloor.cluster.plugins.module_utils.database import (
    ARGUMENTS,
    work_on_database,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.recorded_cluster import (
    Record,
    check_cluster,
    read_record,
    write_record,
)


def record(module, cursor):
    """Check whose cluster it is, and record it.

    Returns:
        What the module returns.
    """
    params = module.params
    flavor = check_cluster(cursor, params, params["dialers"])
    check_addresses(cursor, params["dialers"])
    before = read_record(cursor)
    after = Record(before.flavor or flavor.name, before.name or params["cluster_name"] or None)
    if after != before and not module.check_mode:
        write_record(cursor, after)
        # Another run may have been faster: its row is seen once this transaction has ended.
        cursor.connection.commit()
        check_cluster(cursor, params, params["dialers"])
    return {
        "changed": after != before,
        "recorded": after._asdict(),
        "diff": {"before": before._asdict(), "after": after._asdict()},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "dialers": {"type": "list", "elements": "dict", "default": []},
            "login_unix_socket": {"type": "path"},
        },
        supports_check_mode=True,
    )
    work_on_database(module, record, recorded=Record()._asdict())


if __name__ == "__main__":
    main()
