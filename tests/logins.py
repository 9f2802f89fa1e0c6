"""Agents who log in again and again while something else happens to the cluster."""

from __future__ import annotations

import itertools
import threading

from lab.cluster import Cluster, HttpRefusal

#: How often somebody logs in, in seconds: more calls than an office has, and no load by themselves.
EVERY = 0.5


class Logins(threading.Thread):
    """Logs agents in, one after the other, each of them moved again and again.

    Args:
        cluster: where.
        aliases: with which aliases.

    Attributes:
        failures: the logins that failed, in words.
        done: how many logins there were.
    """

    def __init__(self, cluster: Cluster, aliases: list[str]):
        super().__init__(daemon=True)
        self._cluster = cluster
        self._passwords = {alias: cluster.password(alias) for alias in aliases}
        self._enough = threading.Event()
        self.failures: list[str] = []
        self.done = 0

    def run(self) -> None:
        """Log in until told to stop."""
        for alias, password in itertools.cycle(self._passwords.items()):
            if self._enough.wait(EVERY):
                return
            try:
                self._cluster.login(alias, password=password)
            except (HttpRefusal, OSError) as error:
                self.failures.append(f"{alias}: {error!r}")
            self.done += 1

    def stop(self) -> None:
        """Stop, after the login that is under way."""
        self._enough.set()
        self.join()
