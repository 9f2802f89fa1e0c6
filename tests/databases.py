"""What the tests of several databases have in common: who is a member, and a burst of logins."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.cluster import ROOT, Cluster, HttpRefusal
from tests.waiting import PATIENCE

FIGURES = ROOT / ".cache/log/ha.json"
AGENTS = range(101, 115)
#: They log in before, and talk all the while.
TALKERS = ("115x", "116x")
#: From so many seconds after a strike on, logins are as fast as before.
OVER = 10
#: An agent tries again after so many seconds.
AGAIN = 0.5
#: How long a try waits for an answer, in seconds, where the login host may be gone.
TRY = 15
#: What such a try ends with.
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Login:
    """A login that succeeded: when it began, what it took in seconds, and what came before."""

    began: float
    seconds: float
    refusals: int
    #: From the first try on.
    waited: float


def members(cluster: Cluster, host: str) -> int:
    """Return how many databases are one with a host's; 0 if that one has no majority."""
    with contextlib.suppress(RuntimeError):
        # Not by name: the words would have to be quoted once more.
        rows = dict(map(tuple, cluster.reading(host).sql("SHOW STATUS LIKE 'wsrep_cluster_%'")))
        if rows["wsrep_cluster_status"] == "Primary":
            return int(rows["wsrep_cluster_size"])
    return 0


def wait_until_whole(cluster: Cluster) -> float:
    """Wait until all databases are one, with their arbitrator; returns the seconds."""
    databases = cluster.groups["database"]
    size = len(databases) + len(cluster.groups.get("database_arbitrator", []))
    return cluster.wait_until(
        lambda: all(members(cluster, host) == size for host in databases),
        PATIENCE,
        "all databases are one",
        every=1,
    )


def keep(name: str, figures: dict) -> None:
    """Keep what was measured, beside what is known: of one thing also in several steps."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[name] = {**known.get(name, {}), **figures}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(known, indent=2))


def channels(cluster: Cluster) -> set[str]:
    """Return the channels of those who talk all the while."""
    extensions = {alias.removesuffix("x") for alias in TALKERS}
    calls = (call for found in cluster.all_calls().values() for call in found.values())
    return {call.channel for call in calls if call.extension in extensions}


@contextlib.contextmanager
def talking(cluster: Cluster):
    """Have two agents talk all the while; nothing that happens inside may end their calls."""
    for alias in TALKERS:
        cluster.wait_for_call(cluster.login(alias))
    before = channels(cluster)
    yield
    assert channels(cluster) == before


def lost(cluster: Cluster, burst: Burst) -> dict[tuple, list[str]]:
    """List the logins that were answered with success and that the database doesn't have.

    One whose phone took no call isn't lost: it has ended. Each comes with what its dialer's daemon
    says of its last call.
    """
    rows = cluster.sql("SELECT user, server_ip, conf_exten FROM vicidial_live_agents")
    missing = burst.last() - {tuple(row) for row in rows}
    steps = {session: _steps(cluster, *session[1:]) for session in missing}
    return {session: said for session, said in steps.items() if "failed" not in said}


def _steps(cluster: Cluster, server_ip: str, room: str) -> list[str]:
    """List what became of the last call into a room, as the dialer's daemon has logged it."""
    log = cluster.run(
        cluster.dialer_of(server_ip), "journalctl --no-pager --output cat --unit evenfloor-dialer"
    )
    lines = [json.loads(line.partition(": ")[2]) for line in log.splitlines() if ": {" in line]
    calls = [said for said in lines if said["event"] == "originate" and said.get("room") == room]
    tag = calls[-1]["session"] if calls else None
    return [said["event"] for said in lines if said["session"] == tag]


class Burst:
    """Agents who log in over and over, until they are told to stop.

    Args:
        cluster: where.
        address: at which address, where a try may get no answer; else through each login host.
        pause: for how many seconds an agent waits after each login: where a playbook runs beside,
            which would take several times as long on a machine that does nothing but logins.
    """

    def __init__(self, cluster: Cluster, address: str = "", pause: float = 0):
        doors = [cluster.through(host) for host in cluster.groups["login"]]
        if address:
            doors = [cluster.at(address, TRY)]
        self._unanswered = NO_ANSWER if address else ()
        self._places = [(doors[number % len(doors)], f"{number}x") for number in AGENTS]
        self._passwords = {alias: cluster.password(alias) for _door, alias in self._places}
        self._pause = pause
        self._over = threading.Event()
        self.logins: list[Login] = []
        self._sessions: dict[str, dict] = {}

    def __enter__(self) -> Burst:
        self._pool = ThreadPoolExecutor(len(self._places))
        self._agents = [self._pool.submit(self._work, *place) for place in self._places]
        return self

    def __exit__(self, *_error) -> None:
        self._over.set()
        self._pool.shutdown()

    def wait_for(self, number: int, since: float = 0) -> None:
        """Wait for a number of logins that have begun since a moment."""
        Cluster.wait_until(
            lambda: len(self.begun(since)) >= number or self._failed(), PATIENCE, "they log in"
        )
        assert not self._failed()

    def begun(self, since: float, until: float = float("inf")) -> list[Login]:
        """List the logins that began between two moments of ``time.monotonic()``."""
        return [login for login in self.logins if since <= login.began < until]

    def last(self) -> set[tuple[str, str, str]]:
        """List user, dialer and room of each agent's last login."""
        return {
            (f"agent{alias}", session["server_ip"], str(session["room"]))
            for alias, session in self._sessions.items()
        }

    def stop(self) -> None:
        """Let every agent finish the login that is under way.

        Raises:
            HttpRefusal: a login was refused for another reason than a database that is away.
        """
        self._over.set()
        for agent in self._agents:
            agent.result(PATIENCE)

    def _failed(self) -> bool:
        return any(agent.done() and agent.exception() for agent in self._agents)

    def _work(self, door: Cluster, alias: str) -> None:
        while not self._over.is_set():
            self.logins.append(self._log_in(door, alias))
            self._over.wait(self._pause)

    def _log_in(self, door: Cluster, alias: str) -> Login:
        """Try until it succeeds: also when told to stop, because every login has to be answered."""
        first, refusals = time.monotonic(), 0
        while True:
            began = time.monotonic()
            try:
                session = door.login(alias, password=self._passwords[alias])
            except (HttpRefusal, *self._unanswered) as refusal:
                if getattr(refusal, "status", 503) != 503 or began - first > PATIENCE:
                    raise
                refusals += 1
                time.sleep(AGAIN)
            else:
                self._sessions[alias] = session
                return Login(began, time.monotonic() - began, refusals, time.monotonic() - first)
