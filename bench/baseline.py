"""VICIdial's way of choosing, written anew from the facts about its page: the baseline.

It verifies the login, and then asks for each phone of the list, one statement after the other:
whether there is such a phone, its server, the room table, the local agents, whether the server is
active and takes logins, the free rooms, the twin, and the heartbeats. Nothing is locked.
"""

from __future__ import annotations

from tests import mariadb

HEARTBEAT_TIMEOUT = 120
DATABASE = "evenfloor_baseline"

#: Columns that VICIdial's tables have beyond those in use here (2.14: phones has about 110, servers
#: and vicidial_live_agents about 60). A scan of a table costs by its columns.
FURTHER_COLUMNS = {"phones": 90, "servers": 38, "vicidial_live_agents": 48}
#: One in this many has a default of some length, the others are short or empty; so a row of
#: `phones` has about 480 bytes, as VICIdial's have.
TEXT_EVERY = 5


def create_database(server: mariadb.Server) -> None:
    """Make a database of VICIdial's shape: its table type, its indexes, tables as wide as its own.

    Args:
        server: where.
    """
    mariadb.create_database(server, DATABASE, "MyISAM", plain_indexes=False)
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        for table, columns in FURTHER_COLUMNS.items():
            added = [
                f"ADD further{number} "
                + (
                    "VARCHAR(50) DEFAULT 'a default value'"
                    if number % TEXT_EVERY == 0
                    else "ENUM('Y','N') DEFAULT 'N'"
                    if number % 2
                    else "VARCHAR(50) DEFAULT ''"
                )
                for number in range(columns)
            ]
            cursor.execute(f"ALTER TABLE {table} {', '.join(added)}")


class Baseline:
    """A chooser that works as the login page of VICIdial 2.14 does.

    Args:
        server: where :func:`create_database` has made the database.
    """

    def __init__(self, server: mariadb.Server):
        self._connection = server.connect(DATABASE)
        self._cursor = self._connection.cursor()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def ping(self) -> None:
        """Ask for an answer."""
        self._one("SELECT 1")

    def choose(self, alias: str, password: str, user: str, campaign: str) -> None:
        """Choose a phone, and write the live-agent row that counts from then on."""
        ip = self._chosen_server(alias, password, campaign)
        self._cursor.execute(
            "INSERT INTO vicidial_live_agents (user, server_ip, extension, campaign_id, lead_id)"
            " VALUES (%s, %s, 'PJSIP/1', %s, 0)",
            (user, ip, campaign),
        )

    def _one(self, statement: str, *values):
        self._cursor.execute(statement, values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    def _chosen_server(self, alias: str, password: str, campaign: str) -> str:
        there = self._one("SELECT COUNT(*) FROM phones_alias WHERE alias_id = %s", alias)
        logins = there and self._one(
            "SELECT logins_list FROM phones_alias WHERE alias_id = %s LIMIT 1", alias
        )
        listed = (logins or alias).split(",")
        assert self._verified(listed, password), "the login isn't verified"
        self._one("SELECT pllb_grouping FROM vicidial_campaigns WHERE campaign_id = %s", campaign)
        self._one("SELECT pllb_grouping_limit FROM system_settings")
        best, fewest = None, None
        for login in listed:
            ip, count, eligible = self._look(login)
            if eligible and (fewest is None or count <= fewest):
                best, fewest = ip, count
        assert best, "nobody is eligible"
        return best

    def _verified(self, listed: list[str], password: str) -> bool:
        """Ask in one statement whether any listed phone with this password works."""
        either = " OR ".join(["(p.login = %s AND p.pass = %s)"] * len(listed))
        return bool(
            self._one(
                f"SELECT COUNT(*) FROM phones p, servers s WHERE ({either}) AND p.active = 'Y'"
                " AND p.server_ip = s.server_ip AND s.active_agent_login_server = 'Y'",
                *[value for login in listed for value in (login, password)],
            )
        )

    def _look(self, login: str) -> tuple[str, int, bool]:
        """Ask what the page asks about one phone, in its order."""
        ip = ""
        if self._one("SELECT COUNT(*) FROM phones WHERE login = %s", login):
            ip = self._one("SELECT server_ip FROM phones WHERE login = %s", login)
        engine = self._one("SELECT conf_engine FROM servers WHERE server_ip = %s", ip)
        table = "vicidial_confbridges" if engine == "CONFBRIDGE" else "vicidial_conferences"
        count = self._one(
            "SELECT COUNT(*) FROM vicidial_live_agents WHERE server_ip = %s"
            " AND extension NOT LIKE 'R%%'",
            ip,
        )
        active = self._one(
            "SELECT COUNT(*) FROM servers WHERE server_ip = %s AND active = 'Y'"
            " AND active_agent_login_server = 'Y'",
            ip,
        )
        rooms = self._one(
            f"SELECT COUNT(*) FROM {table} WHERE server_ip = %s"
            " AND (extension = '' OR extension IS NULL)",
            ip,
        )
        twin = self._one("SELECT active_twin_server_ip FROM servers WHERE server_ip = %s", ip)
        twin_lives = not twin or self._fresh(twin)
        return ip, count, bool(self._fresh(ip) and active and rooms and twin_lives)

    def _fresh(self, ip: str) -> bool:
        return bool(
            self._one(
                "SELECT COUNT(*) FROM server_updater WHERE server_ip = %s"
                " AND last_update > NOW() - INTERVAL %s SECOND",
                ip,
                HEARTBEAT_TIMEOUT,
            )
        )
