"""What the balancer returns is made of decisions and rows."""

import pytest

from evenfloor.answers import FloorEntry, choice_of, entry_of, explanation_of, spread
from evenfloor.floor import DialerRow
from evenfloor.policy import AUTO, IGNORE, Decision, Dialer, Phone, Rules, Verdict

ROW = DialerRow("d1", "10.0.0.1", remote_agents=2, phones=9, registered=7)
DIALER = Dialer("10.0.0.1", True, True, 1, 20, 4, campaign_agents=3, max_agents=50)


def entry(local_agents: int, takes_logins: bool = True, weight: float = 1) -> FloorEntry:
    counts = (local_agents, 0, 1, 1, 1, 0, None, 0, weight)
    return FloorEntry("d", "10.0.0.1", takes_logins, "", *counts)


@pytest.mark.parametrize(("counts", "expected"), [([], 0), ([5], 0), ([3, 5, 4], 2), ([0, 0], 0)])
def test_the_spread_is_the_highest_minus_the_lowest_count(counts, expected):
    assert spread([entry(count) for count in counts]) == expected


def test_the_spread_leaves_out_dialers_that_take_no_logins():
    assert spread([entry(3), entry(4), entry(90, takes_logins=False)]) == 1
    assert spread([entry(90, takes_logins=False)]) == 0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [((2, 1), (4, 2), 0), ((3, 2), (1, 1), 0.5), ((1, 3), (0, 1), 0.33), ((9, 0.1), (0, 1), 90)],
)
def test_the_spread_of_a_floor_with_weights_is_in_shares(first, second, expected):
    floor = [entry(agents, weight=weight) for agents, weight in (first, second)]
    assert spread(floor) == expected


def test_a_weight_is_said_as_the_inventory_has_it():
    for hundredths, weight in ((100, "1"), (250, "2.5"), (29, "0.29"), (10000, "100")):
        assert str(entry_of(ROW, DIALER._replace(weight=hundredths), Rules(5)).weight) == weight


def test_a_choice_is_the_winner_with_all_counts_and_the_rule():
    decision = Decision(Phone("101a", "10.0.0.1", "101"), "fewest local agents", ())
    choice = choice_of(decision, {"10.0.0.1": 4, "10.0.0.2": 5})
    assert (choice.server_ip, choice.phone_login, choice.extension) == ("10.0.0.1", "101a", "101")
    assert choice.counts == {"10.0.0.1": 4, "10.0.0.2": 5}
    assert choice.why == "fewest local agents"


def test_an_entry_has_the_dialers_row_and_its_state():
    assert entry_of(ROW, DIALER, Rules(5)) == FloorEntry(
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
    late = entry_of(ROW, DIALER._replace(heartbeat_age=5), Rules(5))
    assert late.takes_logins is False and "heartbeat is 5 s old" in late.state
    assert entry_of(ROW, DIALER._replace(heartbeat_age=5), Rules(6)).takes_logins is True


def test_an_entry_says_for_how_long_a_dialer_that_has_come_back_still_settles():
    back = DIALER._replace(back_for=18)
    settling = entry_of(ROW, back, Rules(5, settling=60))
    assert (settling.takes_logins, settling.state) == (True, "settling, 42 s left")
    assert entry_of(ROW, back, Rules(5, settling=18)).state == "takes logins"


def test_an_entry_says_that_a_heartbeat_is_only_the_last_known_one():
    entry = entry_of(ROW, DIALER._replace(heartbeat_age=None, last_known=True), Rules(5))
    assert (entry.takes_logins, entry.state) == (True, "by the last known heartbeat")
    unknown = entry_of(ROW, DIALER._replace(heartbeat_age=None), Rules(5))
    assert (unknown.takes_logins, unknown.state) == (False, "the dialer has no known heartbeat")


def test_more_reservations_than_rooms_leave_no_room_and_not_fewer():
    full = entry_of(ROW, DIALER._replace(free_rooms=-2), Rules(5))
    assert (full.free_rooms, full.takes_logins) == (0, False)


def test_an_explanation_tells_of_every_phone_and_of_phones_without_a_dialer():
    phone, stray = Phone("101a", "10.0.0.1", registered=True), Phone("101b", "10.0.0.9")
    verdicts = (Verdict(phone, None, ("a remark",)), Verdict(stray, "there is no dialer"))
    decision = Decision(phone, "the rule", verdicts)
    told = explanation_of("101x", decision, {"10.0.0.1": DIALER}, Rules(5, IGNORE))
    assert (told.alias, told.winner, told.why) == ("101x", "101a", "the rule")
    assert told.registration == "ignore"
    assert told.phones == [
        {
            "phone_login": "101a",
            "server_ip": "10.0.0.1",
            "eligible": True,
            "why_not": None,
            "remarks": ["a remark"],
            "registered": True,
            "local_agents": 4,
            "campaign_agents": 3,
            "free_rooms": 20,
            "heartbeat_age": 1,
            "weight": 1,
        },
        {
            "phone_login": "101b",
            "server_ip": "10.0.0.9",
            "eligible": False,
            "why_not": "there is no dialer",
            "remarks": [],
            "registered": False,
            "local_agents": None,
            "campaign_agents": None,
            "free_rooms": None,
            "heartbeat_age": None,
            "weight": None,
        },
    ]


def test_an_explanation_without_a_winner_names_none():
    told = explanation_of("101x", Decision(None, "no dialer is eligible", ()), {}, Rules(5))
    assert (told.winner, told.phones) == (None, [])


@pytest.mark.parametrize(
    ("reporting", "words"),
    [
        (["10.0.0.1", "10.0.0.2"], "auto, which is prefer"),
        (["10.0.0.2"], "auto, which is ignore where no phone has a peer_status: 10.0.0.1"),
        ([], "auto, which is ignore where no phone has a peer_status: 10.0.0.1, 10.0.0.2"),
    ],
)
def test_an_explanation_says_where_registrations_are_looked_at(reporting, words):
    dialers = dict.fromkeys(("10.0.0.1", "10.0.0.2"), DIALER)
    decision = Decision(None, "no dialer is eligible", ())
    told = explanation_of("101x", decision, dialers, Rules(5, AUTO, reporting))
    assert told.registration == words
