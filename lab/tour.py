"""`make lab`: build a whole cluster on this machine, log agents in, add a dialer."""

from __future__ import annotations

import subprocess
import time

from lab.cluster import ROOT, Call, Cluster
from lab.waiting import PATIENCE

FOURTH_DIALER = """\
---
# Written by `make lab`: the one line of inventory that adds a dialer.
dialers:
  hosts:
    dialer4:
      ansible_host: 10.97.0.34
"""
INVENTORY_FILE = ROOT / "inventory/lab/dialer4.yml"
AGENTS_BEFORE = [f"{number}x" for number in range(101, 110)]
AGENTS_AFTER = ["110x", "111x", "112x"]


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n\033[1m{text}\033[0m", flush=True)


def playbook(name: str, *words: str) -> float:
    """Run a playbook, show its progress, and return how many seconds it took."""
    started = time.monotonic()
    subprocess.run(["ansible-playbook", name, *words], cwd=ROOT, check=True)
    taken = time.monotonic() - started
    print(f"{name}: {taken:.0f} s", flush=True)
    return taken


def build() -> Cluster:
    """Build the cluster of three dialers, whatever an earlier tour left behind."""
    if INVENTORY_FILE.exists():
        say("The lab of an earlier tour is still there. It is removed first.")
        playbook("playbooks/lab_down.yml")
        # Last, so that a tour that is stopped here begins with this again.
        INVENTORY_FILE.unlink()
    say("Hosts: a database, a login host, three dialers, two seats")
    playbook("playbooks/lab_up.yml")
    say("The cluster: ansible-playbook playbooks/site.yml")
    playbook("playbooks/site.yml")
    cluster = Cluster()
    for name in cluster.drained():
        playbook("playbooks/drain_dialer.yml", "-e", f"dialer={name}", "-e", "undo=true")
    cluster.logout_everybody()
    return cluster


def log_in(cluster: Cluster, aliases: list[str]) -> None:
    """Log agents in, one after the other."""
    for alias in aliases:
        session = cluster.login(alias)
        dialer = cluster.dialer_of(session["server_ip"])
        print(f"  {session['user']} as {alias}: {dialer} rings {session['phone_login']}")


def show_calls(cluster: Cluster, agents: int) -> None:
    """Wait until every agent is in a call with sound in both directions, and print the calls."""
    cluster.wait_for_calls(agents)
    before = cluster.all_calls()

    def heard(dialer: str, call: Call) -> bool:
        then = before[dialer][call.extension]
        return call.received > then.received and call.sent > then.sent

    def everybody_is_heard() -> bool:
        return all(heard(dialer, call) for dialer, calls in cluster.all_calls().items()
                   for call in calls.values())  # fmt: skip

    cluster.wait_until(everybody_is_heard, PATIENCE, "sound in both directions in every call")
    for dialer, calls in cluster.all_calls().items():
        for extension, call in sorted(calls.items()):
            then = before[dialer][extension]
            print(
                f"  {dialer} room {call.room}: {call.channel}, up for {call.seconds} s, RTP packets"
                f" from the phone +{call.received - then.received},"
                f" to it +{call.sent - then.sent}"
            )


def show_floor(cluster: Cluster, wanted: dict[str, int]) -> None:
    """Print the floor as `evenfloor floor` shows it, and stop unless it is as wanted."""
    print(cluster.run(cluster.groups["login"][0], "evenfloor floor"), flush=True)
    counts = cluster.counts()
    if counts != wanted:
        raise SystemExit(f"the floor is {counts}; it should be {wanted}")


def main() -> None:
    """Take the tour."""
    started = time.monotonic()
    cluster = build()

    say("Nine agents log in")
    log_in(cluster, AGENTS_BEFORE)
    show_calls(cluster, len(AGENTS_BEFORE))
    show_floor(cluster, {"dialer1": 3, "dialer2": 3, "dialer3": 3})

    say("A fourth dialer: one line of inventory, one playbook")
    INVENTORY_FILE.write_text(FOURTH_DIALER)
    playbook("playbooks/lab_up.yml")
    playbook("add-dialer.yml")
    cluster.reload()

    say("Three more agents log in")
    log_in(cluster, AGENTS_AFTER)
    show_calls(cluster, len(AGENTS_BEFORE) + len(AGENTS_AFTER))
    show_floor(cluster, {"dialer1": 3, "dialer2": 3, "dialer3": 3, "dialer4": 3})

    login = cluster.address(cluster.groups["login"][0])
    say(f"Everything works; the tour took {time.monotonic() - started:.0f} s.")
    print(f"""\
The cluster keeps running. Try:
  source .venv/bin/activate
  ansible dialers -a "asterisk -rx 'confbridge list'"     who is in which room
  ansible login -a "evenfloor floor"                      the floor
  ansible login -a "evenfloor explain 101x"               which dialer would win, and why
  https://{login}/                                     the agents' login page
  https://{login}/floor                                the floor, live; it asks for a token:
  ansible login -a "cat /etc/evenfloor/operator.secret"   the operator token
  $EDITOR inventory/lab/group_vars/all.yml                add or remove aliases, then
  ansible-playbook playbooks/aliases.yml                  … apply the change
  ansible-playbook playbooks/drain_dialer.yml -e dialer=dialer4   send no new logins there
  ansible-playbook playbooks/check.yml                    the alias doctor
  make bench                                              measure the cluster
  make clean                                              remove the lab""")


if __name__ == "__main__":
    main()
