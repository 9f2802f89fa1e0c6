"""Phones and aliases from what is there to what is wanted, as properties of any history."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import as_diff, describe
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plans import (
    ADDRESSES,
    BOOL,
    SERVING,
    apply,
    changes,
    clusters,
    inventories,
    lists,
    make_plan,
    places,
    settle,
    want,
)

# Any run


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_second_run_changes_nothing(cluster, wanted, serving, grow, purge):
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    again = make_plan(phones, aliases, wanted, serving, grow=grow, purge=purge)
    assert changes(again) == 0
    assert describe(again) == []


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_every_wanted_phone_is_there_afterwards(cluster, wanted, serving, grow, purge):
    phones, _aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    there = places(phones)
    for alias in wanted:
        for server_ip in alias["server_ips"]:
            assert there[alias["extension"], server_ip].name == alias["name"]


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_all_phones_of_an_alias_share_their_passwords(cluster, wanted, serving, grow, purge):
    phones, _aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    for alias in wanted:
        passwords = {
            (phone.login_password, phone.registration_password)
            for phone in phones
            if phone.extension == alias["extension"]
        }
        assert len(passwords) == 1
        login, registration = passwords.pop()
        assert login == alias["login_password"] or (login and not alias["login_password"])
        given = alias["registration_password"]
        assert registration == given or (registration and not given)


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_phones_that_stay_keep_their_logins(cluster, wanted, serving, grow, purge):
    before = places(cluster[0])
    after = places(settle(wanted, *cluster, serving, grow=grow, purge=purge)[0])
    for place in before.keys() & after.keys():
        assert after[place].login == before[place].login


@given(clusters(passwords=st.none()), inventories(passwords=st.none()), SERVING, BOOL, BOOL)
def test_phones_that_stay_keep_passwords_that_the_inventory_does_not_give(
    cluster, wanted, serving, grow, purge
):
    before = places(cluster[0])
    after = places(settle(wanted, *cluster, serving, grow=grow, purge=purge)[0])
    for place in before.keys() & after.keys():
        assert after[place].login_password == before[place].login_password
        assert after[place].registration_password == before[place].registration_password


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_two_phones_have_the_same_login_and_none_has_an_aliass_name(
    cluster, wanted, serving, grow, purge
):
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    logins = [phone.login.lower() for phone in phones]
    assert len(set(logins)) == len(logins)
    assert not set(logins) & {alias.alias_id.lower() for alias in aliases}


# Strangers and purge


STRANGERS = (
    [
        Phone("900", ADDRESSES[0], "900a", "typed", "spoken", "Stranger"),
        Phone("cc100", "192.0.2.7", "cc100", "", "", ""),
    ],
    [Alias("900x", "Stranger", ("900a", "elsewhere")), Alias("boss", "", ())],
)


@given(clusters(), inventories(), SERVING, BOOL)
def test_without_purge_strangers_stay_as_they_are(cluster, wanted, serving, grow):
    phones, aliases = cluster[0] + STRANGERS[0], cluster[1] + STRANGERS[1]
    plan = make_plan(phones, aliases, wanted, serving, grow=grow)
    assert plan.removed_aliases == []
    extensions = {alias["extension"] for alias in wanted}
    touched = [*plan.changed_phones, *plan.removed_phones]
    assert {phone.extension for phone in touched} <= extensions
    ids = {alias["alias_id"] for alias in wanted}
    gone = {phone.login for phone in plan.removed_phones}
    for old, new in plan.changed_aliases:
        # A stranger may only let go of a phone that goes.
        assert new.alias_id in ids or set(old.logins) - set(new.logins) <= gone


@given(clusters(), inventories(), SERVING, BOOL)
def test_purge_leaves_just_what_is_wanted(cluster, wanted, serving, grow):
    phones, aliases = cluster[0] + STRANGERS[0], cluster[1] + STRANGERS[1]
    plan = make_plan(phones, aliases, wanted, serving, grow=grow, purge=True)
    wanted_places = {(alias["extension"], ip) for alias in wanted for ip in alias["server_ips"]}
    wanted_ids = {alias["alias_id"] for alias in wanted}
    assert not places(plan.removed_phones).keys() & wanted_places
    assert not {alias.alias_id for alias in plan.removed_aliases} & wanted_ids
    phones, aliases = apply(plan, phones, aliases)
    assert places(phones).keys() == wanted_places
    assert {alias.alias_id for alias in aliases} <= wanted_ids


def test_a_phone_on_a_dialer_that_its_alias_lost_goes_even_without_purge():
    cluster = settle([want("101", ADDRESSES[:2])])
    phones, aliases = settle([want("101", ADDRESSES[:1])], *cluster)
    assert [phone.login for phone in phones] == ["101a"]
    assert lists(aliases) == {"101x": ["101a"]}


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_list_names_a_phone_that_was_removed(cluster, wanted, serving, grow, purge):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    _phones, aliases = apply(plan, *cluster)
    gone = {phone.login for phone in plan.removed_phones}
    assert not gone & {login for alias in aliases for login in alias.logins}


def test_an_alias_of_yesterdays_suffix_lets_go_of_a_phone_that_goes():
    cluster = settle([want("101", ADDRESSES[:2])])
    _phones, aliases = settle([want("101", ADDRESSES[:1], suffix="z")], *cluster)
    assert lists(aliases) == {"101x": ["101a"], "101z": ["101a"]}


# Passwords


def test_passwords_are_made_for_each_alias_and_differ():
    phones, _aliases = settle([want("101", ADDRESSES[:2]), want("102", ADDRESSES[:2])])
    made = [phones[0], phones[2]]
    assert len({phone.login_password for phone in made}) == 2
    assert len({phone.registration_password for phone in made}) == 2
    for phone in made:
        assert phone.login_password.isalnum()
        assert phone.registration_password.isalnum()
        assert len(phone.login_password) >= 10
        assert len(phone.registration_password) >= 20


def test_a_password_that_the_inventory_gives_replaces_the_one_on_every_phone():
    cluster = settle([want("101", ADDRESSES[:3])])
    spoken = cluster[0][0].registration_password
    plan = make_plan(*cluster, [want("101", ADDRESSES[:3], login_password="given")], ADDRESSES)
    assert [phone.login_password for phone in plan.changed_phones] == ["given"] * 3
    assert {phone.registration_password for phone in plan.changed_phones} == {spoken}


@pytest.mark.parametrize("blank", [0, 1])
def test_a_phone_without_passwords_takes_its_siblings_and_never_changes_theirs(blank):
    phones = [
        Phone("101", ADDRESSES[number], login, "typed", "spoken", "Agent 101")
        for number, login in enumerate(["101a", "101b"])
    ]
    phones[blank] = phones[blank]._replace(login_password="", registration_password="")
    plan = make_plan(phones, [], [want("101", ADDRESSES[:2])], ADDRESSES)
    assert plan.changed_phones == [
        phones[blank]._replace(login_password="typed", registration_password="spoken")
    ]


def _texts(plan):
    diff = as_diff(plan)
    return "\n".join([*describe(plan), *(str(value) for value in diff.values())])


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_words_about_a_plan_hold_a_password(cluster, wanted, serving, grow, purge):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    text = _texts(plan)
    for phone in [*cluster[0], *plan.new_phones, *plan.changed_phones]:
        assert phone.login_password not in text
        assert phone.registration_password not in text
