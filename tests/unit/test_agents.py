"""Agents' own passwords: what has to change, what an inventory may say, and who is an agent."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import hashing
from ansible_collections.evenfloor.cluster.plugins.module_utils.agents import (
    as_diff,
    check_removal,
    check_somebody_is_wanted,
    plan_agents,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfloor import agents
from evenfloor.callers import Caller
from evenfloor.deadline import Deadline
from evenfloor.request import KnownAgent
from tests.unit.inventories import assert_says, inventory

#: A hash costs time, so few examples have to do.
FEW = settings(max_examples=8, deadline=None)
USERS = st.from_regex(r"[-._@0-9a-zA-Z]{1,20}", fullmatch=True)
PASSWORDS = st.text(min_size=8, max_size=100)
SECRET, OTHER = "typed by hand", "typed by mistake"


def agent(user: str, password: str = SECRET) -> dict:
    return {"user": user, "password": password}


def applied(plan, there: dict) -> dict:
    """Return the table after a plan."""
    gone = {user.lower() for user in [*plan.removed, *plan.changed]}
    return {**{user: kept for user, kept in there.items() if user.lower() not in gone},
            **plan.hashes}  # fmt: skip


# Hashes


@given(PASSWORDS)
@FEW
def test_a_hash_is_its_passwords_and_says_nothing_of_it(password):
    made = hashing.hash_password(password)
    assert hashing.is_hash_of(made, password)
    assert not hashing.is_hash_of(made, password + "x")
    assert password not in made
    assert made != hashing.hash_password(password)


@pytest.mark.parametrize(
    "made", ["", "$", "$$", "scrypt:16384:8:1", "scrypt:16384:8:1$", "scrypt:16384:8:1$s", "ü$ü$ü"]
)
def test_what_is_no_hash_is_nobodys(made):
    assert not hashing.is_hash_of(made, SECRET)
    assert not agents.is_right(KnownAgent(True, "agent7", made), "agent7", SECRET, Deadline())


def test_a_hash_of_another_method_is_made_again():
    old = hashing.hash_password(SECRET).replace("16384", "8192", 1)
    plan = plan_agents([agent("agent7")], {"agent7": old})
    assert plan.changed == ["agent7"]


# What changes


@given(*[st.lists(USERS, max_size=3, unique_by=str.lower)] * 2)
@FEW
def test_after_a_run_the_agents_are_the_inventorys_and_a_second_changes_nothing(wanted, former):
    there = dict.fromkeys(former, "no hash")
    asked = [agent(user, f"password of {user}") for user in wanted]
    after = applied(plan_agents(asked, there), there)
    assert sorted(after) == sorted(wanted)
    assert all(hashing.is_hash_of(after[user], f"password of {user}") for user in wanted)
    assert not plan_agents(asked, after)


def test_only_who_has_another_password_is_changed():
    there = plan_agents([agent("agent7"), agent("agent8")], {}).hashes
    plan = plan_agents([agent("agent7", OTHER), agent("agent8")], there)
    assert (plan.added, plan.changed, plan.removed) == ([], ["agent7"], [])
    assert set(plan.hashes) == {"agent7"}


def test_other_capitals_are_the_same_agent_with_the_same_password():
    there = plan_agents([agent("agent7")], {}).hashes
    plan = plan_agents([agent("Agent7")], there)
    assert plan.changed == ["Agent7"] and plan.hashes == {"Agent7": there["agent7"]}


def test_a_look_finds_who_would_go_and_hashes_nothing():
    plan = plan_agents([agent("agent7", OTHER)], {"agent7": "x", "agent8": "y"}, compare=False)
    assert plan.removed == ["agent8"] and not plan.hashes


def test_a_diff_names_agents_and_no_secret():
    there = plan_agents([agent("agent7"), agent("agent8")], {}).hashes
    plan = plan_agents([agent("agent7", OTHER), agent("agent9")], there)
    shown = as_diff(plan)
    assert shown == {
        "before": "agent7: the former password\nagent8: agent\n",
        "after": "agent7: the new password\nagent9: agent\n",
    }
    assert "scrypt" not in repr(plan)


# Removal


def test_more_agents_than_the_limit_go_only_if_somebody_says_so():
    there = {f"agent{number}": "x" for number in range(7)}
    plan = plan_agents([agent("agent0")], there, compare=False)
    check_removal(plan, 6)
    with pytest.raises(ValueError, match="6 agents would be removed") as caught:
        check_removal(plan, 5)
    assert_says(str(caught.value), "agent1, agent2", "…", "Nothing has been changed", "confirmed")


def test_a_list_that_is_missing_is_not_remove_all():
    plan = plan_agents([], {"agent7": "x"}, compare=False)
    with pytest.raises(InventoryError) as caught:
        check_somebody_is_wanted(plan)
    assert_says(str(caught.value), "agents is empty or not set", "agent7", "anybody could log in")
    assert plan.needs_confirmation(5)
    check_somebody_is_wanted(plan_agents([], {}, compare=False))


# What an inventory may say


def found(entries, **variables) -> list[str]:
    hostvars, groups = inventory()
    return problems(
        {host: {**given, "agents": entries, **variables} for host, given in hostvars.items()},
        groups,
    )


def test_agents_with_passwords_are_accepted():
    assert found([agent("agent7"), agent("a.b-c_d@e", "x" * 100), agent("007", "0" * 8)]) == []
    assert found([]) == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (agent("agent7", "short"), ["agents, user agent7: password has to be 8 to 100"]),
        (agent("agent7", "x" * 101), ["8 to 100"]),
        (agent("agent77777", "Agent77777"), ["password is the user's name"]),
        (agent("agent 7"), ["1 to 20 letters", "agent 7"]),
        (agent("x" * 21), ["1 to 20 letters"]),
        (agent("agént7"), ["1 to 20 letters"]),
        ({"user": "agent7"}, ["the entry with user lacks a user or a password"]),
        ({"password": SECRET}, ["the entry with password lacks"]),
        ("agent7", ["an entry that is a text"]),
        ({"user": 7, "password": SECRET}, ["user '7' is a number", "in quotes"]),
        ({"user": "agent7", "password": 12345678}, ["password is a number"]),
        ({"user": "agent7", "pasword": SECRET}, ["is it password?"]),
        ({"user": "agent7", "password": "eight\nchars"}, ["control characters"]),
    ],
)
def test_a_mistake_is_named_without_the_password(entry, words):
    messages = found([entry])
    assert_says(" ".join(messages), *words)
    secret = entry.get("password") if isinstance(entry, dict) else None
    if secret not in (None, "Agent77777"):
        assert str(secret) not in " ".join(messages)


def test_an_agent_is_there_once():
    (message,) = found([agent("agent7"), agent("AGENT7")])
    assert_says(message, "agents: user 'AGENT7' is there twice")


def test_beside_vicidial_agents_are_vicidials_users():
    messages = found([agent("agent7")], cluster_flavor="vicidial")
    assert_says(" ".join(messages), "VICIdial's own page logs them in here", "VICIdial's users")
    assert "agents" not in " ".join(found([], cluster_flavor="vicidial"))


# Who is an agent


KNOWN = KnownAgent(True, "agent7", hashing.hash_password(SECRET))


def test_an_agent_is_who_knows_the_password():
    assert agents.is_right(KNOWN, "agent7", SECRET, Deadline())
    assert agents.is_right(KNOWN, "AGENT7", SECRET, Deadline())
    for user, password in (("agent7", OTHER), ("agent7", ""), ("agent8", SECRET), ("", SECRET)):
        assert not agents.is_right(KNOWN, user, password, Deadline())


@pytest.mark.parametrize("user", ["agent7 ", "agént7", "agent7\0", "Αgent7"])
def test_what_a_database_takes_for_the_same_user_is_another(user):
    assert not agents.is_right(KNOWN, user, SECRET, Deadline())


def test_nobody_has_no_password():
    nobody = KnownAgent(True)
    for user, password in (("", ""), ("agent7", SECRET), ("evenfloor", "evenfloor")):
        assert not agents.is_right(nobody, user, password, Deadline())


def test_neither_password_nor_hash_is_in_what_is_printed():
    assert SECRET not in repr(Caller(user_password=SECRET))
