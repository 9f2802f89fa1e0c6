"""What was typed is looked at before the database is asked."""

import pytest

from evenfloor.errors import Malformed
from evenfloor.request import Request, check_typed
from evenfloor.vicidial import LONGEST

GOOD = {"alias": "101x", "password": "secret", "user": "agent7", "campaign": "SALES"}


def refused(required=(), **values) -> Malformed:
    with pytest.raises(Malformed) as caught:
        check_typed(required, **values)
    return caught.value


def test_what_can_be_used_passes():
    check_typed(tuple(GOOD), **GOOD)
    check_typed(("alias",), alias="101x", user="", campaign="")


@pytest.mark.parametrize("name", LONGEST)
def test_a_value_may_be_as_long_as_its_column_and_no_longer(name):
    check_typed((name,), **{name: "ü" * LONGEST[name]})
    refusal = refused((name,), **{name: "x" * (LONGEST[name] + 1)})
    assert name in refusal.detail and str(LONGEST[name]) in refusal.detail


@pytest.mark.parametrize("name", LONGEST)
@pytest.mark.parametrize("value", [None, 7, True, [], {}, b"101x"])
def test_what_is_not_text_is_named_even_where_it_is_not_required(name, value):
    assert f"'{name}'" in refused(**{name: value}).detail


@pytest.mark.parametrize("name", LONGEST)
def test_an_empty_value_is_refused_only_where_it_is_required(name):
    check_typed((), **{name: ""})
    assert f"'{name}'" in refused((name,), **{name: ""}).detail


def test_text_that_no_encoding_has_is_refused():
    assert "'user'" in refused(user="half \ud800").detail


@pytest.mark.parametrize("name", LONGEST)
def test_a_campaign_that_cannot_be_is_not_known_and_all_else_is_wrong_credentials(name):
    reason = "unknown_campaign" if name == "campaign" else "bad_credentials"
    assert refused(**{name: None}).reason == reason


def test_a_requests_password_is_not_in_what_is_printed():
    assert "hush" not in repr(Request("101x", password="hush"))
