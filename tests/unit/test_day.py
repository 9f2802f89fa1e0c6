"""A day of the floor: put together from its quarter minutes, written and drawn."""

import os
import re
import time
from datetime import date

import pytest

from evenfloor import chart
from evenfloor.day import (
    PART,
    HistoryRow,
    PartRow,
    as_csv,
    bounds,
    day_of,
    hours,
    read_date,
    spread_words,
    table,
)

DAY = date(2026, 3, 4)


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    """The host is where clocks change."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def part(server_ip: str, number: int, agents: float, **more: int) -> PartRow:
    counts = {"open": PART, "held": 0, "closed": 0, "dead": 0, **more}
    return PartRow(server_ip, number, agents, round(agents) + 1, **counts)


ROWS = [
    part("10.0.0.1", 0, 4.0),
    part("10.0.0.1", 1, 2.0, open=0, dead=PART),
    part("10.0.0.2", 0, 3.0),
]
NAMES = {"10.0.0.1": "dialer1", "10.0.0.2": "dialer2"}


@pytest.mark.parametrize(
    ("day", "length"), [(DAY, 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)]
)
def test_a_day_has_the_hours_that_the_clock_on_the_wall_has(day, length):
    first, end = bounds(day)
    assert (end - first) * 15 == length * 3600
    assert os.environ["TZ"] == "Europe/Berlin" and first * 15 % 86400 in (22 * 3600, 23 * 3600)
    assert len(day_of(day, [part("a", 0, 1.0)], (0.0, 0), {}).dialers[0].parts) == length * 12


def test_a_dialers_day_has_its_average_its_most_and_its_times():
    day = day_of(DAY, ROWS, (0.5, 2), NAMES)
    first, second = day.dialers
    assert (first.name, first.average, first.most) == ("dialer1", 3.0, 5)
    assert first.minutes == {"open": 5, "held": 0, "closed": 0, "dead": 5}
    assert second.parts[:2] == [3.0, 0.0] and second.average == 3.0


def test_a_dialer_that_has_left_goes_by_its_address():
    assert [dialer.name for dialer in day_of(DAY, ROWS, (None, None), {}).dialers] == [
        "10.0.0.1", "10.0.0.2",
    ]  # fmt: skip


def test_the_table_has_a_line_for_each_dialer_and_how_even_it_was():
    lines = table(day_of(DAY, ROWS, (0.51, 2), NAMES)).splitlines()
    assert lines[1].split() == ["dialer1", "10.0.0.1", "3.0", "5", "0:05", "0:00", "0:00", "0:05"]
    assert lines[-1] == "spread 0.5 on average, 2 at most"
    assert spread_words(day_of(DAY, [], (None, None), {})) == "nothing is known of this day"


def test_hours_are_written_as_on_a_clock():
    assert [hours(minutes) for minutes in (0, 59, 61, 1440)] == ["0:00", "0:59", "1:01", "24:00"]


def test_the_csv_has_every_quarter_minute_and_no_formula():
    first, _end = bounds(DAY)
    rows = [HistoryRow("10.0.0.1", first, 4, "open"), HistoryRow("10.0.0.2", first + 1, 3, "dead")]
    names = {"10.0.0.1": "=cmd()", "10.0.0.2": 'a,"b'}
    assert as_csv(rows, names).splitlines() == [
        "time,dialer,server_ip,local_agents,state",
        "2026-03-04T00:00:00+01:00,'=cmd(),10.0.0.1,4,open",
        '2026-03-04T00:00:15+01:00,"a,""b",10.0.0.2,3,dead',
    ]


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "0001-01-01", "9999-12-31", "<b>"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match="2026-01-31"):
        read_date(text)


def steps(area) -> list[tuple[float, float]]:
    """The upper edge: how far down it is, and up to where."""
    edge = re.fullmatch(r"M0 100((?:V[0-9.]+H[0-9.]+)+)V100Z", area.outline)
    return [(float(y), float(x)) for y, x in re.findall("V([0-9.]+)H([0-9.]+)", edge[1])]


def test_the_areas_lie_on_each_other_and_in_the_drawing():
    drawn = chart.chart_of(day_of(DAY, ROWS, (0.0, 0), NAMES))
    low, high = (steps(area) for area in drawn.areas)
    # Above the first part: 4 agents and then 3 more, of the 8 that the axis has.
    assert [label.text for label in drawn.counts] == ["0", "2", "4", "6", "8"]
    heights = {label.text: label.at for label in drawn.counts}
    assert low[0][0] == heights["4"]
    assert high[0][0] == pytest.approx((heights["6"] + heights["8"]) / 2, abs=0.1)
    for edge in (low, high):
        places = [x for _y, x in edge]
        assert places == sorted(places) and places[-1] == 100
        assert all(0 <= y <= 100 for y, _x in edge)
    assert [label.text for label in drawn.hours[:3]] == ["00:00", "03:00", "06:00"]


def test_a_day_of_which_nothing_is_known_is_an_empty_drawing():
    drawn = chart.chart_of(day_of(DAY, [], (None, None), {}))
    assert drawn.areas == [] and len(drawn.counts) == 5 and len(drawn.hours) == 8


def test_there_are_as_many_colours_as_the_style_sheet_has():
    rows = [part(f"10.0.0.{number}", 0, 1.0) for number in range(12)]
    colours = [area.colour for area in chart.chart_of(day_of(DAY, rows, (0.0, 0), {})).areas]
    assert len(colours) == 12 and set(colours) == set(range(chart.COLOURS))
