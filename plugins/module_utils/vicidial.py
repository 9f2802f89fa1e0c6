# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""What a cluster that runs VICIdial needs besides: whole rows, and VICIdial writing its files.

Columns differ between VICIdial's releases: only those that a table has are written.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.database import insert_rows

#: Where a dialer's rooms are, agents' and others.
ROOM_TABLES = ("vicidial_conferences", "vicidial_confbridges", "conferences")
#: What VICIdial's form for a phone writes where it asks nothing; all else is the table's default.
NEW_PHONE = {
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
#: What a phone doesn't have in common with its siblings on other dialers.
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
#: What a dialer doesn't have in common with the one it is cloned from.
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
#: Addresses in which the clone's own takes the place of the other's. Where the other has a name or
#: another address, the clone has none: it would lead to the other.
_ADDRESSES = ("external_server_ip", "web_socket_url", "external_web_socket_url")
LONGEST_VOICEMAIL_ID = 10
DEFAULT_PROTOCOL = "SIP"


def columns_of(cursor, table):
    """Read the names of a table's columns, in order."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position",
        (table,),
    )
    return [row[0] for row in cursor.fetchall()]


def phone_rows(cursor, phones, protocols):
    """Make whole rows of ``phones``: like the extension's other phones, else like VICIdial's form.

    Args:
        cursor: an open cursor.
        phones: the new phones (``phones.Phone``).
        protocols: the protocol of new phones by ``server_ip``; where there is none, that of the
            extension's other phones, of most phones, or the one that the system allows.

    Returns:
        Lists of rows; those of one list have the same columns.
    """
    if not phones:
        return []
    siblings = _siblings(cursor, {phone.extension for phone in phones})
    form = {**NEW_PHONE, **_form(cursor)}
    cloned, new = [], []
    for phone in phones:
        sibling = siblings.get(phone.extension)
        row = {**sibling, **_NOT_CLONED_OF_PHONE} if sibling else {**form}
        row.update(
            {
                "extension": phone.extension,
                "server_ip": phone.server_ip,
                "login": phone.login,
                "pass": phone.login_password,
                "conf_secret": phone.registration_password,
                "fullname": phone.name,
            }
        )
        if not sibling:
            row["dialplan_number"] = phone.extension
            row["voicemail_id"] = phone.extension[:LONGEST_VOICEMAIL_ID]
        if protocols.get(phone.server_ip):
            row["protocol"] = protocols[phone.server_ip]
        (cloned if sibling else new).append(row)
    there = columns_of(cursor, "phones")
    return [
        [{column: row[column] for column in there if column in row} for row in rows]
        for rows in (cloned, new)
    ]


def _siblings(cursor, extensions):
    """Read one phone of each extension that has any, whole."""
    cursor.execute("SELECT * FROM phones WHERE extension IN %s ORDER BY server_ip", (extensions,))
    names = [column[0] for column in cursor.description]
    rows = {}
    for values in cursor.fetchall():
        row = dict(zip(names, values))
        rows.setdefault(row["extension"], row)
    return rows


def _form(cursor):
    """Read what VICIdial's form takes from the system's settings, and the cluster's protocol."""
    settings = read_settings(cursor)
    form = {}
    if settings.get("default_local_gmt"):
        form["local_gmt"] = settings["default_local_gmt"]
    cursor.execute(
        "SELECT protocol FROM phones WHERE protocol IN ('SIP', 'PJSIP')"
        " GROUP BY protocol ORDER BY COUNT(*) DESC LIMIT 1"
    )
    most = cursor.fetchone()
    allowed = str(settings.get("allowed_sip_stacks") or DEFAULT_PROTOCOL).partition("_")[0]
    form["protocol"] = most[0] if most else allowed
    return form


def read_settings(cursor):
    """Read the one row of ``system_settings``; empty where there is none."""
    cursor.execute("SELECT * FROM system_settings LIMIT 1")
    row = cursor.fetchone()
    return dict(zip([column[0] for column in cursor.description], row)) if row else {}


def rebuild_files(cursor, server_ips=None):
    """Have VICIdial write these dialers' files again, within a minute; None is all dialers."""
    condition = "" if server_ips is None else " AND server_ip IN %s"
    if server_ips is None or server_ips:
        cursor.execute(
            "UPDATE servers SET rebuild_conf_files = 'Y' WHERE generate_vicidial_conf = 'Y'"
            f" AND active_asterisk_server = 'Y'{condition}",
            () if server_ips is None else (sorted(server_ips),),
        )


def clone_server(cursor, server_ip, server_id, description, other_ip):
    """Make a dialer's server row like another's, closed for logins.

    Args:
        cursor: an open cursor.
        server_ip: the new dialer's address.
        server_id: its name.
        description: the dialer in words.
        other_ip: the dialer it is like.

    Raises:
        ValueError: there is no such dialer.
    """
    cursor.execute("SELECT * FROM servers WHERE server_ip = %s", (other_ip,))
    values = cursor.fetchone()
    if values is None:
        raise ValueError(
            f"{server_id}: {other_ip}, which it is to be cloned from, is no server here; set "
            "dialer_clone_from to another dialer"
        )
    row = dict(zip([column[0] for column in cursor.description], values))
    for column in _ADDRESSES:
        old = row.get(column) or ""
        row[column] = old.replace(other_ip, server_ip) if other_ip in old else ""
    row.update(_NOT_CLONED_OF_SERVER)
    row.update({"server_ip": server_ip, "server_id": server_id, "server_description": description})
    there = columns_of(cursor, "servers")
    insert_rows(cursor, "servers", [{column: row[column] for column in there if column in row}])


def missing_rooms(cursor, server_ip, other_ip):
    """Find the rooms that another dialer has and this one lacks.

    Returns:
        Room numbers by table.
    """
    missing = {}
    for table in ROOM_TABLES:
        cursor.execute(
            f"SELECT o.conf_exten FROM {table} o WHERE o.server_ip = %s AND NOT EXISTS"
            f" (SELECT 1 FROM {table} n WHERE n.server_ip = %s AND n.conf_exten = o.conf_exten)"
            " ORDER BY o.conf_exten",
            (other_ip, server_ip),
        )
        missing[table] = [row[0] for row in cursor.fetchall()]
    return missing
