"""How a process of the login service ends: no client notices."""

from __future__ import annotations

import time

from gunicorn.workers.gthread import ThreadWorker

#: How long a process that is told to end waits for requests of clients who have connected, in
#: seconds.
LONGEST_GOODBYE = 2.0


class Worker(ThreadWorker):
    """gunicorn's worker with threads.

    That one drops the clients whose connection it has accepted and whose request it hasn't read
    yet: a login fails with each reload. This one leaves new clients to the other processes, and
    reads what is on its way.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._ends: float | None = None
        self._listens = True

    def handle_exit(self, sig, frame) -> None:
        """Note that it is to end."""
        if self._ends is None:
            self._ends = time.monotonic() + LONGEST_GOODBYE

    def murder_keepalived(self) -> None:
        """Close idle connections, as in each round of the loop, and end if it is to."""
        super().murder_keepalived()
        if self._ends is not None:
            self._leave(self._ends)

    def _leave(self, ends: float) -> None:
        with self._lock:
            if self._listens:
                self._listens = False
                for listener in self.sockets:
                    self.poller.unregister(listener)
            unread = len(self.poller.get_map()) - len(self._keep)
        if unread <= 0 or time.monotonic() >= ends:
            self.alive = False
