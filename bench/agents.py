"""A shift that logs in at once, with passwords of the agents' own: how many get in, and how soon.

Each password is a hash that takes some hundredths of a second of a processor. Whoever would wait
for longer than half of a login's time is told that the service is busy.
"""

from __future__ import annotations

import collections
import concurrent.futures
import os
import statistics
import time

from ansible_collections.evenfloor.cluster.plugins.module_utils.hashing import hash_password

from bench.choice import CAMPAIGN, EVENFLOOR_DATABASE, PASSWORD, Case, fill
from bench.choice import spread as spread_of
from tests import mariadb
from tests.service import Service, running

WORKERS = 4
SHIFTS = [50, 100, 200]
DIALERS = 10
OWN = "a password of their own"


def _log_in(service: Service, number: int) -> tuple[int, float]:
    """Log an agent in from an address of the agent's own; returns the status and milliseconds."""
    body = {
        "alias": f"{10_000 + number}x",
        "password": PASSWORD,
        "user": f"agent{number}",
        "user_password": OWN,
        "campaign": CAMPAIGN,
    }
    started = time.perf_counter()
    answer, _text = service.ask_from(f"10.9.0.{number % 250 + 1}", "POST", "/api/v1/login", body)
    return answer.status, (time.perf_counter() - started) * 1000


def measure(server: mariadb.Server, agents: int) -> tuple[collections.Counter, list[float], int]:
    """Log a shift in; returns how often there was which status, milliseconds, and the spread."""
    mariadb.create_database(server, EVENFLOOR_DATABASE)
    fill(server, EVENFLOOR_DATABASE, Case(DIALERS, DIALERS * agents, 0))
    hashed = hash_password(OWN)
    with server.connect(EVENFLOOR_DATABASE) as connection, connection.cursor() as cursor:
        rows = [(f"agent{number}", hashed) for number in range(agents)]
        cursor.executemany("INSERT INTO evenfloor_agents VALUES (%s, %s)", rows)
    with (
        running({**server.root, "name": EVENFLOOR_DATABASE}, WORKERS) as service,
        concurrent.futures.ThreadPoolExecutor(agents) as pool,
    ):
        answers = list(pool.map(lambda number: _log_in(service, number), range(agents)))
    statuses = collections.Counter(status for status, _took in answers)
    return statuses, sorted(took for _status, took in answers), spread_of(server)


def main() -> None:
    """Measure and print."""
    started = time.process_time()
    hash_password(OWN)
    hash_took = (time.process_time() - started) * 1000
    print(
        f"logins with an agent's password, all at once, {WORKERS} gunicorn workers,"
        f" {os.cpu_count()} processors, {hash_took:.0f} ms a hash:"
    )
    with mariadb.running() as server:
        for agents in SHIFTS:
            statuses, times, spread = measure(server, agents)
            print(
                f"  {agents:>3} agents: {statuses[200]} got in, {statuses[503]} were told to try"
                f" again, median {statistics.median(times):.0f} ms, longest {times[-1]:.0f} ms,"
                f" spread {spread}",
                flush=True,
            )


if __name__ == "__main__":
    main()
