"""Prometheus and the exporters, as Debian has packed them, for tests on this machine."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.mariadb import free_port
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[1]
#: Where `make ready` unpacks them.
PROGRAMS = ROOT / ".cache/prometheus/usr/bin"
FILES = ROOT / "roles/monitoring/files"
RULES, ALERTS = FILES / "rules.yaml", FILES / "alerts.yaml"
DASHBOARD = FILES / "dashboards/evenfloor.json"
#: What exporters of Debian's tell, as far as rules, alerts and the dashboard ask for it.
OF_EXPORTERS = {
    "mysql_up",
    "mysql_global_status_questions",
    "mysql_global_status_wsrep_cluster_size",
    "mysql_global_status_wsrep_flow_control_paused_ns",
    "mysql_global_status_wsrep_local_recv_queue",
    "mysql_global_status_wsrep_ready",
    "mysql_global_status_threads_connected",
    "mysql_global_variables_max_connections",
    "node_textfile_mtime_seconds",
}
_METRIC = re.compile(r"\b(?:\w+:)?(?:evenfloor|mysql|node)_\w+(?::\w+)?")
#: Seconds between two looks of a Prometheus that tests start.
INTERVAL = 1


def rules(path: Path) -> list[dict]:
    """Return the rules of a file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def queries() -> dict[str, str]:
    """Return every query of rules, alerts and the dashboard, by what asks it."""
    found = {rule["record"]: rule["expr"] for rule in rules(RULES)}
    found |= {rule["alert"]: rule["expr"] for rule in rules(ALERTS)}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def metrics_of(query: str) -> set[str]:
    """Return the names of the metrics that a query asks for."""
    return set(_METRIC.findall(query))


@contextlib.contextmanager
def running(program: str, *options: str) -> Iterator[subprocess.Popen]:
    """Run one of the programs.

    Args:
        program: its name.
        options: its arguments.
    """
    process = subprocess.Popen(
        [PROGRAMS / program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


class Prometheus:
    """A running Prometheus with the role's rules and alerts.

    Args:
        port: where it listens, on loopback.
    """

    def __init__(self, port: int):
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> dict:
        """Ask the API; returns the answer's data."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, query: str) -> list[dict]:
        """Return what a query finds now."""
        return self.ask("query", query=query)["result"]

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=PATIENCE) as answer:
                return answer.status == 200
        except OSError:
            return False


@contextlib.contextmanager
def watching(folder: Path, jobs: list[dict]) -> Iterator[Prometheus]:
    """Run Prometheus on this machine.

    Args:
        folder: for its configuration and its data.
        jobs: what it asks, as the ``scrape_configs`` of its configuration.
    """
    config, port = folder / "prometheus.yml", free_port()
    interval = {"scrape_interval": f"{INTERVAL}s", "evaluation_interval": f"{INTERVAL}s"}
    content = {"global": interval, "rule_files": [str(RULES), str(ALERTS)], "scrape_configs": jobs}
    config.write_text(yaml.safe_dump(content))
    options = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with running("prometheus", *options):
        prometheus = Prometheus(port)
        wait_until(prometheus.ready, PATIENCE, "Prometheus is ready")
        yield prometheus
