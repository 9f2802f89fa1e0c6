"""The whole login over HTTP, gunicorn included: sixteen clients at once at the real service."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.choice import CAMPAIGN, EVENFLOOR_DATABASE, PASSWORD, Case, fill
from bench.choice import spread as spread_of
from tests import mariadb

CLIENTS = 16
WORKERS = 4
LOGINS = 600
START_TIMEOUT = 20
CASES = [Case(3, 1_800, 0), Case(30, 18_000, 3_000)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _log_in(work: tuple[int, int]) -> float:
    """Log one agent in; returns milliseconds."""
    port, number = work
    body = {
        "alias": f"{10_000 + number}x",
        "password": PASSWORD,
        "user": f"agent{number}",
        "campaign": CAMPAIGN,
    }
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST", "/api/v1/login", json.dumps(body), {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {text.decode()}")
    return (time.perf_counter() - started) * 1000


def _start(server: mariadb.Server, folder: Path, port: int) -> subprocess.Popen:
    config = folder / "evenfloor.ini"
    config.write_text(
        f"[database]\nunix_socket = {server.socket}\nname = {EVENFLOOR_DATABASE}\nuser = root\n"
    )
    (folder / "metrics").mkdir()
    service = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            f"--bind=127.0.0.1:{port}",
            f"--workers={WORKERS}",
            "evenfloor.web:create_app()",
        ],
        env={
            **os.environ,
            "EVENFLOOR_CONFIG": str(config),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        },
        stdout=(folder / "log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and service.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return service
        except OSError:
            time.sleep(0.1)
    raise RuntimeError((folder / "log").read_text()[-2000:])


def measure(server: mariadb.Server, case: Case) -> tuple[list[float], float, int]:
    """Log agents in; returns milliseconds, logins a second, and the spread."""
    mariadb.create_database(server, EVENFLOOR_DATABASE)
    fill(server, EVENFLOOR_DATABASE, case)
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="evenfloor-service-") as folder:
        service = _start(server, Path(folder), port)
        try:
            with concurrent.futures.ProcessPoolExecutor(
                CLIENTS, multiprocessing.get_context("fork")
            ) as pool:
                list(pool.map(time.sleep, [0.05] * CLIENTS * 2))
                started = time.perf_counter()
                times = sorted(
                    pool.map(_log_in, [(port, number) for number in range(LOGINS)], chunksize=5)
                )
                rate = LOGINS / (time.perf_counter() - started)
        finally:
            service.terminate()
            service.wait()
    return times, rate, spread_of(server)


def main() -> None:
    """Measure and print."""
    print(f"POST /api/v1/login, {CLIENTS} clients at once, {WORKERS} gunicorn workers:")
    with mariadb.running() as server:
        for case in CASES:
            times, rate, spread = measure(server, case)
            print(
                f"  {case.dialers:>3} dialers, {case.live:>5} live: median"
                f" {statistics.median(times):.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms,"
                f" {rate:.0f} logins a second, spread {spread}",
                flush=True,
            )


if __name__ == "__main__":
    main()
