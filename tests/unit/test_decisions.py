"""What the log and the table say of a choice."""

from __future__ import annotations

import json

import pytest

from evenfloor.decisions import FAILED, Trail
from evenfloor.errors import BAD_CREDENTIALS
from evenfloor.policy import Decision, Dialer, Phone, Verdict
from evenfloor.request import Request

REQUEST = Request("101x", "agent7", "SALES", "hush")
FIRST, SECOND, MISSING = Phone("101a", "10.0.0.1"), Phone("101b", "10.0.0.2"), Phone("101c")
DIALERS = {"10.0.0.1": Dialer("10.0.0.1", True, True, 0, 9, 4)}
SEEN = [
    {
        "phone_login": login,
        "server_ip": server_ip,
        "local_agents": agents,
        "weight": weight,
        "why_not": why_not,
        "remarks": remarks,
    }
    for login, server_ip, agents, weight, why_not, remarks in (
        ("101a", "10.0.0.1", 4, 1, None, ["not registered"]),
        ("101b", "10.0.0.2", None, None, "no dialer", []),
        ("101c", "", None, None, "no phone", []),
    )
]


def decided(winner: Phone | None) -> Trail:
    verdicts = (
        Verdict(FIRST, None, ("not registered",)),
        Verdict(SECOND, "no dialer"),
        Verdict(MISSING, "no phone"),
    )
    trail = Trail("login", REQUEST)
    trail.note(Decision(winner, "fewest local agents", verdicts), DIALERS)
    return trail


def test_the_row_has_the_winner_and_every_phones_count_and_state():
    row = decided(FIRST).row()
    assert json.loads(row.pop("detail")) == SEEN
    assert row == {
        "user": "agent7",
        "alias": "101x",
        "campaign": "SALES",
        "server_ip": "10.0.0.1",
        "phone_login": "101a",
        "outcome": "chosen",
    }


def test_a_row_of_which_nobody_won_has_no_dialer():
    row = decided(None).row()
    assert (row["server_ip"], row["phone_login"]) == (None, None)
    assert json.loads(row["detail"]) == SEEN


def test_the_line_has_the_same_and_how_long_it_took():
    trail = decided(FIRST)
    trail.lock_seconds = 0.00123449
    assert trail.line(0.0123456789) == {
        "event": "login",
        "user": "agent7",
        "alias": "101x",
        "campaign": "SALES",
        "outcome": "chosen",
        "dialer": "10.0.0.1",
        "phone_login": "101a",
        "seconds": 0.012346,
        "lock_seconds": 0.001234,
        "without_lock": False,
        "dialers": SEEN,
    }


@pytest.mark.parametrize(("waited", "told"), [(None, None), (0.0, 0.0)])
def test_no_wait_for_the_lock_is_not_the_same_as_no_lock_asked_for(waited, told):
    trail = Trail("choose", REQUEST, lock_seconds=waited)
    assert trail.line(0)["lock_seconds"] == told


def test_neither_has_the_password():
    trail = decided(FIRST)
    assert "hush" not in json.dumps([trail.row(), trail.line(1)]) + repr(trail)


def test_a_dialer_is_chosen_only_if_the_login_was_not_refused_afterwards():
    trail = decided(FIRST)
    assert trail.chosen == "10.0.0.1"
    for outcome in (FAILED, BAD_CREDENTIALS):
        trail.outcome = outcome
        assert trail.chosen == ""
    assert Trail("choose", REQUEST).chosen == ""


def test_the_last_decision_replaces_what_was_noted_before():
    trail = decided(FIRST)
    trail.note(Decision(None, "no dialer is eligible", ()), {})
    assert (trail.winner, json.loads(trail.row()["detail"])) == (None, [])
