"""Session tokens: only what was signed with the cluster's secret proves anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor import tokens
from evenfloor.errors import LoginRefused

SECRET = "the cluster's"


@given(st.text(), st.text())
def test_what_was_signed_is_read(user, tag):
    assert tokens.read(SECRET, tokens.sign(SECRET, user, tag)) == (user, tag)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())))
def test_nothing_else_is_a_token(value):
    with pytest.raises(LoginRefused, match="log in again"):
        tokens.read(SECRET, value)


def test_another_clusters_token_proves_nothing():
    with pytest.raises(LoginRefused):
        tokens.read(SECRET, tokens.sign("another's", "agent7", "S1"))


def test_a_changed_token_proves_nothing():
    mine, theirs = (tokens.sign(SECRET, user, "S1") for user in ("agent7", "agent8"))
    forged = theirs.rpartition(".")[0] + "." + mine.rpartition(".")[2]
    with pytest.raises(LoginRefused):
        tokens.read(SECRET, forged)


def test_without_a_secret_there_are_no_tokens():
    assert tokens.sign("", "agent7", "S1") == ""
    with pytest.raises(LoginRefused):
        tokens.read("", tokens.sign(SECRET, "agent7", "S1"))


def test_a_token_names_the_session_of_its_user_alone():
    token = tokens.sign("secret", "agent7", "S1")
    assert tokens.tag_of("secret", token, "agent7") == "S1"
    assert tokens.tag_of("secret", token, "agent8") == ""
    assert tokens.tag_of("another", token, "agent7") == ""
    assert tokens.tag_of("secret", None, "agent7") == ""
