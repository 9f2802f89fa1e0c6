"""The cluster that molecule has built."""

import json

from tests.databases import FIGURES
from tests.fixtures import cluster, known_state, nobody_logged_in, on

__all__ = ["cluster", "known_state", "nobody_logged_in", "on"]


def pytest_sessionstart():
    """Forget what was measured before."""
    FIGURES.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter):
    """Print what was measured; times are in seconds."""
    terminalreporter.section("measured")
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name, figures in known.items():
        terminalreporter.line(f"{name}: " + ", ".join(f"{a} {b}" for a, b in figures.items()))
