"""A real database and its replica, as a call centre has them beside VICIdial: on two addresses."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pymysql.cursors import DictCursor

from tests.galera import kill
from tests.integration.cluster import Cluster
from tests.mariadb import Server, create_database, free_port, hanging, running
from tests.service import Service
from tests.service import running as running_service
from tests.waiting import PATIENCE, wait_until

#: Both have the same port, as the configuration has one.
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
HOSTS = f"{FIRST}, {SECOND}"
USER, PASSWORD = "evenfloor", "for-tests-only"
DATABASE = "asterisk"
LOGIN = {"alias": "1001x", "password": "secret", "user": "agent1", "campaign": "TEST"}


@dataclass
class Pair:
    """A database, its replica, and how Evenfloor reaches them."""

    primary: Server
    replica: Server

    @property
    def where(self) -> dict:
        """The [database] section of the configuration, without the database's name."""
        return {
            "host": HOSTS, "port": self.primary.port, "user": USER, "password": PASSWORD,
        }  # fmt: skip

    def follow(self, replica: Server, source_address: str, name: str = "") -> None:
        """Let one replicate from the database at an address, from where it is."""
        run(
            replica,
            f"CHANGE MASTER '{name}' TO master_host = '{source_address}',"
            f" master_port = {replica.port}, master_connect_retry = 1,"
            f" master_user = '{USER}', master_password = '{PASSWORD}', master_use_gtid = slave_pos",
            f"START SLAVE '{name}'",
        )
        wait_until(lambda: replicates(replica), PATIENCE, "it replicates")

    def stop_following(self, replica: Server, source: Server) -> None:
        """Let one no longer replicate; its source notices by itself only when it has to send."""
        run(replica, "STOP SLAVE", "RESET SLAVE ALL")
        sending = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
        run(source, *(f"KILL {number}" for (number,) in run(source, sending)))
        wait_until(lambda: not run(source, sending), PATIENCE, "nobody replicates from it")

    def caught_up(self) -> None:
        """Wait until the replica has what the database has."""
        ((place,),) = run(self.primary, "SELECT @@gtid_binlog_pos")
        run(self.replica, f"SELECT MASTER_GTID_WAIT('{place}', {PATIENCE})")

    def fail_over(self) -> None:
        """Do what an operator does when the first is lost."""
        run(self.replica, "STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF")


def run(server: Server, *statements: str) -> tuple:
    """Run statements as root; returns the rows of the last."""
    with server.connect() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if statements else ()


def replicates(server: Server) -> bool:
    """Say whether a database replicates from one that is there."""
    with server.connect() as connection, connection.cursor(DictCursor) as cursor:
        cursor.execute("SHOW ALL SLAVES STATUS")
        return any(
            row["Slave_IO_Running"] == row["Slave_SQL_Running"] == "Yes"
            for row in cursor.fetchall()
        )


def set_read_only(server: Server, is_on: bool) -> None:
    """Let a database take writes from nobody but root, or from everybody."""
    run(server, f"SET GLOBAL read_only = {'ON' if is_on else 'OFF'}")


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    """Run a database and a replica of it, which is read-only."""
    port = free_port()
    common = (f"--port={port}", "--log-bin=binlog", "--log-slave-updates=ON")
    with (
        running(*common, f"--bind-address={FIRST}", "--server-id=1") as primary,
        running(*common, f"--bind-address={SECOND}", "--server-id=2") as replica,
    ):
        for server in (primary, replica):
            server.port = port
            run(
                server,
                "SET sql_log_bin = 0",
                f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
                f"GRANT ALL ON *.* TO {USER}@'%'",
                # As for a user on whom read_only has an effect.
                f"REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM {USER}@'%'",
                "RESET MASTER",
            )
        set_read_only(replica, True)
        both = Pair(primary, replica)
        both.follow(replica, FIRST)
        yield both


@contextlib.contextmanager
def _killed(both: Pair) -> Iterator[None]:
    """The database is killed."""
    kill(both.primary)
    yield


@contextlib.contextmanager
def _frozen(both: Pair) -> Iterator[None]:
    """The database's host hangs: connections stay, and nothing answers."""
    with hanging(both.primary):
        yield


@contextlib.contextmanager
def _demoted(both: Pair) -> Iterator[None]:
    """An operator makes the first read-only, to have the second take its place."""
    set_read_only(both.primary, True)
    yield


#: How a database is lost.
LOSSES = {"killed": _killed, "frozen": _frozen, "made read-only": _demoted}


@dataclass
class OnTwo:
    """A login service whose database has a replica."""

    pair: Pair
    service: Service
    cluster: Cluster

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[OnTwo]:
        """Run it, with three dialers and some aliases."""
        with pair() as both:
            create_database(both.primary, DATABASE)
            with both.primary.connect(DATABASE) as connection:
                cluster = Cluster(connection)
                cluster.add_even_floor(dialers=3, aliases=4)
                cluster.keep_alive()
                both.caught_up()
                with running_service({**both.where, "name": DATABASE}, 2) as service:
                    yield cls(both, service, cluster)

    def choose(self) -> int:
        """Ask for a dialer as the login page does; returns the status."""
        return self.service.ask("POST", "/api/v1/choose", LOGIN)[0]

    def decisions(self) -> int:
        """Count what the replica knows of decisions."""
        return run(self.pair.replica, f"SELECT COUNT(*) FROM {DATABASE}.evenfloor_decisions")[0][0]

    def fail_over(self) -> None:
        """Let the replica take the database's place; VICIdial's dialers beat there from now on."""
        self.pair.fail_over()
        # A replica doesn't run the events that it has got from its source.
        run(self.pair.replica, f"ALTER EVENT {DATABASE}.heartbeats ENABLE")

    def follow(self) -> float:
        """Wait until a choice succeeds; returns for how many seconds."""
        begun = time.monotonic()
        wait_until(lambda: self.choose() == 200, PATIENCE, "a choice succeeds", every=0.05)
        return time.monotonic() - begun
