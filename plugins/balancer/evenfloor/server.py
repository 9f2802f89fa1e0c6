"""How gunicorn serves the login service: ``gunicorn --config python:evenfloor.server``.

Threads, because a client that is slow, or waits for the answer to a wrong password, costs a thread
and nothing else: the connections to the database are few, and lent for the time of a request.
"""

# gunicorn reads its settings by name from this module, and they have no others.
from __future__ import annotations

from . import config as configuration
from . import metrics, recorder
from .heartbeats import Watcher

worker_class = "evenfloor.worker.Worker"
threads = 32
keepalive = 75
timeout = 30
#: What a request line and headers may be at most.
limit_request_line = 4094
limit_request_fields = 40
limit_request_field_size = 4094

#: The numbers of the workers that live. gunicorn calls :func:`child_exit` from a signal's handler,
#: even in the middle of :func:`pre_fork`: with a lock, it would wait for ever.
_slots: dict[int, int] = {}


def pre_fork(_server, worker) -> None:
    """Give a worker that is about to start the lowest number that no other has."""
    taken = set(_slots.values())
    worker.evenfloor_slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
    _slots[id(worker)] = worker.evenfloor_slot


def post_fork(_server, worker) -> None:
    """Have a worker count on in the file of the one whose number it has.

    By process id, which is the default, every worker that is killed would leave a file.
    """
    metrics.WRITER.slot = worker.evenfloor_slot


def post_worker_init(worker) -> None:
    """Have a worker watch the dialers' heartbeats, and record the floor.

    Each worker does; the database lets one of all write.
    """
    Watcher(configuration.load(configuration.service_path())).start()
    recorder.start(worker.wsgi.evenfloor_watch)


def child_exit(_server, worker) -> None:
    """Free the number of a worker that is gone, however it went."""
    _slots.pop(id(worker), None)
