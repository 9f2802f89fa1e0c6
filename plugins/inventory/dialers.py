# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible inventory: the dialers of a cluster whose truth is in the database already."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dialers
short_description: Dialers from the cluster's servers table
version_added: "0.1.0"
description:
  - Reads dialers and their variables from C(servers), for clusters whose truth is in the database
    already. The other groups come from an inventory beside it.
  - The file's name must end in C(evenfloor.yml) or C(evenfloor.yaml).
options:
  plugin:
    description: Names this plugin.
    required: true
    choices: [evenfloor.cluster.dialers]
  config_file:
    description:
      - An option file (my.cnf) on the control node that says how to connect, with host, user and
        password in its section C([client]).
    type: path
    required: true
    env:
      - name: EVENFLOOR_INVENTORY_CONFIG_FILE
  database:
    description: The database's name.
    type: str
    default: asterisk
  group:
    description: The group that the dialers are put into.
    type: str
    default: dialers
  only_active:
    description: Whether to leave out servers that aren't active (C(active) isn't Y).
    type: bool
    default: true
author:
  - Evenfloor contributors (@evenfloor)
requirements:
  - PyMySQL on the control node
"""

EXAMPLES = r"""
# inventory/production/evenfloor.yml
plugin: evenfloor.cluster.dialers
config_file: ~/.evenfloor.cnf
"""

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

try:
    import pymysql

    HAS_PYMYSQL = True
except ImportError:
    HAS_PYMYSQL = False

#: In seconds.
CONNECT_TIMEOUT = 5
FILE_ENDINGS = ("evenfloor.yml", "evenfloor.yaml")
#: The columns that become variables of the dialer.
COLUMNS = (
    "server_id",
    "server_ip",
    "server_description",
    "asterisk_version",
    "conf_engine",
    "active_agent_login_server",
)


class InventoryModule(BaseInventoryPlugin):
    """The plugin."""

    NAME = "evenfloor.cluster.dialers"

    def verify_file(self, path):
        """Take files that are named for this plugin."""
        return super().verify_file(path) and path.endswith(FILE_ENDINGS)

    def parse(self, inventory, loader, path, cache=True):
        """Read the dialers into the inventory.

        Raises:
            AnsibleParserError: the database can't be read.
        """
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        group = self.inventory.add_group(self.get_option("group"))
        for dialer in self._dialers():
            host = self.inventory.add_host(dialer["server_id"], group)
            self.inventory.set_variable(host, "ansible_host", dialer["server_ip"])
            for key, value in dialer.items():
                if value is not None:
                    self.inventory.set_variable(host, key, value)

    def _dialers(self):
        """Read each dialer's variables.

        Raises:
            AnsibleParserError: the database can't be read.
        """
        if not HAS_PYMYSQL:
            raise AnsibleParserError(f"the inventory plugin {self.NAME} needs PyMySQL")
        config_file = self.get_option("config_file")
        try:
            connection = pymysql.connect(
                read_default_file=config_file,
                database=self.get_option("database"),
                charset="utf8mb4",
                connect_timeout=CONNECT_TIMEOUT,
            )
            with connection, connection.cursor() as cursor:
                return read_dialers(cursor, self.get_option("only_active"))
        except (pymysql.err.MySQLError, OSError) as error:
            raise AnsibleParserError(
                f"the dialers can't be read from the database ({config_file}): {error}"
            ) from error


def read_dialers(cursor, only_active):
    """Read each dialer's variables.

    Args:
        cursor: an open cursor.
        only_active: whether servers are left out that aren't active.

    Returns:
        A list of dicts.
    """
    condition = "active_asterisk_server = 'Y'" + (" AND active = 'Y'" if only_active else "")
    cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM servers WHERE {condition} ORDER BY server_id")
    dialers = [dict(zip(COLUMNS, row)) for row in cursor.fetchall()]
    limits = read_own(cursor, "evenfloor_dialers", "max_agents")
    weights = read_own(cursor, "evenfloor_weights", "CAST(weight AS DOUBLE)")
    return [
        {**dialer, "max_agents": limits.get(address), "weight": weights.get(address)}
        for dialer in dialers
        for address in [dialer["server_ip"]]
    ]


def read_own(cursor, table, column):
    """Read a column of an own table of Evenfloor's, by the dialers' addresses.

    Returns:
        A dict; empty on a cluster that Evenfloor, or this release of it, hasn't touched yet.
    """
    cursor.execute("SHOW TABLES LIKE %s", (table,))
    if not cursor.fetchall():
        return {}
    cursor.execute(f"SELECT server_ip, {column} FROM {table}")
    return dict(cursor.fetchall())
