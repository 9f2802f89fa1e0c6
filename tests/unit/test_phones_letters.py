"""Dialers come, go and change their order; each keeps its letters."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import letters_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.letters import assign_letters
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plans import (
    ADDRESSES,
    BOOL,
    EXTENSIONS,
    changes,
    lists,
    make_plan,
    settle,
    want,
)

# Dialers come, go and change their order


@st.composite
def dialer_changes(draw):
    """A floor's dialers before and after one is added or removed, or the order is another."""
    before = draw(st.lists(st.sampled_from(ADDRESSES[:4]), min_size=2, unique=True))
    kind = draw(st.sampled_from(["add", "remove", "reorder"]))
    if kind == "add":
        at = draw(st.integers(0, len(before)))
        return before, [*before[:at], ADDRESSES[4], *before[at:]]
    if kind == "remove":
        gone = draw(st.sampled_from(before))
        return before, [ip for ip in before if ip != gone]
    return before, draw(st.permutations(before))


@given(dialer_changes(), BOOL)
def test_a_dialer_that_is_added_removed_or_moved_changes_no_other_dialers_phones(change, purge):
    before, after = change
    cluster = settle([want(extension, before) for extension in EXTENSIONS])
    plan = make_plan(*cluster, [want(extension, after) for extension in EXTENSIONS], after)
    assert plan.changed_phones == []
    assert {phone.server_ip for phone in plan.new_phones} == set(after) - set(before)
    assert {phone.server_ip for phone in plan.removed_phones} == set(before) - set(after)
    for old, new in plan.changed_aliases:
        kept = [login for login in old.logins if login in new.logins]
        assert list(new.logins[: len(kept)]) == kept
    if set(before) == set(after):
        assert changes(plan) == 0


@given(st.sampled_from(["x", "z", "b", "", "X", "B", "ab", "7"]), st.integers(1, 30))
def test_each_new_dialer_gets_the_next_letter_that_is_not_the_suffix(suffix, count):
    addresses = [f"10.0.1.{number}" for number in range(1, count + 1)]
    phones, aliases = [], []
    for number in range(1, count + 1):
        phones, aliases = settle(
            [want("101", addresses[:number], suffix)], phones, aliases, addresses
        )
    free = [letters_of(number) for number in range(1, 40) if letters_of(number) != suffix.lower()]
    assert lists(aliases) == {f"101{suffix}": [f"101{letters}" for letters in free[:count]]}


def test_the_24th_dialer_skips_x_as_102x_is_an_alias():
    addresses = [f"10.0.1.{number}" for number in range(1, 26)]
    _phones, aliases = settle([want("101", addresses)], serving=addresses)
    assert aliases[0].logins[22:] == ("101w", "101y", "101z")


def test_a_letter_that_another_aliass_suffix_takes_is_skipped_for_all():
    wanted = [want("101", ADDRESSES[:3]), want("201", ADDRESSES[:3], suffix="b")]
    _phones, aliases = settle(wanted)
    assert lists(aliases) == {
        "101x": ["101a", "101c", "101d"],
        "201b": ["201a", "201c", "201d"],
    }


def test_a_letter_whose_dialer_is_gone_is_free_again():
    cluster = settle([want("101", ADDRESSES[:3])])
    cluster = settle([want("101", [ADDRESSES[0], ADDRESSES[2]])], *cluster)
    _phones, aliases = settle([want("101", [*ADDRESSES[0:3:2], ADDRESSES[3]])], *cluster)
    assert lists(aliases) == {"101x": ["101a", "101c", "101b"]}


def test_a_new_aliass_phones_take_their_dialers_letters():
    cluster = settle([want("101", ADDRESSES[:3])])
    wanted = [want("101", ADDRESSES[:3]), want("102", [ADDRESSES[2], ADDRESSES[0]])]
    assert lists(settle(wanted, *cluster)[1])["102x"] == ["102c", "102a"]


def test_the_letters_of_phones_that_nobody_wants_any_more_are_not_given_away():
    cluster = settle([want("101", ADDRESSES[:2])])
    plan = make_plan(*cluster, [want("102", [ADDRESSES[2]])], ADDRESSES)
    assert plan.letters == {ADDRESSES[2]: "c"}


def test_a_letter_that_any_phone_has_is_not_free_for_a_new_dialer():
    """As in a cluster that was made by hand, where a dialer's phones have several letters."""
    phones = [
        Phone("101", ADDRESSES[0], "101a", "typed", "spoken", "Agent 101"),
        Phone("102", ADDRESSES[0], "102c", "typed", "spoken", "Agent 102"),
        Phone("101", ADDRESSES[1], "101b", "typed", "spoken", "Agent 101"),
        Phone("102", ADDRESSES[1], "102b", "typed", "spoken", "Agent 102"),
    ]
    wanted = [want("101", ADDRESSES[:3]), want("102", ADDRESSES[:3])]
    plan = make_plan(phones, [], wanted, ADDRESSES)
    assert [phone.login for phone in plan.new_phones] == ["101d", "102d"]


def test_logins_that_follow_no_pattern_are_kept_and_give_no_letters():
    phones = [Phone("101", ADDRESSES[0], "reception", "typed", "spoken", "Agent 101")]
    plan = make_plan(phones, [], [want("101", ADDRESSES[:2])], ADDRESSES)
    assert plan.changed_phones == []
    assert [phone.login for phone in plan.new_phones] == ["101b"]
    assert plan.new_aliases[0].logins == ("reception", "101b")


@given(st.permutations(ADDRESSES), st.sets(st.sampled_from(["a", "b", "x"])))
def test_letters_are_given_once_and_never_those_taken(addresses, taken):
    letters = assign_letters([], addresses, taken)
    assert list(letters) == list(addresses)
    assert len(set(letters.values())) == len(addresses)
    assert not set(letters.values()) & taken


def test_a_dialer_keeps_its_letter_whatever_somebody_calls_an_alias():
    phones = [Phone(e, ADDRESSES[0], f"{e}a", "p", "r", "") for e in EXTENSIONS]
    assert assign_letters(phones, ADDRESSES[:2], {"a", "b"}) == {
        ADDRESSES[0]: "a",
        ADDRESSES[1]: "c",
    }
    with pytest.raises(InventoryError, match="a new phone would have the login '201a'"):
        make_plan(
            phones, [Alias("201a", "", ())], [want("201", ADDRESSES[:1])], [], flavor="vicidial"
        )


def test_a_new_phone_whose_letters_another_phone_of_its_extension_has_gets_others():
    first, second, third = ADDRESSES[:3]
    by_hand = [
        Phone("102", third, "102c", "secret", "registration", "Somebody"),
        Phone("104", third, "104c", "secret", "registration", "Somebody"),
        Phone("103", first, "103a", "secret", "registration", "Somebody"),
        Phone("103", second, "103c", "secret", "registration", "Somebody"),
    ]
    aliases = [Alias("103x", "Agent 103", ("103a", "103c"))]
    plan = make_plan(by_hand, aliases, [want("103", [first, second, third])], [third])
    (new,) = plan.new_phones
    assert (new.server_ip, new.login) == (third, "103d")
