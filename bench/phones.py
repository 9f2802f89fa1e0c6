"""How phones follow to a dialer that is added: many desk phones that fetch their accounts by token.

Needs the cluster of `make test-phones`, with its two dialers (`molecule converge -s phones`), and
leaves it with the third. The phones are all on this machine (tests/desk_phone.py).
"""

from __future__ import annotations

import argparse
import collections
import json
import ssl
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from lab.cluster import ROOT, Cluster
from tests.desk_phone import EVENTS, DeskPhone
from tests.waiting import PATIENCE

INVENTORY = ROOT / "molecule/phones/inventory"
DIALER3 = "---\ndialers:\n  hosts:\n    dialer3:\n      ansible_host: 10.91.0.33\n"
PHONES, FIRST = 200, 201
NEW = "dialer3"
#: What is paid where: the units of a kind of host.
UNITS = {
    "login": ("evenfloor-login.service", "nginx.service"),
    "dialers": ("asterisk.service", "evenfloor-dialer.service"),
}


class Watcher(threading.Thread):
    """Looks at the floor once a second until it is told to stop.

    Attributes:
        seen: by dialer, pairs of the time (``time.monotonic()``) and how many phones it has.
        opened: when the new dialer took logins; None until then.
    """

    def __init__(self, cluster: Cluster):
        super().__init__(daemon=True)
        self._cluster, self._ends = cluster, threading.Event()
        self.seen: dict[str, list[tuple]] = {}
        self.opened: float | None = None

    def run(self) -> None:
        """Look."""
        while not self._ends.wait(1):
            now = time.monotonic()
            for name, entry in self._cluster.floor().items():
                self.seen.setdefault(name, []).append((now, entry["registered"]))
                if name == NEW and entry["takes_logins"] and self.opened is None:
                    self.opened = now

    def stop(self) -> None:
        """Look no more."""
        self._ends.set()
        self.join()

    def when(self, dialer: str, registered: int) -> float:
        """Return when a dialer had so many phones for the first time; infinite if never."""
        seen = self.seen.get(dialer, [])
        return next((at for at, number in seen if number >= registered), float("inf"))


def used(cluster: Cluster) -> dict[tuple, int]:
    """Return how many seconds of a processor each unit has used so far, by host and unit."""
    found: dict[tuple, int] = collections.Counter()
    for group, units in UNITS.items():
        for host in set(cluster.groups[group]) - {NEW}:
            for line in cluster.run(host, "ps -eo cputimes=,unit=").splitlines():
                seconds, unit = line.split(None, 1)
                if unit.strip() in units:
                    found[host, unit.strip()] += int(seconds)
    return found


def addresses(cluster: Cluster, words: tuple) -> list[str]:
    """Hand the tokens out; returns where each phone fetches its accounts."""
    with tempfile.TemporaryDirectory(prefix="evenfloor-phones-") as folder:
        cluster.playbook("playbooks/credentials.yml", "-e", f"folder={folder}", *words)
        tokens = json.loads((Path(folder) / "phones/tokens.json").read_text())
    host = cluster.address(cluster.groups["login"][0])
    return [f"https://{host}/provision/{token}/" for _alias, token in sorted(tokens.items())]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=PHONES)
    phones = parser.parse_args().phones
    cluster = Cluster(INVENTORY)
    aliases = [{"extensions": f"{FIRST}-{FIRST + phones - 1}"}]
    # In place of those that the cluster has.
    words = ("-e", json.dumps({"phone_aliases": aliases, "phone_aliases_confirmed": True}))
    print(f"{phones} aliases on {len(cluster.dialers)} dialers", flush=True)
    cluster.playbook("playbooks/site.yml", *words)
    # Tokens of another folder would stay, and be nobody's here.
    cluster.sql("DELETE FROM evenfloor_phone_tokens")
    places = addresses(cluster, words)
    trust = ssl.create_default_context(cadata=cluster.run("db1", "cat /etc/evenfloor/ca.pem"))
    models = list(EVENTS)
    with ExitStack() as stack:
        began = time.monotonic()
        there = [
            stack.enter_context(DeskPhone(models[number % len(models)], number, place, trust))
            for number, place in enumerate(places, 1)
        ]
        cluster.wait_until(
            lambda: all(entry["registered"] == phones for entry in cluster.floor().values()),
            2 * PATIENCE, "all phones are registered",
        )  # fmt: skip
        print(f"all fetched and registered after {time.monotonic() - began:.0f} s", flush=True)
        (INVENTORY / f"{NEW}.yml").write_text(DIALER3)
        cluster.reload()
        cluster.playbook("playbooks/lab_up.yml")
        old = [name for name in cluster.dialers if name != NEW]
        watcher, before, began = Watcher(cluster), used(cluster), time.monotonic()
        watcher.start()
        cluster.playbook("add-dialer.yml", *words)
        cluster.wait_until(lambda: watcher.opened is not None, PATIENCE, "the new dialer opens")
        watcher.stop()
        after = used(cluster)
    first, last = watcher.when(NEW, 1), watcher.when(NEW, phones)
    lapsed = {name: phones - min(number for _at, number in watcher.seen[name]) for name in old}
    print(
        f"add-dialer.yml: the first phone was registered after {first - began:.0f} s, the last"
        f" {last - first:.0f} s later; the dialer opened {watcher.opened - last:.0f} s after that"
    )
    print(f"at most so many registrations were missing on the others meanwhile: {lapsed}")
    told = sum(len(phone.notified) for phone in there)
    refused = sum(len(phone.refused) for phone in there)
    print(f"the phones were told {told} times, and refused {refused} times")
    for (host, unit), seconds in after.items():
        print(f"{host}: {unit} used {seconds - before[host, unit]} s of a processor")


if __name__ == "__main__":
    main()
