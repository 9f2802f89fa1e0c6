"""What strangers find who guess phones' tokens, and what a phone and an agent notice of it.

Strangers at some addresses send wrong tokens as fast as they are answered. Beside them a phone
fetches its accounts with its own token, and an agent's login is chosen a dialer; both from another
address.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import secrets
import statistics
import threading
import time

from tests import mariadb
from tests.integration.conftest import DATABASE
from tests.integration.phone_tokens import give_token, where, with_phones
from tests.integration.strangers import CHOOSE, OFFICE, credentials, post
from tests.service import Service, running

TRIES, ADDRESSES, AT_ONCE = 10_000, 25, 32
WORKERS = 4
EXTENSION = 1001
#: How often the phone and the agent come, in seconds.
EVERY = 0.25
SECTION = "[provisioning]\ntransport = udp\n"


def fetch(service: Service, token: str, address: str) -> int:
    """Ask for a phone's accounts; returns the status."""
    path = f"/provision/{token}/linphone.xml"
    return service.ask_from(address, "GET", path, X_Forwarded_Proto="https")[0].status


def guess(service: Service, number: int) -> int:
    """Try a token that nobody has, from one of the addresses; returns the status."""
    return fetch(service, secrets.token_urlsafe(32), f"10.9.1.{number % ADDRESSES}")


def come_and_go(service: Service, token: str, ends: threading.Event) -> dict:
    """Be the phone and the agent until the strangers have gone.

    Returns:
        For "phone" and "agent", pairs of the status and the seconds that it took.
    """
    found = collections.defaultdict(list)
    body = {**credentials(EXTENSION), "user": "agent", "campaign": "TEST"}
    while not ends.wait(EVERY):
        for who, ask in (
            ("phone", lambda: fetch(service, token, OFFICE)),
            ("agent", lambda: post(service, CHOOSE, body, OFFICE)[0]),
        ):
            before = time.monotonic()
            found[who].append((ask(), time.monotonic() - before))
    return found


def say(who: str, answers: list[tuple]) -> None:
    """Print what somebody was answered, and when."""
    statuses = collections.Counter(status for status, _seconds in answers)
    seconds = sorted(seconds for _status, seconds in answers)
    print(
        f"The {who}: {dict(statuses)}, median {1000 * statistics.median(seconds):.0f} ms,"
        f" longest {1000 * seconds[-1]:.0f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=TRIES)
    tries = parser.parse_args().tries
    with (
        mariadb.running() as server,
        with_phones(server, aliases=6) as phones,
        running(where(server), WORKERS, SECTION) as service,
        concurrent.futures.ThreadPoolExecutor(AT_ONCE + 1) as pool,
    ):
        token, ends = give_token(phones, f"{EXTENSION}x"), threading.Event()
        others = pool.submit(come_and_go, service, token, ends)
        began = time.monotonic()
        try:
            statuses = collections.Counter(pool.map(lambda n: guess(service, n), range(tries)))
        finally:
            ends.set()
        seconds = time.monotonic() - began
        ((noted,),) = phones.run(
            "SELECT COUNT(*) FROM evenfloor_events WHERE detail = 'wrong phone token'"
        )
        print(
            f"{tries} wrong tokens from {ADDRESSES} addresses in {seconds:.0f} s: answered"
            f" {dict(statuses)} (401 wrong, 429 too many, 200 found); events in {DATABASE}: {noted}"
        )
        for who, answers in others.result().items():
            say(who, answers)


if __name__ == "__main__":
    main()
