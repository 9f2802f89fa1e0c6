# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks whether a running database is one of VICIdial's that Evenfloor can work with.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import REGISTERED_STATES
from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import LONGEST_LOGINS_LIST
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem

#: The first release with JSON_ARRAY, with which the balancer reads a floor.
OLDEST_MARIADB = (10, 2, 3)
#: The release of the schema that brought conf_engine and vicidial_confbridges.
OLDEST_IN_WORDS = "VICIdial 2.14 with schema 1664 or newer"

#: MariaDB's version. Old drivers see a version of MySQL before it.
_VERSION = re.compile(r"(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)")
#: One value of an ENUM.
_CHOICE = re.compile(r"'([^']*)'")
_TEXT = {"char", "varchar", "text", "mediumtext", "longtext"}
_TIME = {"datetime", "timestamp"}
_NUMBER = {"tinyint", "smallint", "mediumint", "int", "bigint"}


def text(length):
    """Describe a column of text that holds this many characters."""
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
        "sysload": NUMBER,
        "channels_total": NUMBER,
        "cpu_idle_percent": NUMBER,
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
        "peer_status": choice(*REGISTERED_STATES),
        "is_webphone": choice("Y", "N"),
    },
    "phones_alias": {
        "alias_id": text(20),
        "alias_name": text(20),
        "logins_list": text(LONGEST_LOGINS_LIST),
    },
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
    "server_updater": {"server_ip": text(15), "last_update": TIME, "db_time": TIME},
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
    """Find what rules out working with a database.

    Args:
        version: what the server says its version is.
        schema_version: VICIdial's; None where it isn't known.
        columns: by table and column the data type, the number of characters (None where there is
            none) and the column's type in words, as ``information_schema`` has them.

    Returns:
        Problems; empty where all is well.
    """
    found = _version_problems(version)
    missing = [table for table in NEEDED if table not in columns]
    if len(missing) == len(NEEDED):
        what, fix = "is there", "set database_name to VICIdial's database"
        return [*found, Problem("none of VICIdial's tables", what, fix, is_subject=True)]
    wrong = [Problem(f"table {table}", "is missing", is_subject=True) for table in missing]
    for table, needed in NEEDED.items():
        if table in columns:
            wrong += _column_problems(table, needed, columns[table])
    if not wrong:
        return found
    schema = "an unknown schema" if schema_version is None else f"schema {schema_version}"
    fix = f"Evenfloor needs {OLDEST_IN_WORDS}: upgrade VICIdial first"
    return [*found, Problem("the database", f"has {schema}", fix, is_subject=True), *wrong]


class Role(NamedTuple):
    """What a database is among others.

    Attributes:
        is_read_only: whether it takes writes from nobody but administrators.
        is_galera: whether it is a member of a Galera cluster (``wsrep_on``).
        sources: the databases from which it replicates, each with whether it does now.
        replicas: the hosts that replicate from it now.
    """

    is_read_only: bool = False
    is_galera: bool = False
    sources: tuple = ()
    replicas: tuple = ()


def role_problems(role):
    """Find what rules out that a database is the one that is written to.

    Args:
        role: its Role.

    Returns:
        Problems; empty where all is well.
    """
    if not role.is_read_only:
        return []
    fix = (
        "put the host that VICIdial writes to into the group database; this one may be its replica"
    )
    return [Problem("the database", "is read-only", fix, is_subject=True)]


def role_in_words(role):
    """Say what a database is among others.

    Args:
        role: its Role.

    Returns:
        Lines; none where it is alone.
    """
    found = [
        f"the database replicates from {source}; if VICIdial writes to {source}, put that host into"
        " the group database"
        if is_running
        else f"the database has been a replica of {source}, and doesn't replicate now"
        for source, is_running in role.sources
    ]
    if role.replicas:
        found.append(
            f"the database has replicas: {', '.join(role.replicas)}; to have logins follow a"
            " fail-over, set balancer_database_host to the database and these"
        )
    if role.is_galera:
        found.append(
            "wsrep_on: the database is in a Galera cluster; the other members don't get VICIdial's"
            " MyISAM and MEMORY tables, so nobody may write to them"
        )
    return found


def _version_problems(version):
    oldest = ".".join(map(str, OLDEST_MARIADB))
    if "mariadb" not in version.lower():
        what, fix = f"is {version}, not MariaDB", f"Evenfloor needs MariaDB {oldest}+"
        return [Problem("the database server", what, fix, is_subject=True)]
    numbers = _VERSION.match(version)
    if not numbers or tuple(map(int, numbers.groups())) < OLDEST_MARIADB:
        fix = f"Evenfloor needs {oldest} or newer: upgrade it first"
        return [Problem("MariaDB", f"is {version}", fix, is_subject=True)]
    return []


def _column_problems(table, needed, columns):
    """Find what is wrong with the columns of a table."""
    found = []
    for column, (kind, wanted) in needed.items():
        where = f"column {table}.{column}"
        if column not in columns:
            found.append(Problem(where, "is missing", is_subject=True))
            continue
        data_type, length, words = columns[column]
        if not _fits(kind, wanted, data_type, length, words):
            fix = f"Evenfloor needs {_in_words(kind, wanted)}"
            found.append(Problem(where, f"is {words}", fix, is_subject=True))
    return found


def _fits(kind, wanted, data_type, length, words):
    """Say whether a column of this type can hold what is needed."""
    if kind == "text":
        return data_type in _TEXT and (length is None or int(length) >= wanted)
    if kind == "choice":
        return data_type in _TEXT or set(wanted) <= set(_CHOICE.findall(words))
    return data_type in (_TIME if kind == "time" else _NUMBER)


def _in_words(kind, wanted):
    if kind == "text":
        return f"{wanted} characters"
    if kind == "choice":
        return f"the values {', '.join(wanted)}"
    return f"a {kind}"
