"""Talks to a running cluster as operators and agents do: SSH, SQL, HTTP, Asterisk."""

from __future__ import annotations

import copy
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[1]
#: Seconds. Longer than any answer takes on a busy machine.
HTTP_TIMEOUT = 60
CAMPAIGN = "SALES"
#: The environment for Ansible whose output is read; molecule asks for colours.
PLAIN = {**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"}
PLAIN.pop("ANSIBLE_FORCE_COLOR", None)


@dataclass(frozen=True)
class Call:
    """An agent's call as Asterisk sees it; packets received from and sent to the phone."""

    channel: str
    extension: str
    room: str
    seconds: int
    received: int
    sent: int


class HttpRefusal(Exception):
    """The login service refused; ``body`` is its answer."""

    def __init__(self, status: int, body: dict):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


#: Commands of Asterisk's command line. Their answers can be told apart when they come together.
CONTACTS = "pjsip show contacts"
#: Also where it says that there are none.
END_OF_CONTACTS = "bjects found"
PACKETS = "pjsip show channelstats"
CHANNELS = "core show channels concise"


def read_registered(text: str) -> list[str]:
    """Read the extensions with a contact from Asterisk's list of contacts."""
    lines = [line for line in text.splitlines() if line.split()[:1] == ["Contact:"]]
    return sorted(line.split()[1].partition("/")[0] for line in lines if "<Aor" not in line)


def _count(text: str) -> int:
    """Read a number of packets: Asterisk says `122K` for that of a long call."""
    return int(text[:-1]) * 1000 if text.endswith("K") else int(text)


def read_calls(text: str) -> dict[str, Call]:
    """Read the agents' calls from Asterisk's lists of channels and of their packets.

    Args:
        text: both lists; without the second, no call has packets.
    """
    packets, found = {}, {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 10 and words[2].count(":") == 2:
            packets[words[1]] = (_count(words[4]), _count(words[8]))
    for line in text.splitlines():
        fields = line.split("!")
        if fields[0].startswith("PJSIP/") and len(fields) > 10 and fields[5] == "ConfBridge":
            short = fields[0].removeprefix("PJSIP/")
            received, sent = packets.get(short, (0, 0))
            extension = short.partition("-")[0]
            found[extension] = Call(
                fields[0], extension, fields[2], int(fields[-3]), received, sent
            )
    return found


class Cluster:
    """A running cluster.

    Args:
        inventory: the inventory's folder; the lab's by default.
    """

    wait_until = staticmethod(wait_until)

    def __init__(self, inventory: str | Path = ROOT / "inventory/lab"):
        self.inventory = Path(inventory)
        self._context: ssl.SSLContext | None = None
        self._door = ""
        self._address, self._timeout = "", HTTP_TIMEOUT
        self._database = ""
        self.reload()

    def reload(self) -> None:
        """Read the inventory again, after it was changed."""
        listing = self._local("ansible-inventory", "-i", str(self.inventory), "--list")
        data = json.loads(listing)
        self.hostvars = data["_meta"]["hostvars"]
        self.groups = {
            name: group.get("hosts", []) for name, group in data.items() if name != "_meta"
        }
        # Connection variables are templates, which only Ansible itself resolves.
        first = self.groups["database"][0]
        text = self._local(
            "ansible", "-i", str(self.inventory), first, "-m", "ansible.builtin.debug", "-a",
            "msg={{ [ansible_ssh_private_key_file, ansible_ssh_common_args] }}",
        )  # fmt: skip
        self.ssh_key, self.ssh_options = json.loads(text.partition("=>")[2])["msg"]

    @staticmethod
    def _local(*words: str) -> str:
        done = subprocess.run(
            words, cwd=ROOT, env=PLAIN, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def address(self, host: str) -> str:
        """Return a host's address."""
        return self.hostvars[host]["ansible_host"]

    @property
    def door(self) -> str:
        """The login host that is asked; the first one by default."""
        return self._door or self.groups["login"][0]

    def through(self, login_host: str) -> Cluster:
        """Return the same cluster, asked through another login host."""
        other = copy.copy(self)
        other._door = login_host
        return other

    def at(self, address: str, timeout: float) -> Cluster:
        """Return the same cluster, asked at an address that isn't a login host's own.

        Args:
            address: such as one that moves between login hosts.
            timeout: how long an answer is waited for, in seconds.
        """
        self._trust()
        other = copy.copy(self)
        other._address, other._timeout = address, timeout
        return other

    def reading(self, database: str) -> Cluster:
        """Return the same cluster, of which another database host is asked."""
        other = copy.copy(self)
        other._database = database
        return other

    @property
    def dialers(self) -> list[str]:
        """The dialers' names."""
        return self.groups["dialers"]

    def dialer_of(self, server_ip: str) -> str:
        """Return the name of the dialer with this address."""
        return next(name for name in self.dialers if self.address(name) == server_ip)

    def playbook(self, name: str, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a playbook; its output is kept."""
        done = self.playbook_with(self.inventory, name, *words)
        if check and done.returncode:
            raise RuntimeError(f"{name} failed:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        return done

    @staticmethod
    def playbook_with(inventory: Path, name: str, *words: str) -> subprocess.CompletedProcess:
        """Run a playbook on another inventory; its output is kept, a failure is not an error."""
        return subprocess.run(
            ["ansible-playbook", "-i", str(inventory), name, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=PLAIN,
            # Its own: ssh makes it non-blocking for everybody who shares it, and one that is
            # killed leaves it so, which the next ansible-playbook refuses.
            stdin=subprocess.DEVNULL,
        )

    def run(self, host: str, command: str, check: bool = True) -> str:
        """Run a shell command on a host and return what it printed."""
        done = subprocess.run(
            [
                "ssh", "-i", self.ssh_key, *self.ssh_options.split(), "-o", "ControlMaster=auto",
                "-o", "ControlPersist=60", "-o", f"ControlPath=/tmp/ef-%C-{os.getpid()}",
                f"root@{self.address(host)}", command,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )  # fmt: skip
        if check and done.returncode:
            raise RuntimeError(f"{host}: {command}: {done.stdout}{done.stderr}")
        return done.stdout

    # -- the database and the login service -----------------------------------------------

    def sql(self, query: str) -> list[list[str]]:
        """Run a query on the database host and return its rows."""
        text = self.run(
            self._database or self.groups["database"][0],
            f'mariadb --batch --skip-column-names asterisk -e "{query}"',
        )
        return [line.split("\t") for line in text.splitlines()]

    def password(self, alias: str) -> str:
        """Return an alias's login password."""
        return self.sql(
            "SELECT p.pass FROM phones_alias a JOIN phones p"
            f" ON FIND_IN_SET(p.login, a.logins_list) WHERE a.alias_id = '{alias}' LIMIT 1"
        )[0][0]

    def _url(self, path: str) -> str:
        address = self._address or self.address(self.door)
        return f"https://{address}{path}" if self._encrypts else f"http://{address}:8080{path}"

    @property
    def _encrypts(self) -> bool:
        return self.hostvars[self.door].get("login_tls", "on") == "on"

    def _trust(self) -> ssl.SSLContext | None:
        """Return what trusts the cluster's own certificate authority; None without TLS."""
        if self._encrypts and self._context is None:
            authority = self.run(self.door, "cat /etc/evenfloor/ca.pem")
            self._context = ssl.create_default_context(cadata=authority)
        return self._context

    def open(self, request: urllib.request.Request):
        """Send a request to the login service; returns the response, to be used with ``with``."""
        return urllib.request.urlopen(request, timeout=self._timeout, context=self._trust())

    def get_text(self, path: str) -> str:
        """Get a page of the login service, as an operator."""
        request = urllib.request.Request(self._url(path), headers=self._as_operator())
        with self.open(request) as answer:
            return answer.read().decode()

    def _as_operator(self) -> dict[str, str]:
        """Return the header that operators send."""
        token = self.run(self.door, "cat /etc/evenfloor/operator.secret").strip()
        return {"Authorization": f"Bearer {token}"}

    def request(
        self, method: str, path: str, body: dict | None = None, operator: bool = False
    ) -> dict:
        """Ask the login service.

        Args:
            method: the request's.
            path: the request's.
            body: is sent as JSON.
            operator: whether to ask as an operator.

        Raises:
            HttpRefusal: it answered with an error.
        """
        request = urllib.request.Request(
            self._url(path),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **(self._as_operator() if operator else {}),
            },
        )
        try:
            with self.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise HttpRefusal(error.code, json.load(error)) from None

    def login(
        self, alias: str, user: str | None = None, password: str | None = None, **more
    ) -> dict:
        """Log an agent in; the user is by default named after the alias."""
        return self.request(
            "POST",
            "/api/v1/login",
            {
                "alias": alias,
                "user": user or f"agent{alias}",
                "password": password or self.password(alias),
                "campaign": CAMPAIGN,
                **more,
            },
        )

    def logout(self, user: str) -> dict:
        """Log an agent out, as operators may."""
        return self.request("POST", "/api/v1/logout", {"user": user}, operator=True)

    def logout_everybody(self) -> None:
        """Log all agents out and wait until their rooms are free."""
        for (user,) in self.sql("SELECT user FROM vicidial_live_agents"):
            self.logout(user)
        rooms = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension <> ''"
        self.wait_until(lambda: self.sql(rooms) == [["0"]], PATIENCE, "all rooms are free")

    def floor(self) -> dict[str, dict]:
        """Return the floor, by dialer's name."""
        return {
            entry["server_id"]: entry
            for entry in self.request("GET", "/api/v1/floor", operator=True)["dialers"]
        }

    def counts(self) -> dict[str, int]:
        """Return the local agents of each dialer."""
        return {name: entry["local_agents"] for name, entry in self.floor().items()}

    def drained(self) -> list[str]:
        """List the dialers of the inventory that somebody has closed for logins."""
        rows = self.sql("SELECT server_ip FROM servers WHERE active_agent_login_server = 'N'")
        closed = {row[0] for row in rows}
        return [name for name in self.dialers if self.address(name) in closed]

    # -- Asterisk -------------------------------------------------------------------------

    def asterisk(self, dialer: str, *commands: str) -> str:
        """Run commands of Asterisk's command line, one after the other."""
        return self.run(dialer, "; ".join(f"asterisk -rx '{command}'" for command in commands))

    def registered(self, dialer: str) -> list[str]:
        """List the extensions with a contact on a dialer."""
        return read_registered(self._whole_list(dialer, CONTACTS))

    def calls(self, dialer: str) -> dict[str, Call]:
        """List the agents' calls on a dialer, by extension."""
        return read_calls(self.asterisk(dialer, PACKETS, CHANNELS))

    def calls_and_registered(self, dialer: str) -> tuple[dict[str, Call], list[str]]:
        """Ask a dialer once for what :meth:`calls` and :meth:`registered` return."""
        text = self._whole_list(dialer, CHANNELS, CONTACTS)
        return read_calls(text), read_registered(text)

    def _whole_list(self, dialer: str, *commands: str) -> str:
        """Ask for the contacts, last, until they come with their end: a busy Asterisk cuts them."""
        texts = []

        def is_whole() -> bool:
            texts.append(self.asterisk(dialer, *commands))
            return END_OF_CONTACTS in texts[-1]

        self.wait_until(is_whole, PATIENCE, f"{dialer} lists its contacts")
        return texts[-1]

    def all_calls(self) -> dict[str, dict[str, Call]]:
        """List the agents' calls of every dialer."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(self.dialers, pool.map(self.calls, self.dialers), strict=True))

    def wait_for_call(self, session: dict) -> Call:
        """Wait until a session's phone is in its call, and return the call.

        Args:
            session: what :meth:`login` returned.
        """
        dialer, extension = self.dialer_of(session["server_ip"]), session["extension"]
        seen: list[Call] = []

        def talks() -> bool:
            # In this session's room: the call of the session before may not have ended yet.
            call = self.calls(dialer).get(extension)
            seen.extend([call] if call and call.room == str(session["room"]) else [])
            return bool(seen)

        self.wait_until(talks, PATIENCE, f"{extension} talks on {dialer}")
        return seen[0]

    def wait_for_calls(self, number: int) -> None:
        """Wait until exactly so many agents are in a call."""
        self.wait_until(
            lambda: sum(map(len, self.all_calls().values())) == number,
            PATIENCE,
            f"{number} agents are in a call",
        )
