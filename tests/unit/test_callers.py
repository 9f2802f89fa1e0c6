"""Who asks: nobody becomes an operator, or the host itself, by what they send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor.callers import HOST, caller_of, is_of_this_site

TOKEN = "a token of thirty-two characters"


def caller(**environ: str):
    return caller_of(environ, TOKEN)


def test_whoever_shows_the_token_is_an_operator():
    found = caller(REMOTE_ADDR="10.0.0.9", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    assert found.is_operator and found.is_trusted and not found.is_host


@given(st.text())
def test_nothing_else_is_the_token(text):
    for header in (text, f"Bearer {text}", f"Basic {TOKEN}", TOKEN, f"{TOKEN} Bearer"):
        assert caller(HTTP_AUTHORIZATION=header).is_operator == (text.strip() == TOKEN)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}"])
def test_without_a_token_nobody_is_an_operator_by_one(header):
    assert not caller_of({"HTTP_AUTHORIZATION": header}, "").is_operator


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_the_host_itself_unless_something_passes_it_on(address):
    assert caller(REMOTE_ADDR=address).is_host
    for header in ("HTTP_X_REAL_IP", "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA"):
        assert not caller(REMOTE_ADDR=address, **{header: "127.0.0.1"}).is_host


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "10.9.0.1", ""])
def test_the_host_itself_asks_by_an_address(host):
    assert caller(REMOTE_ADDR="127.0.0.1", HTTP_HOST=host).is_host


@pytest.mark.parametrize(
    "host",
    ["evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", ":8080", "[::"],
)
def test_a_name_that_has_come_to_mean_this_host_is_not_enough(host):
    assert not caller(REMOTE_ADDR="127.0.0.1", HTTP_HOST=host).is_host


@pytest.mark.parametrize("address", ["10.0.0.9", "128.0.0.1", "::", "", "localhost", "127.1"])
def test_no_other_address_is(address):
    assert not caller(REMOTE_ADDR=address).is_host


def test_behind_the_front_server_nobody_is_the_host():
    assert not caller(REMOTE_ADDR="", HTTP_X_REAL_IP="127.0.0.1").is_host
    assert not caller(REMOTE_ADDR="").is_host


def test_the_front_servers_address_counts_only_through_its_socket():
    assert caller(REMOTE_ADDR="", HTTP_X_REAL_IP="10.0.0.9").address == "10.0.0.9"
    assert caller(REMOTE_ADDR="10.0.0.8", HTTP_X_REAL_IP="10.0.0.9").address == "10.0.0.8"


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("no address", "no address"),
    ],
)
def test_wrong_passwords_are_counted_for_whoever_has_the_address(address, client):
    assert caller(REMOTE_ADDR=address).client == client


def test_whoever_holds_the_configuration_may_do_anything():
    assert HOST.is_trusted and HOST.client == ""


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"HTTP_ORIGIN": "https://login.example"}, True),
        ({"HTTP_ORIGIN": "https://login.example", "HTTP_SEC_FETCH_SITE": "same-origin"}, True),
        ({"HTTP_ORIGIN": "https://login.example", "HTTP_SEC_FETCH_SITE": "cross-site"}, False),
        ({"HTTP_ORIGIN": "https://login.example:8443"}, False),
        ({"HTTP_ORIGIN": "https://login.example.elsewhere.example"}, False),
        ({"HTTP_ORIGIN": "null"}, False),
        ({"HTTP_ORIGIN": ""}, False),
        ({"HTTP_ORIGIN": "https://[broken"}, False),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, False),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False),
    ],
)
def test_a_request_of_another_sites_page_is_known(headers, is_ours):
    assert is_of_this_site({"HTTP_HOST": "login.example", **headers}) == is_ours


def test_a_metrics_token_reads_the_metrics_and_makes_nobody_an_operator():
    def shows(token: str, known: str):
        return caller_of({"HTTP_AUTHORIZATION": f"Bearer {token}"}, TOKEN, known)

    for token in ("old", "new"):
        caller = shows(token, "old,new")
        assert caller.reads_metrics and not caller.is_trusted
    for token, known in (("old", "new"), ("", ""), ("", ","), ("old,new", "old,new"), (TOKEN, "")):
        assert not shows(token, known).reads_metrics
