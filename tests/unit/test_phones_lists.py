"""Logins lists: what they name, in which order, and what never happens to them."""

from hypothesis import given

from tests.unit.plans import (
    ADDRESSES,
    BOOL,
    SERVING,
    apply,
    clusters,
    inventories,
    lists,
    make_plan,
    places,
    settle,
    want,
)

# Logins lists


@given(clusters(), inventories(), SERVING, BOOL)
def test_a_list_names_just_the_wanted_phones_that_it_had_or_that_are_serving(
    cluster, wanted, serving, purge
):
    before = lists(cluster[1])
    phones, aliases = settle(wanted, *cluster, serving, purge=purge)
    there, after = places(phones), lists(aliases)
    for alias in wanted:
        had = before.get(alias["alias_id"], [])
        expected = {
            there[alias["extension"], server_ip].login
            for server_ip in alias["server_ips"]
            if server_ip in serving or there[alias["extension"], server_ip].login in had
        }
        named = after.get(alias["alias_id"], [])
        assert len(named) == len(set(named))
        assert set(named) == expected


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_list_keeps_its_order_and_new_entries_come_last_in_the_inventorys(
    cluster, wanted, serving, grow, purge
):
    before = lists(cluster[1])
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    server_ips = {phone.login: phone.server_ip for phone in phones}
    after = lists(aliases)
    for alias in wanted:
        had, has = before.get(alias["alias_id"], []), after.get(alias["alias_id"], [])
        kept = [login for login in had if login in has]
        assert has[: len(kept)] == kept
        added = [server_ips[login] for login in has[len(kept) :]]
        assert added == [ip for ip in alias["server_ips"] if ip in added]


@given(clusters(), inventories(), SERVING, BOOL)
def test_without_grow_no_list_grows_and_no_alias_is_made(cluster, wanted, serving, purge):
    before = lists(cluster[1])
    plan = make_plan(*cluster, wanted, serving, grow=False, purge=purge)
    assert plan.new_aliases == []
    for alias_id, logins in lists(apply(plan, *cluster)[1]).items():
        assert set(logins) <= set(before[alias_id])


@given(inventories(), SERVING)
def test_phones_first_and_lists_later_is_the_same_as_all_at_once(wanted, serving):
    first = settle(wanted, serving=serving, grow=False)
    staged = settle(wanted, *first, serving)
    at_once = settle(wanted, serving=serving)
    assert {place: phone.login for place, phone in places(staged[0]).items()} == {
        place: phone.login for place, phone in places(at_once[0]).items()
    }
    assert lists(staged[1]) == lists(at_once[1])


def test_an_alias_is_not_made_before_a_dialer_serves_it():
    assert settle([want("101", ADDRESSES)], serving=[])[1] == []


def test_an_alias_whose_dialers_all_go_keeps_an_empty_list_until_others_serve():
    cluster = settle([want("101", ADDRESSES[:1])])
    phones, aliases = settle([want("101", ADDRESSES[1:2])], *cluster, serving=[])
    assert lists(aliases) == {"101x": []}
    assert lists(settle([want("101", ADDRESSES[1:2])], phones, aliases)[1]) == {"101x": ["101b"]}
