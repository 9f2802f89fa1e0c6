"""A desk phone as far as Evenfloor sees one: fetches its file, registers, obeys its NOTIFY."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import threading
import time
import urllib.request
import uuid

from tests.phone_files import READERS
from tests.waiting import PATIENCE

#: What each model calls itself, and its file, by the last digits of its MAC address.
AGENTS = {
    "yealink": ("Yealink SIP-T46S 66.86.0.15", "{mac}.cfg"),
    "grandstream": ("Grandstream Model HW GXP2170", "cfg{mac}.xml"),
    "snom": ("Mozilla/4.0 (compatible; snom760-SIP 8.9)", "{mac}.xml"),
    "polycom": ("FileTransport PolycomVVX-VVX_400-UA/5.9", "{mac}-user.cfg"),
}
#: The event that makes each fetch its file, as its maker or those who provision many of it say.
EVENTS = {
    "yealink": "check-sync;reboot=false",
    "grandstream": "resync",
    "snom": "check-sync;reboot=false",
    "polycom": "check-sync",
}
#: For how long it registers, in seconds; it does so anew at half of that.
EXPIRES = 60
_LARGEST = 65535


class DeskPhone:
    """One phone, with one socket for all its accounts. Use it with ``with``.

    Args:
        model: one of AGENTS.
        number: makes its MAC address.
        address: where it fetches its file, with a slash at the end.
        trust: whom it trusts.
        obeys: whether it fetches its file when it is told to.

    Attributes:
        notified: the events that it was told, whether it obeys them or not.
        accounts: what its file says, such as ``10.0.0.1:5060;transport=udp``, to name and password.
        refused: why registrations failed, as the dialers say it.
    """

    def __init__(
        self, model: str, number: int, address: str, trust: ssl.SSLContext, obeys: bool = True
    ):
        self.model, self._trust, self._obeys = model, trust, obeys
        agent, file = AGENTS[model]
        self._request = urllib.request.Request(
            address + file.format(mac=f"0015651122{number:02x}"), headers={"User-Agent": agent}
        )
        self.notified: list[str] = []
        self.refused: list[str] = []
        self.accounts: dict[str, tuple] = {}
        self._sequence, self._answered = 0, {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("0.0.0.0", 0))  # noqa: S104 - a phone of its own for each test
        self._socket.settimeout(0.2)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> DeskPhone:
        self._fetch()
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._ends.set()
        self._thread.join(PATIENCE)
        self._socket.close()

    def _fetch(self) -> None:
        with urllib.request.urlopen(self._request, timeout=PATIENCE, context=self._trust) as answer:
            found = READERS[self.model](answer.read())
        self.accounts = {place: (name, password) for place, name, password in found}
        self._due = 0.0

    def _serve(self) -> None:
        while not self._ends.is_set():
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + EXPIRES / 2
                for place in self.accounts:
                    self._register(place)
            try:
                text, sender = self._socket.recvfrom(_LARGEST)
            except TimeoutError:
                continue
            self._hear(text.decode(), sender)

    def _register(self, place: str, challenge: str = "") -> None:
        name, password = self.accounts[place]
        server, _colon, port = place.partition(";")[0].partition(":")
        to = (server, int(port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect(to)
            me = f"{way.getsockname()[0]}:{self._socket.getsockname()[1]}"
        self._sequence += 1
        uri = f"sip:{server}"
        line = proof(challenge, name, password, uri) if challenge else ""
        text = (
            f"REGISTER {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"
            f"From: <sip:{name}@{server}>;tag={id(self)}\r\nTo: <sip:{name}@{server}>\r\n"
            f"Call-ID: {id(self)}@{server}\r\nCSeq: {self._sequence} REGISTER\r\n"
            f"Contact: <sip:{name}@{me}>\r\nExpires: {EXPIRES}\r\nMax-Forwards: 70\r\n{line}"
            "Content-Length: 0\r\n\r\n"
        )
        self._answered[self._sequence] = (place, bool(challenge))
        self._socket.sendto(text.encode(), to)

    def _hear(self, text: str, sender: tuple) -> None:
        first, _end, _rest = text.partition("\r\n")
        if not first.startswith("SIP/2.0"):
            self._answer(text, sender)
            if first.startswith("NOTIFY"):
                self._obey(header(text, "Event"))
            return
        place, proven = self._answered.get(int(header(text, "CSeq").split()[0]), ("", True))
        if " 401 " in first and not proven and place in self.accounts:
            self._register(place, header(text, "WWW-Authenticate"))
        elif " 200 " not in first:
            self.refused.append(f"{place}: {first}")

    def _obey(self, event: str) -> None:
        self.notified.append(event)
        if self._obeys and event == EVENTS[self.model]:
            self._fetch()

    def _answer(self, text: str, sender: tuple) -> None:
        kept = ("via:", "from:", "call-id:", "cseq:")
        lines = text.partition("\r\n\r\n")[0].split("\r\n")[1:]
        copied = [line for line in lines if line.lower().startswith(kept)]
        copied += [f"{line};tag=1" for line in lines if line.lower().startswith("to:")]
        answer = ["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""]
        self._socket.sendto("\r\n".join(answer).encode(), sender)


def header(text: str, name: str) -> str:
    """Return the value of a line of a message's head; empty where it has none."""
    found = re.search(rf"^{name}:\s*(.*?)\r$", text, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""


def proof(challenge: str, name: str, password: str, uri: str) -> str:
    """Answer a challenge as RFC 2617 says, with ``qop=auth``."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    ends = (f"{name}:{asked['realm']}:{password}", f"REGISTER:{uri}")
    who, what = (hashlib.md5(end.encode()).hexdigest() for end in ends)  # noqa: S324
    parts = (who, asked["nonce"], "00000001", "abc", "auth", what)
    response = hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324
    return (
        f'Authorization: Digest username="{name}", realm="{asked["realm"]}",'
        f' nonce="{asked["nonce"]}", uri="{uri}", response="{response}", qop=auth, nc=00000001,'
        f' cnonce="abc", algorithm=MD5, opaque="{asked.get("opaque", "")}"\r\n'
    )
