"""What monitoring is told of each dialer, by Prometheus' naming rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from .answers import FloorEntry

#: Name, what it is, and how it is read; None says nothing of a dialer.
_GAUGES: tuple[tuple[str, str, Callable[[FloorEntry], float | None]], ...] = (
    (
        "evenfloor_heartbeat_age_seconds",
        "Seconds since the dialer's last heartbeat; +Inf where none is known",
        lambda entry: math.inf if entry.heartbeat_age is None else entry.heartbeat_age,
    ),
    ("evenfloor_remote_agents", "Remote agents", lambda entry: entry.remote_agents),
    ("evenfloor_phones", "Active phones", lambda entry: entry.phones),
    ("evenfloor_registered_phones", "Of them registered", lambda entry: entry.registered),
    ("evenfloor_free_rooms", "Rooms that a login could take", lambda entry: entry.free_rooms),
    ("evenfloor_calls", "Agents' calls, as the dialer's daemon counts", lambda entry: entry.calls),
)
#: The daemon counts them from its start on.
_COUNTERS: tuple[tuple[str, str, Callable[[FloorEntry], float | None]], ...] = (
    (
        "evenfloor_findings",
        "Sessions, rooms and channels that the daemon found not to belong together",
        lambda entry: entry.findings,
    ),
    (
        "evenfloor_asterisk_connections",
        "How often the daemon has connected to Asterisk",
        lambda entry: entry.asterisk_connections,
    ),
    (
        "evenfloor_database_connections",
        "How often the daemon has connected to the database",
        lambda entry: entry.database_connections,
    ),
)


def dialer_metrics(floor: Sequence[FloorEntry]) -> list[Metric]:
    """Make the metrics that each dialer has, with its ``server_ip`` in the label ``dialer``.

    Args:
        floor: every dialer.

    Returns:
        Gauges and counters, and one whose labels say the dialers' names.
    """
    names = GaugeMetricFamily(
        "evenfloor_dialer_info", "1 for each dialer; name says which", labels=["dialer", "name"]
    )
    writes_to = GaugeMetricFamily(
        "evenfloor_dialer_writes_to",
        "1 for the database that the dialer's daemon has reached last, by its host name",
        labels=["dialer", "database"],
    )
    for entry in floor:
        names.add_metric([entry.server_ip, entry.server_id], 1)
        if entry.writes_to:
            writes_to.add_metric([entry.server_ip, entry.writes_to], 1)
    return [
        names,
        writes_to,
        *(_filled(GaugeMetricFamily(*about, labels=["dialer"]), read, floor)
          for *about, read in _GAUGES),
        *(_filled(CounterMetricFamily(*about, labels=["dialer"]), read, floor)
          for *about, read in _COUNTERS),
    ]  # fmt: skip


def _filled(family: Metric, read: Callable, floor: Sequence[FloorEntry]) -> Metric:
    """Fill a metric with what each dialer says, if it says anything."""
    for entry in floor:
        value = read(entry)
        if value is not None:
            family.add_metric([entry.server_ip], value)
    return family
