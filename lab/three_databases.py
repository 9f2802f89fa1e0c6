"""`make lab-ha`: build a cluster of which any host may be lost, and kill its database at work."""

from __future__ import annotations

import contextlib
import time
from typing import NamedTuple

from lab.cluster import HTTP_TIMEOUT, ROOT, Cluster, HttpRefusal
from lab.tour import playbook, say
from lab.waiting import PATIENCE

#: The cluster of `make test-ha`.
INVENTORY = ROOT / "molecule/ha/inventory"
AGENTS = [f"{number}x" for number in range(101, 117)]
#: So many have logged in when the database is killed.
BEFORE = 5
#: An agent who is refused tries again after so many seconds.
AGAIN = 0.5


class Login(NamedTuple):
    """What an agent saw: how many tries it took, and how many seconds."""

    tries: int
    seconds: float


def build() -> Cluster:
    """Build the cluster, and let nobody be logged in."""
    say("Hosts: three databases, two login hosts, two dialers, a seat")
    playbook("playbooks/lab_up.yml", "-i", str(INVENTORY))
    say("The cluster: ansible-playbook playbooks/site.yml")
    playbook("playbooks/site.yml", "-i", str(INVENTORY))
    cluster = Cluster(INVENTORY)
    cluster.logout_everybody()
    return cluster


def log_in(door: Cluster, alias: str, password: str) -> Login:
    """Log an agent in, as often as it takes, and print each answer."""
    started, tries = time.monotonic(), 0
    while time.monotonic() - started < PATIENCE:
        tries += 1
        try:
            session = door.login(alias, password=password)
        except HttpRefusal as refusal:
            print(f"  agent{alias}: {refusal.status} {refusal.body['error']}", flush=True)
            time.sleep(AGAIN)
        else:
            seconds = time.monotonic() - started
            dialer = door.dialer_of(session["server_ip"])
            print(f"  agent{alias}: {dialer} rings, after {seconds:.1f} s", flush=True)
            return Login(tries, seconds)
    raise SystemExit(f"agent{alias} can't log in")


def is_whole(cluster: Cluster) -> bool:
    """Whether the database that was killed is one with the others again."""
    with contextlib.suppress(RuntimeError):
        return cluster.sql("SHOW STATUS LIKE 'wsrep_cluster_size'") == [["wsrep_cluster_size", "3"]]
    return False


def main() -> None:
    """Take the tour."""
    cluster = build()
    writer = cluster.groups["database"][0]
    address = cluster.hostvars[cluster.groups["login"][0]]["login_address"]
    door = cluster.at(address, HTTP_TIMEOUT)
    passwords = {alias: cluster.password(alias) for alias in AGENTS}

    say(f"Agents log in at https://{address}/, one after another")
    saw = [log_in(door, alias, passwords[alias]) for alias in AGENTS[:BEFORE]]
    say(f"{writer}, the database that is written to, is killed (SIGKILL)")
    cluster.run(writer, "systemctl kill --signal=KILL mariadb")
    saw += [log_in(door, alias, passwords[alias]) for alias in AGENTS[BEFORE:]]

    say("What the agents saw")
    print(f"  logged in at once: {sum(1 for login in saw if login.tries == 1)}")
    print(f"  on the second try: {sum(1 for login in saw if login.tries == 2)}")
    print(f"  later: {sum(1 for login in saw if login.tries > 2)}")
    print(f"  longest until a login worked: {max(login.seconds for login in saw):.1f} s")
    cluster.wait_for_calls(len(AGENTS))
    print(f"  in a call: {len(AGENTS)}")
    seconds = cluster.wait_until(lambda: is_whole(cluster), PATIENCE, "three databases again")
    print(f"  three databases again, {seconds:.0f} s later")
    say("The floor")
    print(cluster.run(cluster.groups["login"][0], "evenfloor floor"), flush=True)
    counts = cluster.counts()
    if max(counts.values()) - min(counts.values()) > 1:
        raise SystemExit(f"the floor isn't even: {counts}")
    print(f"The cluster keeps running: -i {INVENTORY.relative_to(ROOT)}. `make clean` removes it.")


if __name__ == "__main__":
    main()
