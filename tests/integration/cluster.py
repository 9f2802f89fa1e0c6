"""Puts dialers, phones, aliases and agents into a database, the way tests speak of them."""

from __future__ import annotations

import contextlib

import pymysql

FIRST_ROOM = 8600051
ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}


class Cluster:
    """A cluster's rows in a test's database."""

    def __init__(self, connection: pymysql.Connection):
        self.connection = connection
        self._agents = 0

    def run(self, statement: str, values=None) -> tuple:
        """Run a statement and return its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def add_dialer(
        self,
        server_ip: str,
        *,
        active: str = "Y",
        active_agent_login_server: str = "Y",
        conf_engine: str = "CONFBRIDGE",
        updater_age: int | None = 0,
        free_rooms: int = 20,
        twin: str = "",
        max_agents: int | None = None,
        weight: float | None = None,
    ) -> None:
        """Add a dialer; ``updater_age`` is its heartbeat's age in seconds."""
        self.run(
            "INSERT INTO servers (server_id, server_ip, active, active_agent_login_server,"
            " conf_engine, active_twin_server_ip) VALUES (%s, %s, %s, %s, %s, %s)",
            (
                f"d{server_ip.rpartition('.')[2]}",
                server_ip,
                active,
                active_agent_login_server,
                conf_engine,
                twin,
            ),
        )
        if updater_age is not None:
            self.run(
                "INSERT INTO server_updater (server_ip, last_update)"
                " VALUES (%s, NOW() - INTERVAL %s SECOND)",
                (server_ip, updater_age),
            )
        self.run("INSERT INTO evenfloor_dialers VALUES (%s, %s, NOW())", (server_ip, max_agents))
        if weight is not None:
            self.run("INSERT INTO evenfloor_weights VALUES (%s, %s)", (server_ip, weight))
        with self.connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {ROOM_TABLES[conf_engine]} (conf_exten, server_ip, extension)"
                " VALUES (%s, %s, %s)",
                # VICIdial has both: '' and NULL are free.
                [
                    (FIRST_ROOM + number, server_ip, None if number % 2 else "")
                    for number in range(free_rooms)
                ],
            )

    def add_phone(
        self,
        login: str,
        server_ip: str,
        *,
        extension: str = "101",
        password: str = "secret",
        active: str = "Y",
        protocol: str = "PJSIP",
        peer_status: str = "UNKNOWN",
    ) -> None:
        """Add a phone."""
        self.run(
            "INSERT INTO phones (extension, server_ip, login, pass, active, protocol, peer_status)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (extension, server_ip, login, password, active, protocol, peer_status),
        )

    def add_alias(self, alias_id: str, logins_list: str) -> None:
        """Add a phone alias."""
        self.run(
            "INSERT INTO phones_alias (alias_id, logins_list) VALUES (%s, %s)",
            (alias_id, logins_list),
        )

    def add_campaign(
        self, campaign_id: str = "TEST", grouping: str = "DISABLED", limit: int = 50
    ) -> None:
        """Add an active campaign."""
        self.run(
            "INSERT INTO vicidial_campaigns VALUES (%s, %s, 'Y', %s, %s)",
            (campaign_id, campaign_id, grouping, limit),
        )

    def add_agent(
        self, server_ip: str, extension: str | None = "PJSIP/9", campaign_id: str = "TEST", **more
    ) -> None:
        """Add a live agent, by default a local one."""
        self._agents += 1
        self.run(
            "INSERT INTO vicidial_live_agents (user, server_ip, extension, campaign_id, conf_exten)"
            " VALUES (%s, %s, %s, %s, %s)",
            (
                more.get("user", f"someone{self._agents}"),
                server_ip,
                extension,
                campaign_id,
                more.get("room", ""),
            ),
        )

    def add_even_floor(self, dialers: int, aliases: int) -> None:
        """Add dialers 10.1.0.1 …, and aliases 1001x … with a phone on each."""
        for number in range(1, dialers + 1):
            self.add_dialer(f"10.1.0.{number}", free_rooms=249)
        for extension in range(1001, 1001 + aliases):
            logins = [f"{extension}d{number}" for number in range(1, dialers + 1)]
            for number, login in enumerate(logins, start=1):
                self.add_phone(login, f"10.1.0.{number}", extension=str(extension))
            self.add_alias(f"{extension}x", ",".join(logins))
        self.add_campaign()

    def keep_alive(self) -> None:
        """Have all dialers send heartbeats until the database is dropped."""
        self.run("CREATE TABLE dead (server_ip VARCHAR(15) CHARACTER SET ascii) ENGINE=MEMORY")
        beat = (
            "UPDATE server_updater SET last_update = NOW()"
            " WHERE server_ip NOT IN (SELECT server_ip FROM dead)"
        )
        self.run(beat)
        self.run(f"CREATE EVENT heartbeats ON SCHEDULE EVERY 1 SECOND DO {beat}")

    def die(self, server_ip: str | None = None) -> None:
        """Have a dialer, or all, send no more heartbeats."""
        if server_ip is None:
            self.run("DROP EVENT heartbeats")
        else:
            self.run("INSERT INTO dead VALUES (%s)", (server_ip,))

    def local_agents(self) -> dict[str, int]:
        """Count the local agents of each dialer that takes part, zeros included."""
        return dict(
            self.run(
                "SELECT s.server_ip, COUNT(l.live_agent_id) FROM servers s"
                " LEFT JOIN vicidial_live_agents l ON l.server_ip = s.server_ip"
                " AND l.extension NOT LIKE 'R%%' GROUP BY s.server_ip",
                (),
            )
        )

    @contextlib.contextmanager
    def lock_held(self, name: str):
        """Hold the balancer's lock from outside."""
        self.run("SELECT GET_LOCK(%s, 1)", (name,))
        try:
            yield
        finally:
            self.run("SELECT RELEASE_LOCK(%s)", (name,))
