"""The arithmetic of a floor, as properties."""

from hypothesis import given
from hypothesis import strategies as st

from evenfloor.floor import Change, Floor, assemble, changed
from evenfloor.policy import Dialer
from evenfloor.sessions import LiveSession

ADDRESSES = [f"10.0.0.{number}" for number in range(4)]
ELSEWHERE = "10.9.9.9"


def dialer(server_ip: str, **state) -> Dialer:
    return Dialer(
        **{
            "server_ip": server_ip,
            "active": True,
            "takes_logins": True,
            "heartbeat_age": 0,
            "free_rooms": 20,
            "local_agents": 5,
            "campaign_agents": 2,
            **state,
        }
    )


def session(server_ip: str, **what) -> LiveSession:
    return LiveSession(
        **{
            "live_agent_id": 1,
            "user": "somebody",
            "server_ip": server_ip,
            "room": "8600051",
            "tag": "",
            "channel": "PJSIP/1",
            "local": True,
            "campaign_id": "SALES",
            "age": 0,
            **what,
        }
    )


dialers = st.lists(
    st.builds(dialer, st.sampled_from(ADDRESSES), local_agents=st.integers(0, 50)),
    unique_by=lambda state: state.server_ip,
)
changes = st.lists(
    st.builds(
        Change,
        server_ip=st.sampled_from([*ADDRESSES, ELSEWHERE]),
        agents=st.integers(-3, 3),
        in_campaign=st.integers(-3, 3),
        reserved=st.integers(-3, 3),
        own_id=st.integers(0, 9),
    )
)
sessions = st.lists(
    st.builds(
        session,
        st.sampled_from([*ADDRESSES, ELSEWHERE]),
        local=st.booleans(),
        campaign_id=st.sampled_from(["SALES", "sales", "OTHER", ""]),
    )
)


def by_ip(states) -> dict:
    return {state.server_ip: state for state in states}


@given(dialers, changes)
def test_every_change_is_added_to_its_dialer_and_to_no_other(states, news):
    counted = assemble(states, news).dialers
    assert set(counted) == {state.server_ip for state in states}
    for state in states:
        here = [news_ for news_ in news if news_.server_ip == state.server_ip]
        assert counted[state.server_ip] == state._replace(
            local_agents=state.local_agents + sum(change.agents for change in here),
            campaign_agents=state.campaign_agents + sum(change.in_campaign for change in here),
        )


@given(dialers, changes, st.randoms())
def test_the_order_in_which_changes_were_read_never_matters(states, news, random):
    shuffled = list(news)
    random.shuffle(shuffled)
    assert assemble(states, shuffled, 7) == assemble(states, news, 7)


@given(dialers, changes, changes)
def test_changes_may_be_added_at_once_or_one_after_the_other(states, first, second):
    there = by_ip(states)
    assert changed(changed(there, first), second) == changed(there, [*first, *second])


@given(dialers, changes)
def test_what_was_read_is_not_altered(states, news):
    there = by_ip(states)
    changed(there, news)
    floor = Floor(there)
    floor.without([session(state.server_ip) for state in states], "SALES")
    floor.without_rooms(ADDRESSES)
    assert there == by_ip(states)


@given(changes)
def test_reservations_are_counted_by_dialer_and_never_below_none(news):
    reserved = assemble([], news).reserved
    for server_ip in {change.server_ip for change in news}:
        total = sum(change.reserved for change in news if change.server_ip == server_ip)
        assert reserved[server_ip] == max(0, total)


def test_the_newest_of_the_callers_own_sessions_is_known_and_none_is_zero():
    assert assemble([], []).own_id == 0
    assert assemble([], [Change(ELSEWHERE, own_id=4), Change(ADDRESSES[0], own_id=9)]).own_id == 9


def test_the_newest_live_agent_row_is_kept_for_the_reservation():
    assert assemble([], [], 17).newest_id == 17


@given(dialers, sessions)
def test_a_session_about_to_end_counts_no_more_and_only_if_it_is_local(states, ending):
    after = Floor(by_ip(states)).without(ending, "SALES")
    for state in states:
        here = [gone for gone in ending if gone.local and gone.server_ip == state.server_ip]
        assert after.counts[state.server_ip] == state.local_agents - len(here)


@given(dialers, sessions)
def test_a_session_leaves_its_campaign_whatever_the_campaigns_case(states, ending):
    after = Floor(by_ip(states)).without(ending, "Sales").dialers
    for state in states:
        of_campaign = [
            gone
            for gone in ending
            if gone.local
            and gone.server_ip == state.server_ip
            and gone.campaign_id in ("SALES", "sales")
        ]
        left = state.campaign_agents - len(of_campaign)
        assert after[state.server_ip].campaign_agents == left


@given(dialers, st.sets(st.sampled_from([*ADDRESSES, ELSEWHERE])))
def test_a_dialer_without_a_room_has_none_and_the_others_keep_theirs(states, full):
    after = Floor(by_ip(states)).without_rooms(full).dialers
    assert set(after) == {state.server_ip for state in states}
    for state in states:
        expected = 0 if state.server_ip in full else state.free_rooms
        assert after[state.server_ip].free_rooms == expected


@given(dialers, changes)
def test_the_rooms_left_are_those_that_no_reservation_needs(states, news):
    floor = assemble(states, news)
    left = floor.rooms_left().dialers
    for state in states:
        needed = floor.reserved.get(state.server_ip, 0)
        assert left[state.server_ip].free_rooms == state.free_rooms - needed
