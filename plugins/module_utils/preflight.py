# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""Whether a database that runs already is a VICIdial's that Evenfloor can work with.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import re

#: JSON_ARRAY, with which the balancer reads a floor, is there from this release on.
OLDEST_MARIADB = (10, 2, 3)
#: The release of the schema that brought conf_engine and vicidial_confbridges.
OLDEST_IN_WORDS = "VICIdial 2.14 with schema 1664 or newer"

_TEXT = {"char", "varchar", "text", "mediumtext", "longtext"}
_TIME = {"datetime", "timestamp"}
_NUMBER = {"tinyint", "smallint", "mediumint", "int", "bigint"}


def text(length):
    """Describe a column of text that holds so many characters."""
    return ("text", length)


def choice(*values):
    """Describe a column that takes these values."""
    return ("choice", values)


TIME, NUMBER = ("time", None), ("number", None)
_YES_NO = choice("Y", "N")
#: A room's columns.
_ROOMS = {"conf_exten": NUMBER, "server_ip": text(15), "extension": text(20)}

#: The columns that Evenfloor reads or writes; from VICIdial's schema 1726.
NEEDED = {
    "servers": {
        "server_id": text(10),
        "server_ip": text(15),
        "server_description": text(20),
        "asterisk_version": text(10),
        "active": _YES_NO,
        "active_asterisk_server": _YES_NO,
        "active_agent_login_server": _YES_NO,
        "generate_vicidial_conf": _YES_NO,
        "rebuild_conf_files": _YES_NO,
        "active_twin_server_ip": text(15),
        "conf_engine": choice("MEETME", "CONFBRIDGE"),
        "ext_context": text(10),
    },
    "phones": {
        "extension": text(20),
        "dialplan_number": text(10),
        "voicemail_id": text(10),
        "server_ip": text(15),
        "login": text(15),
        "pass": text(10),
        "conf_secret": text(20),
        "fullname": text(20),
        "active": _YES_NO,
        "status": text(10),
        "protocol": choice("SIP", "PJSIP"),
        "template_id": text(10),
        "peer_status": choice("REGISTERED", "REACHABLE", "LAGGED"),
    },
    "phones_alias": {"alias_id": text(20), "alias_name": text(20), "logins_list": text(255)},
    "vicidial_live_agents": {
        "live_agent_id": NUMBER,
        "user": text(20),
        "server_ip": text(15),
        "conf_exten": text(10),
        "extension": text(20),
        "campaign_id": text(8),
        "callerid": text(20),
        "last_call_time": TIME,
    },
    "server_updater": {"server_ip": text(15), "last_update": TIME},
    "conferences": _ROOMS,
    "vicidial_conferences": _ROOMS,
    "vicidial_confbridges": _ROOMS,
    "vicidial_manager": {"server_ip": text(15)},
    "vicidial_campaigns": {
        "campaign_id": text(8),
        "active": _YES_NO,
        "pllb_grouping": choice("DISABLED", "ONE_SERVER_ONLY", "CASCADING"),
        "pllb_grouping_limit": NUMBER,
    },
    "vicidial_users": {
        "user": text(20),
        "phone_login": text(15),
        "phone_pass": text(10),
        "user_level": NUMBER,
        "active": _YES_NO,
        "api_only_user": choice("1"),
    },
    "system_settings": {"pllb_grouping_limit": NUMBER, "db_schema_version": NUMBER},
}


def schema_problems(version, schema_version, columns):
    """Find what stands against working with a database.

    Args:
        version: what the server says its version is.
        schema_version: VICIdial's; None where it isn't known.
        columns: by table and column the data type, the number of characters (None where there is
            none) and the column's type in words, as ``information_schema`` has them.

    Returns:
        Sentences; empty where all is well.
    """
    found = []
    numbers = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)", version)
    if "mariadb" not in version.lower():
        found.append(
            f"the database server is {version}, no MariaDB; Evenfloor needs MariaDB 10.2.3+"
        )
    elif not numbers or tuple(map(int, numbers.groups())) < OLDEST_MARIADB:
        found.append(f"MariaDB is {version}; Evenfloor needs 10.2.3 or newer: upgrade it first")
    missing = [table for table in NEEDED if table not in columns]
    wrong = [f"table {table} is missing" for table in missing]
    for table, needed in NEEDED.items():
        if table in columns:
            wrong += [
                problem
                for column, wanted in needed.items()
                for problem in [_column_problem(table, column, wanted, columns[table])]
                if problem
            ]
    if len(missing) == len(NEEDED):
        return [
            *found,
            "none of VICIdial's tables is there; set database_name to VICIdial's database",
        ]
    if wrong:
        schema = "an unknown schema" if schema_version is None else f"schema {schema_version}"
        found += [
            f"the database has {schema}; Evenfloor needs {OLDEST_IN_WORDS}: upgrade VICIdial first",
            *wrong,
        ]
    return found


def _column_problem(table, column, wanted, columns):
    """Say what is wrong with a column; None for nothing."""
    where = f"{table}.{column}"
    if column not in columns:
        return f"column {where} is missing"
    kind, needed = wanted
    data_type, length, words = columns[column]
    if kind == "choice":
        there = set(re.findall(r"'([^']*)'", words))
        fits = data_type in _TEXT or set(needed) <= there
    elif kind == "text":
        fits = data_type in _TEXT and (length is None or int(length) >= needed)
    else:
        fits = data_type in (_TIME if kind == "time" else _NUMBER)
    if fits:
        return None
    wish = f"a {kind}"
    if kind == "text":
        wish = f"{needed} characters"
    elif kind == "choice":
        wish = f"the values {', '.join(needed)}"
    return f"column {where} is {words}; needed is {wish}"
