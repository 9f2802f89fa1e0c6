"""What strangers with slow connections cost the others' logins: the whole login over TLS.

The strangers are on a seat of the lab: most open a connection and say nothing, some send a header
byte by byte. Rounds with and without them take turns. Needs the lab (`make lab`).
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator

from bench.ring import ALIASES, KEY
from lab.cluster import Cluster

IDLE, SLOW = 200, 40
ROUNDS, LOGINS = 5, 60
TARGET_RATIO = 2
UNIT = "evenfloor-strangers"
#: Whoever is thrown out comes back.
STRANGERS = """
import socket, sys, time
where, idle, slow = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
header = b"POST /api/v1/login HTTP/1.1\\r\\nHost: " + b"x" * 60
def knock():
    return [socket.create_connection((where, 443)), 0]
doors = [knock() for _ in range(idle + slow)]
while True:
    for number, (door, sent) in enumerate(doors):
        door.setblocking(False)
        try:
            if number < slow:
                door.send(header[sent % len(header):][:1])
                doors[number][1] += 1
            gone = door.recv(100) == b""
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            door.close()
            doors[number] = knock()
    time.sleep(0.5)
"""


@contextlib.contextmanager
def strangers(cluster: Cluster, idle: int, slow: int) -> Iterator[None]:
    """Have strangers at the login service's door meanwhile."""
    seat, where = cluster.groups["seats"][0], cluster.address(cluster.groups["login"][0])
    cluster.run(
        seat,
        f"cat > /run/{UNIT}.py <<'END'\n{STRANGERS}END\n"
        f"systemd-run --quiet --collect --unit {UNIT} python3 /run/{UNIT}.py {where} {idle} {slow}",
    )
    try:
        connections = f"ss -Htn state established dst {where}:443 | wc -l"
        cluster.wait_until(
            lambda: int(cluster.run(seat, connections)) >= idle + slow, 60, "strangers are there"
        )
        yield
    finally:
        cluster.run(seat, f"systemctl stop {UNIT}; rm /run/{UNIT}.py")


def log_in(cluster: Cluster, passwords: dict[str, str], logins: int) -> list[float]:
    """Log agents in one after the other, who leave their former place; returns milliseconds."""
    times = []
    for number in range(logins):
        alias = ALIASES[number % len(ALIASES)]
        before = time.perf_counter()
        cluster.login(alias, password=passwords[alias])
        times.append((time.perf_counter() - before) * 1000)
    return times


def _describe(times: list[float]) -> str:
    times = sorted(times)
    return f"median {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms"


def main() -> None:
    """Log in with and without strangers, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    if not KEY.exists():
        print("logins beside strangers: not measured, the lab isn't up (make lab)")
        return
    cluster = Cluster()
    passwords = {alias: cluster.password(alias) for alias in ALIASES}
    log_in(cluster, passwords, len(ALIASES))
    alone, beside = [], []
    for _round in range(rounds):
        alone += log_in(cluster, passwords, LOGINS)
        with strangers(cluster, IDLE, SLOW):
            beside += log_in(cluster, passwords, LOGINS)
    cluster.logout_everybody()
    print(f"logins over TLS, {len(alone)} each, {rounds} rounds in turn:")
    print(f"  alone: {_describe(alone)}")
    print(f"  beside {IDLE} idle and {SLOW} slow connections: {_describe(beside)}")
    ratio = sorted(beside)[len(beside) * 99 // 100] / sorted(alone)[len(alone) * 99 // 100]
    verdict = "reached" if ratio <= TARGET_RATIO else "MISSED"
    print(f"p99 {ratio:.2f} times; target: at most {TARGET_RATIO} times: {verdict}")


if __name__ == "__main__":
    main()
