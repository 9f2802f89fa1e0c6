"""How a process of the login service takes clients, and how it ends: no client notices."""

from __future__ import annotations

import select
import selectors
import time
from functools import partial

from gunicorn.workers.gthread import ThreadWorker

#: How long a process with a login leaves new clients to the others, in seconds, unless one of its
#: logins has moved on meanwhile. Then its database hangs, and it takes whoever comes.
MODESTY = 0.1
#: How long it waits for the request of a client that it has taken before it takes another one, in
#: seconds.
UNREAD = 0.005
#: How long a process that is told to end waits for requests of clients who have connected, in
#: seconds.
LONGEST_GOODBYE = 2.0


class Worker(ThreadWorker):
    """gunicorn's worker with threads.

    That one takes every client at once, whatever it has to do: a login waits in one process's queue
    while another process has nothing to do, and each new client wakes all processes. This one
    leaves clients where they wait for all processes, in the order in which they came, as long as it
    has a login that moves on.

    That one also drops the clients whose connection it has accepted and whose request it hasn't
    read yet: a login fails with each reload. This one leaves new clients to the other processes,
    and reads what is on its way.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._ends: float | None = None
        self._listens = True
        self._taken = 0.0

    def accept(self, server, listener) -> None:
        """Take a client, and leave the next one to others for a moment."""
        super().accept(server, listener)
        self._taken = time.monotonic()
        if self._modest_for() > 0:
            self._look_away()

    def finish_request(self, fs) -> None:
        """End a request, in its thread."""
        super().finish_request(fs)
        if not self.wsgi.evenfloor_pool.is_used:
            self._look()

    def handle_exit(self, sig, frame) -> None:
        """Note that it is to end."""
        if self._ends is None:
            self._ends = time.monotonic() + LONGEST_GOODBYE

    def murder_keepalived(self) -> None:
        """Close idle connections, as in each round of the loop, and end if it is to."""
        super().murder_keepalived()
        if self._ends is not None:
            self._leave(self._ends)
        elif not self._listens:
            # The loop itself would wait for a second.
            while (seconds := self._modest_for()) > 0:
                if select.select([self.poller], [], [], seconds)[0]:
                    return
            self._look()

    def _modest_for(self) -> float:
        pool = self.wsgi.evenfloor_pool
        until = pool.went_on + MODESTY if pool.is_used else self._taken + UNREAD
        return max(0.0, until - time.monotonic())

    def _look(self) -> None:
        with self._lock:
            if not self._listens and self._ends is None:
                self._listens = True
                for listener in self.sockets:
                    taking = partial(self.accept, listener.getsockname())
                    self.poller.register(listener, selectors.EVENT_READ, taking)

    def _look_away(self) -> None:
        with self._lock:
            if self._listens:
                self._listens = False
                for listener in self.sockets:
                    self.poller.unregister(listener)

    def _leave(self, ends: float) -> None:
        self._look_away()
        with self._lock:
            unread = len(self.poller.get_map()) - len(self._keep)
        if unread <= 0 or time.monotonic() >= ends:
            self.alive = False
