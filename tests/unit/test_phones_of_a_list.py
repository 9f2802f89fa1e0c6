"""Which phones a logins list means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor.phones import PhoneRow, by_login, channel, listed_phones, parse_logins

PASSWORD = "secret"

rows = st.lists(
    st.builds(
        PhoneRow,
        login=st.sampled_from(["101a", "101A", "101b"]),
        server_ip=st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        extension=st.just("101"),
        protocol=st.just("PJSIP"),
        active=st.booleans(),
        password=st.sampled_from([PASSWORD, "other", ""]),
        registered=st.booleans(),
    ),
    max_size=6,
)


@pytest.mark.parametrize(
    ("text", "logins"),
    [
        ("", []),
        ("101a", ["101a"]),
        ("101a,101b", ["101a", "101b"]),
        (" 101a , 101b ", ["101a", "101b"]),
        (",101a,,101b, ,", ["101a", "101b"]),
    ],
)
def test_a_logins_list_is_stripped_and_its_empty_entries_are_dropped(text, logins):
    assert parse_logins(text) == logins


@given(st.lists(st.text(st.characters(exclude_characters=","), min_size=1)))
def test_a_list_that_was_joined_is_taken_apart_again(logins):
    stripped = [login.strip() for login in logins if login.strip()]
    assert parse_logins(",".join(logins)) == stripped


@given(rows, st.lists(st.sampled_from(["101a", "101B", "missing"])))
def test_each_login_has_one_phone_in_the_order_of_the_list(found, logins):
    phones = listed_phones(logins, by_login(found), PASSWORD)
    assert [phone.login.lower() for phone in phones] == [login.lower() for login in logins]
    for phone in phones:
        there = [row for row in found if row.login.lower() == phone.login.lower()]
        assert bool(phone.server_ip) == bool(there)


@given(rows)
def test_of_several_phones_with_one_login_the_first_that_works_is_taken(found):
    (phone,) = listed_phones(["101a"], by_login(found), PASSWORD)
    same = [row for row in found if row.login.lower() == "101a"]
    right = [row for row in same if row.password == PASSWORD]
    best = next((row for row in right if row.active), next(iter([*right]), None))
    if best is not None:
        assert (phone.server_ip, phone.active, phone.password_matches) == (
            best.server_ip, best.active, True,
        )  # fmt: skip
    else:
        assert not phone.password_matches


def test_an_empty_password_is_nobodys():
    row = PhoneRow("101a", "10.0.0.1", "101", "PJSIP", True, "", False)
    (phone,) = listed_phones(["101a"], by_login([row]), "")
    assert not phone.password_matches


def test_without_a_password_to_look_at_every_phone_matches():
    row = PhoneRow("101a", "10.0.0.1", "101", "PJSIP", True, "secret", False)
    (phone,) = listed_phones(["101a"], by_login([row]), None)
    assert phone.password_matches and channel(phone) == channel(row) == "PJSIP/101"


@pytest.mark.parametrize(
    ("stored", "typed", "matches"),
    [
        ("secret", "secret", True),
        ("secret", "Secret", False),
        ("secret", "secret ", False),
        ("geheimnisträger", "geheimnisträger", True),
        ("geheimnisträger", "geheimnistrager", False),
    ],
)
def test_a_password_is_the_same_to_the_last_letter(stored, typed, matches):
    row = PhoneRow("101a", "10.0.0.1", "101", "PJSIP", True, stored, False)
    (phone,) = listed_phones(["101a"], by_login([row]), typed)
    assert phone.password_matches is matches
