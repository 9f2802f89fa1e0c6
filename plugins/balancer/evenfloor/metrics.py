"""What the login service counts, by Prometheus' naming rules (units in the name)."""

from __future__ import annotations

import os

from prometheus_client import Counter, Histogram, values

from . import errors


class _Writer:
    """Whose file this process counts in, where several processes serve.

    Attributes:
        slot: the number of a worker of gunicorn's; None for any other process.
    """

    slot: int | None = None

    def __call__(self) -> int:
        """Return what the file is called by: the slot, or else the process id."""
        return os.getpid() if self.slot is None else self.slot


WRITER = _Writer()
# Before the first metric: each keeps the kind of value that it began with, also after a fork.
if values.ValueClass is not values.MutexValue:
    values.ValueClass = values.MultiProcessValue(WRITER)

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

CHOICES = Counter(
    "evenfloor_choices", "Choices, by the dialer that won and by outcome", ["dialer", "outcome"]
)
CHOICE_SECONDS = Histogram(
    "evenfloor_choice_seconds", "Time from request to decision, lock included", buckets=_BUCKETS
)
LOCK_SECONDS = Histogram("evenfloor_lock_seconds", "Time waited for the lock", buckets=_BUCKETS)
REFUSALS = Counter(
    "evenfloor_refusals", "Requests that the login service refused, by reason", ["reason"]
)
# Known from the start: whoever looks for an increase would miss the first of a reason otherwise.
for _reason in errors.REASONS:
    REFUSALS.labels(reason=_reason)
WITHOUT_LOCK = Counter(
    "evenfloor_logins_without_lock",
    "Logins that went on because the lock could not be acquired in time",
)
