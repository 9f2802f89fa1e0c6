"""A database says that it may be written to only if nothing speaks against it."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "roles/database_cluster/files/health.py"
_spec = importlib.util.spec_from_file_location("database_health", PATH)
health = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(health)

WELL = {"wsrep_cluster_status": "Primary", "wsrep_ready": "ON", "wsrep_local_state": "4"}


@pytest.mark.parametrize("state", ["4", "2"])
def test_a_member_of_the_majority_with_all_the_data_may_be_written_to(state):
    assert health.judge({**WELL, "wsrep_local_state": state}, "OFF") == ""


@pytest.mark.parametrize(
    ("status", "read_only", "why"),
    [
        ({**WELL, "wsrep_cluster_status": "non-Primary"}, "OFF", "majority"),
        ({**WELL, "wsrep_ready": "OFF"}, "OFF", "not ready"),
        ({**WELL, "wsrep_local_state": "1"}, "OFF", "not synced"),
        (WELL, "ON", "read-only"),
        ({}, "OFF", "majority"),
    ],
)
def test_what_speaks_against_it_is_said(status, read_only, why):
    assert why in health.judge(status, read_only)


def test_a_database_that_was_never_asked_is_away():
    assert health.Watch("/nowhere").answer == "away: it hangs\n"


def test_a_database_that_cannot_be_reached_is_away(tmp_path):
    watch = health.Watch(str(tmp_path / "socket"))
    watch.look()
    assert watch.answer == "away: no answer (OperationalError)\n"


def test_an_answer_counts_only_while_it_is_fresh(monkeypatch):
    watch = health.Watch("/nowhere")
    now = [1000.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now[0])
    watch._said, watch._at = "", 1000.0
    assert watch.answer == "writable\n"
    now[0] += health.FRESH + 0.1
    assert watch.answer == "away: it hangs\n"
