"""Has a snapshot of the floor made in every quarter minute, whether somebody looks or not."""

from __future__ import annotations

import logging
import random
import threading
import time

from .day import QUARTER
from .errors import LoginRefused
from .watch import Watch

log = logging.getLogger("evenfloor.recorder")

#: How long after the beginning of a quarter minute, in seconds: it is still the same one for a
#: database whose clock is a little off.
AFTER = 5.0
#: By how much processes come apart at most, in seconds. The first of all makes the snapshot, and
#: those that come within a second have nothing to do.
APART = 1.0


def start(watch: Watch) -> threading.Thread:
    """Begin, in a thread that ends with its process.

    Args:
        watch: makes the snapshots, or reads another process's.
    """
    thread = threading.Thread(target=_run, args=(watch,), name="recorder", daemon=True)
    thread.start()
    return thread


def _run(watch: Watch) -> None:
    while True:
        time.sleep(QUARTER - (time.time() - AFTER) % QUARTER + random.uniform(0, APART))
        try:
            watch.answer()
        except LoginRefused:
            log.warning("a quarter minute of the floor wasn't recorded")
        except Exception:  # or nothing more would be recorded
            log.exception("a quarter minute of the floor wasn't recorded")
