"""How long a choice takes, beside VICIdial's way of making it, on one MariaDB.

Evenfloor's choice (`Balancer.choose`, reservation and decision included) runs on Evenfloor's
schema. The baseline issues the statements that VICIdial's login page issues for a choice, in its
order, on its table types and without further indexes (bench/baseline.py). Each case is measured
one at a time and with sixteen processes at once.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import statistics
import time
from dataclasses import dataclass

from bench import baseline
from evenfloor import Balancer
from tests import mariadb
from tests.integration.cluster import FIRST_ROOM

PROCESSES = 16
WARM_UP = 20
CAMPAIGN = "TEST"
PASSWORD = "secret"
EVENFLOOR_DATABASE = "evenfloor_bench"
ROOMS = 249
BATCH = 5000


@dataclass(frozen=True)
class Case:
    """A cluster's size, and what is to be reached on it.

    Attributes:
        median: milliseconds, at most, of a choice that is alone.
        rate: choices a second, at least, with all processes at once.
        baseline_choices: how often the baseline is measured alone, and at once.
        ratio: how many times faster than the baseline, at least.
    """

    dialers: int
    phones: int
    live: int
    median: float = 0
    rate: int = 0
    baseline_choices: tuple[int, int] = (0, 0)
    ratio: int = 0


CASES = [
    Case(3, 270, 0, 1.46, 650, (200, 400)),
    Case(10, 2_000, 1_000, 1.9, 600, (50, 200)),
    Case(30, 15_000, 3_000, 2.7, 400, (5, 48), ratio=300),
    Case(100, 100_000, 20_000, 6.91, 130, (1, 16)),
]


def address(number: int) -> str:
    """Return the address of the n-th dialer."""
    return f"10.2.{number // 200}.{number % 200 + 1}"


def _insert(cursor, table: str, columns: str, rows: list[tuple]) -> None:
    marks = f"({', '.join(['%s'] * len(rows[0]))})" if rows else ""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES {', '.join([marks] * len(part))}",
            [value for row in part for value in row],
        )


def fill(server: mariadb.Server, database: str, case: Case) -> int:
    """Fill a database; returns how many aliases there are."""
    aliases = case.phones // case.dialers
    dialers = [address(number) for number in range(case.dialers)]
    with server.connect(database) as connection, connection.cursor() as cursor:
        servers = [
            (f"d{number}", ip, "Y", "Y", "CONFBRIDGE", "") for number, ip in enumerate(dialers)
        ]
        _insert(
            cursor,
            "servers",
            "server_id, server_ip, active, active_agent_login_server, conf_engine,"
            " active_twin_server_ip",
            servers,
        )
        _insert(cursor, "server_updater", "server_ip", [(ip,) for ip in dialers])
        cursor.execute("UPDATE server_updater SET last_update = NOW()")
        cursor.execute(
            "CREATE EVENT heartbeats ON SCHEDULE EVERY 1 SECOND"
            " DO UPDATE server_updater SET last_update = NOW()"
        )
        rooms = [(FIRST_ROOM + room, ip, "") for ip in dialers for room in range(ROOMS)]
        _insert(cursor, "vicidial_confbridges", "conf_exten, server_ip, extension", rooms)
        phones = [
            (str(10_000 + alias), ip, f"{10_000 + alias}d{number}", PASSWORD, "Y", "PJSIP", "")
            for alias in range(aliases)
            for number, ip in enumerate(dialers)
        ]
        _insert(
            cursor,
            "phones",
            "extension, server_ip, login, pass, active, protocol, template_id",
            phones,
        )
        # A real column has no room for 100 dialers; the choice doesn't mind how long a list is.
        cursor.execute("ALTER TABLE phones_alias MODIFY logins_list TEXT")
        lists = [
            (f"{10_000 + alias}x", ",".join(f"{10_000 + alias}d{n}" for n in range(case.dialers)))
            for alias in range(aliases)
        ]
        _insert(cursor, "phones_alias", "alias_id, logins_list", lists)
        live = [
            (f"live{n}", dialers[n % case.dialers], f"PJSIP/{n}", CAMPAIGN, 1)
            for n in range(case.live)
        ]
        _insert(
            cursor,
            "vicidial_live_agents",
            "user, server_ip, extension, campaign_id, lead_id",
            live,
        )
        cursor.execute("INSERT INTO vicidial_campaigns (campaign_id, active) VALUES ('TEST', 'Y')")
        cursor.execute("INSERT INTO system_settings (pllb_grouping_limit) VALUES (100)")
        # As the role does where there are several databases.
        cursor.execute("INSERT INTO evenfloor_epoch (id) SELECT 1 FROM DUAL WHERE @@wsrep_on")
        cursor.execute("ANALYZE TABLE phones, vicidial_live_agents, vicidial_confbridges")
    return aliases


def make_balancer(server: mariadb.Server) -> Balancer:
    """Make a balancer on the benchmark's database, whose reservations outlive the run."""
    return mariadb.balancer(server.root, EVENFLOOR_DATABASE, lock_timeout=60, reservation_ttl=600)


@dataclass(frozen=True)
class Figures:
    """What was measured of one way to choose: milliseconds (sorted), choices a second, spread."""

    alone: list[float]
    at_once: list[float]
    rate: float
    spread: int

    @property
    def median(self) -> float:
        """The median of a choice that is alone, in milliseconds."""
        return statistics.median(self.alone)

    def __str__(self) -> str:
        """Lay them out as columns of the table."""
        return (
            f"{self.median:>9.2f} {_p99(self.alone):>9.2f} | {self.rate:>9.1f}"
            f" {statistics.median(self.at_once):>9.2f} {_p99(self.at_once):>9.2f}"
            f" {self.spread:>7}"
        )


def _p99(times: list[float]) -> float:
    return times[len(times) * 99 // 100]


_chooser = None


def _start(make, server: mariadb.Server) -> None:
    global _chooser  # noqa: PLW0603 - one connection for each process, as in a gunicorn worker
    _chooser = make(server)


def _choose(work: tuple[str, int]) -> float:
    alias, number = work
    started = time.perf_counter()
    _chooser.choose(alias, PASSWORD, f"bench{number}", CAMPAIGN)
    return (time.perf_counter() - started) * 1000


def _work(aliases: int, choices: int, first: int = 0) -> list[tuple[str, int]]:
    """Say which alias each user logs in with."""
    return [(f"{10_000 + n % aliases}x", first + n) for n in range(choices)]


def _warm(_number: int) -> None:
    """Connect, and keep the process busy for a moment, so that the pool starts the others too."""
    _chooser.ping()
    time.sleep(0.05)


def measure(
    server: mariadb.Server, make, database: str, aliases: int, choices: tuple[int, int]
) -> Figures:
    """Measure one way to choose: sixteen at once first, then one after the other.

    Args:
        server: where its database is filled.
        make: makes a chooser on a server.
        database: the chooser's.
        aliases: how many aliases there are.
        choices: how many to make alone, and how many at once.
    """
    alone, at_once = choices
    with concurrent.futures.ProcessPoolExecutor(
        PROCESSES, multiprocessing.get_context("fork"), _start, (make, server)
    ) as pool:
        list(pool.map(_warm, range(PROCESSES * 4)))
        chunk = max(1, min(10, at_once // PROCESSES))
        started = time.perf_counter()
        crowd = sorted(pool.map(_choose, _work(aliases, at_once, 100_000), chunksize=chunk))
        rate = at_once / (time.perf_counter() - started)
    uneven = spread(server, database)
    with server.connect(database) as connection:
        connection.cursor().execute("DELETE FROM evenfloor_reservations")
    _start(make, server)
    for work in _work(aliases, min(WARM_UP, alone)):
        _choose(work)
    times = sorted(_choose(work) for work in _work(aliases, alone))
    _chooser.close()
    return Figures(times, crowd, rate, uneven)


def spread(server: mariadb.Server, database: str = EVENFLOOR_DATABASE) -> int:
    """Return the spread of agents and reservations."""
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.server_ip, (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip ="
            " s.server_ip) + (SELECT COUNT(*) FROM evenfloor_reservations r WHERE r.server_ip ="
            " s.server_ip) FROM servers s"
        )
        counts = [row[1] for row in cursor.fetchall()]
    return max(counts) - min(counts)


def verdict(case: Case, ours: Figures, theirs: Figures | None) -> str:
    """Say whether everything was reached that is to be, and if not, what wasn't.

    Args:
        case: what is to be reached.
        ours: what was measured.
        theirs: the baseline's figures; None where they weren't measured.
    """
    missed = [
        name
        for name, reached in (
            (f"median {case.median} ms", ours.median <= case.median),
            (f"{case.rate} a second", ours.rate >= case.rate),
            (
                f"{case.ratio} times the baseline",
                theirs is None or theirs.median / ours.median >= case.ratio,
            ),
            ("spread 1", ours.spread <= 1),
        )
        if not reached
    ]
    return f"MISSED: {', '.join(missed)}" if missed else "reached"


def measure_baseline(server: mariadb.Server, case: Case) -> Figures:
    """Measure VICIdial's way on a cluster of some size."""
    baseline.create_database(server)
    aliases = fill(server, baseline.DATABASE, case)
    return measure(server, baseline.Baseline, baseline.DATABASE, aliases, case.baseline_choices)


def measure_ours(server: mariadb.Server, case: Case, choices: int) -> Figures:
    """Measure Evenfloor's choice on a cluster of some size, alone and at once."""
    mariadb.create_database(server, EVENFLOOR_DATABASE)
    aliases = fill(server, EVENFLOOR_DATABASE, case)
    return measure(server, make_balancer, EVENFLOOR_DATABASE, aliases, (choices, choices))


def main() -> None:
    """Measure every case and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choices", type=int, default=600)
    parser.add_argument(
        "--without-baseline", action="store_true", help="measure Evenfloor alone: a minute"
    )
    arguments = parser.parse_args()
    print("milliseconds; at once: sixteen processes")
    print(
        "dialers  phones   live            |    median       p99 | a second    median       p99"
        "  spread"
    )
    with mariadb.running() as server:
        for case in CASES:
            size = f"{case.dialers:>7} {case.phones:>7} {case.live:>6}"
            theirs = None
            if not arguments.without_baseline:
                theirs = measure_baseline(server, case)
                print(f"{size} baseline  | {theirs}", flush=True)
            ours = measure_ours(server, case, arguments.choices)
            print(f"{size} evenfloor | {ours}")
            beside = ""
            if theirs is not None:
                beside = (
                    f"alone {theirs.median / ours.median:.0f} times faster, at once"
                    f" {ours.rate / theirs.rate:.0f} times as many: "
                )
            print(f"{'':>22} {beside}{verdict(case, ours, theirs)}", flush=True)


if __name__ == "__main__":
    main()
