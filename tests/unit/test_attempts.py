"""Limits of wrong passwords, as rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor import attempts
from evenfloor.errors import TooManyAttempts
from evenfloor.request import Tried


def test_an_address_may_try_up_to_its_limit():
    attempts.check(Tried())
    attempts.check(Tried(attempts.ADDRESS_LIMIT - 1, 60))
    with pytest.raises(TooManyAttempts, match="in 7 s") as caught:
        attempts.check(Tried(attempts.ADDRESS_LIMIT, 7))
    assert caught.value.seconds == 7


def test_there_is_always_something_to_wait_for():
    with pytest.raises(TooManyAttempts) as caught:
        attempts.check(Tried(attempts.ADDRESS_LIMIT, 0))
    assert caught.value.seconds == 1


@given(st.integers(0, 60000))
def test_each_wrong_password_waits_longer_and_none_too_long(failures):
    assert attempts.FIRST_PAUSE <= attempts.pause(failures) <= attempts.pause(failures + 1)
    assert attempts.pause(failures) <= attempts.LONGEST_PAUSE


@given(st.text(max_size=300))
def test_whatever_was_typed_has_a_name_that_fits_its_column(text):
    longest = 40
    for name in (
        attempts.alias_subject(text),
        attempts.address_subject(text),
        attempts.user_subject(text),
    ):
        assert name.isascii() and len(name) <= longest


def test_an_alias_is_the_same_however_it_is_written():
    assert attempts.alias_subject(" 101X ") == attempts.alias_subject("101x")
    assert attempts.alias_subject("10.0.0.1") != attempts.address_subject("10.0.0.1")
