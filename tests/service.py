"""The login service as the role runs it: gunicorn with its workers, on a port of this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.mariadb import SCHEMA, free_port
from tests.waiting import PATIENCE

PACKAGE = SCHEMA.parents[3] / "plugins/balancer"
#: Longer than any answer takes on a busy machine, in seconds: what waits for the database waits
#: ten at most. What takes longer hangs.
HANG = 60
#: The secrets of the service under test.
SESSION_SECRET, OPERATOR_TOKEN = "what signs sessions", "what operators show"
#: The one before, and the one after, as while it is changed.
METRICS_TOKENS = "an old metrics token", "a metrics token"


class _UnixConnection(http.client.HTTPConnection):
    """A connection as the front server makes it: through the service's Unix socket."""

    def __init__(self, path: Path):
        super().__init__("login.example", timeout=HANG)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(HANG)
        self.sock.connect(str(self._path))


class Service:
    """A running service.

    Args:
        folder: for its configuration, metrics and log.
        database: the lines of the [database] section.
        workers: how many processes serve.
        more: more sections of its configuration.
    """

    def __init__(self, folder: Path, database: dict, workers: int, more: str = ""):
        self.port = free_port()
        self.config = folder / "evenfloor.ini"
        lines = [f"{key} = {value}" for key, value in database.items()]
        secrets = f"session_secret = {SESSION_SECRET}\noperator_token = {OPERATOR_TOKEN}\n"
        secrets += f"metrics_token = {','.join(METRICS_TOKENS)}\n"
        self.config.write_text("\n".join(["[database]", *lines, "[login]", secrets, more]))
        self.metrics = folder / "metrics"
        self.metrics.mkdir()
        self.socket = folder / "socket"
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "--config=python:evenfloor.server",
                f"--bind=127.0.0.1:{self.port}", f"--bind=unix:{self.socket}",
                f"--workers={workers}", "evenfloor.web:create_app()",
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(PACKAGE),
                "EVENFLOOR_CONFIG": str(self.config),
                "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
            },
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Send a request from the host itself; returns the status and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        answer, content = _answer(connection, method, path, body, {})
        return answer.status, json.loads(content)

    def ask_from(
        self, address: str, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, str]:
        """Send a request as the front server passes it on; returns the response and its text.

        Args:
            address: the client's.
            method: the request's.
            path: the request's.
            body: is sent as JSON; None for no body.
            headers: more of them, with ``_`` for ``-``.
        """
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return _answer(
            _UnixConnection(self.socket), method, path, body, {**more, "X-Real-IP": address}
        )

    def healthy(self) -> bool:
        """Whether /healthz says that all is well."""
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def workers(self) -> set[str]:
        """Return the pids of the workers."""
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return set(found.stdout.split())


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, body: object, headers: dict
) -> tuple[http.client.HTTPResponse, str]:
    headers = {"Content-Type": "application/json", **headers}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


@contextlib.contextmanager
def running(database: dict, workers: int, more: str = "") -> Iterator[Service]:
    """Yield a service that answers.

    Args:
        database: the lines of the [database] section.
        workers: how many processes serve.
        more: more sections of its configuration.
    """
    with tempfile.TemporaryDirectory(prefix="evenfloor-service-") as folder:
        service = Service(Path(folder), database, workers, more)
        try:
            deadline = time.monotonic() + PATIENCE
            while not service.healthy():
                if time.monotonic() > deadline or service.process.poll() is not None:
                    raise RuntimeError(service.log.read_text()[-2000:])
                time.sleep(0.1)
            yield service
        finally:
            service.process.terminate()
            service.process.wait(PATIENCE)
