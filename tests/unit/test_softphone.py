"""A softphone's accounts: what is wanted, on disk and running, and what has to change."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import softphone
from hypothesis import given
from hypothesis import strategies as st

PHONES = [
    {
        "extension": "101",
        "server_ip": f"10.0.0.{n}",
        "dialer": f"dialer{n}",
        "registration_password": "spoken",
    }
    for n in (1, 2)
]
FIRST, SECOND = "sip:101@10.0.0.1", "sip:101@10.0.0.2"
WANTED = softphone.wanted_accounts(PHONES, 60, 3)


def test_an_account_answers_by_itself_and_renews_its_registration():
    assert WANTED[FIRST] == (
        "<sip:101@10.0.0.1>;auth_user=101;auth_pass=spoken;answermode=auto;regint=60;fbregint=3"
    )


def test_with_tls_the_address_stays_and_sound_is_encrypted():
    accounts = softphone.wanted_accounts(PHONES, 60, 3, tls_port=5061)
    assert list(accounts) == list(WANTED)
    assert accounts[FIRST] == (
        WANTED[FIRST] + ';outbound="sip:10.0.0.1:5061;transport=tls";mediaenc=srtp'
    )
    assert softphone.parse_accounts(softphone.as_file(accounts)) == accounts


def test_a_dialer_without_tls_is_reached_over_udp():
    accounts = softphone.wanted_accounts(PHONES, 60, 3, 5061, udp_dialers=["dialer1"])
    assert accounts[FIRST] == WANTED[FIRST]
    assert "transport=tls" in accounts[SECOND]


def test_a_file_is_read_as_it_was_written_and_comments_are_left_out():
    text = softphone.as_file(WANTED)
    assert softphone.parse_accounts(f"# by hand\n\n{text}") == WANTED
    assert softphone.parse_accounts("") == {}
    assert [line[1:17] for line in text.splitlines()] == [FIRST, SECOND]


def plan(wanted=WANTED, on_disk=None, running=(), grow=True, **more):
    if running is not None:
        running = softphone.Running(set(running), **more)
    return softphone.plan_changes(wanted, on_disk or {}, running, grow)


def test_a_changed_account_in_a_call_waits_and_the_others_do_not():
    on_disk = {address: f"<{address}>;old" for address in WANTED}
    changes = plan(on_disk=on_disk, running=set(WANTED), talking={FIRST})
    assert (changes.waiting, changes.added, changes.removed) == ([FIRST], [SECOND], [SECOND])
    assert changes.accounts == WANTED and changes.on_disk
    assert changes.unchanged == {}


def test_an_account_that_has_waited_is_changed_once_its_call_has_ended():
    known = {"on_disk": WANTED, "running": set(WANTED), "former": {FIRST, "sip:9@10.0.0.9"}}
    still = plan(**known, talking={FIRST})
    assert (still.waiting, still.added, still.removed, still.on_disk) == ([FIRST], [], [], False)
    then = plan(**known)
    assert (then.waiting, then.added, then.removed) == ([], [FIRST], [FIRST])


def test_an_account_that_has_waited_goes_when_nobody_wants_it():
    changes = plan(wanted={SECOND: WANTED[SECOND]}, on_disk=WANTED, running=set(WANTED),
                   former={FIRST})  # fmt: skip
    assert (changes.waiting, changes.removed) == ([], [FIRST])


@pytest.mark.parametrize("grow", [True, False])
def test_an_account_that_nobody_wants_stays_as_long_as_its_call(grow):
    left = {SECOND: WANTED[SECOND]}
    changes = plan(wanted=left, on_disk=WANTED, running=set(WANTED), talking={FIRST}, grow=grow)
    assert (changes.lingering, changes.removed, changes.added) == ([FIRST], [], [])
    assert changes.accounts == left
    then = plan(wanted=left, on_disk=left, running=set(WANTED), grow=grow)
    assert (then.lingering, then.removed, then.on_disk) == ([], [FIRST], False)


def test_without_grow_an_account_that_has_waited_still_waits():
    changes = plan(on_disk=WANTED, running=set(WANTED), former={FIRST}, grow=False)
    assert (changes.waiting, changes.added, changes.removed) == ([FIRST], [], [])


def test_accounts_in_a_call_are_found():
    calls = (
        "User-Agent: 101@10.0.0.1\n--- Active calls (1) ---\n"
        "User-Agent: 101@10.0.0.2\n--- Active calls (0) ---\n"
    )
    assert softphone.talking(calls) == {FIRST}


def test_what_is_missing_is_added_and_what_nobody_wants_is_removed():
    changes = plan(running={FIRST, "sip:9@10.0.0.9"}, on_disk={FIRST: WANTED[FIRST]})
    assert (changes.added, changes.removed, changes.on_disk) == ([SECOND], ["sip:9@10.0.0.9"], True)
    assert changes.unchanged == {FIRST: WANTED[FIRST]}


def test_an_account_whose_line_changed_is_removed_and_added_again():
    changes = plan(on_disk={**WANTED, FIRST: "<sip:101@10.0.0.1>;old"}, running=set(WANTED))
    assert changes.added == changes.removed == [FIRST]
    assert changes.gone == []


def test_without_grow_accounts_are_only_removed_and_keep_their_lines():
    on_disk = {FIRST: "<sip:101@10.0.0.1>;old", "sip:9@10.0.0.9": "<sip:9@10.0.0.9>"}
    changes = plan(on_disk=on_disk, running=set(on_disk), grow=False)
    assert (changes.added, changes.removed) == ([], ["sip:9@10.0.0.9"])
    assert changes.accounts == {FIRST: on_disk[FIRST]}


def test_without_a_running_softphone_the_file_says_what_is_there():
    changes = plan(on_disk={FIRST: WANTED[FIRST]}, running=None)
    assert (changes.added, changes.removed) == ([SECOND], [])


ADDRESSES = st.sampled_from(["a", "b", "c", "d"])
ACCOUNTS = st.dictionaries(ADDRESSES, st.sampled_from(["old", "new"]))


@given(ACCOUNTS, ACCOUNTS, st.none() | st.sets(ADDRESSES), st.booleans())
def test_a_second_run_changes_nothing(wanted, on_disk, running, grow):
    changes = plan(wanted, on_disk, running, grow)
    if running is not None:
        running = (running - set(changes.removed)) | set(changes.added)
    again = plan(wanted, changes.accounts, running, grow)
    assert (again.added, again.removed, again.on_disk) == ([], [], False)


@given(ACCOUNTS, ACCOUNTS, st.sets(ADDRESSES))
def test_afterwards_what_runs_is_what_is_wanted(wanted, on_disk, running):
    changes = plan(wanted, on_disk, running)
    assert (running - set(changes.removed)) | set(changes.added) == set(wanted)
    assert changes.accounts == wanted


def state(code):
    return {"registration": {"code": code}}


def test_refused_registrations_are_tried_again_unless_there_is_a_call():
    accounts = dict.fromkeys(["sip:1@d", "sip:2@d", "sip:3@d", "sip:4@d", "sip:5@d"], "")
    states = {
        "sip:1@d": state(404),
        "sip:2@d": state(200),
        "sip:3@d": state(403),
        "sip:4@d": state(0),
        "sip:9@d": state(404),
    }
    calls = "User-Agent: 1@d\n--- Active calls (0) ---\nUser-Agent: 3@d\n--- Active calls (2) ---\n"
    assert softphone.to_retry(accounts, states, calls) == ["sip:1@d"]
    assert softphone.to_retry(accounts, states, "") == ["sip:1@d", "sip:3@d"]
