"""What a plan removes, and who has to confirm it."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import (
    LiveAgent,
    Removal,
    find_removal,
)

from tests.unit.plans import ADDRESSES, make_plan, settle, want

FIRST, SECOND = ADDRESSES[:2]


@pytest.fixture
def plan():
    """101 stays, 102 goes."""
    cluster = settle([want("101", [FIRST, SECOND]), want("102", [FIRST, SECOND])])
    return make_plan(*cluster, [want("101", [FIRST, SECOND])], ADDRESSES, purge=True)


@pytest.mark.parametrize(
    ("server_ip", "extension", "users"),
    [
        (FIRST, "SIP/102", ["agent7"]),
        (FIRST, "PJSIP/102", ["agent7"]),
        # VICIdial reaches a phone of the protocol EXTERNAL so.
        (FIRST, "Local/102@default", ["agent7"]),
        (FIRST, "SIP/101", []),
        (FIRST, "102", []),
        (ADDRESSES[2], "SIP/102", []),
    ],
)
def test_an_agent_is_on_the_phone_that_vicidial_calls(plan, server_ip, extension, users):
    assert find_removal(plan, [], [LiveAgent("agent7", server_ip, extension)]).users == users


def test_phones_of_a_dialer_that_leaves_do_not_count(plan):
    removal = find_removal(plan, [SECOND], [LiveAgent("agent7", SECOND, "SIP/102")])
    assert [phone.login for phone in removal.phones] == ["102a"]
    assert removal.users == []
    assert removal.summary() == (
        "1 phone and 1 alias would be removed (alias 102x, phone 102a on 10.0.0.1)."
    )


def test_nothing_needs_no_confirmation_and_no_words():
    assert not Removal().needs_confirmation(0)
    assert Removal().summary() == ""


def test_a_limit_of_none_means_that_everything_is_asked_for(plan):
    removal = find_removal(plan, [], [])
    assert removal.needs_confirmation(0) and removal.needs_confirmation(2)
    assert not removal.needs_confirmation(3)
