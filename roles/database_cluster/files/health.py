#!/usr/bin/python3
"""Says on a port whether this database may be written to, to whoever connects.

One question to the database every half second serves all who ask, however many they are. An answer
that is older than two seconds counts as none: a database that hangs may not be written to.
"""

import asyncio
import contextlib
import sys
import time

import pymysql

#: How often the database is asked, and how long an answer counts, in seconds.
EVERY, FRESH = 0.5, 2.0
#: How long an answer is waited for, and whoever connects, in seconds.
PATIENCE = 1
#: Synced; or a donor, which goes on while it gives its data to another.
MAY_WRITE = ("4", "2")
USER = "evenfloor_health"


def judge(status, read_only):
    """Say what is wrong with the database; nothing is "".

    Args:
        status: what SHOW STATUS says, by its name.
        read_only: the variable ``read_only``.
    """
    if status.get("wsrep_cluster_status") != "Primary":
        return "not in the cluster's majority"
    if status.get("wsrep_ready") != "ON":
        return "not ready"
    if status.get("wsrep_local_state") not in MAY_WRITE:
        return "not synced"
    if read_only not in (0, "0", "OFF"):
        return "read-only"
    return ""


class Watch:
    """What the database has said last.

    Args:
        socket: the database's.
    """

    def __init__(self, socket):
        self._socket = socket
        self._connection = None
        self._said, self._at = "never asked", 0.0

    def look(self):
        """Ask the database; takes at most some times PATIENCE."""
        try:
            if self._connection is None:
                self._connection = pymysql.connect(
                    unix_socket=self._socket,
                    user=USER,
                    connect_timeout=PATIENCE,
                    read_timeout=PATIENCE,
                    write_timeout=PATIENCE,
                )
            with self._connection.cursor() as cursor:
                cursor.execute("SHOW STATUS LIKE 'wsrep%'")
                status = dict(cursor.fetchall())
                cursor.execute("SHOW VARIABLES LIKE 'read_only'")
                said = judge(status, cursor.fetchone()[1])
        except (pymysql.err.Error, OSError) as error:
            said = f"no answer ({type(error).__name__})"
            if self._connection is not None:
                with contextlib.suppress(Exception):
                    self._connection.close()
            self._connection = None
        self._said, self._at = said, time.monotonic()

    @property
    def answer(self):
        """What those who ask are told."""
        said = self._said
        if time.monotonic() - self._at > FRESH:
            said = "it hangs"
        return f"away: {said}\n" if said else "writable\n"


async def main(address, port, socket):
    """Look after the database, and answer whoever asks, for ever."""
    watch = Watch(socket)

    async def tell(_reader, writer):
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            writer.write(watch.answer.encode())
            await asyncio.wait_for(writer.drain(), PATIENCE)
        writer.close()

    await asyncio.start_server(tell, address, int(port))
    while True:
        await asyncio.get_running_loop().run_in_executor(None, watch.look)
        await asyncio.sleep(EVERY)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
