"""A softphone on a host of a cluster, which a test installs, starts and stops."""

from __future__ import annotations

from lab.cluster import Cluster


class HostPhone:
    """What softphones on hosts have in common; each has ``install``, ``start`` and ``stop``.

    With ``with`` one is installed and started, and stopped at the end.

    Args:
        cluster: where.
        host: the host's name, which has the cluster's authority and nothing else that would help.
        address: where the phone fetches its accounts.

    Attributes:
        folder: the phone's own, on the host.
    """

    folder: str

    def __init__(self, cluster: Cluster, host: str, address: str):
        self._cluster, self._host, self._address = cluster, host, address

    def __enter__(self):
        self.install()
        self.start()
        return self

    def __exit__(self, *_error) -> None:
        self.stop()

    def _run(self, command: str) -> str:
        return self._cluster.run(self._host, f"cd {self.folder} && {command}")
