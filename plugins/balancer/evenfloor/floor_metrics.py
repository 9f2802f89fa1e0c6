"""The metrics of the floor, and the page on which Prometheus reads all metrics."""

from __future__ import annotations

import os

import prometheus_client
import prometheus_client.multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from .answers import FloorEntry, has_weights, spread
from .dialer_metrics import dialer_metrics
from .floor_reader import FloorReader


def floor_gauges(floor: list[FloorEntry] | None) -> list[Metric]:
    """Make the metrics of a floor.

    Args:
        floor: the floor; None where the database is away, which leaves ``evenfloor_up 0`` alone.
    """
    up = GaugeMetricFamily("evenfloor_up", "Whether the database answers")
    up.add_metric([], int(floor is not None))
    if floor is None:
        return [up]
    local = GaugeMetricFamily(
        "evenfloor_local_agents", "Local agents, reservations included", labels=["dialer"]
    )
    eligible = GaugeMetricFamily(
        "evenfloor_dialer_takes_logins", "Whether the dialer takes logins", labels=["dialer"]
    )
    kept = GaugeMetricFamily(
        "evenfloor_calls_kept",
        "Calls without a live-agent row that the dialer's daemon lets go on",
        labels=["dialer"],
    )
    for entry in floor:
        kept.add_metric([entry.server_ip], entry.calls_kept)
        local.add_metric([entry.server_ip], entry.local_agents)
        eligible.add_metric([entry.server_ip], int(entry.takes_logins))
    uneven = GaugeMetricFamily(
        "evenfloor_spread_agents",
        "Highest minus lowest count of the dialers that take logins; by weight, if there are any",
    )
    uneven.add_metric([], spread(floor))
    return [up, local, eligible, kept, uneven, *_weight_gauges(floor), *dialer_metrics(floor)]


def _weight_gauges(floor: list[FloorEntry]) -> list[GaugeMetricFamily]:
    """Make the gauge of weights; none where every weight is 1."""
    if not has_weights(floor):
        return []
    weights = GaugeMetricFamily("evenfloor_dialer_weight", "The dialer's weight", labels=["dialer"])
    for entry in floor:
        weights.add_metric([entry.server_ip], entry.weight)
    return [weights]


def database_gauges(database: str) -> list[GaugeMetricFamily]:
    """Make the gauge of the database that this service reaches; none where it reaches none."""
    if not database:
        return []
    reached = GaugeMetricFamily(
        "evenfloor_writes_to",
        "1 for the database that the login service reaches, by its host name",
        labels=["database"],
    )
    reached.add_metric([database], 1)
    return [reached]


class _FloorCollector:
    """Makes the gauges when Prometheus asks for them."""

    def __init__(self, floor: FloorReader):
        self._floor = floor

    def collect(self) -> list[Metric]:
        """Return the metrics."""
        floor, database = self._floor.floor() or (None, "")
        return [*floor_gauges(floor), *database_gauges(database)]


def metrics_text(floor: FloorReader) -> bytes:
    """Write what all workers have counted, and the floor, in Prometheus' format."""
    counted = prometheus_client.REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = prometheus_client.CollectorRegistry()
        prometheus_client.multiprocess.MultiProcessCollector(counted)
    gauges = prometheus_client.CollectorRegistry()
    gauges.register(_FloorCollector(floor))
    return prometheus_client.generate_latest(counted) + prometheus_client.generate_latest(gauges)
