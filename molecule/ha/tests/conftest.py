"""The cluster that molecule has built."""

from tests.fixtures import cluster, known_state, nobody_logged_in, on

__all__ = ["cluster", "known_state", "nobody_logged_in", "on"]
