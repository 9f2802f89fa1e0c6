"""`make vicidial-lab SOURCE=folder`: a whole real VICIdial cluster, and Evenfloor on it."""

from __future__ import annotations

import argparse
import subprocess
import time
from collections import Counter
from pathlib import Path

from lab.tour import playbook as tour_playbook
from lab.tour import say
from lab.vicidial_agents import INVENTORY, LOGGED_IN, Login, RingWatch, VicidialLab
from lab.waiting import PATIENCE

SOURCE_FILE = INVENTORY / "group_vars/all/source.yml"
DIALER_FILE = INVENTORY / "dialer4.yml"
FOURTH_DIALER = """\
---
# Written by `make vicidial-lab`: a bare host that becomes a dialer, with Asterisk 22.
dialers:
  hosts:
    dialer4:
      ansible_host: 10.90.0.34
      lab_hosts_release: trixie
"""
#: What the folder has to have.
PARTS = ("install.pl", "www/agc/vicidial.php", "extras/MySQL_AST_CREATE_tables.sql")
WITHOUT_SOURCE = """\
VICIdial isn't part of this project. Get its source, unpack it into a folder, and run

  make vicidial-lab SOURCE=/the/folder

The folder has VICIdial's install.pl, www and extras in it. VICIdial's project page says where its
Subversion repository is; `svn export` makes such a folder."""
EXTENSIONS = [str(number) for number in range(1001, 1041)]
#: Seconds.
SOON = 5
KILLED = "dialer2"


def playbook(name: str, *words: str) -> float:
    """Run a playbook on this lab; returns how many seconds it took."""
    return tour_playbook(name, "-i", str(INVENTORY), *words)


def remove() -> None:
    """Remove the lab of an earlier tour."""
    playbook("playbooks/lab_down.yml")
    DIALER_FILE.unlink(missing_ok=True)


def build(source: Path) -> VicidialLab:
    """Build the cluster of three dialers from nothing."""
    SOURCE_FILE.write_text(f"---\n# Written by `make vicidial-lab`.\nvicidial_source: {source}\n")
    remove()
    say("Hosts: a database, a web host, three dialers, two seats")
    playbook("playbooks/lab_up.yml")
    say("VICIdial's database and pages")
    playbook("lab/vicidial.yml")
    say("Evenfloor's tables in VICIdial's database")
    playbook("playbooks/site.yml", "--tags", "database")
    say("Three bare hosts become dialers")
    playbook("add-dialer.yml")
    say("The login service, and the hook in VICIdial's login page")
    playbook("playbooks/site.yml", "--tags", "login")
    return VicidialLab()


def check(cluster: VicidialLab, watch: RingWatch, logins: list[Login], away: str = "") -> None:
    """Check what is promised of logins, say it, and stop the tour if it isn't so.

    Args:
        cluster: the lab.
        watch: has seen the phones ring.
        logins: those that have just been.
        away: a dialer that is dead, which must have got none of them.
    """
    outcomes = Counter(login.outcome for login in logins)
    if set(outcomes) != {LOGGED_IN}:
        raise SystemExit(f"not everybody was logged in: {dict(outcomes)}")
    watch.wait_for_rings(logins)
    rang = [watch.seconds_to_ring(login) for login in logins]
    print(f"  {len(rang)} phones of {len(logins)} logins rang, the last after {max(rang):.1f} s")
    agents = cluster.agents()
    counts = [number for dialer, number in agents.items() if dialer != away]
    if set(agents) - set(cluster.dialers) or max(counts) - min(counts) > 1:
        raise SystemExit(f"agents by dialer: {agents}")
    if any(login.server_ip == cluster.address(away) for login in logins if away):
        raise SystemExit(f"somebody was logged in on {away}, which is dead")
    print(cluster.run(cluster.door, "evenfloor floor"), flush=True)


def log_in_one_by_one(cluster: VicidialLab, extensions: list[str]) -> list[Login]:
    """Log agents in, one after the other, and say where."""
    logins = []
    for extension in extensions:
        login = cluster.log_in(extension)
        logins.append(login)
        if login.outcome != LOGGED_IN:
            raise SystemExit(f"agent{extension}: {login.outcome}")
        print(f"  agent{extension}: {cluster.dialer_of(login.server_ip)}", flush=True)
    return logins


def container(dialer: str) -> str:
    """Return the name of a host's container."""
    return f"evenfloor-vicidial-lab-{dialer}"


def kill(dialer: str) -> None:
    """Have a host lose its power."""
    subprocess.run(["podman", "kill", container(dialer)], check=True, capture_output=True)


def start(dialer: str) -> None:
    """Start a host again."""
    subprocess.run(["podman", "start", container(dialer)], check=True, capture_output=True)


def heartbeat_age(cluster: VicidialLab, dialer: str) -> float:
    """Return how many seconds ago a dialer sent its last heartbeat."""
    rows = cluster.sql(
        "SELECT TIMESTAMPDIFF(SECOND, last_update, NOW()) FROM server_updater"
        f" WHERE server_ip = '{cluster.address(dialer)}'"
    )
    return float(rows[0][0]) if rows else float("inf")


def show(cluster: VicidialLab) -> None:
    """Show what is promised, on the lab with three dialers."""
    first, rest = EXTENSIONS[:10], EXTENSIONS[10:]

    with RingWatch(cluster) as watch:
        say("Ten agents log in on VICIdial's login page")
        logins = log_in_one_by_one(cluster, first)
        check(cluster, watch, logins)

        say("A fourth dialer from a bare host: one line of inventory, one playbook")
        DIALER_FILE.write_text(FOURTH_DIALER)
        playbook("playbooks/lab_up.yml")
        taken = playbook("add-dialer.yml")
        cluster.reload()
        watch.add("dialer4")

        say(f"Open after {taken:.0f} s, and thirty agents log in at once")
        logins += cluster.log_in_at_once(rest)
        check(cluster, watch, logins[len(first) :])

        say(f"{KILLED} loses its power, and its agents log in again")
        kill(KILLED)
        late = cluster.hostvars[KILLED]["balancer_heartbeat_timeout"]
        cluster.wait_until(
            lambda: heartbeat_age(cluster, KILLED) > late, PATIENCE, "the heartbeat is late"
        )
        lost = [login for login in logins if login.server_ip == cluster.address(KILLED)]
        again = log_in_one_by_one(cluster, [login.extension for login in lost])
        check(cluster, watch, again, away=KILLED)

    start(KILLED)
    cluster.wait_until(
        lambda: heartbeat_age(cluster, KILLED) < SOON, PATIENCE, f"{KILLED} sends heartbeats again"
    )
    kept = [login for login in logins if login not in lost] + again
    cluster.log_everybody_out(kept)


def tour(source: Path) -> None:
    """Build the lab and show what is promised."""
    started = time.monotonic()
    cluster = build(source)
    show(cluster)
    say(f"Everything works; the tour took {time.monotonic() - started:.0f} s.")
    web = cluster.address(cluster.door)
    print(f"""\
The cluster keeps running. Try:
  http://{web}/agc/vicidial.php              VICIdial's login page: phone 1001x, user agent1001
  make vicidial-phases                           logins while hosts and services fail (half an hour)
  make clean                                     remove this lab, too""")


def main() -> None:
    """Take the tour, or say what it needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default="", help="the folder with VICIdial's source")
    given = parser.parse_args().source
    if not given:
        raise SystemExit(WITHOUT_SOURCE)
    source = Path(given).resolve()
    missing = [part for part in PARTS if not (source / part).exists()]
    if missing:
        raise SystemExit(f"SOURCE={given} has no {', '.join(missing)}.\n\n{WITHOUT_SOURCE}")
    tour(source)


if __name__ == "__main__":
    main()
