"""The doctor's report: what hosts said in a run, put together with the database's findings."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_report import MARK, findings

from tests.unit.test_doctor import CHANNELS, ENDPOINTS, TAG

GROUPS = {
    "all": ["db1", "dialer1", "seat1", "localhost"],
    "dialers": ["dialer1"],
    "seats": ["seat1"],
}
CLOCK = {"doctor_clock": {"stdout": "100.0 100.1"}, "doctor_after": "100.2"}


def report(dialer=None, seat=None, **database):
    """Report on a dialer and a seat with these facts besides a right clock."""
    hostvars = {
        "db1": CLOCK,
        "dialer1": {
            "server_ip": "10.0.0.1",
            **CLOCK,
            "doctor_asterisk": {"stdout": ENDPOINTS + MARK + CHANNELS.format(663)},
            **(dialer or {}),
        },
        "seat1": {"softphone_extensions": "101", **CLOCK, **(seat or {})},
        "localhost": {},
    }
    there = {
        "findings": [],
        "aliases": {"101": "101x", "102": "102x"},
        "dialers": {
            "10.0.0.1": {
                "alive": True,
                "expected": {"101": True, "102": False},
                "sessions": [{"tag": TAG, "user": "agent7", "age": 663}],
            }
        },
        **database,
    }
    return [
        (row["finding"], row["alias"], row["dialer"]) for row in findings(hostvars, GROUPS, there)
    ]


NOT_REGISTERED = ("not_registered", "102x", "dialer1")


def test_what_the_database_and_asterisk_say_is_put_together():
    row = {"finding": "no_free_room", "alias": "", "dialer": "d", "what": "w", "fix": "m"}
    assert report(findings=[row]) == [("no_free_room", "", "d"), NOT_REGISTERED]


def test_a_backup_is_looked_at_where_it_was_asked_for():
    failed = ("backup_failed", "", "dialer1")
    assert failed in report(dialer={"backup_last": {"stdout": "result exit-code"}})
    assert report(dialer={"backup_last": {"skipped": True}}) == [NOT_REGISTERED]


def test_certificates_are_looked_at_where_they_were_asked_for():
    said = {"doctor_certificates": {"stdout": "login.pem notAfter=Dec  1 10:00:00 2026 GMT"}}
    assert ("certificate_expires", "", "dialer1") in report(dialer=said)
    assert report(dialer={"doctor_certificates": {"skipped": True}}) == [NOT_REGISTERED]
    assert report(dialer={**said, "doctor_clock": {"unreachable": True}}) == [
        ("host_unreachable", "", "dialer1")
    ]


def test_a_host_that_does_not_answer_is_one_finding_and_is_not_compared():
    silent = {"doctor_clock": {"unreachable": True}}
    assert report(dialer=silent, seat=silent) == [
        ("host_unreachable", "", "dialer1"),
        ("host_unreachable", "", "seat1"),
    ]


@pytest.mark.parametrize("asked", [{"skipped": True}, None])
def test_a_dialer_that_was_not_asked_is_not_compared(asked):
    assert report(dialer={"doctor_asterisk": asked}) == []


def test_a_server_that_is_not_in_the_inventory_is_not_compared():
    assert report(dialer={"server_ip": "10.0.0.9"}) == []


def test_a_seats_accounts_are_compared_with_its_extensions_phones():
    here, strange = "sip:101@10.0.0.1", "sip:102@10.0.0.1"
    assert report(seat={"doctor_accounts": {"stdout": here}}) == [NOT_REGISTERED]
    assert report(seat={"doctor_accounts": {"stdout": strange}}) == [
        NOT_REGISTERED,
        ("account_missing", "", "dialer1"),
        ("account_unknown", "", "dialer1"),
    ]


LOADED, NOT_LOADED = {"rc": 0}, {"rc": 1}


@pytest.mark.parametrize(
    ("networks", "asked", "kind"),
    [
        (None, NOT_LOADED, "sip_open"),
        (None, LOADED, "filter_differs"),
        ("any", NOT_LOADED, None),
        ("any", LOADED, "filter_differs"),
        (["10.0.0.0/8"], NOT_LOADED, "filter_differs"),
        (["10.0.0.0/8"], LOADED, None),
        (None, {"skipped": True}, None),
    ],
)
def test_a_dialers_filter_is_compared_with_the_inventory(networks, asked, kind):
    variables = {"doctor_filter": asked}
    if networks:
        variables["phone_networks"] = networks
    found = [(kind, "", "dialer1")] if kind else []
    assert report(dialer=variables) == [NOT_REGISTERED, *found]


def test_an_edges_filter_is_compared_too():
    hostvars = {"edge1": {**CLOCK, "doctor_filter": NOT_LOADED, "phone_networks": ["10.0.0.0/8"]}}
    groups = {"all": ["edge1"], "sip_edge": ["edge1"]}
    (found,) = findings(hostvars, groups, {"findings": [], "aliases": {}, "dialers": {}})
    assert (found["finding"], found["dialer"]) == ("filter_differs", "edge1")


def test_a_clock_that_is_off_is_found():
    late = {"doctor_clock": {"stdout": "100.0 110.0"}, "doctor_after": "100.2"}
    assert report(seat=late) == [NOT_REGISTERED, ("clock_skew", "", "seat1")]
