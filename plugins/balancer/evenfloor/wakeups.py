"""Wakes a dialer's daemon when there is an action for it.

A daemon that hears nothing looks once a second, with its heartbeat, whether there are actions. Who
has queued one sends the dialer a datagram, and the daemon asks at once. The datagram itself says
nothing, and nobody waits for it: where one is lost, a phone rings up to a second later, and one
that a stranger sends makes the daemon ask once more than it had to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterable

log = logging.getLogger("evenfloor.wakeups")

#: How often a daemon asks that hears datagrams and whose heartbeat sees no action, in seconds.
IDLE_INTERVAL = 5.0
#: How long a daemon that has missed a datagram asks as often as it may, in seconds.
DEAF_FOR = 60.0


class Waker:
    """Sends datagrams to daemons.

    Args:
        port: on which they listen; 0 where none is to be sent.
    """

    def __init__(self, port: int):
        self._port = port
        self._socket: socket.socket | None = None

    def wake(self, dialers: Iterable[str]) -> None:
        """Tell daemons that there is something to do, once it is committed.

        Args:
            dialers: the ``server_ip`` of each.
        """
        if not self._port:
            return
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        for server_ip in set(dialers):
            with contextlib.suppress(OSError):
                self._socket.sendto(b"evenfloor", (server_ip, self._port))

    def close(self) -> None:
        """Give the socket back; the next datagram makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Wakeups(asyncio.DatagramProtocol):
    """Says to a daemon when to ask for actions. Make it inside a running event loop.

    Who finds an action of which no datagram has told doesn't rely on datagrams for a while.

    Args:
        shortest: how often the daemon asks where no datagrams come, in seconds.
    """

    def __init__(self, shortest: float):
        self._shortest = shortest
        self._heard = asyncio.Event()
        self._is_told = self._was_told = self._was_untold = False
        self._deaf_until = 0.0
        self._transport: asyncio.DatagramTransport | None = None
        self._port = 0

    async def listen(self, server_ip: str, port: int) -> None:
        """Begin to hear datagrams.

        Args:
            server_ip: the dialer's address.
            port: on which they come; 0 where none do.
        """
        self._port = port
        try:
            if not port:
                raise OSError("wake_port is 0")
            self._transport, _self = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, local_addr=(server_ip, port)
            )
        except OSError as error:
            log.warning("asking every %g s for actions: %s", self._shortest, error)
            self._deaf_until = float("inf")

    def close(self) -> None:
        """Hear no more."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, _data, _address) -> None:
        """Wake the daemon: somebody has queued an action."""
        self._is_told = True
        self._heard.set()

    def see(self) -> None:
        """Wake the daemon: its heartbeat has seen an action."""
        self._heard.set()

    async def wait(self) -> None:
        """Wait until it is time to ask: something has woken the daemon, or long nothing has."""
        is_deaf = time.monotonic() < self._deaf_until
        await set_or_elapsed(self._heard, self._shortest if is_deaf else IDLE_INTERVAL)
        self._heard.clear()
        self._was_told, self._is_told = self._is_told, False
        if self._was_untold and not self._was_told:
            if not is_deaf:
                log.warning(
                    "an action came without a datagram: let UDP port %d through from the login"
                    " hosts (dialer_wake_port)",
                    self._port,
                )
            self._deaf_until = max(self._deaf_until, time.monotonic() + DEAF_FOR)
        self._was_untold = False

    def found(self) -> None:
        """Note that there were actions. The datagram may be on its way still."""
        self._was_untold = not self._was_told


async def set_or_elapsed(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, or until some seconds have passed; returns whether it was set."""
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(event.wait(), seconds)
    return False
