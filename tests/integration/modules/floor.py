"""Modules on a small plain cluster, and what tests ask of its database."""

import pytest

from tests import mariadb
from tests.integration.conftest import DATABASE
from tests.modules import DatabaseRunner

DIALERS = [
    {"name": f"dialer{number}", "server_ip": f"10.0.0.1{number}", "server_id": f"dialer{number}"}
    for number in (1, 2, 3)
]
FIRST, SECOND, THIRD = (dialer["server_ip"] for dialer in DIALERS)
ROOMS = 249


class Modules(DatabaseRunner):
    """Runs modules with the test's option file and database."""

    def __init__(self, config_file):
        super().__init__(config_file, DATABASE)

    def aliases(self, entries="101-103", dialers=DIALERS[:2], check=False, **arguments) -> dict:
        """Run aliases; entries may be a range alone."""
        entries = [{"extensions": entries}] if isinstance(entries, str) else entries
        named = [{"name": d["name"], "server_ip": d["server_ip"]} for d in dialers]
        return self.run("aliases", check, phone_aliases=entries, dialers=named, **arguments)

    def server(self, number=1, check=False, **arguments) -> dict:
        """Run server for the n-th dialer."""
        given = {"server_ip": DIALERS[number - 1]["server_ip"], "server_id": f"dialer{number}"}
        return self.run("server", check, **{**given, **arguments})

    def info(self, check=False, **arguments) -> dict:
        """Run phones_info."""
        return self.run("phones_info", check, **arguments)


def everything(cluster) -> dict:
    """Read every row of every table."""
    tables = [row[0] for row in cluster.run("SHOW TABLES")]
    return {table: sorted(cluster.run(f"SELECT * FROM {table}"), key=repr) for table in tables}


def lists(cluster) -> dict:
    return dict(cluster.run("SELECT alias_id, logins_list FROM phones_alias"))


def places(cluster) -> dict:
    rows = cluster.run("SELECT login, extension, server_ip FROM phones")
    return {login: (extension, server_ip) for login, extension, server_ip in rows}


def passwords(cluster) -> set:
    rows = cluster.run("SELECT pass, conf_secret FROM phones")
    return {word for row in rows for word in row}


#: A plain cluster has the first. The second is common under VICIdial, and nothing rolls back there.
ENGINES = pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])


def use_engine(cluster, server, engine):
    """Make the test's database afresh with another engine."""
    mariadb.create_database(server, DATABASE, engine)
    cluster.run(f"USE {DATABASE}")


def let_logins_be_shared(cluster):
    """Make phones like those of a cluster that was built before phone logins were unique."""
    cluster.run("ALTER TABLE phones DROP INDEX login, ADD INDEX login (login)")


def register(cluster, *logins):
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE login IN %s", (logins,))


def takes_logins(cluster, server_ip) -> str:
    ((switch,),) = cluster.run(
        "SELECT active_agent_login_server FROM servers WHERE server_ip = %s", (server_ip,)
    )
    return switch
