"""After a dialer was added and the aliases were edited, with agents talking all the time."""

import json

import pytest

from tests.grow import RECORD, TALKING
from tests.waiting import PATIENCE

EXTENSIONS = [*map(str, range(101, 108)), "109", "110"]
DIALERS = ["dialer1", "dialer2", "dialer3"]


@pytest.fixture(scope="module")
def grown():
    return json.loads(RECORD.read_text())


def test_every_dialer_has_a_registration_for_every_alias(cluster):
    for dialer in DIALERS:
        assert cluster.registered(dialer) == EXTENSIONS


def test_the_floor_knows_the_registrations(cluster):
    floor = cluster.floor()
    assert {name: (e["registered"], e["phones"]) for name, e in floor.items()} == {
        name: (len(EXTENSIONS), len(EXTENSIONS)) for name in DIALERS
    }


def test_agents_who_talked_before_still_do_on_the_same_channels(cluster, grown):
    now = cluster.all_calls()
    compared = 0
    for dialer, calls in grown["calls"].items():
        for extension, call in calls.items():
            assert now[dialer][extension].channel == call["channel"]
            assert now[dialer][extension].seconds > call["seconds"]
            compared += 1
    assert compared == len(TALKING)


def test_no_call_and_no_registration_elsewhere_lapsed_meanwhile(grown):
    assert grown["looks"] > 10
    assert grown["lapses"] == []


def test_phones_that_were_there_keep_logins_and_passwords(cluster, grown):
    query = "SELECT login, pass, conf_secret FROM phones"
    now = {row[0]: row[1:] for row in cluster.sql(query)}
    kept = {row[0]: row[1:] for row in grown["phones"] if not row[0].startswith("108")}
    assert len(kept) == 2 * 7
    assert {login: now[login] for login in kept} == kept


def test_the_removed_alias_is_gone_everywhere(cluster):
    assert cluster.sql("SELECT 1 FROM phones_alias WHERE alias_id = '108x'") == []
    assert cluster.sql("SELECT 1 FROM phones WHERE extension = '108'") == []
    for dialer in DIALERS:
        assert "Unable to find object 108" in cluster.asterisk(dialer, "pjsip show endpoint 108")
        assert "108" not in cluster.registered(dialer)
    assert "sip:108@" not in cluster.run("seat2", "cat /etc/baresip/accounts")


def test_every_logins_list_names_one_phone_on_every_dialer(cluster):
    rows = cluster.sql("SELECT alias_id, logins_list FROM phones_alias")
    lists = {alias: sorted(logins.split(",")) for alias, logins in rows}
    assert lists == {f"{e}x": [f"{e}a", f"{e}b", f"{e}c"] for e in EXTENSIONS}


def test_the_softphones_next_start_has_the_same_accounts(cluster):
    text = "".join(cluster.run(seat, "cat /etc/baresip/accounts") for seat in ("seat1", "seat2"))
    addresses = {line[1:].partition(">")[0] for line in text.splitlines()}
    assert addresses == {f"sip:{e}@{cluster.address(d)}" for e in EXTENSIONS for d in DIALERS}


def test_no_secret_was_printed(cluster, grown):
    secrets = {value for row in grown["phones"] for value in row[1:]}
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in grown["output"]] == []


def test_new_logins_go_to_the_new_dialer_and_ring_nowhere_else(cluster):
    before = cluster.counts()
    assert before == {"dialer1": 2, "dialer2": 2, "dialer3": 0}
    for alias in ("105x", "106x"):
        session = cluster.login(alias)
        assert cluster.dialer_of(session["server_ip"]) == "dialer3"
        call = cluster.wait_for_call(session)
        assert call.room == session["room"]
        holders = cluster.asterisk("dialer3", f"confbridge list {call.room}")
        assert call.channel in holders
        elsewhere = [cluster.asterisk(d, "core show channels concise") for d in DIALERS[:2]]
        assert not any(f"PJSIP/{session['extension']}-" in text for text in elsewhere)
    assert cluster.counts() == {"dialer1": 2, "dialer2": 2, "dialer3": 2}


def test_sound_flows_both_ways_in_every_call(cluster):
    cluster.wait_for_calls(6)
    first = cluster.all_calls()
    cluster.wait_until(
        lambda: all(
            call.received > first[dialer][extension].received
            and call.sent > first[dialer][extension].sent
            for dialer, calls in cluster.all_calls().items()
            for extension, call in calls.items()
        ),
        PATIENCE,
        "packets in both directions in every call",
    )
