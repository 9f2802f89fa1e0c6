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
from evenfloor.config import BalancerConfig, Config, DatabaseConfig
from tests import mariadb
from tests.integration.cluster import FIRST_ROOM

PROCESSES = 16
CAMPAIGN = "TEST"
PASSWORD = "secret"
#: A heartbeat that is good for the whole run.
LATER = "NOW() + INTERVAL 1 DAY"
EVENFLOOR_DATABASE = "evenfloor_bench"
ROOMS = 249
BATCH = 5000


@dataclass(frozen=True)
class Case:
    """A cluster's size, and what is to be reached on it.

    Attributes:
        median: milliseconds, at most, of a choice that is alone.
        rate: choices a second, at least, with all processes at once.
        baseline_choices: how often the baseline is measured.
        ratio: how many times faster than the baseline, at least.
    """

    dialers: int
    phones: int
    live: int
    median: float = 0
    rate: int = 0
    baseline_choices: int = 0
    ratio: int = 0


CASES = [
    Case(3, 270, 0, 1.5, 800, 200),
    Case(10, 2_000, 1_000, 2, 700, 50),
    Case(30, 15_000, 3_000, 3, 500, 5, ratio=300),
    Case(100, 100_000, 20_000, 6, 250, 1),
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
        cursor.execute(f"UPDATE server_updater SET last_update = {LATER}")
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
        cursor.execute("ANALYZE TABLE phones, vicidial_live_agents, vicidial_confbridges")
    return aliases


_chooser = None


def make_balancer(socket: str) -> Balancer:
    """Make a balancer on the benchmark's database, whose reservations outlive the run."""
    return Balancer(
        Config(
            database=DatabaseConfig(unix_socket=socket, name=EVENFLOOR_DATABASE, user="root"),
            balancer=BalancerConfig(lock_timeout=60, reservation_ttl=600),
        )
    )


def _start(socket: str) -> None:
    global _chooser  # noqa: PLW0603 - one connection for each process, as in a gunicorn worker
    _chooser = make_balancer(socket)


def _choose(work: tuple[str, int]) -> float:
    alias, number = work
    started = time.perf_counter()
    _chooser.choose(alias, PASSWORD, f"bench{number}", CAMPAIGN)
    return (time.perf_counter() - started) * 1000


def _warm(_number: int) -> None:
    _chooser.explain("10000x")
    time.sleep(0.05)


def measure_alone(server: mariadb.Server, aliases: int, choices: int) -> list[float]:
    """Choose one after the other; returns milliseconds."""
    _start(server.socket)
    for number in range(20):
        _choose((f"{10_000 + number % aliases}x", number))
    return sorted(_choose((f"{10_000 + n % aliases}x", n)) for n in range(choices))


def measure_at_once(server: mariadb.Server, aliases: int, choices: int) -> tuple[float, list]:
    """Choose with all processes at once; returns choices a second, and milliseconds."""
    work = [(f"{10_000 + n % aliases}x", 100_000 + n) for n in range(choices)]
    with concurrent.futures.ProcessPoolExecutor(
        PROCESSES, multiprocessing.get_context("fork"), _start, (server.socket,)
    ) as pool:
        list(pool.map(_warm, range(PROCESSES * 4)))
        started = time.perf_counter()
        times = sorted(pool.map(_choose, work, chunksize=10))
        return choices / (time.perf_counter() - started), times


def spread(server: mariadb.Server) -> int:
    """Return the spread of agents and reservations."""
    with server.connect(EVENFLOOR_DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.server_ip, (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip ="
            " s.server_ip) + (SELECT COUNT(*) FROM evenfloor_reservations r WHERE r.server_ip ="
            " s.server_ip) FROM servers s"
        )
        counts = [row[1] for row in cursor.fetchall()]
    return max(counts) - min(counts)


def measure_baseline(server: mariadb.Server, aliases: int, choices: int) -> float:
    """Choose VICIdial's way; returns the median in milliseconds."""
    chooser = baseline.Baseline(server)
    times = []
    for number in range(choices):
        started = time.perf_counter()
        chosen = chooser.choose(f"{10_000 + number % aliases}x", PASSWORD, CAMPAIGN)
        assert chosen, "the baseline chose nobody"
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def verdict(case: Case, median: float, rate: float, ratio: float, uneven: int) -> str:
    """Say whether everything was reached that is to be, and if not, what wasn't."""
    missed = [
        name
        for name, reached in (
            (f"median {case.median} ms", median <= case.median),
            (f"{case.rate} a second", rate >= case.rate),
            (f"{case.ratio} times the baseline", ratio >= case.ratio),
            ("spread 1", uneven <= 1),
        )
        if not reached
    ]
    return f"MISSED: {', '.join(missed)}" if missed else "reached"


def main() -> None:
    """Measure every case and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choices", type=int, default=600)
    choices = parser.parse_args().choices
    print(
        "dialers  phones   live | alone: median    p99  | at once: a second  median    p99  spread"
        " | baseline median  ratio"
    )
    with mariadb.running() as server:
        for case in CASES:
            baseline.create_database(server)
            aliases = fill(server, baseline.DATABASE, case)
            slow = measure_baseline(server, aliases, case.baseline_choices)
            mariadb.create_database(server, EVENFLOOR_DATABASE)
            fill(server, EVENFLOOR_DATABASE, case)
            rate, crowd = measure_at_once(server, aliases, choices)
            uneven = spread(server)
            with server.connect(EVENFLOOR_DATABASE) as connection:
                connection.cursor().execute("DELETE FROM evenfloor_reservations")
            alone = measure_alone(server, aliases, choices)
            _chooser.close()
            median = statistics.median(alone)
            print(
                f"{case.dialers:>7} {case.phones:>7} {case.live:>6} |"
                f" {median:>10.2f} ms {alone[len(alone) * 99 // 100]:>6.2f} |"
                f" {rate:>13.0f} {statistics.median(crowd):>11.2f}"
                f" {crowd[len(crowd) * 99 // 100]:>7.2f} {uneven:>6} |"
                f" {slow:>12.1f} ms {slow / median:>6.0f}"
                f"   {verdict(case, median, rate, slow / median, uneven)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
