"""Agents at VICIdial's own login page, and whether their phones ring."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab.cluster import CAMPAIGN, HTTP_TIMEOUT, ROOT, Cluster
from lab.waiting import PATIENCE

INVENTORY = ROOT / "inventory/vicidial_lab"
#: As in files/vicidial.sql. It isn't a secret: the lab is this machine's.
USER_PASSWORD = "userpass"  # noqa: S105
#: What the agent's page knows of its session, and gives back when the agent logs out.
SESSION = ("server_ip", "session_name", "session_id", "extension", "protocol", "agent_log_id")
_SESSION_LINE = re.compile(rf"^\s*var ({'|'.join(SESSION)}) = '([^']*)'", re.MULTILINE)
#: VICIdial's words for an agent who is logged in without a room, and where.
_NO_ROOM = re.compile(r"there are no available sessions</b>: \|[^|]*\|([^|]*)\|")
_WORDS = re.compile(r"Sorry[^<:]*|\w+ connect ERROR[^<]*|Campaign not active[^<]*")

#: What came of a login.
LOGGED_IN, NOWHERE, REFUSED = "logged in", "logged in nowhere", "VICIdial's error"


@dataclass(frozen=True)
class Login:
    """A login and what came of it.

    Attributes:
        extension: of the agent's phone; the user is named after it.
        outcome: one of the three above.
        started: when it was sent, in seconds since the epoch.
        seconds: how long the page took.
        session: what the agent's page knows; empty unless somebody is logged in.
        words: what the page said instead.
    """

    extension: str
    outcome: str
    started: float
    seconds: float
    session: dict = field(default_factory=dict)
    words: str = ""

    @property
    def server_ip(self) -> str:
        """The address of the dialer; empty for none."""
        return self.session.get("server_ip", "")


def read_page(page: str) -> tuple[str, dict]:
    """Read what came of a login from the page that VICIdial answered.

    Returns:
        One of the three outcomes, and the session.
    """
    session = dict(_SESSION_LINE.findall(page))
    without_room = _NO_ROOM.search(page)
    if without_room:
        return (REFUSED if without_room[1] else NOWHERE), {}
    if "session_id" not in session:
        return REFUSED, {}
    return (LOGGED_IN, session) if session.get("server_ip") else (NOWHERE, session)


class VicidialLab(Cluster):
    """The lab with a real VICIdial, as its agents and operators see it."""

    def __init__(self, inventory: Path = INVENTORY):
        super().__init__(inventory)
        rows = self.sql(
            "SELECT DISTINCT extension, pass FROM phones WHERE login LIKE CONCAT(extension, '%')"
        )
        self._passwords = dict(rows)

    def _post(self, page: str, **fields: str) -> str:
        body = urllib.parse.urlencode(fields).encode()
        url = f"http://{self.address(self.door)}/agc/{page}"
        with urllib.request.urlopen(url, body, timeout=HTTP_TIMEOUT) as answer:
            return answer.read().decode(errors="replace")

    def log_in(self, extension: str) -> Login:
        """Log the agent of an extension in, as the form of the login page does."""
        started, status = time.time(), ""
        try:
            page = self._post(
                "vicidial.php",
                phone_login=f"{extension}x",
                phone_pass=self._passwords[extension],
                VD_login=f"agent{extension}",
                VD_pass=USER_PASSWORD,
                VD_campaign=CAMPAIGN,
                JS_browser_height="900",
                JS_browser_width="1600",
            )
        except urllib.error.HTTPError as error:
            page, status = error.read().decode(errors="replace"), f"HTTP {error.code}"
        taken = time.time() - started
        outcome, session = read_page(page)
        said = _WORDS.search(page)
        words = "" if outcome == LOGGED_IN else said[0] if said else status or page[:80]
        return Login(extension, outcome, started, taken, session, words)

    def log_in_at_once(self, extensions: list[str]) -> list[Login]:
        """Log agents in, all at the same time."""
        with ThreadPoolExecutor(len(extensions)) as pool:
            return list(pool.map(self.log_in, extensions))

    def log_out(self, login: Login) -> None:
        """Log an agent out, as the button of the agent's page does."""
        if login.outcome != LOGGED_IN:
            return
        given = {**login.session, "conf_exten": login.session["session_id"]}
        with contextlib.suppress(urllib.error.HTTPError):
            self._post(
                "vdc_db_query.php",
                ACTION="userLOGout",
                format="text",
                user=f"agent{login.extension}",
                **{"pass": USER_PASSWORD},
                campaign=CAMPAIGN,
                LogouTKicKAlL="1",
                no_delete_sessions="0",
                ext_context="default",
                **given,
            )

    def log_everybody_out(self, logins: list[Login]) -> None:
        """Log agents out, and wait until no phone is in a call."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.log_out, logins))
        self.sql("DELETE FROM vicidial_live_agents")
        for dialer in self.dialers:
            self.asterisk(dialer, "channel request hangup all")
        self.wait_for_calls(0)

    def agents(self) -> dict[str, int]:
        """Count the agents on each dialer, as the database has them; on '' those nowhere."""
        rows = self.sql("SELECT server_ip, COUNT(*) FROM vicidial_live_agents GROUP BY server_ip")
        counts = {self.address(dialer): 0 for dialer in self.dialers}
        counts.update((ip, int(number)) for ip, number in rows)
        names = {self.address(dialer): dialer for dialer in self.dialers}
        return {names.get(ip, ip): number for ip, number in counts.items()}


@dataclass(frozen=True)
class Ring:
    """A phone that was seen to ring or talk on a dialer; times in seconds since the epoch."""

    server_ip: str
    extension: str
    call_began: float
    seen: float


class RingWatch:
    """Looks at the dialers' calls about twice a second, as long as it is used with ``with``."""

    #: Each look begins with a line with its time. A host that is killed is asked again.
    _LOOK = (
        "while :; do echo @ $(date +%s.%N); asterisk -rx 'core show channels concise';"
        " sleep 0.5; done"
    )

    def __init__(self, cluster: Cluster):
        self._cluster = cluster
        self._rings: dict[tuple, Ring] = {}
        self._watched: dict[str, subprocess.Popen] = {}
        self._ended = threading.Event()

    def __enter__(self) -> RingWatch:
        for dialer in self._cluster.dialers:
            self.add(dialer)
        return self

    def __exit__(self, *_error) -> None:
        self._ended.set()
        for process in self._watched.values():
            process.kill()

    def add(self, dialer: str) -> None:
        """Look at one more dialer."""
        threading.Thread(target=self._watch, args=[dialer], daemon=True).start()

    def _watch(self, dialer: str) -> None:
        while not self._ended.is_set():
            words = [
                "ssh", "-i", self._cluster.ssh_key, *self._cluster.ssh_options.split(), "-o",
                "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2", "-o", "ConnectTimeout=3",
                f"root@{self._cluster.address(dialer)}", self._LOOK,
            ]  # fmt: skip
            with subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as process:
                self._watched[dialer] = process
                self._read(process.stdout, self._cluster.address(dialer))
            self._ended.wait(1)

    def _read(self, lines, server_ip: str) -> None:
        seen = 0.0
        for line in lines:
            if line.startswith("@ "):
                seen = float(line[2:])
                continue
            fields = line.strip().split("!")
            if fields[0].startswith("PJSIP/") and fields[4:5] and fields[4] in ("Ringing", "Up"):
                extension = fields[0].removeprefix("PJSIP/").partition("-")[0]
                ring = Ring(server_ip, extension, float(fields[-1]), seen)
                self._rings.setdefault((server_ip, fields[0], fields[-1]), ring)

    def seconds_to_ring(self, login: Login) -> float | None:
        """Return how long after a login its phone was first seen to ring on its dialer.

        Returns:
            Seconds, up to half a second more than it took; None if it hasn't rung.
        """
        # Asterisk counts the beginning of calls in whole seconds.
        seen = [
            ring.seen
            for ring in list(self._rings.values())
            if (ring.server_ip, ring.extension) == (login.server_ip, login.extension)
            and ring.call_began >= int(login.started)
        ]
        return min(seen) - login.started if seen else None

    def wait_for_rings(self, logins: list[Login]) -> None:
        """Wait until the phone of every login has rung."""
        self._cluster.wait_until(
            lambda: all(self.seconds_to_ring(login) is not None for login in logins),
            PATIENCE,
            "every phone rings",
        )
