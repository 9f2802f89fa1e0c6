"""The choice, as properties of any floor."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor.policy import (
    AUTO,
    CASCADING,
    DISABLED,
    IGNORE,
    NO_GUARD,
    ONE_SERVER_ONLY,
    PREFER,
    RELEASE,
    REQUIRE,
    WHOLE,
    Dialer,
    Guard,
    Phone,
    Rules,
    decide,
    dialer_refusal,
    too_busy,
)

TIMEOUT = 5
#: What is wrong now and then; were it so half of the time, hardly a floor had an eligible dialer.
MOSTLY = st.sampled_from([True] * 6 + [False])
#: In hundredths, from 0.1 to 100.
WEIGHTS = st.integers(WHOLE // 10, 100 * WHOLE)


@st.composite
def dialers(draw, number):
    local = draw(st.integers(0, 8))
    return Dialer(
        server_ip=f"10.0.0.{number}",
        active=draw(MOSTLY),
        takes_logins=draw(MOSTLY),
        heartbeat_age=draw(st.sampled_from([0, 0, 1, 2, 3, 4, 4, 5, 60, None])),
        free_rooms=draw(st.sampled_from([20, 20, 20, 1, 0])),
        local_agents=local,
        campaign_agents=draw(st.integers(0, local)),
        max_agents=draw(st.sampled_from([None, None, None, 5])),
        twin=draw(st.sampled_from(["", "", "", "10.0.0.9"])),
        twin_heartbeat_age=draw(st.sampled_from([0, 60, None])),
        back_for=draw(st.sampled_from([None, None, None, -3600, 0, 59, 60])),
        last_known=draw(st.booleans()),
        weight=draw(st.sampled_from([WHOLE, WHOLE, WHOLE]) | WEIGHTS),
    )


@st.composite
def floors(draw):
    count = draw(st.integers(1, 6))
    states = {f"10.0.0.{n}": draw(dialers(n)) for n in range(count)}
    phones = [
        Phone(
            login=f"101{chr(97 + n)}",
            server_ip=draw(st.sampled_from([f"10.0.0.{n}"] * 5 + ["", "10.0.0.99"])),
            extension="101",
            active=draw(MOSTLY),
            password_matches=draw(MOSTLY),
            registered=draw(st.booleans()),
            is_webphone=draw(st.sampled_from([False, False, True])),
        )
        for n in range(count)
    ]
    return draw(st.permutations(phones)), states


@st.composite
def all_rules(draw):
    return Rules(
        heartbeat_timeout=TIMEOUT,
        settling=draw(st.sampled_from([0, 60])),
        registration=draw(st.sampled_from([AUTO, PREFER, REQUIRE, IGNORE])),
        reporting=draw(st.sets(st.sampled_from([f"10.0.0.{n}" for n in range(6)]))),
        grouping=draw(st.sampled_from([DISABLED, ONE_SERVER_ONLY, CASCADING])),
        campaign_limit=draw(st.integers(1, 5)),
        system_limit=draw(st.integers(1, 10)),
    )


def _rings(phone):
    return phone.registered or phone.is_webphone


def share(state) -> Fraction:
    """Return a dialer's agents for a weight of 1, without the policy's own reckoning."""
    return Fraction(state.local_agents) / (Fraction(state.weight) / WHOLE)


def _works(phone, states):
    state = states.get(phone.server_ip)
    return (
        phone.active
        and phone.password_matches
        and state is not None
        and dialer_refusal(state, TIMEOUT) is None
    )


@given(floors(), all_rules())
def test_never_an_ineligible_phone_and_never_a_refusal_while_one_is_eligible(floor, rules):
    phones, states = floor
    winner = decide(phones, states, rules).winner
    usable = [
        phone
        for phone in phones
        if _works(phone, states) and (rules.registration != REQUIRE or _rings(phone))
    ]
    assert winner in usable if usable else winner is None


@given(floors(), all_rules())
def test_the_same_floor_gives_the_same_answer(floor, rules):
    assert decide(*floor, rules) == decide(*floor, rules)


@given(floors(), st.sampled_from([PREFER, REQUIRE, IGNORE]))
def test_without_grouping_no_eligible_dialer_has_a_smaller_share(floor, registration):
    phones, states = floor
    winner = decide(phones, states, Rules(TIMEOUT, registration)).winner
    if winner is None:
        return
    rivals = [phone for phone in phones if _works(phone, states)]
    if registration == REQUIRE or (registration == PREFER and _rings(winner)):
        rivals = [phone for phone in rivals if _rings(phone)]
    least = min(share(states[phone.server_ip]) for phone in rivals)
    assert share(states[winner.server_ip]) == least


@given(floors(), st.sampled_from([PREFER, REQUIRE, IGNORE]), st.randoms())
def test_the_order_of_the_list_matters_only_among_equals(floor, registration, random):
    phones, states = floor
    rules = Rules(TIMEOUT, registration)
    winner = decide(phones, states, rules).winner
    shuffled = list(phones)
    random.shuffle(shuffled)
    other = decide(shuffled, states, rules).winner
    assert (winner is None) == (other is None)
    if winner:
        assert share(states[winner.server_ip]) == share(states[other.server_ip])


@given(floors(), all_rules(), st.randoms())
def test_the_order_in_which_dialers_were_read_never_matters(floor, rules, random):
    phones, states = floor
    items = list(states.items())
    random.shuffle(items)
    assert decide(phones, dict(items), rules) == decide(phones, states, rules)


def one_by_one(states, agents: int):
    """Log agents in on the dialers, one after the other; yields after each."""
    phones = [
        Phone(f"101{n}", server_ip, "101", "PJSIP", True, True)
        for n, server_ip in enumerate(states)
    ]
    for agent in range(agents):
        winner = decide(phones, states, Rules(TIMEOUT)).winner
        state = states[winner.server_ip]
        states[winner.server_ip] = state._replace(local_agents=state.local_agents + 1)
        yield agent


@given(st.integers(1, 12), st.integers(0, 60))
def test_agents_who_log_in_one_by_one_keep_the_spread_at_one(dialer_count, agents):
    states = {
        f"10.0.0.{n}": Dialer(f"10.0.0.{n}", True, True, 0, 100, 0) for n in range(dialer_count)
    }
    for _agent in one_by_one(states, agents):
        counts = [state.local_agents for state in states.values()]
        assert max(counts) - min(counts) <= 1


@given(floors(), all_rules(), WEIGHTS)
def test_weights_that_are_all_equal_change_nothing(floor, rules, weight):
    phones, states = floor
    bare = {ip: state._replace(weight=WHOLE) for ip, state in states.items()}
    equal = {ip: state._replace(weight=weight) for ip, state in states.items()}
    assert decide(phones, equal, rules) == decide(phones, bare, rules)


@given(st.lists(WEIGHTS, min_size=1, max_size=8), st.integers(0, 60))
def test_agents_who_log_in_one_by_one_keep_shares_within_one_agents(weights, agents):
    states = {
        f"10.0.0.{n}": Dialer(f"10.0.0.{n}", True, True, 0, 100, 0, weight=weight)
        for n, weight in enumerate(weights)
    }
    for _agent in one_by_one(states, agents):
        pass
    for one in states.values():
        if one.local_agents:
            before = share(one._replace(local_agents=one.local_agents - 1))
            assert all(before <= share(other) for other in states.values())


def _two(first: dict, second: dict) -> dict:
    return {
        ip: Dialer(**{"server_ip": ip, "active": True, "takes_logins": True, "heartbeat_age": 0,
                      "free_rooms": 9, "local_agents": 0, **state})
        for ip, state in (("10.0.0.1", first), ("10.0.0.2", second))
    }  # fmt: skip


PAIR = [
    Phone("101a", "10.0.0.1", "101", "PJSIP", True, True),
    Phone("101b", "10.0.0.2", "101", "PJSIP", True, True),
]


def test_ties_go_to_the_later_in_the_list():
    assert decide(PAIR, _two({}, {}), Rules(TIMEOUT)).winner.login == "101b"


def test_one_server_only_goes_where_the_campaign_is_however_full():
    states = _two({"local_agents": 9, "campaign_agents": 1}, {})
    rules = Rules(TIMEOUT, grouping=ONE_SERVER_ONLY)
    assert decide(PAIR, states, rules).winner.login == "101a"


def test_cascading_leaves_a_dialer_that_has_reached_the_campaigns_limit():
    states = _two({"local_agents": 3, "campaign_agents": 3}, {})
    below = Rules(TIMEOUT, grouping=CASCADING, campaign_limit=4, system_limit=100)
    assert decide(PAIR, states, below).winner.login == "101a"
    reached = dataclasses.replace(below, campaign_limit=3)
    assert decide(PAIR, states, reached).winner.login == "101b"


def test_cascading_leaves_a_dialer_that_has_reached_the_systems_limit():
    states = _two({"local_agents": 3, "campaign_agents": 1}, {})
    rules = Rules(TIMEOUT, grouping=CASCADING, campaign_limit=50, system_limit=3)
    assert decide(PAIR, states, rules).winner.login == "101b"


def test_a_heartbeat_as_old_as_the_timeout_is_a_dead_dialers():
    states = _two({"heartbeat_age": TIMEOUT - 1, "local_agents": 5}, {"heartbeat_age": TIMEOUT})
    assert decide(PAIR, states, Rules(TIMEOUT)).winner.login == "101a"


def test_a_full_dialer_takes_nobody():
    states = _two({"local_agents": 2, "max_agents": 2}, {"local_agents": 7})
    decision = decide(PAIR, states, Rules(TIMEOUT))
    assert decision.winner.login == "101b"
    assert "full: 2 of at most 2" in decision.verdicts[0].refusal


@given(floors())
def test_auto_prefers_where_registrations_are_kept_and_else_does_not_look(floor):
    phones, states = floor
    for reporting, same in ((states, PREFER), ((), IGNORE)):
        expected = decide(phones, states, Rules(TIMEOUT, same))
        assert decide(phones, states, Rules(TIMEOUT, AUTO, reporting)) == expected


def test_a_dialer_that_reports_nothing_comes_before_one_whose_phone_is_not_registered():
    states = _two({}, {"local_agents": 3})
    decision = decide(PAIR, states, Rules(TIMEOUT, AUTO, {"10.0.0.1"}))
    assert decision.winner.login == "101b"
    assert [verdict.remarks for verdict in decision.verdicts] == [("not registered",), ()]
    # It is eligible all the same.
    assert decide(PAIR[:1], states, Rules(TIMEOUT, AUTO, {"10.0.0.1"})).winner == PAIR[0]


SETTLING = Rules(TIMEOUT, PREFER, settling=60)


@pytest.mark.parametrize(
    ("back_for", "left"), [(None, 0), (0, 60), (59, 1), (60, 0), (3600, 0), (-1, 0)]
)
def test_a_dialer_that_has_come_back_settles_before_it_gets_logins(back_for, left):
    states = _two({"local_agents": 9}, {"back_for": back_for})
    assert SETTLING.settles_for(states["10.0.0.2"]) == left
    decision = decide(PAIR, states, SETTLING)
    assert decision.winner.login == ("101a" if left else "101b")
    assert (f"settling, {left} s left" in decision.verdicts[1].remarks) == bool(left)
    # It is better than nothing.
    assert decide(PAIR[1:], states, SETTLING).winner.login == "101b"


def test_a_settling_dialer_comes_before_one_where_the_phone_is_not_registered():
    phones = [PAIR[0], PAIR[1]._replace(registered=True)]
    states = _two({}, {"back_for": 0, "local_agents": 9})
    assert decide(phones, states, SETTLING).winner.login == "101b"


@given(floors(), all_rules())
def test_as_long_as_another_can_take_a_login_no_settling_dialer_gets_it(floor, rules):
    phones, states = floor
    decision = decide(phones, states, rules)
    if decision.winner is None or not rules.settles_for(states[decision.winner.server_ip]):
        return
    others = [v.phone for v in decision.verdicts if v.refusal is None]
    settled = [phone for phone in others if not rules.settles_for(states[phone.server_ip])]
    assert all(rules.prefers(decision.winner) and not rules.prefers(phone) for phone in settled)


@pytest.mark.parametrize("registration", [AUTO, PREFER, REQUIRE, IGNORE])
def test_of_a_web_phone_it_does_not_matter_whether_it_is_registered(registration):
    """It registers after the choice: an agent would never leave the dialer of the last time."""
    last_time, other = PAIR[0]._replace(registered=True), PAIR[1]
    phones = [phone._replace(is_webphone=True) for phone in (last_time, other)]
    rules = Rules(TIMEOUT, registration, reporting={"10.0.0.1", "10.0.0.2"})
    decision = decide(phones, _two({"local_agents": 1}, {}), rules)
    assert decision.winner.login == "101b"
    assert decision.verdicts[1] == (phones[1], None, ())


def test_a_dialer_of_twice_the_weight_carries_twice_as_many():
    states = _two({"local_agents": 3, "weight": 2 * WHOLE}, {"local_agents": 2})
    decision = decide(PAIR, states, Rules(TIMEOUT))
    assert (decision.winner.login, decision.why) == ("101a", "fewest local agents for its weight")
    states["10.0.0.1"] = states["10.0.0.1"]._replace(local_agents=4)
    assert decide(PAIR, states, Rules(TIMEOUT)).winner.login == "101b"


def test_equal_shares_are_a_tie_where_floats_would_differ():
    one, other = {"local_agents": 3, "weight": 10}, {"local_agents": 21, "weight": 70}
    assert 3 / 0.1 != 21 / 0.7
    assert decide(PAIR, _two(one, other), Rules(TIMEOUT)).winner.login == "101b"
    assert decide(PAIR, _two(other, one), Rules(TIMEOUT)).winner.login == "101b"


def test_a_weight_does_not_lift_the_limit_of_a_dialer():
    states = _two({"local_agents": 2, "max_agents": 2, "weight": 100 * WHOLE}, {"local_agents": 7})
    assert decide(PAIR, states, Rules(TIMEOUT)).winner.login == "101b"


BUSY = {"load": 10**6, "channels": 10**6, "idle": 0, "held": True}


@given(floors(), all_rules())
def test_without_a_guard_nobody_asks_how_busy_a_dialer_is(floor, rules):
    phones, states = floor
    busy = {ip: state._replace(**BUSY) for ip, state in states.items()}
    assert rules.guard == NO_GUARD
    assert decide(phones, busy, rules) == decide(phones, states, rules)


@given(
    st.builds(Guard, st.integers(1, 50), st.integers(1, 500), st.integers(1, 50)),
    st.tuples(st.integers(0, 6000), st.integers(0, 600), st.integers(0, 100)),
)
def test_a_dialer_that_was_held_back_is_only_taken_well_below_a_limit(guard, measured):
    load, channels, idle = measured
    state = _two({"load": load, "channels": channels, "idle": idle}, {})["10.0.0.1"]
    over = load >= guard.load * 100 or channels >= guard.channels or idle <= guard.idle
    near = (
        load >= guard.load * RELEASE
        or channels * 100 >= guard.channels * RELEASE
        or idle * RELEASE <= guard.idle * 100
    )
    assert (too_busy(state, guard) is not None) == over
    assert (too_busy(state._replace(held=True), guard) is not None) == near
    assert near or not over


def test_a_dialer_that_is_too_busy_takes_nobody_and_says_why():
    states = _two({"load": 801, "channels": 90, "idle": 4}, {"local_agents": 50})
    for guard, words in (
        (Guard(load=8), "its load is 8.01"),
        (Guard(channels=90), "it has 90 channels"),
        (Guard(idle=5), "its processors are idle for 4 %"),
    ):
        decision = decide(PAIR, states, Rules(TIMEOUT, guard=guard))
        assert decision.winner.login == "101b"
        assert decision.verdicts[0].refusal == f"the dialer is too busy: {words}"


def test_what_nobody_has_measured_is_no_limit():
    assert too_busy(_two({"held": True}, {})["10.0.0.1"], Guard(1, 1, 50)) is None
