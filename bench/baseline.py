"""VICIdial's way of choosing, written anew from the facts about its page: the baseline.

For each phone of the list it asks, one statement after the other: the phone's server, the count
of its local agents, whether it is active and takes logins, its room table, its free rooms, its
twin, and the heartbeats. Nothing is locked.
"""

from __future__ import annotations

from tests import mariadb

HEARTBEAT_TIMEOUT = 120


class Baseline:
    """A chooser that works as the login page of VICIdial 2.14 does.

    Args:
        server: where.
        database: with VICIdial's tables, on its table type.
    """

    def __init__(self, server: mariadb.Server, database: str):
        self._cursor = server.connect(database).cursor()

    def _one(self, statement: str, *values):
        self._cursor.execute(statement, values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    def choose(self, alias: str, password: str, campaign: str) -> str | None:
        """Return the phone login that the page would choose."""
        logins = self._one("SELECT logins_list FROM phones_alias WHERE alias_id = %s", alias)
        listed = (logins or alias).split(",")
        verified = [login for login in listed if self._verified(login, password)]
        if not verified:
            return None
        self._one("SELECT pllb_grouping FROM vicidial_campaigns WHERE campaign_id = %s", campaign)
        self._one("SELECT pllb_grouping_limit FROM system_settings")
        best, fewest = None, None
        for login in listed:
            count, eligible = self._look(login)
            if eligible and (fewest is None or count <= fewest):
                best, fewest = login, count
        return best

    def _verified(self, login: str, password: str) -> bool:
        return bool(
            self._one(
                "SELECT COUNT(*) FROM phones p, servers s WHERE p.login = %s AND p.pass = %s"
                " AND p.active = 'Y' AND p.server_ip = s.server_ip"
                " AND s.active_agent_login_server = 'Y'",
                login,
                password,
            )
        )

    def _look(self, login: str) -> tuple[int, bool]:
        """Ask what the page asks about one phone."""
        ip = self._one("SELECT server_ip FROM phones WHERE login = %s", login)
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
        engine = self._one("SELECT conf_engine FROM servers WHERE server_ip = %s", ip)
        table = "vicidial_confbridges" if engine == "CONFBRIDGE" else "vicidial_conferences"
        rooms = self._one(
            f"SELECT COUNT(*) FROM {table} WHERE server_ip = %s"
            " AND (extension = '' OR extension IS NULL)",
            ip,
        )
        twin = self._one("SELECT active_twin_server_ip FROM servers WHERE server_ip = %s", ip)
        if twin and not self._fresh(twin):
            return count, False
        return count, bool(active and rooms and self._fresh(ip))

    def _fresh(self, ip: str) -> bool:
        return bool(
            self._one(
                "SELECT COUNT(*) FROM server_updater WHERE server_ip = %s"
                " AND last_update > NOW() - INTERVAL %s SECOND",
                ip,
                HEARTBEAT_TIMEOUT,
            )
        )
