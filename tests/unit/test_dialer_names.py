"""Dialers' names: known before a login, and read now and then."""

import pytest

from evenfloor.deadline import Deadline
from evenfloor.dialer_names import KEPT, DialerNames
from evenfloor.errors import LoginRefused


class Balancer:
    """Says the names, and counts how often."""

    def __init__(self, **names: str):
        self.names, self.asked = names, 0

    def dialer_names(self, _deadline) -> dict:
        self.asked += 1
        if not self.names:
            raise LoginRefused("database_unreachable", "away")
        return self.names


def test_names_are_read_once_a_while(monkeypatch):
    names, balancer = DialerNames(), Balancer(a="dialer1")
    for _login in range(3):
        names.refresh(balancer, Deadline())
    assert balancer.asked == 1 and names.name("a") == "dialer1"
    monkeypatch.setattr("evenfloor.dialer_names.KEPT", 0)
    names = DialerNames()
    names.refresh(balancer, Deadline())
    names.refresh(balancer, Deadline())
    assert balancer.asked == 3 and KEPT > 0


def test_a_dialer_that_is_not_known_goes_by_its_address():
    assert DialerNames().name("10.0.0.1") == "10.0.0.1"


def test_names_that_could_not_be_read_are_read_next_time():
    names, balancer = DialerNames(), Balancer()
    with pytest.raises(LoginRefused):
        names.refresh(balancer, Deadline())
    balancer.names = {"a": "dialer1"}
    names.refresh(balancer, Deadline())
    assert names.name("a") == "dialer1"
