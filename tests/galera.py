"""Real databases that are one cluster, on loopback: Galera, as Debian has packed it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.mariadb import Server, free_port, running

#: Where `make ready` unpacks it.
PROVIDER = Path(__file__).parents[1] / ".cache/galera/usr/lib/galera/libgalera_smm.so"


def options(name: str, port: int, member: int = 0) -> tuple[str, ...]:
    """Return the options of a database that is a member of a cluster.

    Args:
        name: the member's.
        port: where it hears the other members.
        member: the port of one that is there already; 0 makes the cluster.
    """
    return (
        "--wsrep-on=ON",
        f"--wsrep-provider={PROVIDER}",
        f"--wsrep-cluster-address=gcomm://{f'127.0.0.1:{member}' if member else ''}",
        "--wsrep-cluster-name=test",
        f"--wsrep-node-name={name}",
        "--wsrep-node-address=127.0.0.1",
        # A new member gets no data: the tests look at the cluster, not at rows.
        "--wsrep-sst-method=skip",
        f"--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{port};"
        f"ist.recv_addr=127.0.0.1:{free_port()};gcache.size=8M;pc.recovery=false",
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
    )


def kill(server: Server) -> None:
    """End a database at once, as a host that is switched off does."""
    if server.process is not None:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.process = None


@contextlib.contextmanager
def two() -> Iterator[tuple[Server, Server]]:
    """Run two databases that are one cluster."""
    ports = free_port(), free_port()
    with (
        running(*options("db1", ports[0])) as first,
        running(*options("db2", ports[1], member=ports[0])) as second,
    ):
        try:
            yield first, second
        finally:
            # One that has got no data waits for it when it is stopped in peace.
            kill(second)
            kill(first)
