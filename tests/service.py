"""The login service as the role runs it: gunicorn with its workers, on a port of this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
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


class Service:
    """A running service.

    Args:
        folder: for its configuration, metrics and log.
        database: the lines of the [database] section.
        workers: how many processes serve.
    """

    def __init__(self, folder: Path, database: dict, workers: int):
        self.port = free_port()
        self.config = folder / "evenfloor.ini"
        lines = [f"{key} = {value}" for key, value in database.items()]
        self.config.write_text("\n".join(["[database]", *lines, ""]))
        (folder / "metrics").mkdir()
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{self.port}",
                f"--workers={workers}", "--timeout=30", "evenfloor.web:create_app()",
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(PACKAGE),
                "EVENFLOOR_CONFIG": str(self.config),
                "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            },
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Send a request; returns the status and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        try:
            connection.request(
                method, path, body and json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

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


@contextlib.contextmanager
def running(database: dict, workers: int) -> Iterator[Service]:
    """Yield a service that answers.

    Args:
        database: the lines of the [database] section.
        workers: how many processes serve.
    """
    with tempfile.TemporaryDirectory(prefix="evenfloor-service-") as folder:
        service = Service(Path(folder), database, workers)
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
