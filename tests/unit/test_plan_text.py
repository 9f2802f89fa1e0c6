"""What is said about a plan."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.plan_text import as_diff, describe
from hypothesis import given

from tests.unit.plans import (
    ADDRESSES,
    BOOL,
    SERVING,
    changes,
    clusters,
    inventories,
    make_plan,
    settle,
    want,
)

# What is said about a plan


def test_a_plan_is_described_in_words():
    cluster = settle([want("101", ADDRESSES[:2]), want("102", ADDRESSES[:1])])
    wanted = [
        want("101", ADDRESSES[1:3], login_password="given"),
        want("103", ADDRESSES[1:2]),
    ]
    plan = make_plan(*cluster, wanted, ADDRESSES, purge=True)
    assert describe(plan) == [
        "phone 101c on 10.0.0.3: added",
        "phone 103b on 10.0.0.2: added",
        "phone 101b on 10.0.0.2: changed",
        "alias 103x: added with 103b",
        "alias 101x: 101a,101b becomes 101b,101c",
        "alias 102x: removed",
        "phone 101a on 10.0.0.1: removed",
        "phone 102a on 10.0.0.1: removed",
    ]
    diff = as_diff(plan)
    assert diff["before"].splitlines() == [
        "alias 101x (Agent 101): 101a,101b",
        "alias 102x (Agent 102): 102a",
        "phone 101a on 10.0.0.1",
        "phone 101b on 10.0.0.2 (passwords or name as before)",
        "phone 102a on 10.0.0.1",
    ]
    assert diff["after"].splitlines() == [
        "alias 101x (Agent 101): 101b,101c",
        "alias 103x (Agent 103): 103b",
        "phone 101b on 10.0.0.2 (passwords or name as wanted)",
        "phone 101c on 10.0.0.3",
        "phone 103b on 10.0.0.2",
    ]


@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_plan_that_changes_something_says_so_and_shows_a_diff(
    cluster, wanted, serving, grow, purge
):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    diff = as_diff(plan)
    assert len(describe(plan)) == changes(plan)
    assert (diff["before"] != diff["after"]) == bool(changes(plan))


def test_an_alias_that_only_gets_another_name_says_so():
    cluster = settle([want("101", ADDRESSES[:1])])
    plan = make_plan(*cluster, [want("101", ADDRESSES[:1], name="Sales")], ADDRESSES)
    (line,) = [line for line in describe(plan) if line.startswith("alias")]
    assert "Sales" in line
