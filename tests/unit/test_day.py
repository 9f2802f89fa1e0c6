"""A day of the floor: put together from its quarter minutes, written and drawn."""

import json
import os
import re
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies

from evenfloor import cli, day, events
from evenfloor.day import (
    MOST_EVENTS,
    PART,
    CountRow,
    DayRows,
    EventRow,
    HistoryRow,
    PartRow,
    SpreadRow,
    as_csv,
    bounds,
    clocks,
    day_of,
    hourly,
    hours,
    read_date,
    spread_words,
    table,
    total_words,
)
from evenfloor.day_page import drawing_of
from evenfloor.day_picture import draw_day
from evenfloor.picture import ENDINGS

DAY = date(2026, 3, 4)
#: When it begins in Berlin.
MIDNIGHT = 1772578800


#: Days and how many hours they have.
DAYS = {DAY: 24, date(2026, 3, 29): 23, date(2026, 10, 25): 25}


@pytest.fixture(autouse=True, scope="module")
def berlin():
    """The host is where clocks change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def read(parts=(), spreads=(), counts=(), events=(), names=None) -> DayRows:
    """What was read of a day."""
    return DayRows(list(parts), list(spreads), list(counts), list(events), names or {})


def part(server_ip: str, number: int, agents: float, **more: int) -> PartRow:
    counts = {"open": PART, "held": 0, "closed": 0, "dead": 0, **more}
    return PartRow(server_ip, number, agents, round(agents) + 1, **counts)


ROWS = [
    part("10.0.0.1", 0, 4.0),
    part("10.0.0.1", 1, 2.0, open=0, dead=PART),
    part("10.0.0.2", 0, 3.0),
]
NAMES = {"10.0.0.1": "dialer1", "10.0.0.2": "dialer2"}


@pytest.mark.parametrize(("day", "length"), DAYS.items())
def test_a_day_has_the_hours_that_the_clock_on_the_wall_has(day, length):
    first, end = bounds(day)
    assert (end - first) * 15 == length * 3600
    assert os.environ["TZ"] == "Europe/Berlin" and first * 15 % 86400 in (22 * 3600, 23 * 3600)
    assert len(day_of(day, read([part("a", 0, 1.0)])).dialers[0].parts) == length * 12


def test_a_dialers_day_has_its_average_its_most_and_its_times():
    day = day_of(DAY, read(ROWS, names=NAMES))
    first, second = day.dialers
    assert (first.name, first.average, first.most) == ("dialer1", 3.0, 5)
    assert first.minutes == {"open": 5, "held": 0, "closed": 0, "dead": 5}
    assert second.parts[:2] == [3.0, 0.0] and second.average == 3.0


def test_a_dialer_that_has_left_goes_by_its_address():
    assert [dialer.name for dialer in day_of(DAY, read(ROWS)).dialers] == [
        "10.0.0.1", "10.0.0.2",
    ]  # fmt: skip


def test_the_table_has_a_line_for_each_dialer_and_how_even_it_was():
    lines = table(day_of(DAY, read(ROWS, [SpreadRow(0, 0.51, 2, 20)], names=NAMES))).splitlines()
    assert lines[1].split() == ["dialer1", "10.0.0.1", "3.0", "5", "0:05", "0:00", "0:00", "0:05"]
    assert lines[-2:] == ["spread 0.5 on average, 2 at most", "logins 0, refusals 0"]
    assert spread_words(day_of(DAY, read(ROWS))) == "no spread is known"
    assert spread_words(day_of(DAY, read())) == "nothing is known of this day"


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


counts_of_a_day = strategies.lists(
    strategies.builds(
        CountRow, strategies.integers(0, 91), strategies.integers(0, 99), strategies.integers(0, 9)
    ),
    unique_by=lambda row: row.quarter_hour,
)


@given(counts_of_a_day, strategies.sampled_from(list(DAYS)))
def test_no_login_is_lost_from_quarter_hours_to_hours(rows, day):
    found = day_of(day, read(counts=rows))
    assert len(found.logins) == len(found.refusals) == 4 * DAYS[day]
    by_the_hour = hourly(found)
    assert [hour for hour, _logins, _refusals in by_the_hour] == clocks(found)[:-1:12]
    logins, refusals = sum(row.logins for row in rows), sum(row.refusals for row in rows)
    assert [sum(column) for column in list(zip(*by_the_hour))[1:]] == [logins, refusals]
    assert total_words(found) == f"logins {logins}, refusals {refusals}"


@given(strategies.integers(0, 96))
def test_what_is_kept_no_longer_is_not_taken_for_none(quarter_hours):
    since = MIDNIGHT + 900 * quarter_hours
    found = day_of(DAY, read(counts=[CountRow(95, 3, 1)]), since)
    assert found.logins.count(None) == found.refusals.count(None) == quarter_hours
    assert [logins for _hour, logins, _refusals in hourly(found)].count(None) == -(
        -quarter_hours // 4
    )
    kept = "logins 3, refusals 1" if quarter_hours < 96 else "the logins of this day aren't kept"
    assert total_words(found).startswith(kept)


def test_the_spread_of_a_day_is_that_of_its_quarter_minutes():
    rows = [SpreadRow(0, 1.0, 2.0, 20), SpreadRow(7, 4.0, 9.0, 10)]
    found = day_of(DAY, read(spreads=rows))
    assert (found.spread, found.most_spread) == (2.0, 9.0)
    assert found.spreads[:8] == [1.0, *[None] * 6, 4.0] and len(found.spreads) == 288


def test_the_clock_has_an_hour_twice_or_not_at_all_where_it_is_changed():
    shown = {length: clocks(day_of(day, read())) for day, length in DAYS.items()}
    assert [len(shown[length]) for length in (23, 24, 25)] == [277, 289, 301]
    assert [shown[length].count("02:00") for length in (23, 24, 25)] == [0, 1, 2]
    assert all(texts[0] == texts[-1] == "00:00" for texts in shown.values())


EVENTS = [
    EventRow(MIDNIGHT + 9 * 3600 + 61, "dialer_added", "=x", ""),
    EventRow(MIDNIGHT + 86399, "dialer_dead", "dialer2", "no heartbeat"),
]


def test_changes_of_dialers_are_said_and_drawn_at_their_time():
    found = day_of(DAY, read(parts=ROWS, events=EVENTS))
    assert table(found).splitlines()[-2:] == [
        "09:01:01 =x was added", "23:59:59 dialer2 is dead: no heartbeat",
    ]  # fmt: skip
    drawn = drawing_of(found)
    assert [event["part"] for event in drawn["events"]] == [9 * 12, 287]
    assert [dialer["agents"][:2] for dialer in drawn["dialers"]] == [[4.0, 2.0], [3.0, 0.0]]
    assert json.loads(json.dumps(drawn)) == drawn


def test_of_very_many_changes_the_first_are_shown_and_that_is_said():
    found = day_of(DAY, read(events=[EVENTS[0]] * (MOST_EVENTS + 1)))
    assert len(found.events) == MOST_EVENTS
    assert table(found).endswith("only the first 500 events are shown")


def test_the_pages_say_of_dialers_what_the_command_says():
    script = Path(day.__file__).with_name("static") / "floor.js"
    said = dict(re.findall(r'(dialer_[a-z]+): "([^"]+)"', script.read_text()))
    assert said == events.WORDS


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_is_the_same_each_time_whatever_dialers_are_called(tmp_path, ending):
    pytest.importorskip("matplotlib")
    names = {"10.0.0.1": r"$\x$<b>", "10.0.0.2": "d2"}
    spreads, counts = [SpreadRow(0, 1.0, 2.0, 20)], [CountRow(0, 2, 1)]
    found = day_of(DAY, DayRows(ROWS, spreads, counts, EVENTS, names))
    pictures = [tmp_path / f"{number}{ending}" for number in range(2)]
    for picture in pictures:
        draw_day(str(picture), found)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    if ending == ".svg":
        shown = pictures[0].read_text()
        for words in (r"$\x$&lt;b&gt;", "=x was added", "refusals", "spread", "22:00"):
            assert words in shown


def test_a_day_of_which_nothing_is_known_is_an_empty_picture(tmp_path):
    pytest.importorskip("matplotlib")
    draw_day(str(tmp_path / "day.png"), day_of(DAY, read(), float("inf")))
    assert (tmp_path / "day.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("day.gif", "the file's name has to end in .png or .svg"),
        ("day.png", "-m pip install matplotlib"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_read(
    tmp_path, monkeypatch, capsys, file, words
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    config = tmp_path / "evenfloor.ini"
    config.write_text("[database]\nunix_socket = /nowhere\n")
    csv = tmp_path / "day.csv"
    asked = ["day", "--picture", file, "--csv", str(csv), "--config", str(config)]
    assert cli.main(asked) == cli.USAGE
    assert words in capsys.readouterr().err and not csv.exists()
