"""The cookie of an operator's browser: what it proves, and until when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor import operator_cookie

SECRET, TOKEN, NOW = "what signs", "what operators show", 1_700_000_000.5
COOKIE = operator_cookie.make(SECRET, TOKEN, NOW)


@pytest.mark.parametrize(
    ("later", "counts"),
    [(0, True), (operator_cookie.LIFETIME - 1, True), (operator_cookie.LIFETIME, False)],
)
def test_it_counts_until_its_time_is_over(later, counts):
    assert operator_cookie.is_valid(SECRET, TOKEN, COOKIE, NOW + later) == counts


def test_it_counts_on_a_login_host_whose_clock_is_behind():
    assert operator_cookie.is_valid(SECRET, TOKEN, COOKIE, NOW - 60)


def test_a_login_host_whose_clock_is_ahead_makes_none_that_counts_for_longer():
    cookie = operator_cookie.make(SECRET, TOKEN, NOW + 7 * 24 * 3600)
    assert not operator_cookie.is_valid(SECRET, TOKEN, cookie, NOW)


@pytest.mark.parametrize(
    ("secret", "token"), [("new", TOKEN), (SECRET, "new"), ("", TOKEN), (SECRET, ""), ("", "")]
)
def test_it_ends_with_the_secret_and_with_the_token(secret, token):
    assert not operator_cookie.is_valid(secret, token, COOKIE, NOW)


@given(st.text(max_size=300))
def test_what_this_cluster_did_not_make_proves_nothing(cookie):
    assert not operator_cookie.is_valid(SECRET, TOKEN, cookie, NOW)


# Of the last character some bits say nothing.
@given(st.integers(0, len(COOKIE) - 2), st.characters(codec="ascii"))
def test_a_changed_cookie_proves_nothing(place, character):
    changed = COOKIE[:place] + character + COOKIE[place + 1 :]
    assert operator_cookie.is_valid(SECRET, TOKEN, changed, NOW) == (changed == COOKIE)


def test_neither_secret_is_in_it():
    assert SECRET not in COOKIE and TOKEN not in COOKIE
