"""What plugins and package both have to know is the same on both sides."""

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils import boundary
from hypothesis import given
from hypothesis import strategies as st

import evenfloor
from evenfloor import floor_statements, lock, phones, sessions, vicidial

ROOT = Path(__file__).parents[2]


def test_the_same_states_mean_that_a_phone_is_registered():
    assert set(boundary.REGISTERED_STATES) == set(vicidial.REGISTERED_STATES)


def test_rooms_are_in_the_same_tables():
    assert boundary.ROOM_TABLES == vicidial.ROOM_TABLES


def test_the_same_rooms_are_free():
    assert boundary.FREE_ROOM == floor_statements.FREE_ROOM


def test_addresses_are_compared_alike():
    assert boundary.DIALER == floor_statements._DIALER


def test_a_session_is_called_alike():
    assert boundary.TAG_PATTERN == sessions.TAG_PATTERN
    assert re.fullmatch(boundary.TAG_PATTERN, sessions.new_tag())


@given(st.text(max_size=100))
def test_the_lock_has_the_same_name(database):
    assert boundary.lock_name(database) == lock.lock_name(database)
    assert len(boundary.lock_name(database)) <= boundary.LONGEST_LOCK_NAME


@given(st.text(st.sampled_from("ab1 ,\t")))
def test_a_logins_list_names_the_same_phones(text):
    assert boundary.split_logins(text) == phones.parse_logins(text)


@pytest.mark.parametrize(
    ("text", "logins"),
    [
        ("101a,101b", ["101a", "101b"]),
        (" 101a , 101b,", ["101a", "101b"]),
        (",,", []),
        ("", []),
        (None, []),
    ],
)
def test_spaces_and_empty_entries_of_a_logins_list_do_not_count(text, logins):
    assert boundary.split_logins(text) == logins


@given(st.lists(st.from_regex(r"[0-9a-z]{1,5}", fullmatch=True)))
def test_a_logins_list_is_read_as_it_was_written(logins):
    assert boundary.split_logins(boundary.join_logins(logins)) == logins


def test_collection_and_package_have_the_same_version():
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert galaxy["version"] == evenfloor.__version__
