"""A large cluster for real: a thousand endpoints on each Asterisk, hundreds of accounts registered.

Needs the lab (`make lab`). An inventory beside it adds aliases and gives part of them to the seats;
afterwards the lab is brought back to what it was. An agent's call has to outlast all of it.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

from bench.ring import KEY
from lab.cluster import PLAIN, Cluster

FIRST = 1001
TARGET_SECONDS = 5.0
#: Ansible's profile of tasks: «role : task ----- 1.23s».
_PROFILE = re.compile(r"^(.*?) -+ ([0-9.]+)s$", re.MULTILINE)
TASKS = ("dialer : Write the endpoints", "dialer : Have Asterisk read the endpoints")


def aliases(endpoints: int) -> str:
    """Return the variable that adds so many aliases to the lab's."""
    extensions = ["101-112", f"{FIRST}-{FIRST + endpoints - 1}"]
    return json.dumps({"phone_aliases": [{"extensions": extensions}]})


def seats(accounts: int) -> str:
    """Make an inventory in which the two seats register so many of them."""
    half = FIRST + accounts // 2
    more = {"seat1": f"{FIRST}-{half - 1}", "seat2": f"{half}-{FIRST + accounts - 1}"}
    own = {"seat1": "101-106", "seat2": "107-112"}
    hosts = {
        name: {"softphone_extensions": [own[name], extensions]} for name, extensions in more.items()
    }
    return json.dumps({"seats": {"hosts": hosts}})


def seconds_of(output: str) -> dict[str, float]:
    """Read how long the tasks that matter took."""
    found = dict(_PROFILE.findall(output))
    return {
        task: float(seconds)
        for task in TASKS
        for name, seconds in found.items()
        if name.startswith(task)
    }


def memory(cluster: Cluster, host: str, process: str) -> float:
    """Return a process's memory on a host, in MB."""
    return int(cluster.run(host, f"ps -C {process} -o rss= | sort -n | tail -1")) / 1024


def main() -> None:
    """Grow, measure, print, and bring the lab back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--accounts", type=int, default=200)
    wanted = parser.parse_args()
    if not KEY.exists():
        print("a large cluster: not measured, the lab isn't up (make lab)")
        return
    PLAIN["PROFILE_TASKS_TASK_OUTPUT_LIMIT"] = "100"
    cluster = Cluster()
    cluster.logout_everybody()
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    cluster.wait_until(lambda: "101" in cluster.calls(dialer), 5, "the agent's call")
    call = cluster.calls(dialer)["101"]
    print(f"{wanted.endpoints} more aliases on {len(cluster.dialers)} dialers, {wanted.accounts} of"
          " them on two softphones:", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder, "more.yml")
        beside.write_text(seats(wanted.accounts))
        started = time.monotonic()
        output = cluster.playbook(
            "playbooks/aliases.yml", "-i", str(beside), "-e", aliases(wanted.endpoints)
        ).stdout
        whole = time.monotonic() - started
    both = sum(seconds_of(output).values())
    assert cluster.calls(dialer)["101"].channel == call.channel, "the call was dropped"
    verdict = "reached" if both <= TARGET_SECONDS else "MISSED"
    print(f"  endpoints written and read by every Asterisk: {both:.1f} s, the call goes on"
          f" (target {TARGET_SECONDS:.0f}: {verdict})")  # fmt: skip
    registered = {name: len(cluster.registered(name)) for name in cluster.dialers}
    print(f"  aliases.yml in all: {whole:.0f} s; registered: {registered}")
    print(f"  memory: Asterisk {memory(cluster, dialer, 'asterisk'):.0f} MB, softphone"
          f" {memory(cluster, 'seat1', 'baresip'):.0f} MB")  # fmt: skip
    load = cluster.run(dialer, "top -b -n 2 -d 5 -p $(pgrep -o asterisk) | tail -1").split()
    print(f"  Asterisk at rest with these registrations: {load[8]} % of a core")
    started = time.monotonic()
    cluster.playbook("playbooks/aliases.yml", "-e", "confirmed=true")
    assert cluster.calls(dialer)["101"].channel == call.channel, "the call was dropped"
    cluster.logout_everybody()
    print(f"  taken away again: {time.monotonic() - started:.0f} s, the call went on")


if __name__ == "__main__":
    main()
