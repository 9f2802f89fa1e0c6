"""The choice, as properties of any floor."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from evenfloor.policy import (
    CASCADING,
    DISABLED,
    IGNORE,
    ONE_SERVER_ONLY,
    PREFER,
    REQUIRE,
    Dialer,
    Phone,
    Rules,
    decide,
    dialer_refusal,
)

TIMEOUT = 5
#: What is wrong now and then; were it so half of the time, hardly a floor had an eligible dialer.
MOSTLY = st.sampled_from([True] * 6 + [False])


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
        )
        for n in range(count)
    ]
    return draw(st.permutations(phones)), states


@st.composite
def all_rules(draw):
    return Rules(
        heartbeat_timeout=TIMEOUT,
        registration=draw(st.sampled_from([PREFER, REQUIRE, IGNORE])),
        grouping=draw(st.sampled_from([DISABLED, ONE_SERVER_ONLY, CASCADING])),
        campaign_limit=draw(st.integers(1, 5)),
        system_limit=draw(st.integers(1, 10)),
    )


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
        if _works(phone, states) and (rules.registration != REQUIRE or phone.registered)
    ]
    assert winner in usable if usable else winner is None


@given(floors(), all_rules())
def test_the_same_floor_gives_the_same_answer(floor, rules):
    assert decide(*floor, rules) == decide(*floor, rules)


@given(floors(), st.sampled_from([PREFER, REQUIRE, IGNORE]))
def test_without_grouping_no_eligible_dialer_has_fewer_agents(floor, registration):
    phones, states = floor
    winner = decide(phones, states, Rules(TIMEOUT, registration)).winner
    if winner is None:
        return
    rivals = [phone for phone in phones if _works(phone, states)]
    if registration == REQUIRE or (registration == PREFER and winner.registered):
        rivals = [phone for phone in rivals if phone.registered]
    fewest = min(states[phone.server_ip].local_agents for phone in rivals)
    assert states[winner.server_ip].local_agents == fewest


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
        assert states[winner.server_ip].local_agents == states[other.server_ip].local_agents


@given(floors(), all_rules(), st.randoms())
def test_the_order_in_which_dialers_were_read_never_matters(floor, rules, random):
    phones, states = floor
    items = list(states.items())
    random.shuffle(items)
    assert decide(phones, dict(items), rules) == decide(phones, states, rules)


@given(st.integers(1, 12), st.integers(0, 60))
def test_agents_who_log_in_one_by_one_keep_the_spread_at_one(dialer_count, agents):
    states = {
        f"10.0.0.{n}": Dialer(f"10.0.0.{n}", True, True, 0, 100, 0) for n in range(dialer_count)
    }
    phones = [
        Phone(f"101{n}", server_ip, "101", "PJSIP", True, True)
        for n, server_ip in enumerate(states)
    ]
    for _agent in range(agents):
        winner = decide(phones, states, Rules(TIMEOUT)).winner
        state = states[winner.server_ip]
        states[winner.server_ip] = state._replace(local_agents=state.local_agents + 1)
        counts = [state.local_agents for state in states.values()]
        assert max(counts) - min(counts) <= 1


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
