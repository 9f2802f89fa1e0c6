"""Watches that calls and registrations go on while something else happens to the cluster."""

from __future__ import annotations

import threading

from lab.cluster import Cluster

#: Seconds between two looks.
PAUSE = 0.5


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
        self._channels = {dialer: self._channels_now(dialer) for dialer in dialers}
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
            gone = self._channels[dialer] - self._channels_now(dialer)
            if gone:
                self.lapses.append(f"{dialer}: calls ended: {sorted(gone)}")
            missing = set(self._extensions) - set(self._cluster.registered(dialer))
            if missing:
                self.lapses.append(f"{dialer}: not registered: {sorted(missing)}")

    def _channels_now(self, dialer: str) -> set[str]:
        return {call.channel for call in self._cluster.calls(dialer).values()}

    def stop(self) -> None:
        """Stop looking.

        Raises:
            RuntimeError: a dialer could not be asked; nothing was seen from then on.
        """
        self._enough.set()
        self.join()
        if self._error:
            raise RuntimeError(f"the watcher has stopped early: {self._error}") from self._error
