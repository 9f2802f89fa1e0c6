"""What was removed comes back as it was, as a plan."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.letters import assign_letters
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Kept,
    Phone,
)

from tests.unit.plans import ADDRESSES, make_plan, settle, want

FIRST, SECOND, THIRD = ADDRESSES[:3]


def phone(extension, server_ip, login, password="typed"):
    return Phone(extension, server_ip, login, password, f"spoken {password}", "")


def test_the_password_of_what_was_removed_last_comes_back():
    kept = Kept(
        phones=[
            phone("101", FIRST, "101a", "newer"),
            phone("101", SECOND, "101b", "older"),
            phone("101", THIRD, "101c", "older"),
        ]
    )
    plan = make_plan([], [], [want("101", ADDRESSES[:3])], ADDRESSES, kept=kept)
    assert {new.login_password for new in plan.new_phones} == {"newer"}
    assert {new.registration_password for new in plan.new_phones} == {"spoken newer"}


def test_an_alias_comes_back_in_its_order_and_new_dialers_come_last():
    kept = Kept(
        phones=[phone("101", ip, f"101{letter}") for ip, letter in zip(ADDRESSES[:3], "abc")],
        aliases=[Alias("101X", "", ("101c", "101a", "101b"))],
    )
    wanted = [want("101", [ADDRESSES[3], *ADDRESSES[:3]])]
    (alias,) = make_plan([], [], wanted, ADDRESSES, kept=kept).new_aliases
    assert alias.logins == ("101c", "101a", "101b", "101d")


def test_a_dialer_without_phones_has_its_former_letters_unless_they_are_taken():
    kept = [phone("101", SECOND, "101b"), phone("102", THIRD, "102c")]
    assert assign_letters([], ADDRESSES[:3], (), kept) == {FIRST: "a", SECOND: "b", THIRD: "c"}
    there = [phone("101", FIRST, "101b")]
    assert assign_letters(there, ADDRESSES[:3], {"c"}, kept) == {
        FIRST: "b",
        SECOND: "a",
        THIRD: "d",
    }


def test_a_new_dialer_gets_no_letter_of_a_kept_phone():
    kept = [phone("101", SECOND, "101b")]
    there = [phone("101", FIRST, "101a")]
    assert assign_letters(there, [FIRST, THIRD], (), kept) == {FIRST: "a", SECOND: "b", THIRD: "c"}


def test_a_login_that_was_given_by_hand_comes_back():
    kept = Kept(phones=[phone("101", FIRST, "reception")])
    plan = make_plan([], [], [want("101", [FIRST, SECOND])], ADDRESSES, kept=kept)
    assert [new.login for new in plan.new_phones] == ["reception", "101b"]


def test_what_never_went_is_forgotten():
    phones, aliases = settle([want("101", [FIRST])])
    kept = Kept(phones=phones, aliases=aliases)
    plan = make_plan(phones, aliases, [want("101", [FIRST])], ADDRESSES, kept=kept)
    assert plan.forgotten == {("101", FIRST), "101x"}
    assert plan.returned == set()
