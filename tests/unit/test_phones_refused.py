"""What can't be planned is refused with the fix, before anything is written."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.plans import ADDRESSES, make_plan, settle, want

# What can't be


def refusal_of(*arguments, **how):
    with pytest.raises(InventoryError) as refusal:
        make_plan(*arguments, **how)
    return str(refusal.value)


def test_a_phone_login_over_15_characters_is_refused_with_the_fix():
    text = refusal_of([], [], [want("1" * 15, ADDRESSES[:1])], ADDRESSES)
    assert f"alias {'1' * 15}x" in text
    assert f"'{'1' * 15}a' has 16" in text
    assert "15 fit; use shorter extensions" in text


def test_a_logins_list_over_255_is_refused_with_the_fix():
    addresses = [f"10.0.1.{number}" for number in range(1, 23)]
    text = refusal_of([], [], [want("1234567890", addresses)], addresses)
    assert "alias 1234567890x" in text
    assert "22 dialers has 263" in text
    assert "255 fit; give it fewer dialers" in text
    assert "phone_aliases_widen_logins_list" in text


def test_sixty_dialers_fit_where_there_is_room():
    addresses = [f"10.0.1.{number}" for number in range(1, 61)]
    wanted = [want("1001", addresses)]
    assert "has 394" in refusal_of([], [], wanted, addresses)
    _phones, aliases = settle(wanted, serving=addresses, longest_list=4096)
    assert len(aliases[0].logins) == 60


def test_only_what_is_listed_counts_for_the_255():
    addresses = [f"10.0.1.{number}" for number in range(1, 23)]
    wanted = [want("1234567890", addresses)]
    phones, aliases = settle(wanted, serving=addresses[:21])
    assert len(phones) == 22
    assert len(",".join(aliases[0].logins)) == 251
    assert "263" in refusal_of(phones, aliases, wanted, addresses)


def test_a_login_that_is_another_extensions_is_refused_naming_both():
    stranger = Phone("900", "192.0.2.7", "101A", "typed", "spoken", "")
    text = refusal_of([stranger], [], [want("101", ADDRESSES[:1])], ADDRESSES)
    assert "alias 101x" in text
    assert "'101a' belongs to extension 900" in text
    assert "choose other extensions" in text


def test_a_login_is_never_an_alias_that_is_there():
    plan = make_plan([], [Alias("101A", "", ())], [want("101", ADDRESSES[:1])], ADDRESSES)
    assert [phone.login for phone in plan.new_phones] == ["101b"]


def _named_alike(wanted, phones=(), aliases=()):
    """Settle, and return the phone logins that are an alias's name too, to the database."""
    try:
        phones, aliases = settle(wanted, phones, aliases)
    except InventoryError:
        return set()  # saying so before anything is written is as good
    return {phone.login.lower() for phone in phones} & {a.alias_id.lower() for a in aliases}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param([want("101", ADDRESSES[:3], suffix="C")], id="capital suffix"),
        pytest.param(
            [want("101", ADDRESSES[:1], suffix="1a"), want("1011", ADDRESSES[:1])],
            id="suffix with a number",
        ),
    ],
)
def test_a_new_phone_never_has_an_aliass_name(wanted):
    assert _named_alike(wanted) == set()


def test_a_suffix_that_a_phone_has_already_makes_no_alias_of_its_name():
    cluster = settle([want("101", ADDRESSES[:1])])
    assert _named_alike([want("101", ADDRESSES[:1], suffix="a")], *cluster) == set()


@given(
    st.lists(
        st.fixed_dictionaries(
            {"extensions": st.integers(1, 15).map(lambda width: "1" * width)},
            optional={"suffix": st.text("1aAxX", max_size=2)},
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 30),
)
@example([{"extensions": "1" * 14}], 26)
@example([{"extensions": "1"}], 30)
def test_an_inventory_without_problems_can_be_set_up(entries, count):
    addresses = [f"10.0.1.{number}" for number in range(1, count + 1)]
    names = [f"d{number}" for number in range(1, count + 1)]
    hostvars = {name: {"server_ip": ip} for name, ip in zip(names, addresses)}
    hostvars["db"] = {"phone_aliases": entries}
    groups = {"database": ["db"], "login": ["db"], "dialers": names, "all": ["db", *names]}
    if not problems(hostvars, groups):
        dialers = [{"name": name, "server_ip": ip} for name, ip in zip(names, addresses)]
        phones, aliases = settle(expand_aliases(entries, dialers), serving=addresses)
        assert len(phones) == count * len(entries)
        assert len({alias.alias_id.lower() for alias in aliases}) == len(entries)
