"""It is remembered for a while which dialers report registrations."""

from evenfloor.registrations import REMEMBERED, Reporting


class Watched:
    """A clock, and what is found."""

    def __init__(self):
        self.now, self.found, self.asked = 100.0, ["10.0.0.1"], 0

    def read(self) -> list[str]:
        self.asked += 1
        return self.found


def test_they_are_looked_for_at_once_and_then_only_now_and_then():
    watched = Watched()
    reporting = Reporting(watched.read, lambda: watched.now)
    assert reporting.dialers == frozenset()
    for _number in range(3):
        reporting.refresh()
    assert (reporting.dialers, watched.asked) == ({"10.0.0.1"}, 1)
    watched.found = []
    watched.now += REMEMBERED - 0.1
    reporting.refresh()
    assert reporting.dialers == {"10.0.0.1"}
    watched.now += 0.1
    reporting.refresh()
    assert reporting.dialers == frozenset()
