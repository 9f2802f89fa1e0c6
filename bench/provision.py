"""Phones and aliases of a large cluster, through the module, beside one statement per row.

The module runs as Ansible runs it, a process of its own: its start is part of the time. Memory is
that of the largest process of a whole `ansible` run that does the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import mariadb
from tests.modules import DatabaseRunner

DATABASE = "evenfloor_bench"
DIALERS = 30
ALIASES = 1000
#: The baseline writes so many rows; its rate doesn't depend on how many.
BASELINE_ROWS = 3000

_TARGETS = {
    "rows a second": 20_000,
    "31st dialer, s": 2.0,
    "nothing to do, s": 2.0,
    "memory, MB": 300,
}
#: Runs a command and says how many KB the largest of its processes had.
_LARGEST = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def dialers(count: int) -> list[dict]:
    """Name some dialers."""
    return [{"name": f"d{n}", "server_ip": f"10.3.0.{n}"} for n in range(1, count + 1)]


def arguments(count: int) -> dict:
    """Say what the module is to do: all aliases on so many dialers."""
    return {
        "phone_aliases": [{"extensions": f"1001-{1000 + ALIASES}"}],
        "dialers": dialers(count),
        "serving": [dialer["server_ip"] for dialer in dialers(count)],
    }


def runner_on(server: mariadb.Server, folder: Path) -> DatabaseRunner:
    """Make an empty database, and what runs the module on it.

    Args:
        server: where.
        folder: takes the module's option file.
    """
    mariadb.create_database(server, DATABASE)
    option_file = folder / "my.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    return DatabaseRunner(option_file, DATABASE)


def memory(server: mariadb.Server, runner: DatabaseRunner) -> float:
    """Do everything once more with Ansible, with a diff; returns the largest process's MB."""
    mariadb.create_database(server, DATABASE)
    given = {**arguments(DIALERS), "config_file": runner.config_file, "database": DATABASE}
    command = [
        Path(sys.executable).with_name("ansible"), "localhost", "--diff", "-e",
        f"ansible_python_interpreter={sys.executable}", "-m", "evenfloor.cluster.aliases", "-a",
        json.dumps(given),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _LARGEST, *command], check=True, capture_output=True, text=True
    )
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM phones")
        assert cursor.fetchone() == (DIALERS * ALIASES,)
    return int(done.stdout) / 1024


def run(runner: DatabaseRunner, count: int) -> tuple[float, dict]:
    """Bring the aliases to so many dialers; returns seconds and what was counted."""
    started = time.perf_counter()
    result = runner.run("aliases", **arguments(count))
    return time.perf_counter() - started, result["counts"]


def one_by_one(server: mariadb.Server) -> float:
    """Write phones with a statement and a commit each, as VICIdial's API does; rows a second."""
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM phones")
        started = time.perf_counter()
        for number in range(BASELINE_ROWS):
            cursor.execute(
                "SELECT COUNT(*) FROM phones WHERE extension = %s AND server_ip = %s",
                (str(number), "10.3.0.1"),
            )
            cursor.execute(
                "INSERT INTO phones (extension, server_ip, login, pass, conf_secret, active,"
                " template_id) VALUES (%s, '10.3.0.1', %s, 'secret', 'secret', 'Y', '')",
                (str(number), f"{number}a"),
            )
        return BASELINE_ROWS / (time.perf_counter() - started)


def verdict(name: str, value: float) -> str:
    """Say whether a figure is what is to be reached."""
    target = _TARGETS[name]
    good = value >= target if name == "rows a second" else value <= target
    return f"target {target:,}: {'reached' if good else 'MISSED'}"


def main() -> None:
    """Measure and print."""
    print(f"{DIALERS} dialers x {ALIASES} aliases through the module:")
    with mariadb.running() as server, tempfile.TemporaryDirectory() as folder:
        runner = runner_on(server, Path(folder))
        seconds, counts = run(runner, DIALERS)
        rows = counts["phones_added"] + counts["aliases_added"]
        rate = rows / seconds
        print(
            f"  into an empty database: {rows} rows in {seconds:.2f} s, {rate:,.0f} rows a second"
            f" ({verdict('rows a second', rate)})"
        )
        seconds, counts = run(runner, DIALERS + 1)
        print(
            f"  a {DIALERS + 1}st dialer: {counts['phones_added']} phones and"
            f" {counts['aliases_changed']} list entries in {seconds:.2f} s"
            f" ({verdict('31st dialer, s', seconds)})"
        )
        seconds, counts = run(runner, DIALERS + 1)
        assert not any(counts.values()), counts
        print(f"  nothing to do: {seconds:.2f} s ({verdict('nothing to do, s', seconds)})")
        slow = one_by_one(server)
        print(f"  one statement per row: {slow:,.0f} rows a second, {rate / slow:.0f} times slower")
        highest = memory(server, runner)
        print(f"  memory on the control node: {highest:.0f} MB ({verdict('memory, MB', highest)})")


if __name__ == "__main__":
    main()
