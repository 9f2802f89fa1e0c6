"""A playbook killed while it runs, with everything that it has started."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess

from lab.cluster import PLAIN, ROOT, Cluster

#: The kill comes within so many seconds of the step's beginning.
WITHIN = 0.8
#: With this in the environment, as in `.ci/run`, the choice is the same each time.
CI = "CI"
_CHANCE = random.Random(1 if os.environ.get(CI) else None)
#: Set in the environment to have runs killed at every step, each of which takes a run of its own.
EVERY_STEP = "EVENFLOOR_EVERY_STEP"


def some_of(steps: list[str], number: int) -> list[str]:
    """Choose by chance the steps at which runs are killed this time, in their order."""
    if os.environ.get(EVERY_STEP):
        return steps
    return [steps[place] for place in sorted(_CHANCE.sample(range(len(steps)), number))]


def _descendants(pid: int) -> list[int]:
    """List what a process has started; Ansible's workers are in sessions of their own."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in pairs if its_parent == parent]
    return found[1:]


def run_and_kill_at(cluster: Cluster, playbook: str, step: str, *words: str) -> str:
    """Run a playbook and kill it within a step or just after it.

    Args:
        cluster: where.
        playbook: which.
        step: a part of the task's headline.
        words: further arguments.

    Returns:
        What the run printed, if it ended before it could be killed; nothing if it was.
    """
    printed = []
    with subprocess.Popen(
        ["ansible-playbook", "-i", str(cluster.inventory), playbook, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=PLAIN,
    ) as process:
        for line in process.stdout:
            printed.append(line)
            if line.startswith("TASK [") and step in line:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_CHANCE.uniform(0, WITHIN))
                if process.returncode is not None:
                    break
                for pid in [process.pid, *_descendants(process.pid)]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return ""
    return "".join(printed[-40:])
