"""What a login costs on three databases, beside one: Galera's certification is part of every claim.

Real MariaDB with Galera, that `make ready` fetches; all three on this machine, so they share its
processors, and no network is between them. So this shows what the databases do more, and not what a
network's way there and back adds to each login.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import choice, provision, service
from tests import galera, mariadb
from tests.waiting import PATIENCE, wait_until

CASE = choice.Case(3, 1_800, 0)
CHOICES = 600
#: How often both are measured, in turn.
TIMES = 3


@contextlib.contextmanager
def three() -> Iterator[mariadb.Server]:
    """Yield the first of three databases that are one cluster; it is the one that is written to."""
    ports = [mariadb.free_port() for _member in range(3)]
    with contextlib.ExitStack() as members:
        first = members.enter_context(mariadb.running(*galera.options("db1", ports[0])))
        others = [members.enter_context(mariadb.running()) for _port in ports[1:]]
        for server in (first, *others):
            server.stop()
        for server in others:
            shutil.rmtree(server.directory / "data")
            shutil.copytree(first.directory / "data", server.directory / "data")
        first.start()
        for number, server in enumerate(others, start=1):
            server.options = galera.options(f"db{number + 1}", ports[number], ports[0])
            _note_state(server, first)
            server.start()
        wait_until(
            lambda: _status(first, "wsrep_cluster_size") == "3", PATIENCE, "they are one cluster"
        )
        yield first


def _note_state(server: mariadb.Server, donor: mariadb.Server) -> None:
    """Have a member begin where the group is: with the same data, nobody has to send it any."""
    uuid, position = (
        _status(donor, f"wsrep_{name}") for name in ("local_state_uuid", "last_committed")
    )
    (server.directory / "data/grastate.dat").write_text(
        f"# GALERA saved state\nversion: 2.1\nuuid: {uuid}\nseqno: {position}\n"
        "safe_to_bootstrap: 0\n"
    )


def _status(server: mariadb.Server, name: str) -> str:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE %s", (name,))
        return cursor.fetchone()[1]


def provisioned(server: mariadb.Server) -> str:
    """Write the phones and aliases of a large cluster into an empty database, and time it."""
    with tempfile.TemporaryDirectory() as folder:
        runner = provision.runner_on(server, Path(folder))
        seconds, _counts = provision.run(runner, provision.DIALERS)
    return f"{provision.DIALERS} dialers x {provision.ALIASES} aliases written in {seconds:.1f} s"


def main() -> None:
    """Measure and print."""
    print(f"{CASE.dialers} dialers; a choice alone and by sixteen processes at once (milliseconds,")
    print("choices a second), then whole logins over HTTP, sixteen at once:")
    with mariadb.running() as one, three() as several:
        for name, server in [("one", one), ("three", several)] * TIMES:
            figures = choice.measure_ours(server, CASE, CHOICES)
            print(f"{name:>5}: {figures}", flush=True)
            print(f"{name:>5}: {service.measure(server, CASE)}", flush=True)
            print(f"{name:>5}: {provisioned(server)}", flush=True)


if __name__ == "__main__":
    main()
