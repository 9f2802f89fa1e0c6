"""The numbers that the login service's workers get."""

import types

from evenfloor import server


def a_worker():
    worker = types.SimpleNamespace()
    server.pre_fork(None, worker)
    return worker


def test_a_worker_gets_the_lowest_number_that_is_free(monkeypatch):
    monkeypatch.setattr(server, "_slots", {})
    first, second, third = a_worker(), a_worker(), a_worker()
    assert [worker.evenfloor_slot for worker in (first, second, third)] == [0, 1, 2]
    server.child_exit(None, second)
    assert a_worker().evenfloor_slot == 1


def test_a_worker_may_end_in_the_middle_of_anothers_start(monkeypatch):
    class Interrupted(dict):
        """Has a worker end while its numbers are read, as a signal's handler does."""

        def values(self):
            taken = list(super().values())
            server.child_exit(None, gone)
            return taken

    monkeypatch.setattr(server, "_slots", Interrupted())
    gone = types.SimpleNamespace()
    server.pre_fork(None, gone)
    started = a_worker()
    assert started.evenfloor_slot == 1
    assert dict(server._slots) == {id(started): 1}
