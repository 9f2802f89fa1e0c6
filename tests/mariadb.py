"""A real MariaDB for one test run: its own data directory, socket and port, gone afterwards."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql

from evenfloor import Balancer
from evenfloor.config import BalancerConfig, Config, DatabaseConfig
from tests.waiting import PATIENCE, wait_until

_FILES = Path(__file__).parents[1] / "roles/database/files"
#: The tables that are shared with VICIdial, and Evenfloor's own.
SCHEMA, OWN_SCHEMA = _FILES / "schema.sql", _FILES / "evenfloor.sql"


@dataclass
class Server:
    """A running server with more options. ``process`` is None while it is stopped."""

    directory: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen | None = None

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        return str(self.directory / "sock")

    @property
    def root(self) -> dict:
        """How root connects."""
        return {"unix_socket": self.socket, "user": "root"}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            [
                shutil.which("mariadbd") or "/usr/sbin/mariadbd",
                "--no-defaults",
                "--user=root",
                f"--datadir={self.directory}/data",
                f"--socket={self.socket}",
                f"--pid-file={self.directory}/pid",
                # A server that starts removes what others have in a folder that they share.
                f"--tmpdir={self.directory}",
                "--bind-address=127.0.0.1",
                f"--port={self.port}",
                "--innodb-buffer-pool-size=256M",
                "--innodb-flush-log-at-trx-commit=0",
                # Every test makes its tables anew: in one file, and nothing waits for the disk.
                "--innodb-file-per-table=0",
                "--innodb-flush-method=nosync",
                "--max-connections=500",
                # Cluster.keep_alive has the database send heartbeats.
                "--event-scheduler=ON",
                *self.options,
            ],
            stdout=(self.directory / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(pymysql.err.OperationalError):
                self.connect().close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((self.directory / "log").read_text()[-2000:])

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """Connect as root."""
        return pymysql.connect(**self.root, database=database, autocommit=True)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(*options: str) -> Iterator[Server]:
    """Yield a fresh running server with these options besides."""
    directory = Path(tempfile.mkdtemp(prefix="evenfloor-mariadb-"))
    server = Server(directory, free_port(), options)
    try:
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--user=root",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--datadir={directory}/data",
            ],
            check=True,
            capture_output=True,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def hang(server: Server) -> None:
    """Stop the database, and wait until each of its threads has stopped."""
    os.kill(server.process.pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{server.process.pid}/task")
    wait_until(
        lambda: all(
            (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
            for task in tasks.iterdir()
        ),
        PATIENCE,
        "the database has stopped",
        every=0.01,
    )


@contextlib.contextmanager
def hanging(server: Server) -> Iterator[None]:
    """Let the database hang: it is there, and does nothing."""
    hang(server)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def balancer(where: dict, database: str, **settings) -> Balancer:
    """Make a balancer.

    Args:
        where: the [database] section's host, port and so on, or its unix_socket.
        database: its name.
        settings: the [balancer] section.
    """
    return Balancer(
        Config(database=DatabaseConfig(**where, name=database), balancer=BalancerConfig(**settings))
    )


@functools.cache
def statements(text: str) -> list[str]:
    """Split a schema file into its statements; comments stand on lines of their own in it."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]


#: What Evenfloor's schema adds to VICIdial's tables.
_OWN_INDEX = re.compile(r",\s*(?:UNIQUE KEY login|KEY (?:evenfloor_\w+|server_ip)) \([^)]*\)")


def create_database(
    server: Server, name: str, engine: str | None = None, plain_indexes: bool = True
) -> None:
    """Make a database with Evenfloor's schema.

    Args:
        server: where.
        name: dropped first if it is there.
        engine: put in the place of InnoDB for the shared tables, None leaves it.
        plain_indexes: without them the shared tables have VICIdial's indexes alone.
    """
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE {name}")
        for statement in statements(SCHEMA.read_text() + OWN_SCHEMA.read_text()):
            shared = "TABLE IF NOT EXISTS evenfloor_" not in statement
            replaced = engine if engine and shared else "InnoDB"
            if shared and not plain_indexes:
                statement = _OWN_INDEX.sub("", statement)  # noqa: PLW2901
            cursor.execute(statement.replace("ENGINE=InnoDB", f"ENGINE={replaced}"))
