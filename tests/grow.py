"""Grows a running cluster while its agents talk: a dialer, an alias less, a range extended.

Writes what was there before, and what a watcher saw, to a file for the tests that follow.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from lab.cluster import ROOT, Cluster
from tests.watcher import Watcher

RECORD = ROOT / ".cache/molecule/grown.json"
TALKING = ["101x", "102x", "103x", "104x"]
DIALER3 = "---\ndialers:\n  hosts:\n    dialer3:\n      ansible_host: 10.96.0.33\n"
#: 108 goes, 109 and 110 come.
EDITED_ALIASES = '---\nphone_aliases:\n  - extensions: ["101-107", "109-110"]\n'
EDITED_SEAT = '---\nsoftphone_extensions: ["105-107", "109-110"]\n'


def main() -> None:
    """Grow the cluster."""
    inventory = Path(sys.argv[1])
    cluster = Cluster(inventory)
    for alias in TALKING:
        cluster.login(alias)
    cluster.wait_for_calls(len(TALKING))
    before = cluster.all_calls()
    passwords = "SELECT login, pass, conf_secret FROM phones ORDER BY login"
    phones = cluster.sql(passwords)
    watcher = Watcher(cluster, list(cluster.dialers), [str(number) for number in range(101, 108)])
    watcher.start()

    (inventory / "dialer3.yml").write_text(DIALER3)
    cluster.playbook("playbooks/lab_up.yml")
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
