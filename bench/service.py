"""The whole login over HTTP, gunicorn included: sixteen clients at once at the real service.

Processor time is what other programs on the machine change least, so it compares two releases best.
This file also runs in a checkout of an earlier one.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        times: milliseconds of each login, sorted.
        rate: logins a second.
        spread: the spread afterwards.
        service: milliseconds of processor time that a login takes in the login service.
        database: the same in the database.
    """

    times: list[float]
    rate: float
    spread: int
    service: float
    database: float

    def __str__(self) -> str:
        """Lay them out as a line."""
        return (
            f"median {statistics.median(self.times):.1f} ms,"
            f" p99 {self.times[len(self.times) * 99 // 100]:.1f} ms,"
            f" {self.rate:.0f} logins a second, spread {self.spread}, processor time a login:"
            f" {self.service:.2f} ms in the service, {self.database:.2f} ms in the database"
        )


def _processor_time(*pids: int | str) -> float:
    """Return the processor time of processes so far, in milliseconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def measure(server: mariadb.Server, case: Case) -> Figures:
    """Log agents in, and measure."""
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
        pids = [_service.process.pid, *_service.workers()]
        service, database = _processor_time(*pids), _processor_time(server.process.pid)
        started = time.perf_counter()
        times = sorted(pool.map(_log_in, range(LOGINS), chunksize=5))
        rate = LOGINS / (time.perf_counter() - started)
        service = (_processor_time(*pids) - service) / LOGINS
        database = (_processor_time(server.process.pid) - database) / LOGINS
    return Figures(times, rate, spread_of(server), service, database)


def main() -> None:
    """Measure and print."""
    print(f"POST /api/v1/login, {CLIENTS} clients at once, {WORKERS} gunicorn workers:")
    with mariadb.running() as server:
        for case in CASES:
            figures = measure(server, case)
            print(f"  {case.dialers:>3} dialers, {case.live:>5} live: {figures}", flush=True)


if __name__ == "__main__":
    main()
