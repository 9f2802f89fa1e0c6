"""Which phones are registered with a dialer, as ``phones.peer_status`` says it."""

from __future__ import annotations

import asyncio

from .ami import PEER_STATES, REMOVED, UNREACHABLE, Ami
from .daemon_store import DaemonStore, DaemonThread
from .vicidial import REGISTERED_STATES
from .wakeups import set_or_elapsed

COMPARE_INTERVAL = 15.0
#: How long changes are gathered before they are written, in seconds.
BATCH = 0.2


class Peers:
    """Keeps ``phones.peer_status`` of one dialer true. Make it inside a running event loop.

    Args:
        server_ip: the dialer.
        ami: its Asterisk.
        run: the database.
    """

    def __init__(self, server_ip: str, ami: Ami, run: DaemonThread):
        self._server_ip = server_ip
        self._ami = ami
        self._run = run
        self._changed: dict[str, str] = {}
        self._doubted: set[str] = set()
        self._compare = asyncio.Event()

    def contact_changed(self, event) -> None:
        """Hear Asterisk's event ``ContactStatus``.

        A phone at two edges has two contacts, and a phone that has registered anew may have its old
        one for a while. So one that is gone says nothing about the phone: Asterisk is asked.
        """
        extension, status = event.endpointname or event.aor, event.contactstatus.lower()
        if status in PEER_STATES:
            self._changed[extension] = PEER_STATES[status]
        elif status == UNREACHABLE:
            self._doubted.add(extension)
            self._compare.set()
        elif status == REMOVED:
            self._compare.set()

    def compare_soon(self) -> None:
        """Have the next comparison come at once."""
        self._compare.set()

    async def write_peers(self) -> None:
        """Write what has changed; kept and tried again while the database is away."""
        changed, self._changed = self._changed, {}
        try:
            for state in sorted(set(changed.values())):
                extensions = sorted(name for name, new in changed.items() if new == state)
                await self._run(DaemonStore.set_peer_state, self._server_ip, extensions, state)
        except BaseException:
            self._changed = {**changed, **self._changed}
            raise

    async def compare_peers(self) -> None:
        """Bring ``phones.peer_status`` to what Asterisk says of each device."""
        await set_or_elapsed(self._compare, COMPARE_INTERVAL)
        await self._ami.ready.wait()
        await asyncio.sleep(BATCH)
        self._compare.clear()
        doubted, self._doubted = self._doubted, set()
        try:
            known = await self._run(DaemonStore.peer_states, self._server_ip)
            registered = await self._ami.registered()
        except BaseException:
            self._doubted |= doubted
            self._compare.set()
            raise
        for extension, state in known.items():
            if extension in self._changed:
                continue
            if extension in registered and state not in REGISTERED_STATES:
                self._changed[extension] = "REGISTERED"
            elif extension not in registered and (state in REGISTERED_STATES or state == "UNKNOWN"):
                self._changed[extension] = "UNREACHABLE" if extension in doubted else "UNREGISTERED"
