"""What the login service counts, by Prometheus' naming rules (units in the name)."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

CHOICES = Counter(
    "evenfloor_choices", "Choices, by the dialer that won and by outcome", ["dialer", "outcome"]
)
CHOICE_SECONDS = Histogram(
    "evenfloor_choice_seconds", "Time from request to decision, lock included", buckets=_BUCKETS
)
LOCK_SECONDS = Histogram("evenfloor_lock_seconds", "Time waited for the lock", buckets=_BUCKETS)
WITHOUT_LOCK = Counter(
    "evenfloor_logins_without_lock",
    "Logins that went on because the lock could not be acquired in time",
)
