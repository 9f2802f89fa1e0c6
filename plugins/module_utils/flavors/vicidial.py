# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster that runs VICIdial: Evenfloor is a guest in its tables.

Others write phones, aliases and servers too, so only what the inventory says is changed. New rows
are complete, as VICIdial's own forms write them, and VICIdial writes the dialers' files. Columns
differ between VICIdial's releases: only those that a table has are written.
"""

from __future__ import annotations

import collections

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import ROOM_TABLES
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import Flavor
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import LONGEST_VOICEMAIL_ID
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import (
    columns_of,
    fetch_dicts,
    insert_rows,
)

#: What VICIdial's form for a phone writes without asking. The rest is the table's default.
_NEW_PHONE = {
    "phone_ip": "",
    "computer_ip": "",
    "status": "ACTIVE",
    "active": "Y",
    "phone_type": "CCagent",
    "company": "",
    "picture": "",
    "outbound_cid": "0000000000",
    "template_id": "",
}
#: What a phone doesn't share with the phones of its extension on other dialers.
_NOT_CLONED_OF_PHONE = {
    "phone_ip": "",
    "computer_ip": "",
    "messages": 0,
    "old_messages": 0,
    "peer_status": "UNKNOWN",
    "ping_time": None,
    "active": "Y",
    "status": "ACTIVE",
}
#: What VICIdial finds out of a phone again.
_NOT_RESTORED = {"peer_status": "UNKNOWN", "ping_time": None}
#: What a dialer doesn't share with the one that it is cloned from.
_NOT_CLONED_OF_SERVER = {
    "active": "Y",
    "active_asterisk_server": "Y",
    "active_agent_login_server": "N",
    "active_twin_server_ip": "",
    "rebuild_conf_files": "Y",
    "rebuild_music_on_hold": "Y",
    "sounds_update": "Y",
    "sysload": 0,
    "channels_total": 0,
    "cpu_idle_percent": 0,
    "disk_usage": "1",
    "system_uptime": "",
    "svn_revision": 0,
    "svn_info": "",
    "alt_server_ip": "",
}
#: Addresses in which the new dialer's own replaces the other's. Where the other has a name or
#: another address, the new dialer has none: it would lead to the other.
_ADDRESSES = ("external_server_ip", "web_socket_url", "external_web_socket_url")
_DEFAULT_PROTOCOL = "SIP"


class Vicidial(Flavor):
    """VICIdial's forms, scripts and operators write beside Evenfloor."""

    name = "vicidial"
    meaning = "it runs VICIdial already"
    software = "VICIdial"
    owns_phones = False
    has_login = False
    manages_dialers = False
    adopted = True
    # Not every VICIdial keeps phones.peer_status.
    registration = "auto"
    # It takes VICIdial up to 44 s to see that a phone isn't there since its dialer crashed.
    settling = 60
    room_tables = (ROOM_TABLES["MEETME"], ROOM_TABLES["CONFBRIDGE"], "conferences")
    # What is configured, and what counts; not the logs, which say where things were.
    address_tables = (
        "phones",
        "vicidial_live_agents",
        "server_updater",
        *room_tables,
        "vicidial_remote_agents",
        "vicidial_server_trunks",
        "vicidial_server_carriers",
        "vicidial_inbound_dids",
        "vicidial_process_triggers",
        "vicidial_stations",
        "inbound_numbers",
        "phone_favorites",
    )
    address_columns = (
        ("servers", "active_twin_server_ip"),
        ("servers", "alt_server_ip"),
        ("system_settings", "active_voicemail_server"),
    )
    # VICIdial's keepalive sets the flag to N when it begins to write.
    unwritten_files = "s.generate_vicidial_conf = 'Y' AND s.rebuild_conf_files = 'Y'"
    # They are in every release of VICIdial, and the provisioning user sees them.
    own_columns = (("phones", "computer_ip"),)

    # -- phones and aliases, pure ---------------------------------------------------------

    def check_purge(self):
        """Refuse it: others make phones and aliases too."""
        raise ValueError(
            "purge: phones of a VICIdial cluster aren't Evenfloor's alone; leave it out"
        )

    def wanted_alias(self, alias, phones, old):
        """Keep the names that alias and phones have, unless the inventory gives one."""
        if alias["named"]:
            return alias
        phone_names = [phone.name for phone in phones if phone.name]
        return {
            **alias,
            "name": old.name if old else alias["name"],
            "phone_name": (phone_names or [alias["name"]])[0],
        }

    def wanted_phone(self, alias, phone, old):
        """Change nothing but what the inventory gives."""
        given = {}
        if alias["login_password"]:
            given["login_password"] = phone.login_password
        if alias["registration_password"]:
            given["registration_password"] = phone.registration_password
        if alias["named"]:
            given["name"] = phone.name
        return old._replace(**given)

    def foreign_logins(self, old, phones, server_ips):
        """Keep what isn't the extension's on the inventory's dialers: somebody put it there."""
        known = {phone.login for phone in phones if phone.server_ip in server_ips}
        return {login for login in old.logins if login not in known}

    def is_unwanted(self, phone, extensions):
        """Keep it: it may be somebody's."""
        return False

    def compared_servers(self, rows, server_ips):
        """Leave out what the inventory doesn't have: VICIdial has servers that aren't dialers."""
        return [row for row in rows if row["server_ip"] in server_ips]

    # -- phones in the database -----------------------------------------------------------

    def phone_rows(self, cursor, phones, dialers, former):
        """Make whole rows: as it was, like the extension's other phones, else like VICIdial's form.

        A new phone's protocol is its dialer's ``protocol``; where there is none, that of the
        extension's other phones, of most phones, or the one that the system allows.
        """
        if not phones:
            return []
        protocols = {dialer["server_ip"]: dialer.get("protocol") for dialer in dialers}
        siblings = _siblings(cursor, {phone.extension for phone in phones})
        form = {**_NEW_PHONE, **_form(cursor)}
        there = columns_of(cursor, "phones")
        alike = collections.defaultdict(list)
        for phone in phones:
            old = former.get((phone.extension, phone.server_ip))
            row = _row_as_it_was(phone, old) if old else None
            if not old:
                row = _phone_row(phone, siblings.get(phone.extension), form)
                row["protocol"] = protocols.get(phone.server_ip) or row["protocol"]
            row = _only(there, row)
            alike[tuple(row)].append(row)
        return list(alike.values())

    def rebuilt(self, server_ips):
        """Return them all: VICIdial writes their files."""
        return sorted(server_ips)

    def rebuild_files(self, cursor, server_ips=None):
        """Set the flag at which VICIdial writes files again, within a minute."""
        if server_ips is not None and not server_ips:
            return
        condition = "" if server_ips is None else " AND server_ip IN %s"
        cursor.execute(
            "UPDATE servers SET rebuild_conf_files = 'Y' WHERE generate_vicidial_conf = 'Y'"
            f" AND active_asterisk_server = 'Y'{condition}",
            () if server_ips is None else (sorted(server_ips),),
        )

    # -- servers in the database ----------------------------------------------------------

    def server_columns(self, given, there):
        """Leave a row that is there as it is: it is the operator's."""
        return there or given

    def missing_rooms(self, cursor, dialer):
        """Find the rooms that the dialer lacks and the one it is cloned from has."""
        if not dialer.clone_from:
            return {}
        return {
            table: _rooms_of_other(cursor, table, dialer.server_ip, dialer.clone_from)
            for table in self.room_tables
        }

    def create_server(self, cursor, dialer):
        """Clone the row of another dialer."""
        columns, other_ip = dialer.columns, dialer.clone_from
        if not other_ip:
            raise ValueError(
                f"{columns.server_id} ({dialer.server_ip}) has no server row yet, and there is no"
                " dialer to clone it from; set dialer_clone_from to the name of one"
            )
        cursor.execute("SELECT * FROM servers WHERE server_ip = %s", (other_ip,))
        found = fetch_dicts(cursor)
        if not found:
            raise ValueError(
                f"{columns.server_id}: there is no server {other_ip} to clone it from; set"
                " dialer_clone_from to another dialer"
            )
        row = found[0]
        for column in _ADDRESSES:
            old = row.get(column) or ""
            row[column] = old.replace(other_ip, dialer.server_ip) if other_ip in old else ""
        row.update(_NOT_CLONED_OF_SERVER)
        row["server_ip"] = dialer.server_ip
        row["server_id"] = columns.server_id
        row["server_description"] = columns.server_description or columns.server_id
        insert_rows(cursor, "servers", [_only(columns_of(cursor, "servers"), row)])

    def update_server(self, cursor, dialer):
        """Do nothing: the row is the operator's."""


def _only(columns, row):
    """Return the part of a row that a table has columns for."""
    return {column: row[column] for column in columns if column in row}


def _row_as_it_was(phone, former):
    """Make a removed phone's row again."""
    return {**former, **_NOT_RESTORED, **_own_columns(phone)}


def _phone_row(phone, sibling, form):
    """Make a row like a sibling's, or like the form's where there is none."""
    row = {**sibling, **_NOT_CLONED_OF_PHONE} if sibling else {**form}
    row.update(_own_columns(phone))
    if not sibling:
        row["dialplan_number"] = phone.extension
        row["voicemail_id"] = phone.extension[:LONGEST_VOICEMAIL_ID]
    return row


def _own_columns(phone):
    """Return the columns that Evenfloor decides about."""
    return {
        "extension": phone.extension,
        "server_ip": phone.server_ip,
        "login": phone.login,
        "pass": phone.login_password,
        "conf_secret": phone.registration_password,
        "fullname": phone.name,
    }


def _siblings(cursor, extensions):
    """Read one phone of each extension that has any, whole."""
    cursor.execute("SELECT * FROM phones WHERE extension IN %s ORDER BY server_ip", (extensions,))
    rows = {}
    for row in fetch_dicts(cursor):
        rows.setdefault(row["extension"], row)
    return rows


def _form(cursor):
    """Read what VICIdial's form takes from the system's settings, and the cluster's protocol."""
    cursor.execute("SELECT * FROM system_settings LIMIT 1")
    settings = next(iter(fetch_dicts(cursor)), {})
    form = {}
    if settings.get("default_local_gmt"):
        form["local_gmt"] = settings["default_local_gmt"]
    cursor.execute(
        "SELECT protocol FROM phones WHERE protocol IN ('SIP', 'PJSIP')"
        " GROUP BY protocol ORDER BY COUNT(*) DESC LIMIT 1"
    )
    most = cursor.fetchone()
    allowed = str(settings.get("allowed_sip_stacks") or _DEFAULT_PROTOCOL).partition("_")[0]
    form["protocol"] = most[0] if most else allowed
    return form


def _rooms_of_other(cursor, table, server_ip, other_ip):
    """Find the rooms that another dialer has in a table and this one lacks."""
    cursor.execute(
        f"SELECT o.conf_exten FROM {table} o WHERE o.server_ip = %s AND NOT EXISTS"
        f" (SELECT 1 FROM {table} n WHERE n.server_ip = %s AND n.conf_exten = o.conf_exten)"
        " ORDER BY o.conf_exten",
        (other_ip, server_ip),
    )
    return [row[0] for row in cursor.fetchall()]
