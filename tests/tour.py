"""`make lab`: a whole cluster on this machine, agents at work, a dialer added."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.live import ROOT, Cluster

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
ANSWER_TIMEOUT = 10
WATCHED_SECONDS = 1.0


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n\033[1m{text}\033[0m", flush=True)


def playbook(name: str, *words: str) -> None:
    """Run a playbook, its progress shown."""
    started = time.monotonic()
    subprocess.run(["ansible-playbook", name, *words], cwd=ROOT, check=True)
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def show_floor(cluster: Cluster) -> None:
    """Print the floor as the command on the login host shows it."""
    print(cluster.run(cluster.groups["login"][0], "evenfloor floor"), flush=True)


def log_in(cluster: Cluster, aliases: list[str]) -> None:
    """Log agents in, one after the other."""
    for alias in aliases:
        session = cluster.login(alias)
        dialer = cluster.dialer_of(session["server_ip"])
        print(f"  {session['user']} as {alias}: {dialer} rings {session['phone_login']}")


def prove_calls(cluster: Cluster, agents: int) -> None:
    """Make sure that every agent's call is up, with sound in both directions."""

    def count() -> int:
        return sum(len(calls) for calls in cluster.all_calls().values())

    cluster.wait_until(lambda: count() == agents, ANSWER_TIMEOUT, f"{agents} agents in a call")
    before = cluster.all_calls()
    time.sleep(WATCHED_SECONDS)
    after = cluster.all_calls()
    for dialer, calls in after.items():
        for extension, call in sorted(calls.items()):
            received = call.received - before[dialer][extension].received
            sent = call.sent - before[dialer][extension].sent
            print(
                f"  {dialer} room {call.room}: {call.channel}, up {call.seconds} s,"
                f" RTP packets from the phone {received}, to it {sent}"
            )
            if not (received > 0 and sent > 0):
                sys.exit(f"{call.channel} on {dialer} is silent")


def expect(cluster: Cluster, wanted: dict[str, int]) -> None:
    """Stop unless the floor is as wanted."""
    counts = cluster.counts()
    if counts != wanted:
        sys.exit(f"the floor is {counts}, should be {wanted}")


def main() -> None:
    """Take the tour."""
    started = time.monotonic()
    if INVENTORY_FILE.exists():
        say("The lab is there from before: it is made again")
        INVENTORY_FILE.unlink()
        playbook("playbooks/lab-down.yml")
    say("Hosts: one database, one login host, three dialers, two seats")
    playbook("playbooks/lab-up.yml")
    say("ansible-playbook playbooks/site.yml")
    playbook("playbooks/site.yml")
    cluster = Cluster()
    cluster.logout_everybody()

    say("Nine agents log in")
    log_in(cluster, AGENTS_BEFORE)
    prove_calls(cluster, len(AGENTS_BEFORE))
    show_floor(cluster)
    expect(cluster, {"dialer1": 3, "dialer2": 3, "dialer3": 3})

    say("A fourth dialer: one line of inventory, one playbook")
    INVENTORY_FILE.write_text(FOURTH_DIALER)
    playbook("playbooks/lab-up.yml")
    playbook("add-dialer.yml")
    cluster.reload()

    say("Three more agents log in")
    log_in(cluster, AGENTS_AFTER)
    prove_calls(cluster, len(AGENTS_BEFORE) + len(AGENTS_AFTER))
    show_floor(cluster)
    expect(cluster, {"dialer1": 3, "dialer2": 3, "dialer3": 3, "dialer4": 3})

    login = cluster.address(cluster.groups["login"][0])
    say(f"Everything works, {time.monotonic() - started:.0f} s in all. The cluster goes on. Try:")
    print(f"""\
  source .venv/bin/activate
  ansible dialers -a "asterisk -rx 'confbridge list'"     who is in which room
  ansible login -a "evenfloor floor"                      the floor
  ansible login -a "evenfloor explain 101x"               who would win, and why
  http://{login}:8080/                                 the agents' login page
  $EDITOR inventory/lab/group_vars/all.yml                add or remove aliases, then
  ansible-playbook playbooks/aliases.yml
  ansible-playbook playbooks/drain-dialer.yml -e dialer=dialer4   no new logins there
  ansible-playbook playbooks/check.yml                    the alias doctor
  make bench                                              from the login to the ringing phone
  make clean                                              take it all away""")


if __name__ == "__main__":
    main()
