"""Says single things in SIP, as somebody who has no phone does. One socket for each."""

from __future__ import annotations

import re
import socket
import uuid

from tests.desk_phone import header, proof

#: How long an answer is waited for, in seconds. Whoever is ignored waits as long.
SECONDS = 5
_LARGEST = 65535


class SipClient:
    """Somebody at one port of this machine. Use it with ``with``.

    Args:
        server: whom it talks to; port 5060.
    """

    def __init__(self, server: str):
        self._server = server
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(SECONDS)
        self._socket.connect((server, 5060))
        self._sequence, self._call = 0, uuid.uuid4().hex
        self.me = "{}:{}".format(*self._socket.getsockname())

    def __enter__(self) -> SipClient:
        return self

    def __exit__(self, *_error) -> None:
        self._socket.close()

    def ask(self, method: str, uri: str, *lines: str, user: str = "101", tag: str = "") -> str:
        """Send a request.

        Args:
            method: such as ``INVITE``.
            uri: what it is for.
            lines: more lines of its head.
            user: who it is from, and to.
            tag: makes it a request within a call.

        Returns:
            The first final answer; empty where there is none.
        """
        self._sequence += 1
        to = f"To: <sip:{user}@{self._server}>" + (f";tag={tag}" if tag else "")
        text = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.me};branch=z9hG4bK{uuid.uuid4().hex};rport",
            f"From: <sip:{user}@{self._server}>;tag={self._call[:8]}",
            to,
            f"Call-ID: {self._call}",
            f"CSeq: {self._sequence} {method}",
            f"Contact: <sip:{user}@{self.me}>",
            "Max-Forwards: 70",
            *lines,
            "Content-Length: 0",
            "",
            "",
        ]
        self._socket.send("\r\n".join(text).encode())
        try:
            while True:
                answer = self._socket.recv(_LARGEST).decode()
                if re.match(r"SIP/2\.0 [2-6]", answer):
                    return answer
        except TimeoutError:
            return ""

    def hear(self) -> str:
        """Return what comes unasked; empty where nothing does."""
        try:
            return self._socket.recv(_LARGEST).decode()
        except (TimeoutError, ConnectionError):
            return ""

    def register(self, user: str, password: str, expires: int = 60) -> int:
        """Try to register.

        Args:
            user: the extension.
            password: its registration password.
            expires: for how many seconds; 0 ends a registration.

        Returns:
            The last answer's number, 0 for none.
        """
        lines = (f"Expires: {expires}",)
        uri = f"sip:{self._server}"
        answer = self.ask("REGISTER", uri, *lines, user=user)
        if code(answer) == 401:
            line = proof(header(answer, "WWW-Authenticate"), user, password, uri).rstrip()
            answer = self.ask("REGISTER", uri, *lines, line, user=user)
        return code(answer)


def code(answer: str) -> int:
    """Return an answer's number; 0 where there is no answer."""
    return int(answer.split()[1]) if answer else 0
