"""What idle dialers cost the database: its processor time while daemons beat and nobody logs in.

Real daemons, all in this process, on a real MariaDB. Each pair is the same daemons asking twenty
times a second for actions, as where no datagrams come, and waiting for datagrams. Their Asterisks
are imitated: they cost the database nothing. A login's way to the daemon is timed, too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import time
from pathlib import Path

from evenfloor.config import Config, DatabaseConfig, DialerConfig
from evenfloor.dialer import Daemon
from evenfloor.wakeups import Waker
from tests import mariadb
from tests.asterisk import Asterisk

DATABASE = "bench_idle"
DIALERS = (3, 30, 100)
SECONDS = 20.0
CALLS = 40
#: Each daemon has an address of its own on loopback.
PORT = 5039


def address(number: int) -> str:
    """Return the number-th dialer's address."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def processor_time(pid: int) -> float:
    """Return how many seconds of a processor a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(server: mariadb.Server, dialers: int) -> None:
    """Make a database with so many dialers."""
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO server_updater (server_ip, last_update) VALUES (%s, NOW())",
            [(address(number),) for number in range(dialers)],
        )


async def beating(server: mariadb.Server, dialers: int) -> None:
    """Wait until every daemon beats."""
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT COUNT(*) FROM evenfloor_daemons WHERE beat IS NOT NULL")
            if cursor.fetchone()[0] == dialers:
                return
            await asyncio.sleep(0.1)


async def ring(server: mariadb.Server, asterisk: Asterisk, dialers: int, wake_port: int) -> float:
    """Queue calls, one after the other; returns the median until Asterisk has it, in ms."""
    times = []
    waker = Waker(wake_port)
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        for number in range(CALLS):
            there = address(number % dialers)
            before = len(asterisk.originated)
            cursor.execute(
                "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip,"
                " action, callerid, cmd_line_b, cmd_line_d) VALUES ('', NOW(), 'NEW', 'N', %s,"
                " 'Originate', %s, 'Channel: PJSIP/101', 'Exten: 8600051')",
                (there, f"S261124100000b{number:06d}"),
            )
            started = time.perf_counter()
            waker.wake([there])
            while len(asterisk.originated) == before:
                await asyncio.sleep(0.001)
            times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.03 + 0.002 * number)  # not in step with anything
    waker.close()
    return statistics.median(times)


async def measure(server: mariadb.Server, dialers: int, wake_port: int) -> tuple[float, float]:
    """Run daemons.

    Returns:
        Seconds of a processor that the database uses in a second, and the median time from a
        queued call to Asterisk, in milliseconds.
    """
    with Asterisk() as asterisk:
        daemons = [
            Daemon(
                Config(
                    database=DatabaseConfig(**server.root, name=DATABASE),
                    dialer=DialerConfig(
                        server_ip=address(number), ami_port=asterisk.port, wake_port=wake_port
                    ),
                )
            )
            for number in range(dialers)
        ]
        running = [asyncio.ensure_future(daemon.run()) for daemon in daemons]
        await beating(server, dialers)
        started, used = time.monotonic(), processor_time(server.process.pid)
        await asyncio.sleep(SECONDS)
        used = processor_time(server.process.pid) - used
        share = used / (time.monotonic() - started)
        delay = await ring(server, asterisk, dialers, wake_port)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return share, delay


def main() -> None:
    """Measure and print."""
    # Each daemon says how it asks.
    logging.disable(logging.WARNING)
    print(f"Idle daemons on one MariaDB for {SECONDS:.0f} s, then {CALLS} calls one by one:")
    print("dialers  database's processor    call to Asterisk")
    print("         asking  woken           asking   woken")
    with mariadb.running() as server:
        for dialers in DIALERS:
            found = []
            for wake_port in (0, PORT):
                fill(server, dialers)
                found.append(asyncio.run(measure(server, dialers, wake_port)))
            (asking, late), (woken, soon) = found
            print(
                f"{dialers:7}  {asking:6.1%}  {woken:6.2%}         {late:5.1f} ms {soon:5.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
