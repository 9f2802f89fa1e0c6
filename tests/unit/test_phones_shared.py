"""Phones that have one login get logins of their own."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import describe
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plans import (
    ADDRESSES,
    apply,
    changes,
    lists,
    make_plan,
    places,
    want,
)

FIRST, SECOND, THIRD = ADDRESSES[:3]
FLAVORS = pytest.mark.parametrize("flavor", ["plain", "vicidial"])
SIXTY = [str(number) for number in range(101, 161)]


def phone(extension, server_ip, login):
    return Phone(extension, server_ip, login, f"typed {extension}", f"spoken {extension}", "")


def twins(extensions):
    """The second and the third dialer have the same letter."""
    letters = ((FIRST, "a"), (SECOND, "b"), (THIRD, "b"))
    phones = [phone(e, ip, e + letter) for e in extensions for ip, letter in letters]
    return phones, [Alias(f"{e}x", f"Agent {e}", (f"{e}a", f"{e}b")) for e in extensions]


@FLAVORS
@pytest.mark.parametrize("grow", [False, True])
def test_two_dialers_with_one_letter_get_letters_of_their_own(flavor, grow):
    cluster = twins(SIXTY)
    wanted = [want(extension, ADDRESSES[:3]) for extension in SIXTY]
    how = {"flavor": flavor, "grow": grow, "dialers": ADDRESSES[:3]}
    plan = make_plan(*cluster, wanted, ADDRESSES[:3], **how)
    assert len(plan.renamed_phones) == 60
    assert plan.new_phones == plan.removed_phones == plan.problems == []
    assert f"phone 101b on {THIRD}: gets the login 101c" in describe(plan)
    before, (phones, aliases) = places(cluster[0]), apply(plan, *cluster)
    assert all(logins == [f"{a[:3]}{x}" for x in "abc"] for a, logins in lists(aliases).items())
    for place, new in places(phones).items():
        old = before[place]
        assert new.login == old.login or place[1] == THIRD
        assert new.login_password == old.login_password
        assert new.registration_password == old.registration_password
    assert changes(make_plan(phones, aliases, wanted, ADDRESSES[:3], **how)) == 0


@pytest.mark.parametrize("done", [0, 1, 30, 59])
def test_a_run_that_was_killed_while_it_named_them_is_finished_by_the_next(done):
    phones, aliases = twins(SIXTY)
    wanted = [want(extension, ADDRESSES[:3]) for extension in SIXTY]
    halfway = {id(p) for p in [p for p in phones if p.server_ip == THIRD][:done]}
    phones = [
        p._replace(login=p.extension + "c") if id(p) in halfway else p for p in reversed(phones)
    ]
    phones, aliases = apply(make_plan(phones, aliases, wanted, ADDRESSES), phones, aliases)
    assert {(p.server_ip, p.login[3:]) for p in phones} == {
        (FIRST, "a"),
        (SECOND, "b"),
        (THIRD, "c"),
    }


def test_a_dialer_that_takes_no_logins_yet_is_not_listed_by_it():
    cluster = twins(["101"])
    plan = make_plan(*cluster, [want("101", ADDRESSES[:3])], [FIRST, SECOND])
    _phones, aliases = apply(plan, *cluster)
    assert lists(aliases) == {"101x": ["101a", "101b"]}


@FLAVORS
def test_phones_that_were_named_by_hand_are_left_and_named(flavor):
    phones = [phone("101", FIRST, "front"), phone("101", SECOND, "Front")]
    aliases = [Alias("101x", "Agent 101", ("front",))]
    wanted = [want("101", [FIRST, SECOND])]
    plan = make_plan(phones, aliases, wanted, [FIRST, SECOND], flavor=flavor)
    assert plan.renamed_phones == []
    (problem,) = plan.problems
    assert problem.sentence() == (
        f"phone login front is the login of 2 phones (101 on {FIRST}, 101 on {SECOND});"
        " give each its own; agents are sent to any of them"
    )


def test_one_that_was_named_by_hand_keeps_its_login_and_ours_gets_another():
    phones = [phone("900", THIRD, "101A"), phone("101", FIRST, "101a"), phone("102", FIRST, "102a")]
    plan = make_plan(phones, [], [want("101", [FIRST]), want("102", [FIRST])], [FIRST])
    assert [(old.login, new.login) for old, new in plan.renamed_phones] == [("101a", "101b")]
    assert [alias.logins for alias in plan.new_aliases] == [("101b",), ("102a",)]


def test_others_phones_with_one_login_are_nobodys_business():
    strangers = [phone("900", "192.0.2.7", "900a"), phone("900", "192.0.2.8", "900a")]
    plan = make_plan(strangers, [], [want("101", [FIRST])], [FIRST], flavor="vicidial")
    assert plan.renamed_phones == plan.problems == []


def test_a_phone_that_goes_anyway_makes_nobody_change():
    phones, aliases = twins(["101"])
    plan = make_plan(phones, aliases, [want("101", [FIRST, SECOND])], ADDRESSES)
    assert plan.renamed_phones == []
    assert lists(apply(plan, phones, aliases)[1]) == {"101x": ["101a", "101b"]}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["101", "102", "103"]), st.sampled_from(ADDRESSES)),
        st.sampled_from("abcd"),
        min_size=1,
    ),
    st.sets(st.sampled_from(ADDRESSES)),
)
def test_whatever_overlapped_every_wanted_phone_has_its_own_login_afterwards(letters, serving):
    phones = [phone(e, ip, e + letter) for (e, ip), letter in letters.items()]
    aliases = [
        Alias(f"{e}x", "", tuple(dict.fromkeys(p.login for p in phones if p.extension == e)))
        for e in ("101", "102", "103")
    ]
    wanted = [want(extension, ADDRESSES) for extension in ("101", "102", "103")]
    settled = apply(make_plan(phones, aliases, wanted, serving), phones, aliases)
    logins = [p.login for p in settled[0]]
    assert len(set(logins)) == len(logins)
    assert changes(make_plan(*settled, wanted, serving)) == 0
    again = make_plan(list(reversed(settled[0])), settled[1], wanted, serving)
    assert changes(again) == 0
