# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules' connection to the cluster's database.

The password is read on the target from an option file (a my.cnf that only root can read):
it is in no argument, no log and no process list, and never travels.
"""

from __future__ import annotations

import contextlib

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    split_logins,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_kinds import kind_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import LiveAgent
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import has_table

try:
    import pymysql

    HAS_PYMYSQL = True
except ImportError:
    HAS_PYMYSQL = False

#: What every module of the action group ``database`` takes. The same in doc_fragments/database.py.
ARGUMENTS = {
    "config_file": {"type": "path", "default": "/etc/evenfloor/provisioning.cnf"},
    "database": {"type": "str", "default": "asterisk"},
    "cluster_flavor": {
        "type": "str",
        "choices": list(flavors.FLAVORS),
        "default": flavors.DEFAULT,
    },
    "cluster_name": {"type": "str", "default": ""},
}

#: Where root's password is, if it has one; also where community.mysql looks.
ROOTS_OPTIONS = "~/.my.cnf"
CONNECT_TIMEOUT = 5
NO_SUCH_TABLE = 1146
#: Somebody else has written the same rows meanwhile, as a dialer its heartbeat: a deadlock, or (in
#: MariaDB) a row that has changed since the transaction's first look. The same in the package.
LOST_RACE = {1213, 1020}
LOCK_WAIT_TIMEOUT = 1205
#: How often the work is tried in all.
TRIES = 4


def work_on_database(module, work, **without):
    """Connect, do the module's work in one transaction, and end the module.

    In check mode a database that isn't there yet isn't an error: the module ends with
    changed and says so.

    Args:
        module: the AnsibleModule.
        work: called with the module and a cursor; returns what the module returns. A ValueError
            is the module's failure, in words. It is called again, with another connection, if
            somebody else wrote the same rows at the same time.
        without: what to return, besides changed, when there is no database in check mode.
    """
    if not HAS_PYMYSQL:
        _absent(module, "PyMySQL is not installed on this host (python3-pymysql)", without)
    try:
        result = _committed(module, work)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except (pymysql.err.OperationalError, OSError) as error:
        if error.args[0] in {*LOST_RACE, LOCK_WAIT_TIMEOUT}:
            module.fail_json(msg=f"others write the same rows: {error}; run this again")
        _absent(
            module,
            f"the database can't be used ({module.params['config_file']}): {error}",
            without,
        )
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        _absent(module, f"the schema isn't there: {error.args[1]}", without)
    module.exit_json(**result)


def _committed(module, work):
    for _lost in range(TRIES - 1):
        try:
            return _try(module, work)
        except pymysql.err.OperationalError as error:
            if error.args[0] not in LOST_RACE:
                raise
    return _try(module, work)


def _try(module, work):
    # Closing it gives its locks back and undoes what isn't committed.
    with contextlib.closing(_connected(module)) as connection:
        result = work(module, connection.cursor())
        if not module.check_mode:
            connection.commit()
    return result


def _connected(module):
    options = {"read_default_file": module.params["config_file"]}
    socket = module.params.get("login_unix_socket")
    if socket:
        options = {"read_default_file": ROOTS_OPTIONS, "user": "root", "unix_socket": socket}
    return pymysql.connect(
        **options,
        database=module.params["database"],
        charset="utf8mb4",
        connect_timeout=CONNECT_TIMEOUT,
    )


def _absent(module, why, result):
    if module.check_mode:
        message = f"would be done once the database is there ({why})"
        module.exit_json(**{"changed": True, "msg": message, **result})
    module.fail_json(msg=f"{why}; run site.yml to set the database up", database_absent=True)


def read_opened(cursor):
    """Read which dialers have been opened for logins.

    Returns:
        Their ``server_ip``, in order.
    """
    cursor.execute("SELECT server_ip FROM evenfloor_dialers WHERE opened IS NOT NULL")
    return sorted(row[0] for row in cursor.fetchall())


def read_phones(cursor):
    """Read all phones.

    Returns:
        A list of ``plan.Phone``.
    """
    cursor.execute(
        "SELECT extension, server_ip, login, pass, conf_secret, fullname, phone_type FROM phones"
    )
    return [
        Phone(
            extension,
            server_ip,
            login or "",
            password or "",
            secret or "",
            name or "",
            kind_of(phone_type),
        )
        for extension, server_ip, login, password, secret, name, phone_type in cursor.fetchall()
    ]


def read_aliases(cursor):
    """Read all aliases.

    Returns:
        A list of ``plan.Alias``, by their ids.
    """
    cursor.execute("SELECT alias_id, alias_name, logins_list FROM phones_alias ORDER BY alias_id")
    return [
        Alias(alias_id, name or "", tuple(split_logins(logins)))
        for alias_id, name, logins in cursor.fetchall()
    ]


def read_agents(cursor):
    """Read who is logged in, without remote agents.

    Returns:
        A list of ``removal.LiveAgent``.
    """
    cursor.execute(
        "SELECT user, server_ip, extension FROM vicidial_live_agents"
        " WHERE extension NOT LIKE 'R%' ORDER BY user"
    )
    return [
        LiveAgent(user or "", server_ip, extension)
        for user, server_ip, extension in cursor.fetchall()
    ]


def read_models(cursor):
    """Read by alias which kind of phone has fetched its accounts last."""
    if not has_table(cursor, "evenfloor_phone_tokens"):
        return {}
    cursor.execute("SELECT alias_id, model FROM evenfloor_phone_tokens WHERE model <> ''")
    return dict(cursor.fetchall())
