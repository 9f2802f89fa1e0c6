"""What the balancer returns is made of decisions and rows."""

import pytest

from evenfloor.answers import FloorEntry, choice_of, entry_of, explanation_of, spread
from evenfloor.floor import DialerRow
from evenfloor.policy import Decision, Dialer, Phone, Verdict

ROW = DialerRow("d1", "10.0.0.1", remote_agents=2, phones=9, registered=7)
DIALER = Dialer("10.0.0.1", True, True, 1, 20, 4, campaign_agents=3, max_agents=50)


def entry(local_agents: int, takes_logins: bool = True) -> FloorEntry:
    return FloorEntry("d", "10.0.0.1", takes_logins, "", local_agents, 0, 1, 1, 1, 0, None)


@pytest.mark.parametrize(("counts", "expected"), [([], 0), ([5], 0), ([3, 5, 4], 2), ([0, 0], 0)])
def test_the_spread_is_the_highest_minus_the_lowest_count(counts, expected):
    assert spread([entry(count) for count in counts]) == expected


def test_the_spread_leaves_out_dialers_that_take_no_logins():
    assert spread([entry(3), entry(4), entry(90, takes_logins=False)]) == 1
    assert spread([entry(90, takes_logins=False)]) == 0


def test_a_choice_is_the_winner_with_all_counts_and_the_rule():
    decision = Decision(Phone("101a", "10.0.0.1", "101"), "fewest local agents", ())
    choice = choice_of(decision, {"10.0.0.1": 4, "10.0.0.2": 5})
    assert (choice.server_ip, choice.phone_login, choice.extension) == ("10.0.0.1", "101a", "101")
    assert choice.counts == {"10.0.0.1": 4, "10.0.0.2": 5}
    assert choice.why == "fewest local agents"


def test_an_entry_has_the_dialers_row_and_its_state():
    assert entry_of(ROW, DIALER, 5) == FloorEntry(
        server_id="d1",
        server_ip="10.0.0.1",
        takes_logins=True,
        state="takes logins",
        local_agents=4,
        remote_agents=2,
        free_rooms=20,
        phones=9,
        registered=7,
        heartbeat_age=1,
        max_agents=50,
    )


def test_an_entry_says_why_a_dialer_takes_no_logins():
    late = entry_of(ROW, DIALER._replace(heartbeat_age=5), 5)
    assert late.takes_logins is False and "heartbeat is 5 s old" in late.state
    assert entry_of(ROW, DIALER._replace(heartbeat_age=5), 6).takes_logins is True


def test_more_reservations_than_rooms_leave_no_room_and_not_fewer():
    full = entry_of(ROW, DIALER._replace(free_rooms=-2), 5)
    assert (full.free_rooms, full.takes_logins) == (0, False)


def test_an_explanation_tells_of_every_phone_and_of_phones_without_a_dialer():
    phone, stray = Phone("101a", "10.0.0.1", registered=True), Phone("101b", "10.0.0.9")
    verdicts = (Verdict(phone, None), Verdict(stray, "there is no dialer"))
    told = explanation_of("101x", Decision(phone, "the rule", verdicts), {"10.0.0.1": DIALER})
    assert (told.alias, told.winner, told.why) == ("101x", "101a", "the rule")
    assert told.phones == [
        {
            "phone_login": "101a",
            "server_ip": "10.0.0.1",
            "eligible": True,
            "why_not": None,
            "registered": True,
            "local_agents": 4,
            "campaign_agents": 3,
            "free_rooms": 20,
            "heartbeat_age": 1,
        },
        {
            "phone_login": "101b",
            "server_ip": "10.0.0.9",
            "eligible": False,
            "why_not": "there is no dialer",
            "registered": False,
            "local_agents": None,
            "campaign_agents": None,
            "free_rooms": None,
            "heartbeat_age": None,
        },
    ]


def test_an_explanation_without_a_winner_names_none():
    told = explanation_of("101x", Decision(None, "no dialer is eligible", ()), {})
    assert (told.winner, told.phones) == (None, [])
