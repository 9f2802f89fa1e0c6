# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""baresip's control interface (module ctrl_tcp): JSON in netstrings, on loopback."""

from __future__ import annotations

import json
import socket

#: The longest that an answer may take, in seconds.
ANSWER_TIMEOUT = 10
_READ_AT_ONCE = 65536


def connect(port):
    """Connect to the running softphone.

    Args:
        port: the port, on loopback, of its control interface.

    Returns:
        A Control; None if no softphone is running.

    Raises:
        OSError: it is running but can't be reached.
    """
    try:
        return Control(socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT))
    except ConnectionRefusedError:
        return None


class Control:
    """A connection to baresip, which serves one at a time.

    Args:
        connection: a connected socket.
    """

    def __init__(self, connection):
        connection.settimeout(ANSWER_TIMEOUT)
        self._socket = connection
        self._received = b""
        self._count = 0

    def command(self, name, parameters=""):
        """Run a command, skipping events until its answer comes.

        Args:
            name: the command.
            parameters: its parameters, as one text.

        Returns:
            What baresip answered.

        Raises:
            OSError: baresip doesn't answer, or refuses.
        """
        self._count += 1
        token = str(self._count)
        message = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(message), message))
        while True:
            answer = self._read()
            if answer.get("response") and answer.get("token") == token:
                if not answer["ok"]:
                    raise OSError(f"baresip refused {name}")
                return answer["data"]

    def states(self):
        """Return what baresip says about its accounts, by address."""
        return json.loads(self.command("apistate") or "{}")

    def calls(self):
        """Return which calls there are, in baresip's words."""
        return self.command("listcalls") or ""

    def add(self, account):
        """Add an account."""
        self.command("uanew", account)

    def remove(self, address):
        """Remove an account."""
        self.command("uadel", address)

    def _read(self):
        """Read one message."""
        while True:
            length, colon, rest = self._received.partition(b":")
            if colon and len(rest) > int(length):
                self._received = rest[int(length) + 1 :]
                return json.loads(rest[: int(length)])
            part = self._socket.recv(_READ_AT_ONCE)
            if not part:
                raise OSError("baresip closed its control interface")
            self._received += part
