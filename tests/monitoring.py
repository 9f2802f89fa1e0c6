"""A monitoring host of a cluster of containers, asked over SSH: it listens on loopback."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlencode

from lab.cluster import Cluster

HOST = "monitoring1"


def look(cluster: Cluster, path: str, **parameters: str) -> dict:
    """Ask Prometheus' API on the monitoring host."""
    url = f"http://127.0.0.1:9090/api/v1/{path}?{urlencode(parameters)}"
    return json.loads(_get(cluster, url))


def alerts(cluster: Cluster) -> dict[str, dict]:
    """Return the labels of the alerts that Alertmanager has now, by their name."""
    found = json.loads(_get(cluster, "http://127.0.0.1:9093/api/v2/alerts?active=true"))
    return {alert["labels"]["alertname"]: alert["labels"] for alert in found}


def _get(cluster: Cluster, url: str) -> str:
    program = (
        "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    )
    return cluster.run(HOST, f"python3 -c {shlex.quote(program)} {shlex.quote(url)}")
