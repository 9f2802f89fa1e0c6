"""What open floor pages cost the logins beside them: the whole login over HTTP, gunicorn included.

Each page asks for the floor once a second, as its script does, through the socket that the front
server uses. Rounds without and with the pages take turns. All of it runs on one machine: the pages'
own work, which is the offices' in reality, is done by one process.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import multiprocessing
import os
import random
import statistics
import time
from pathlib import Path

from bench import service as bench_service
from bench.choice import EVENFLOOR_DATABASE, Case, fill
from bench.idle import processor_time
from evenfloor import operator_cookie
from tests import mariadb
from tests.service import OPERATOR_TOKEN, SESSION_SECRET, Service, running

PAGES = 300
ROUNDS, LOGINS, AT_ONCE = 6, 160, 16
CASE = Case(10, 10_000, 1_000)
WORKERS = 4
TARGET_RATIO = 1.25
#: The time of an answer that isn't the floor.
REFUSED = float("inf")


def cookie() -> str:
    """Return the cookie of somebody who has typed the operator token."""
    value = operator_cookie.make(SESSION_SECRET, OPERATOR_TOKEN, time.time())
    return f"{operator_cookie.NAME}={value}"


async def look(socket: str, header: bytes, answers: list[float]) -> None:
    """Be an open page: ask once a second."""
    await asyncio.sleep(random.uniform(0, 1))
    while True:
        asked = time.monotonic()
        reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(header)
        answer = await reader.read()
        writer.close()
        is_there = answer.startswith(b"HTTP/1.1 200")
        answers.append(time.monotonic() - asked if is_there else REFUSED)
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - asked)))


def watch(socket: str, pages: int, open_now, told) -> None:
    """Open pages while somebody says so."""
    header = (
        f"GET /floor/snapshot HTTP/1.1\r\nHost: login.example\r\nConnection: close\r\n"
        f"X-Real-IP: 10.9.0.1\r\nCookie: {cookie()}\r\n\r\n"
    ).encode()

    async def session() -> None:
        answers: list[float] = []
        looking = [asyncio.ensure_future(look(socket, header, answers)) for _ in range(pages)]
        started = time.monotonic()
        while open_now.is_set():
            await asyncio.sleep(0.05)
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        rate = len(answers) / (time.monotonic() - started)
        told.put((rate, statistics.median(answers), answers.count(REFUSED)))

    while True:
        open_now.wait()
        asyncio.run(session())


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def used_by(service: Service) -> float:
    """Return how many seconds of a processor the login service has used."""
    return sum(map(processor_time, family(service.process.pid)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=PAGES)
    pages = parser.parse_args().pages
    forked = multiprocessing.get_context("fork")
    times: dict[bool, list[float]] = {False: [], True: []}
    rates, cost = [], []
    with mariadb.running() as server:
        mariadb.create_database(server, EVENFLOOR_DATABASE)
        fill(server, EVENFLOOR_DATABASE, CASE)
        with running({**server.root, "name": EVENFLOOR_DATABASE}, WORKERS) as service:
            bench_service._service = service
            open_now, told = forked.Event(), forked.Queue()
            watcher = forked.Process(
                target=watch, args=(str(service.socket), pages, open_now, told), daemon=True
            )
            watcher.start()
            with concurrent.futures.ProcessPoolExecutor(AT_ONCE, forked) as pool:
                list(pool.map(time.sleep, [0.05] * AT_ONCE * 2))
                for number in range(ROUNDS):
                    with_pages = number % 4 in (1, 2)
                    if with_pages:
                        open_now.set()
                        before, since = used_by(service), time.monotonic()
                        time.sleep(5)
                        spent = used_by(service) - before
                        cost.append(spent / (time.monotonic() - since))
                    first = number * LOGINS
                    times[with_pages] += pool.map(
                        bench_service._log_in, range(first, first + LOGINS), chunksize=5
                    )
                    if with_pages:
                        open_now.clear()
                        rates.append(told.get())
            watcher.terminate()
    for with_pages, found in times.items():
        found.sort()
        print(
            f"{pages if with_pages else 'no':>4} pages: {len(found)} logins, {AT_ONCE} at once:"
            f" median {statistics.median(found):.0f} ms, p99 {found[len(found) * 99 // 100]:.0f} ms"
        )
    p99 = {which: found[len(found) * 99 // 100] for which, found in times.items()}
    asked, answered, refused = map(statistics.median, zip(*rates))
    print(
        f"p99 with pages is {p99[True] / p99[False]:.2f} times that without"
        f" (target: {TARGET_RATIO}).\n"
        f"The pages asked {asked:.0f} times a second, and were answered after"
        f" {1000 * answered:.0f} ms, {refused:.0f} of them in vain.\n"
        f"While nobody logged in, the login service used {statistics.median(cost):.0%} of a"
        f" processor for them ({os.cpu_count()} processors)."
    )


if __name__ == "__main__":
    main()
