"""How soon logins follow where a replica takes the place of the database, as beside VICIdial.

Real MariaDB and a real login service with two processes. Whoever decides is the operator, or a tool
of theirs; the seconds count from the moment in which the replica takes writes.
"""

from __future__ import annotations

from statistics import median

from tests.replicas import LOSSES, OnTwo

#: How often each way is measured.
TIMES = 3


def seconds(lose) -> float:
    """Lose a database, let its replica take over, and return when a choice succeeds."""
    with OnTwo.running() as cluster:
        cluster.choose()
        cluster.pair.caught_up()
        with lose(cluster.pair):
            cluster.choose()
            cluster.fail_over()
            return cluster.follow()


def main() -> None:
    """Print what logins pay for each way of losing a database."""
    print("the database is    until a choice succeeds, in seconds")
    for name, lose in LOSSES.items():
        taken = [seconds(lose) for _time in range(TIMES)]
        print(f"{name:<18} median {median(taken):.2f}, longest {max(taken):.2f}", flush=True)


if __name__ == "__main__":
    main()
