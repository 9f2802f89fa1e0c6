"""It is remembered for a while which dialers report registrations."""

import pytest

from evenfloor.policy import Dialer
from evenfloor.registrations import REMEMBERED, Reporting, ReportingRow

OLD, NEW = "10.0.0.1", "10.0.0.2"


class Watched:
    """A clock, and what is found."""

    def __init__(self):
        self.now, self.asked = 100.0, 0
        self.found = [ReportingRow(OLD, True, True), ReportingRow(NEW, False, False)]

    def read(self) -> list[ReportingRow]:
        self.asked += 1
        return self.found


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def reporting(watched):
    return Reporting(watched.read, lambda: watched.now)


def dialer(server_ip, takes_logins=True):
    return Dialer(server_ip, True, takes_logins, 0, 1, 0)


def test_they_are_looked_for_at_once_and_then_only_now_and_then(watched, reporting):
    assert reporting.dialers == frozenset()
    for _number in range(3):
        reporting.refresh()
        reporting.meet([dialer(OLD), dialer(NEW, takes_logins=False)])
    assert (reporting.dialers, watched.asked) == ({OLD}, 1)
    watched.found = []
    watched.now += REMEMBERED - 0.1
    reporting.refresh()
    assert reporting.dialers == {OLD}
    watched.now += 0.1
    reporting.refresh()
    assert reporting.dialers == frozenset()


def test_they_are_looked_for_when_a_dialer_begins_to_take_logins(watched, reporting):
    reporting.refresh()
    watched.found = [ReportingRow(OLD, True, True), ReportingRow(NEW, True, True)]
    for _number in range(3):
        reporting.meet([dialer(OLD), dialer(NEW)])
    assert (reporting.dialers, watched.asked) == ({OLD, NEW}, 2)
    # It is closed, as a choice sees, and opened again.
    reporting.meet([dialer(NEW, takes_logins=False)])
    assert watched.asked == 2
    watched.found = [ReportingRow(OLD, True, True), ReportingRow(NEW, True, False)]
    reporting.meet([dialer(NEW)])
    assert (reporting.dialers, watched.asked) == ({OLD}, 3)


def test_one_that_closes_while_it_is_looked_at_is_not_looked_for_at_every_choice(
    watched, reporting
):
    reporting.refresh()
    for _number in range(3):
        reporting.meet([dialer(NEW)])
    assert watched.asked == 2
