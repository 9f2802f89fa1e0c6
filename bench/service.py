"""The whole login over HTTP, gunicorn included: sixteen clients at once at the real service."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import statistics
import time

from bench.choice import CAMPAIGN, EVENFLOOR_DATABASE, PASSWORD, Case, fill
from bench.choice import spread as spread_of
from tests import mariadb
from tests.service import Service, running

CLIENTS = 16
WORKERS = 4
LOGINS = 600
CASES = [Case(3, 1_800, 0), Case(30, 18_000, 3_000)]

_service: Service | None = None


def _log_in(number: int) -> float:
    """Log one agent in; returns milliseconds."""
    body = {
        "alias": f"{10_000 + number}x",
        "password": PASSWORD,
        "user": f"agent{number}",
        "campaign": CAMPAIGN,
    }
    started = time.perf_counter()
    status, answer = _service.ask("POST", "/api/v1/login", body)
    if status != 200:
        raise RuntimeError(f"{status}: {answer}")
    return (time.perf_counter() - started) * 1000


def measure(server: mariadb.Server, case: Case) -> tuple[list[float], float, int]:
    """Log agents in; returns milliseconds, logins a second, and the spread."""
    global _service  # noqa: PLW0603 - the clients are forked
    mariadb.create_database(server, EVENFLOOR_DATABASE)
    fill(server, EVENFLOOR_DATABASE, case)
    with (
        running({**server.root, "name": EVENFLOOR_DATABASE}, WORKERS) as _service,
        concurrent.futures.ProcessPoolExecutor(
            CLIENTS, multiprocessing.get_context("fork")
        ) as pool,
    ):
        list(pool.map(time.sleep, [0.05] * CLIENTS * 2))
        started = time.perf_counter()
        times = sorted(pool.map(_log_in, range(LOGINS), chunksize=5))
        rate = LOGINS / (time.perf_counter() - started)
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
