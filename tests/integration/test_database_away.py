"""The real service under load while its database goes away and comes back, again and again."""

import concurrent.futures
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.mariadb import SCHEMA

WORKERS = 2
CLIENTS = 8
RESTARTS = 10
#: Longer than any answer may take: what waits for the database waits ten seconds at most.
HANG = 15
PACKAGE = SCHEMA.parents[3] / "plugins/balancer"


class Service:
    """gunicorn with the login service, as the role runs it."""

    def __init__(self, folder, port: int, database_port: int):
        self.port = port
        config = folder / "evenfloor.ini"
        config.write_text(
            f"[database]\nhost = 127.0.0.1\nport = {database_port}\nname = {DATABASE}\n"
            "user = login\npassword = let me in\n"
        )
        (folder / "metrics").mkdir()
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}",
                f"--workers={WORKERS}", "--timeout=30", "evenfloor.web:create_app()",
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(PACKAGE),
                "EVENFLOOR_CONFIG": str(config),
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


def wait_until(true, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def floor(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=CLIENTS)
        cluster.run("UPDATE server_updater SET last_update = NOW() + INTERVAL 1 HOUR")
        cluster.run("CREATE OR REPLACE USER login@localhost IDENTIFIED BY 'let me in'")
        cluster.run(f"GRANT ALL ON {DATABASE}.* TO login@localhost")


@pytest.fixture
def service(server, floor, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Service(tmp_path, port, server.port)
    try:
        wait_until(running.healthy)
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


def connections(server) -> int:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'login'")
        return cursor.fetchone()[0]


def test_ten_restarts_in_a_burst_give_clean_errors_and_recovery_and_leak_nothing(server, service):
    workers = service.workers()
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def agent(number: int) -> None:
        body = {
            "alias": f"{1001 + number}x",
            "password": "secret",
            "user": f"agent{number}",
            "campaign": "TEST",
        }
        while not over.is_set():
            status, answer = service.ask("POST", "/api/v1/login", body)
            answers.append((status, answer.get("error", "")))

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        agents = [pool.submit(agent, number) for number in range(CLIENTS)]
        try:
            for _restart in range(RESTARTS):
                before = len(answers)
                wait_until(lambda before=before: (200, "") in answers[before:])
                server.stop()
                assert service.ask("GET", "/healthz")[0] == 503
                server.start()
                wait_until(service.healthy)
        finally:
            over.set()
        for future in agents:
            future.result(HANG)
    assert set(answers) == {(200, ""), (503, "database_unreachable")}
    assert service.workers() == workers
    assert connections(server) <= WORKERS
    assert "Traceback" not in service.log.read_text()
