"""Watches that calls and registrations go on while something else happens to the cluster."""

from __future__ import annotations

import threading

from lab.cluster import Cluster

#: Seconds between two looks: a registration that lapses is back after seconds at the earliest.
PAUSE = 2


class Watcher(threading.Thread):
    """Looks at the calls and registrations of some dialers again and again.

    Args:
        cluster: where.
        dialers: which dialers.
        extensions: the extensions that have to stay registered all the time.

    Attributes:
        lapses: what was missing, in words.
        looks: how often it has looked.
    """

    def __init__(self, cluster: Cluster, dialers: list[str], extensions: list[str]):
        super().__init__(daemon=True)
        self._cluster, self._dialers, self._extensions = cluster, dialers, extensions
        self._channels = {dialer: self._see(dialer)[0] for dialer in dialers}
        self._enough = threading.Event()
        self._error: Exception | None = None
        self.lapses: list[str] = []
        self.looks = 0

    def run(self) -> None:
        """Look until told to stop."""
        try:
            while not self._enough.wait(PAUSE):
                self._look()
                self.looks += 1
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that stops this one
            self._error = error

    def _look(self) -> None:
        for dialer in self._dialers:
            channels, registered = self._see(dialer)
            gone = self._channels[dialer] - channels
            # A busy Asterisk may not list them all. A call that has ended stays so.
            if gone and self._channels[dialer] - self._see(dialer)[0]:
                self.lapses.append(f"{dialer}: calls ended: {sorted(gone)}")
            missing = set(self._extensions) - registered
            if missing:
                self.lapses.append(f"{dialer}: not registered: {sorted(missing)}")

    def _see(self, dialer: str) -> tuple[set[str], set[str]]:
        calls, registered = self._cluster.calls_and_registered(dialer)
        return {call.channel for call in calls.values()}, set(registered)

    def stop(self) -> None:
        """Stop looking.

        Raises:
            RuntimeError: a dialer could not be asked; nothing was seen from then on.
        """
        self._enough.set()
        self.join()
        if self._error:
            raise RuntimeError(f"the watcher has stopped early: {self._error}") from self._error
