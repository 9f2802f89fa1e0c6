"""Runs the alias doctor."""

from __future__ import annotations

import json

from lab.cluster import Cluster


def doctor(cluster: Cluster, *words: str) -> set[tuple[str, str, str]]:
    """Run the doctor; returns its findings' kind, alias and dialer.

    Args:
        cluster: where.
        words: further arguments for ansible-playbook.
    """
    done = cluster.playbook("playbooks/check.yml", "-e", "output=json", *words, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith('{"findings"'))
    findings = json.loads(line)["findings"]
    assert done.returncode == (2 if findings else 0), done.stdout[-3000:]
    return {(row["finding"], row["alias"], row["dialer"]) for row in findings}
