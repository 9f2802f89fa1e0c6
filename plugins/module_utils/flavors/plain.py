# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster that Evenfloor builds and owns: database, dialers, phones and logins."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    ROOM_TABLES,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import Flavor
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import LONGEST_VOICEMAIL_ID
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_kinds import TYPES

#: The only engine of Evenfloor's own dialers.
CONF_ENGINE = "CONFBRIDGE"
PHONE_CONTEXT = "evenfloor-phones"


class Plain(Flavor):
    """Evenfloor is the only writer, so everything follows the inventory."""

    name = "plain"
    meaning = "Evenfloor builds the cluster"
    software = "nothing else"
    owns_phones = True
    has_login = True
    manages_dialers = True
    adopted = False
    registration = "prefer"
    # A dialer's daemon brings phones.peer_status right by itself.
    settling = 0
    room_tables = (ROOM_TABLES[CONF_ENGINE],)
    address_tables = (
        "phones",
        "vicidial_live_agents",
        "vicidial_manager",
        "server_updater",
        *ROOM_TABLES.values(),
    )
    address_columns = (("servers", "active_twin_server_ip"),)
    # The playbooks write the files themselves.
    unwritten_files = "FALSE"

    def check_purge(self):
        """Allow it: there are no others whose phones they could be."""

    def wanted_alias(self, alias, phones, old):
        """Return the alias as the inventory wants it."""
        return alias

    def wanted_phone(self, alias, phone, old):
        """Return the phone as a new one would be."""
        return phone

    def foreign_logins(self, old, phones, server_ips):
        """Find none: nobody else writes lists."""
        return set()

    def is_unwanted(self, phone, extensions):
        """Remove the phones of the inventory's extensions."""
        return phone.extension in extensions

    def compared_servers(self, rows, server_ips):
        """Compare all: one that the inventory doesn't have is a finding."""
        return list(rows)

    def phone_rows(self, cursor, phones, dialers, former):
        """Make PJSIP phones with the columns that Evenfloor reads, whatever they were."""
        return [[self._phone_row(phone) for phone in phones]]

    @staticmethod
    def _phone_row(phone):
        return {
            "extension": phone.extension,
            "dialplan_number": phone.extension,
            "voicemail_id": phone.extension[:LONGEST_VOICEMAIL_ID],
            "phone_ip": "",
            "server_ip": phone.server_ip,
            "login": phone.login,
            "pass": phone.login_password,
            "status": "ACTIVE",
            "active": "Y",
            "phone_type": TYPES[phone.kind],
            "fullname": phone.name,
            "protocol": "PJSIP",
            "outbound_cid": "",
            "template_id": "",
            "conf_secret": phone.registration_password,
            "phone_context": PHONE_CONTEXT,
            "is_webphone": "N",
        }

    def rebuilt(self, server_ips):
        """Return none: the playbooks write the files."""
        return []

    def rebuild_files(self, cursor, server_ips=None):
        """Do nothing: the playbooks write the files."""

    def server_columns(self, given, there):
        """Follow the inventory."""
        return given

    def missing_rooms(self, cursor, dialer):
        """Find the rooms of the inventory's range that aren't there."""
        (table,) = self.room_tables
        cursor.execute(f"SELECT conf_exten FROM {table} WHERE server_ip = %s", (dialer.server_ip,))
        there = {row[0] for row in cursor.fetchall()}
        wanted = range(dialer.first_room, dialer.last_room + 1)
        return {table: [room for room in wanted if room not in there]}

    def create_server(self, cursor, dialer):
        """Insert the row with the columns that Evenfloor reads."""
        columns = dialer.columns
        cursor.execute(
            "INSERT INTO servers (server_id, server_description, asterisk_version, server_ip,"
            " active, active_asterisk_server, active_agent_login_server, generate_vicidial_conf,"
            " rebuild_conf_files, conf_engine, external_server_ip, conf_secret)"
            " VALUES (%s, %s, %s, %s, 'Y', 'Y', 'N', 'N', 'N', %s, %s, '')",
            (
                columns.server_id,
                columns.server_description,
                columns.asterisk_version,
                dialer.server_ip,
                CONF_ENGINE,
                dialer.server_ip,
            ),
        )

    def update_server(self, cursor, dialer):
        """Write the columns."""
        columns = dialer.columns
        cursor.execute(
            "UPDATE servers SET server_id = %s, server_description = %s, asterisk_version = %s"
            " WHERE server_ip = %s",
            (
                columns.server_id,
                columns.server_description,
                columns.asterisk_version,
                dialer.server_ip,
            ),
        )
