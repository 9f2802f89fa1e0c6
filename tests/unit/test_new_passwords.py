"""New passwords: for the aliases that somebody has named, and for all their phones."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.new_passwords import (
    check_nobody_gives_them,
    choose_aliases,
    plan_passwords,
    summary,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import Alias, Phone
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError

DIALERS = [{"name": f"dialer{n}", "server_ip": f"10.0.0.{n}"} for n in (1, 2)]
WANTED = expand_aliases(
    [{"extensions": "101-104"}, {"extensions": "201", "suffix": "Z", "login_password": "given"}],
    DIALERS,
)
PHONES = [
    Phone(alias["extension"], ip, f"{alias['extension']}{letter}", "old", "old", "")
    for alias in WANTED
    for ip, letter in (("10.0.0.1", "a"), ("10.0.0.2", "b"), ("10.0.0.9", "i"))
]
ALIASES = [Alias(a["alias_id"], "", (f"{a['extension']}a",)) for a in WANTED]


def chosen(*words):
    return [alias["alias_id"] for alias in choose_aliases(words, WANTED)]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["101x"], ["101x"]),
        (["102X", "201z"], ["102x", "201Z"]),
        (["101x,103x"], ["101x", "103x"]),
        (["102-103"], ["102x", "103x"]),
        (["104", "101x", " 101 "], ["101x", "104x"]),
        (["all"], ["101x", "102x", "103x", "104x", "201Z"]),
    ],
)
def test_aliases_are_named_by_name_extension_or_range(words, ids):
    assert chosen(*words) == ids


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "names no alias"),
        ([" , "], "names no alias"),
        (["101y"], "'101y' is neither an alias nor an extension of phone_aliases; did you mean"),
        (["101y"], "101x"),
        (["103-106"], "'105' is neither"),
        (["103-101"], "runs backwards"),
        (["all", "101x"], "names all and others too"),
        (["ALL"], "'ALL' is neither an alias"),
        (["qqqq"], "see phone_aliases for what there is"),
        (["*"], r"'\*' is neither an alias"),
        (["-"], "is not a number|is neither an alias"),
    ],
)
def test_a_name_that_nothing_has_is_told_with_the_nearest_ones(words, message):
    with pytest.raises(InventoryError, match=message):
        choose_aliases(words, WANTED)


def test_an_inventory_without_aliases_changes_nothing():
    with pytest.raises(InventoryError, match="phone_aliases is empty"):
        choose_aliases(["all"], [])


def test_a_password_that_the_inventory_gives_is_refused_with_the_fix():
    check_nobody_gives_them(WANTED, "registration")
    check_nobody_gives_them(WANTED[:4], "both")
    with pytest.raises(InventoryError) as caught:
        check_nobody_gives_them(WANTED, "both")
    message = str(caught.value)
    assert "login_password of 201Z is given there; change it there and run aliases.yml" in message
    assert "given," not in message


def test_all_phones_of_an_alias_get_the_same_new_passwords():
    (new,) = plan_passwords(WANTED[:1], PHONES, ALIASES, "both", 12)
    assert [phone.login for phone in new.phones] == ["101a", "101b"]
    assert (len(new.login), len(new.registration)) == (12, 24)


def test_a_phone_that_only_the_logins_list_names_gets_them_too():
    aliases = [Alias("101X", "", ("101a", "101i", "gone"))]
    (new,) = plan_passwords(WANTED[:1], PHONES, aliases, "login", 10)
    assert [phone.login for phone in new.phones] == ["101a", "101b", "101i"]
    assert new.registration is None


def test_no_two_aliases_get_the_same():
    planned = plan_passwords(WANTED, PHONES, ALIASES, "both", 10)
    assert len({new.login for new in planned}) == len({new.registration for new in planned}) == 5


def test_an_alias_without_a_phone_is_told_so():
    with pytest.raises(InventoryError, match="alias 101x: has no phone yet; run aliases.yml first"):
        plan_passwords(WANTED, [], ALIASES, "both", 10)


def test_what_changes_is_said_in_words():
    planned = plan_passwords(WANTED[:1], PHONES, ALIASES, "login", 10)
    assert summary(planned, "login") == (
        "The login password of 1 agent (101x) will change, on 2 phones."
    )
    planned = plan_passwords(WANTED, PHONES, ALIASES, "both", 10)
    assert summary(planned, "both") == (
        "The login and registration passwords of 5 agents (101x, 102x, 103x, 104x, 201Z) will"
        " change, on 10 phones."
    )
