"""What the daemon decides without Asterisk and without a database."""

import pytest

from evenfloor.dialer import STALE_ACTION, is_late


@pytest.mark.parametrize("age", [-3600, 0, 3, 3600, None])
def test_an_action_is_never_late_while_the_daemon_looks_all_the_time(age):
    assert not is_late(age, since_last_look=0.05)


@pytest.mark.parametrize(
    ("age", "late"),
    [(0, False), (STALE_ACTION, False), (STALE_ACTION + 1, True), (-3590, True), (None, True)],
)
def test_after_a_pause_an_action_is_as_old_as_it_says_and_late_if_that_cannot_be(age, late):
    assert is_late(age, since_last_look=600.0) is late
