"""Grows a running cluster while its agents talk: a dialer, an alias less, a range extended.

What was before, and what a watcher saw meanwhile, is written to a file for the tests that follow.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from tests.live import ROOT, Cluster

RECORD = ROOT / ".cache/molecule/grown.json"
TALKING = ["101x", "102x", "103x", "104x"]
DIALER3 = "---\ndialers:\n  hosts:\n    dialer3:\n      ansible_host: 10.96.0.33\n"
#: 108 goes, 109 and 110 come.
EDITED_ALIASES = '---\nphone_aliases:\n  - extensions: ["101-107", "109-110"]\n'
EDITED_SEAT = '---\nsoftphone_extensions: ["105-107", "109-110"]\n'


class Watcher(threading.Thread):
    """Looks at the calls and registrations of some dialers again and again.

    Args:
        cluster: where.
        dialers: which dialers.
        extensions: the extensions that have to stay registered all the time.
    """

    def __init__(self, cluster: Cluster, dialers: list[str], extensions: list[str]):
        super().__init__(daemon=True)
        self._cluster, self._dialers, self._extensions = cluster, dialers, extensions
        self._enough = threading.Event()
        self.lapses: list[str] = []
        self.looks = 0

    def run(self) -> None:
        """Look until told to stop."""
        channels = {dialer: set(self._channels(dialer)) for dialer in self._dialers}
        while not self._enough.wait(0.5):
            self.looks += 1
            for dialer in self._dialers:
                gone = channels[dialer] - set(self._channels(dialer))
                if gone:
                    self.lapses.append(f"{dialer}: calls ended: {sorted(gone)}")
                missing = set(self._extensions) - set(self._cluster.registered(dialer))
                if missing:
                    self.lapses.append(f"{dialer}: not registered: {sorted(missing)}")

    def _channels(self, dialer: str) -> list[str]:
        return [call.channel for call in self._cluster.calls(dialer).values()]

    def stop(self) -> None:
        """Stop looking."""
        self._enough.set()
        self.join()


def main() -> None:
    """Grow the cluster."""
    inventory = Path(sys.argv[1])
    cluster = Cluster(inventory)
    for alias in TALKING:
        cluster.login(alias)
    cluster.wait_until(
        lambda: sum(len(calls) for calls in cluster.all_calls().values()) == len(TALKING),
        10,
        "everybody is in a call",
    )
    before = cluster.all_calls()
    passwords = "SELECT login, pass, conf_secret FROM phones ORDER BY login"
    phones = cluster.sql(passwords)
    watcher = Watcher(cluster, list(cluster.dialers), [str(number) for number in range(101, 108)])
    watcher.start()

    (inventory / "dialer3.yml").write_text(DIALER3)
    cluster.playbook("playbooks/lab-up.yml")
    added = cluster.playbook("add-dialer.yml", "--diff").stdout
    (inventory / "host_vars").mkdir(exist_ok=True)
    (inventory / "group_vars/all/edited.yml").write_text(EDITED_ALIASES)
    (inventory / "host_vars/seat2.yml").write_text(EDITED_SEAT)
    edited = cluster.playbook("playbooks/aliases.yml", "--diff").stdout
    watcher.stop()

    RECORD.write_text(
        json.dumps(
            {
                "calls": {
                    dialer: {name: asdict(call) for name, call in calls.items()}
                    for dialer, calls in before.items()
                },
                "phones": phones,
                "lapses": watcher.lapses,
                "looks": watcher.looks,
                "output": added + edited,
            }
        )
    )
    RECORD.chmod(0o600)


if __name__ == "__main__":
    main()
