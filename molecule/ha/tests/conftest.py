"""The cluster that molecule has built."""

import json

import pytest

from tests.databases import FIGURES, wait_until_whole
from tests.fixtures import cluster, known_state, nobody_logged_in, on
from tests.state import wait_until_settled

__all__ = ["cluster", "known_state", "nobody_logged_in", "on"]


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    """Every test begins with all databases in one cluster, and with nobody in a call."""
    wait_until_whole(cluster)
    wait_until_settled(cluster)


def pytest_sessionstart():
    """Forget what was measured before."""
    FIGURES.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter):
    """Print what was measured; times are in seconds."""
    terminalreporter.section("measured")
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name, figures in known.items():
        terminalreporter.line(f"{name}: " + ", ".join(f"{a} {b}" for a, b in figures.items()))
