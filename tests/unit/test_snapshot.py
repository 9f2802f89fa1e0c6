"""What the floor page shows, and what it says has become of dialers."""

import json

import pytest

from evenfloor import events, snapshot
from evenfloor.events import Event, KeptEvent
from evenfloor.floor import DialerOnFloor, DialerRow
from evenfloor.policy import Dialer, Rules
from evenfloor.snapshot import CLOSED, DEAD, HELD, OPEN, AgentRow, DecisionRow, Seen

RULES = Rules(heartbeat_timeout=5)


def dialer(number: int = 1, **more) -> DialerOnFloor:
    ip = f"10.0.0.{number}"
    values = {"active": True, "takes_logins": True, "heartbeat_age": 1, "free_rooms": 9}
    state = Dialer(ip, **{**values, "local_agents": 0, **more})
    return DialerOnFloor(DialerRow(f"dialer{number}", ip, 0, 12, 11), state)


def taken(*floor: DialerOnFloor, agents=(), decisions=(), happened=()) -> dict:
    seen = Seen(list(floor), list(agents), list(decisions), list(happened))
    return snapshot.snapshot(seen, RULES, {})


@pytest.mark.parametrize(
    ("state", "condition", "words"),
    [
        ({}, OPEN, "takes logins"),
        ({"active": False}, CLOSED, "the dialer is not active"),
        ({"takes_logins": False, "heartbeat_age": 99}, CLOSED, "the dialer takes no logins"),
        ({"heartbeat_age": 7}, DEAD, "the dialer's last heartbeat is 7 s old"),
        ({"heartbeat_age": None}, DEAD, "the dialer has no known heartbeat"),
        ({"free_rooms": 0}, HELD, "no free room"),
        ({"local_agents": 3, "max_agents": 3}, HELD, "3 agents"),
        ({"twin": "10.0.0.9"}, HELD, "twin"),
    ],
)
def test_a_dialer_has_a_condition_and_its_reason_in_words(state, condition, words):
    (shown,) = taken(dialer(**state))["dialers"]
    assert shown["condition"] == condition
    assert words in shown["state"]


def test_a_snapshot_has_counts_phones_rooms_and_the_spread():
    shown = taken(dialer(1, local_agents=4), dialer(2, local_agents=1))
    assert shown["spread"] == 3
    first = shown["dialers"][0]
    assert (first["local_agents"], first["registered"], first["phones"]) == (4, 11, 12)
    assert (first["free_rooms"], first["heartbeat_age"]) == (9, 1)


def test_an_agent_is_shown_with_the_dialers_name_if_it_has_one():
    agents = [
        AgentRow("a", "10.0.0.1", "PJSIP/1", "T", 5),
        AgentRow("b", "10.9.9.9", "x", "", None),
    ]
    shown = taken(dialer(), agents=agents)["agents"]
    assert shown == [("a", "dialer1", "PJSIP/1", "T", 5), ("b", "10.9.9.9", "x", "", None)]


def test_phones_are_counted_for_some_snapshots_at_once():
    """Counting them costs more than all the rest."""
    counted, uncounted = dialer(1), dialer(1)
    uncounted = uncounted._replace(row=uncounted.row._replace(phones=0, registered=0))
    shown = taken(counted)
    for _number in range(snapshot.PHONES_USED - 1):
        assert not snapshot.needs_phones(shown)
        seen = Seen([uncounted, dialer(2)], [], [], [])
        shown = snapshot.snapshot(seen, RULES, shown)
        assert (shown["dialers"][0]["registered"], shown["dialers"][0]["phones"]) == (11, 12)
    assert snapshot.needs_phones(shown) and snapshot.needs_phones({})
    fewer = counted._replace(row=counted.row._replace(registered=3))
    shown = snapshot.snapshot(Seen([fewer], [], [], []), RULES, shown)
    assert shown["dialers"][0]["registered"] == 3 and not snapshot.needs_phones(shown)


def test_logins_and_other_events_are_shown_by_their_age():
    detail = json.dumps([phone("10.0.0.1", 2), phone("10.0.0.2", 3), phone("10.0.0.3", 9, "full")])
    decisions = [DecisionRow(4, "a", "1x", "10.0.0.1", "chosen", detail)]
    happened = [KeptEvent(9, "refused", "b", "2x", "", "10.9.9.9", "why"),
                KeptEvent(2, "dialer_dead", "", "", "dialer2", "", "why")]  # fmt: skip
    shown = taken(dialer(), decisions=decisions, happened=happened)["events"]
    assert [event["kind"] for event in shown] == ["dialer_dead", "login", "refused"]
    assert (shown[1]["dialer"], shown[1]["user"], shown[1]["alias"]) == ("dialer1", "a", "1x")
    assert shown[1]["detail"] == "2 agents there before, 3 on the others"


def test_no_more_events_are_shown_than_fit():
    happened = [KeptEvent(age, "refused", "", "", "", "", "") for age in range(99)]
    shown = taken(happened=happened)["events"]
    assert [event["age"] for event in shown] == list(range(snapshot.EVENTS))


def phone(server_ip: str, agents: int | None, why_not: str | None = None) -> dict:
    return {"server_ip": server_ip, "local_agents": agents, "why_not": why_not}


@pytest.mark.parametrize(
    ("phones", "words"),
    [
        ([phone("b", 2), phone("c", 5)], ", 2 to 5 on the others"),
        ([phone("b", 2)], ", 2 on the others"),
        ([phone("b", 0, "dead")], "; no other dialer was eligible"),
    ],
)
def test_why_a_dialer_won_is_its_count_beside_the_others(phones, words):
    assert snapshot.why_chosen([phone("a", 1), *phones], "a") == f"1 agent there before{words}"


@pytest.mark.parametrize("phones", [[], [phone("b", 2)], [phone("a", None)]])
def test_why_a_dialer_won_is_not_made_up(phones):
    assert snapshot.why_chosen(phones, "a") == ""


def test_why_nobody_won_is_each_reason_once():
    phones = [phone("a", 1, "dead"), phone("b", 1, "full"), phone("c", 1, "dead")]
    assert snapshot.why_nobody(phones) == "no dialer is eligible; dead (2); full (1)"


@pytest.mark.parametrize("detail", [None, "", "{", "{}", "7", '[7, "x"]'])
def test_a_decision_whose_detail_cannot_be_read_is_shown_all_the_same(detail):
    decisions = [DecisionRow(4, "a", "1x", None, "no_dialer_available", detail)]
    (event,) = taken(dialer(), decisions=decisions)["events"]
    assert (event["kind"], event["detail"]) == ("refused", "no dialer is eligible")


_STATES = {
    OPEN: {},
    HELD: {"free_rooms": 0},
    CLOSED: {"takes_logins": False},
    DEAD: {"heartbeat_age": 9},
}


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (OPEN, CLOSED, events.DIALER_CLOSED),
        (DEAD, CLOSED, events.DIALER_CLOSED),
        (OPEN, DEAD, events.DIALER_DEAD),
        (HELD, DEAD, events.DIALER_DEAD),
        (DEAD, OPEN, events.DIALER_BACK),
        (DEAD, HELD, events.DIALER_BACK),
        (CLOSED, OPEN, events.DIALER_OPENED),
        (OPEN, HELD, None),
        (HELD, OPEN, None),
        (OPEN, OPEN, None),
        (DEAD, DEAD, None),
    ],
)
def test_what_becomes_of_a_dialer_is_an_event_unless_it_is_no_news(before, after, kind):
    earlier, later = (taken(dialer(**_STATES[state])) for state in (before, after))
    found = snapshot.transitions(earlier, later)
    assert [(event.kind, event.dialer) for event in found] == [(kind, "dialer1")] * bool(kind)


def test_a_dialer_that_comes_or_goes_is_an_event_and_the_first_snapshot_is_none():
    one, both = taken(dialer(1)), taken(dialer(1), dialer(2))
    assert snapshot.transitions(one, both) == [Event(events.DIALER_ADDED, dialer="dialer2")]
    assert snapshot.transitions(both, one) == [Event(events.DIALER_REMOVED, dialer="dialer2")]
    assert snapshot.transitions({}, both) == []


def test_why_a_dialer_is_dead_is_said():
    (event,) = snapshot.transitions(taken(dialer()), taken(dialer(heartbeat_age=9)))
    assert event.detail == "the dialer's last heartbeat is 9 s old"
