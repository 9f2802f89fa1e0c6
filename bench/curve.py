"""What a choice's cost grows with: the dialers behind the alias, the agents on them, or all others.

One thing varies at a time; the choices are made one after the other and the median is printed.
The last table shows what a choice costs at least, trip by trip to the database.
"""

from __future__ import annotations

import statistics
import time

from bench.choice import CAMPAIGN, EVENFLOOR_DATABASE, PASSWORD, Case, fill, make_balancer
from evenfloor import Balancer
from evenfloor.connection import Connection
from tests import mariadb

CHOICES = 200
WARM_UP = 20
#: The trips that a choice makes to the database.
TRIPS = ("alias and campaign", "lock and floor", "claim, release")


def measure(balancer: Balancer, aliases: int) -> float:
    """Choose one after the other; returns the median in milliseconds."""
    times = []
    for number in range(WARM_UP + CHOICES):
        started = time.perf_counter()
        balancer.choose(f"{10_000 + number % aliases}x", PASSWORD, f"curve{number % 9}", CAMPAIGN)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[WARM_UP:])


def cost(server: mariadb.Server, case: Case, elsewhere: int = 0) -> float:
    """Fill a database and measure; ``elsewhere`` agents are on dialers of no alias."""
    mariadb.create_database(server, EVENFLOOR_DATABASE)
    aliases = fill(server, EVENFLOOR_DATABASE, case)
    with server.connect(EVENFLOOR_DATABASE) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vicidial_live_agents (user, server_ip, extension, campaign_id)"
            " VALUES (%s, %s, %s, %s)",
            [(f"far{n}", f"10.9.0.{n % 100}", f"PJSIP/{n}", CAMPAIGN) for n in range(elsewhere)],
        )
        cursor.execute("ANALYZE TABLE vicidial_live_agents")
    balancer = make_balancer(server)
    try:
        return measure(balancer, aliases)
    finally:
        balancer.close()


def trips(server: mariadb.Server) -> list[tuple[int, float]]:
    """Time each trip of a choice: ``(statements, median milliseconds)``."""
    found: dict[int, list[tuple[int, float]]] = {}
    whole = Connection._trip

    def timed(connection, statements, *most):
        started = time.perf_counter()
        replies = whole(connection, statements, *most)
        seen.append((len(statements), (time.perf_counter() - started) * 1000))
        return replies

    balancer = make_balancer(server)
    balancer.choose("10000x", PASSWORD, "first", CAMPAIGN)
    Connection._trip = timed
    try:
        for number in range(CHOICES):
            seen: list[tuple[int, float]] = []
            balancer.choose("10001x", PASSWORD, f"trip{number % 9}", CAMPAIGN)
            for place, trip in enumerate(seen[: len(TRIPS)]):
                found.setdefault(place, []).append(trip)
    finally:
        Connection._trip = whole
        balancer.close()
    return [
        (seen[0][0], statistics.median(milliseconds for _count, milliseconds in seen))
        for seen in found.values()
    ]


def main() -> None:
    """Measure and print."""
    with mariadb.running() as server:
        print("dialers behind the alias (100 agents on each):")
        for dialers in (1, 3, 10, 30, 100):
            case = Case(dialers, dialers * 50, dialers * 100)
            print(f"  {dialers:>6}  {cost(server, case):6.2f} ms", flush=True)
        print("dialers behind the alias (20 agents on each, 100 aliases):")
        for dialers in (100, 300, 1000):
            case = Case(dialers, dialers * 100, dialers * 20)
            print(f"  {dialers:>6}  {cost(server, case):6.2f} ms", flush=True)
        print("agents on each of 10 dialers:")
        for agents in (0, 50, 100, 200):
            case = Case(10, 500, 10 * agents)
            print(f"  {agents:>6}  {cost(server, case):6.2f} ms", flush=True)
        print("agents elsewhere in the building (10 dialers behind the alias, 50 agents on each):")
        for agents in (0, 1_000, 10_000, 20_000):
            print(
                f"  {agents:>6}  {cost(server, Case(10, 500, 500), agents):6.2f} ms",
                flush=True,
            )
        print("phones in the building (10 dialers behind the alias, 50 agents on each):")
        for phones in (500, 5_000, 50_000):
            print(f"  {phones:>6}  {cost(server, Case(10, phones, 500)):6.2f} ms", flush=True)
        print("the trips of a choice among 10 dialers:")
        for name, (statements, milliseconds) in zip(TRIPS, trips(server)):
            print(f"  {name:<20} {statements} statements  {milliseconds:6.2f} ms", flush=True)


if __name__ == "__main__":
    main()
