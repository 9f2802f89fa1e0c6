"""What a snapshot of the floor page costs, and what it costs those who only read it."""

from __future__ import annotations

import statistics
import time

from bench.choice import CAMPAIGN, CASES, EVENFLOOR_DATABASE, PASSWORD, fill, make_balancer
from evenfloor.config import Config, DatabaseConfig
from evenfloor.page_store import PageStore
from evenfloor.watch import Watch
from tests import mariadb

SNAPSHOTS = 30
#: Makes the next snapshot due.
_DUE = "UPDATE evenfloor_snapshot SET claimed = '2000-01-01'"
#: As many logins as the page shows, and some more.
LOGINS = 50


def measure(server: mariadb.Server) -> tuple[float, float, float, int]:
    """Make snapshots and read them.

    Returns:
        Milliseconds: what making one takes in the median, and the slowest, which counts phones, and
        what reading one takes in the median; and the bytes of one.
    """
    config = Config(
        database=DatabaseConfig(unix_socket=server.socket, user="root", name=EVENFLOOR_DATABASE)
    )
    made, read, size = [], [], 0
    reader = PageStore(config.database)
    with server.connect(EVENFLOOR_DATABASE) as connection, connection.cursor() as cursor:
        watch = Watch(config)
        watch.answer()
        for _number in range(SNAPSHOTS):
            cursor.execute(_DUE)
            watch._read_after = 0.0
            started = time.perf_counter()
            size = len(watch.answer())
            made.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            reader.claim()
            read.append(1000 * (time.perf_counter() - started))
    return statistics.median(made), max(made), statistics.median(read), size


def main() -> None:
    """Print a line for each size of floor."""
    with mariadb.running() as server:
        for case in CASES:
            mariadb.create_database(server, EVENFLOOR_DATABASE)
            aliases = fill(server, EVENFLOOR_DATABASE, case)
            balancer = make_balancer(server)
            for number in range(LOGINS):
                alias = f"{10_000 + number % aliases}x"
                balancer.choose(alias, PASSWORD, f"watch{number}", CAMPAIGN)
            balancer.close()
            make, slowest, read, size = measure(server)
            print(
                f"{case.dialers} dialers: a snapshot takes {make:.1f} ms, {slowest:.1f} at most,"
                f" and has {size / 1024:.0f} KiB; to read it takes {read:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
