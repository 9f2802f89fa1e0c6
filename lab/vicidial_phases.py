"""`make vicidial-phases`: one login a second on VICIdial's page, while parts come, go and fail.

Needs the lab of `make vicidial-lab`. Each agent is logged in for 20 seconds. A phase's logins are
those that began in it. First VICIdial's page asks Evenfloor, then VICIdial chooses by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.tour import say
from lab.vicidial_agents import LOGGED_IN, NOWHERE, REFUSED, Login, RingWatch, VicidialLab
from lab.vicidial_lab import (
    DIALER_FILE,
    EXTENSIONS,
    FOURTH_DIALER,
    KILLED,
    SOON,
    container,
    kill,
    playbook,
    start,
)
from lab.waiting import PATIENCE

#: Seconds.
STAY, BETWEEN_LOGINS = 20, 1.0
DRAINED = "dialer3"
#: Nearer to the defaults (5 and 1) than what the rest of the lab has, which mustn't notice when the
#: machine is busy.
TIMEOUTS = {"balancer_heartbeat_timeout": 5, "balancer_hook_timeout": 5}
SERVICE = "evenfloor-login"


class Traffic:
    """Agents who log in, one a second, and out again, as long as it is used with ``with``.

    Attributes:
        phase: what the logins that begin now belong to.
        logins: pairs of a phase and a login.
    """

    def __init__(self, cluster: VicidialLab):
        self._cluster = cluster
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(80)
        self._thread = threading.Thread(target=self._run)
        self.phase = ""
        self.logins: list[tuple[str, Login]] = []

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._ended.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        due = time.monotonic()
        for extension in itertools.cycle(EXTENSIONS):
            if self._ended.wait(max(0.0, due - time.monotonic())):
                return
            due += BETWEEN_LOGINS
            self._pool.submit(self._turn, self.phase, extension)

    def _turn(self, phase: str, extension: str) -> None:
        login = self._cluster.log_in(extension)
        self.logins.append((phase, login))
        time.sleep(STAY)
        with contextlib.suppress(OSError):
            self._cluster.log_out(login)


class Phases:
    """What happens to the cluster while agents log in. Each method is a phase."""

    def __init__(self, cluster: VicidialLab, watch: RingWatch):
        self._cluster, self._watch = cluster, watch

    def nothing(self) -> None:
        """Nothing happens."""
        time.sleep(30)

    def dialer_added(self) -> None:
        """A bare host becomes a dialer, and takes logins."""
        DIALER_FILE.write_text(FOURTH_DIALER)
        playbook("playbooks/lab_up.yml")
        self._cluster.reload()
        self._watch.add("dialer4")
        playbook("add-dialer.yml")
        time.sleep(30)

    def dialer_drained(self) -> None:
        """A dialer is drained and taken back."""
        playbook("playbooks/drain_dialer.yml", "-e", f"dialer={DRAINED}")
        playbook("playbooks/drain_dialer.yml", "-e", f"dialer={DRAINED}", "-e", "undo=true")
        time.sleep(STAY + 5)  # until the floor is even again

    def dialer_killed(self) -> None:
        """A dialer's host loses its power."""
        kill(KILLED)
        time.sleep(60)

    def dialer_back(self) -> None:
        """It is started again."""
        start(KILLED)
        time.sleep(120)

    def database_restarted(self) -> None:
        """The database is restarted: VICIdial's heartbeats are gone until its keepalives run."""
        self._cluster.run("db1", "systemctl restart mariadb")
        time.sleep(75)

    def files_rewritten(self) -> None:
        """VICIdial's keepalives write every dialer's files again."""
        self._cluster.sql("UPDATE servers SET rebuild_conf_files = 'Y' WHERE active = 'Y'")
        waiting = "SELECT COUNT(*) FROM servers WHERE active = 'Y' AND rebuild_conf_files = 'Y'"
        self._cluster.wait_until(
            lambda: self._cluster.sql(waiting) == [["0"]], PATIENCE, "the files are written"
        )
        time.sleep(20)

    def service_stopped(self) -> None:
        """The login service is stopped, and started again."""
        self._cluster.run(self._cluster.door, f"systemctl stop {SERVICE}")
        time.sleep(30)
        self._cluster.run(self._cluster.door, f"systemctl start {SERVICE}")
        time.sleep(10)

    def service_frozen(self) -> None:
        """The login service is frozen, and goes on."""
        self._cluster.run(self._cluster.door, f"systemctl kill --signal STOP {SERVICE}")
        time.sleep(30)
        self._cluster.run(self._cluster.door, f"systemctl kill --signal CONT {SERVICE}")
        time.sleep(20)


#: With and without the hook; the others say nothing about VICIdial alone.
ALWAYS = ("nothing", "dialer_drained", "dialer_killed", "dialer_back", "database_restarted",
          "files_rewritten")  # fmt: skip
WITH_HOOK = ("nothing", "dialer_added", *ALWAYS[1:], "service_stopped", "service_frozen")


@dataclass(frozen=True)
class Row:
    """What came of a phase's logins."""

    phase: str
    logins: int
    soon: int
    late: int
    silent: int
    nowhere: int
    refused: int
    page: float
    slowest_page: float

    def as_text(self) -> str:
        """Return the row of the table in docs/vicidial.md."""
        pages = f"{self.page:.2f}, {self.slowest_page:.2f} s"
        cells = [self.phase.replace("_", " "), self.logins, self.soon, self.late, self.silent,
                 self.nowhere, self.refused, pages]  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


HEADER = f"""\
| phase | logins | rang within {SOON} s | later | never | nowhere | VICIdial's error | page |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def count(phase: str, logins: list[Login], watch: RingWatch) -> Row:
    """Count what came of a phase's logins."""
    outcomes = Counter(login.outcome for login in logins)
    rang = [watch.seconds_to_ring(login) for login in logins if login.outcome == LOGGED_IN]
    soon = sum(seconds is not None and seconds <= SOON for seconds in rang)
    silent = rang.count(None)
    pages = [login.seconds for login in logins]
    return Row(
        phase,
        len(logins),
        soon,
        len(rang) - soon - silent,
        silent,
        outcomes[NOWHERE],
        outcomes[REFUSED],
        statistics.median(pages),
        max(pages),
    )


def take_back_dialer4() -> None:
    """Make the fourth dialer a bare host that is in no inventory."""
    if DIALER_FILE.exists():
        playbook("playbooks/remove_dialer.yml", "-e", "dialer=dialer4 confirmed=true")
        DIALER_FILE.unlink()
    subprocess.run(["podman", "rm", "--force", "--time", "0", container("dialer4")], check=False)


def run(phases: tuple[str, ...], with_hook: bool) -> list[Row]:
    """Prepare the cluster for phases, and go through them."""
    if "dialer_added" in phases:
        take_back_dialer4()
    set_hook(with_hook)
    return measure(phases, "with" if with_hook else "without")


def set_hook(is_on: bool) -> None:
    """Have VICIdial's page ask Evenfloor, or not."""
    given = {**TIMEOUTS, "balancer_hook": is_on}
    playbook("playbooks/site.yml", "--tags", "login", "-e", json.dumps(given))


def measure(phases: tuple[str, ...], how: str) -> list[Row]:
    """Go through phases, and count each one's logins."""
    cluster = VicidialLab()
    with RingWatch(cluster) as watch:
        with Traffic(cluster) as traffic:
            for phase in phases:
                say(f"{phase.replace('_', ' ')}, {how} the hook")
                traffic.phase = phase
                getattr(Phases(cluster, watch), phase)()
        by_phase = {phase: [login for name, login in traffic.logins if name == phase]
                    for phase in phases}  # fmt: skip
        rows = [count(phase, logins, watch) for phase, logins in by_phase.items()]
    for phase, logins in by_phase.items():
        for words, times in Counter(login.words for login in logins if login.words).items():
            print(f"{phase}: the page said {times} times: {words}")
    cluster.log_everybody_out([])
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hook", choices=["on", "off", "both"], default="both")
    parser.add_argument("--phases", nargs="+", choices=WITH_HOOK, help="by default all")
    asked = parser.parse_args()
    for hook, phases in (("on", WITH_HOOK), ("off", ALWAYS)):
        if asked.hook in (hook, "both"):
            rows = run(tuple(asked.phases or phases), with_hook=hook == "on")
            say(f"Hook {hook}")
            print("\n".join([HEADER, *(row.as_text() for row in rows)]), flush=True)
    playbook("playbooks/site.yml", "--tags", "login")  # with the lab's own settings again


if __name__ == "__main__":
    main()
