"""The alias doctor's look at what VICIdial notes of phones and asks of them."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_database import AliasDoctor
from ansible_collections.evenfloor.cluster.plugins.module_utils.doctor_phones import (
    look_at_kinds,
    look_at_names,
    look_at_reporting,
    look_at_web_sockets,
)

FIRST, SECOND, ELSEWHERE = "10.0.0.1", "10.0.0.2", "10.0.0.9"
NAMES = {FIRST: "dialer1", SECOND: "dialer2"}


def phone(login="101a", server_ip=FIRST, **more) -> dict:
    return {
        "login": login,
        "extension": "101",
        "server_ip": server_ip,
        "active": True,
        "login_password": "typed",
        "registration_password": "spoken",
        "reports": False,
        "is_webphone": False,
        **more,
    }


def web(server_ip=FIRST, **more) -> dict:
    return phone(server_ip=server_ip, is_webphone=True, **more)


@pytest.mark.parametrize(
    ("reporting", "found"),
    [
        ((False, False), []),
        ((True, False), ["dialer2"]),
        ((False, True), ["dialer1"]),
        ((True, True), []),
    ],
)
def test_a_dialer_is_found_that_notes_no_registration_while_others_do(reporting, found):
    phones = [phone(server_ip=ip, reports=r) for ip, r in zip((FIRST, SECOND), reporting)]
    assert [finding.dialer for finding in look_at_reporting(phones, NAMES)] == found


def test_a_dialer_without_phones_notes_nothing_and_is_none_to_report():
    assert look_at_reporting([phone(reports=True)], NAMES) == []


@pytest.mark.parametrize("phones", [[], [phone()], [web(), web(SECOND)]])
def test_phones_of_one_kind_are_as_they_should_be(phones):
    assert look_at_kinds("101x", phones) == []


def test_an_alias_with_both_kinds_of_phones_is_found():
    (finding,) = look_at_kinds("101x", [web(), phone("101b", SECOND)])
    assert (finding.kind, finding.alias) == ("webphones_mixed", "101x")
    assert finding.what.startswith("101a is a web phone, and 101b is not")


WITH_WEB = (web(),)


def sockets(first, second=f"wss://{SECOND}:8089/ws", phones=WITH_WEB):
    """Look at two dialers' URLs; returns the kinds of findings and their dialers."""
    servers = [
        {"server_ip": FIRST, "web_socket_url": first},
        {"server_ip": SECOND, "web_socket_url": second},
    ]
    return [(found.kind, found.dialer) for found in look_at_web_sockets(servers, phones, NAMES)]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"wss://{FIRST}:8089/ws", None),
        ("wss://d1.example.com:8089/ws", None),
        ("", "web_socket_missing"),
        (None, "web_socket_missing"),
        ("d1.example.com", "web_socket_missing"),
        ("wss://[", "web_socket_missing"),
        (f"wss://{SECOND}:8089/ws", "web_socket_elsewhere"),
        (f" WSS://{SECOND}/ws", "web_socket_elsewhere"),
    ],
)
def test_the_web_socket_of_a_dialer_with_web_phones_is_its_own(url, found):
    assert sockets(url) == ([(found, "dialer1")] if found else [])


def test_dialers_that_share_a_web_socket_are_both_found():
    shared = "wss://phones.example.com/ws"
    found = sockets(shared, shared, [web(), web(SECOND)])
    assert found == [("web_socket_elsewhere", "dialer1"), ("web_socket_elsewhere", "dialer2")]


@pytest.mark.parametrize(
    "phones", [[], [phone()], [web(active=False)], [web(SECOND)], [web(ELSEWHERE)]]
)
def test_a_dialer_without_web_phones_needs_no_web_socket(phones):
    assert sockets("", phones=phones) == []


@pytest.mark.parametrize("owns_phones", [True, False])
def test_passwords_that_differ_beside_vicidial_say_how_that_comes(owns_phones):
    phones = [phone(), phone("101b", SECOND, login_password="1234")]
    doctor = AliasDoctor([], phones, NAMES, owns_phones)
    found = doctor.look_at({"101x": ["101a", "101b"]})
    (differ,) = [finding for finding in found if finding.kind == "login_passwords_differ"]
    assert ("voicemail" in differ.what) != owns_phones
    assert "run aliases.yml" in differ.fix


def test_an_alias_is_found_that_is_named_like_a_phone_whoever_has_the_phone():
    aliases = {"101x": ["101a"], "102B": ["102a"], "102x": ["102b"]}
    found = look_at_names(aliases, [phone("101a"), phone("102a"), phone("102b")])
    assert [(one.kind, one.alias) for one in found] == [("alias_named_like_phone", "102B")]
