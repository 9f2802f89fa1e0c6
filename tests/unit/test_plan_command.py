"""The command `evenfloor plan`: what it prints, what it refuses, and its exit status."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest
import tomllib

from evenfloor.cli import DONE, USAGE, main
from evenfloor.picture import ENDINGS

ROOT = Path(__file__).parents[2]
SHIFTS = "\n".join(f"agent{number},09:00,10:30,09:50-10:00" for number in range(1, 7))


@pytest.fixture
def plan(tmp_path, capsys):
    """Run the command on a file of shifts; returns its status and what it printed."""
    file = tmp_path / "shifts.csv"

    def plan(*words: str, shifts: str = SHIFTS) -> tuple[int, str, str]:
        file.write_text(shifts)
        given = [str(file) if word == "FILE" else word for word in words]
        try:
            status = main(["plan", *given])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return plan


def test_a_day_is_a_line_each_quarter_of_an_hour(plan):
    status, table, errors = plan("FILE", "--dialers", "3")
    assert (status, errors) == (DONE, "")
    first, heading, *rows, last = table.splitlines()
    assert first == "6 agents, 3 dialers, 09:00 to 10:30"
    assert heading.split() == ["time", "agents", "dialer1", "dialer2", "dialer3", "spread"]
    assert [row.split() for row in rows] == [
        [time, str(6 * there), *[str(2 * there)] * 3, "0"]
        for time, there in [("09:00", 1), ("09:15", 1), ("09:30", 1), ("09:45", 1), ("10:00", 1),
                            ("10:15", 1), ("10:30", 0)]
    ]  # fmt: skip
    assert last == "spread: mean 0.0, worst 0 at 09:00; most agents on a dialer: 2"


def test_a_lost_and_a_new_dialer_are_told_of(plan):
    words = ["FILE", "--dialers", "2", "--lose", "dialer2@09:20", "--add", "dialer3@09:30"]
    _status, table, _errors = plan(*words)
    assert "dialer2 is lost at 09:20: 3 agents log in again, on dialer1 3" in table
    assert "dialer3 is added at 09:30: even again at 09:50, 20 min later" not in table
    assert "dialer3 is added at 09:30: even again at 10:00, 30 min later" in table
    row = next(line for line in table.splitlines() if line.startswith("10:15"))
    assert row.split() == ["10:15", "6", "3", "-", "3", "0"]
    data = json.loads(plan(*words, "--json")[1])
    assert data["lost"] == [
        {"dialer": "dialer2", "time": "09:20", "agents": 3, "landed": {"dialer1": 3}}
    ]
    assert data["added"] == [{"dialer": "dialer3", "time": "09:30", "even": "10:00"}]


def test_a_floor_too_small_is_told_of(plan):
    words = ["FILE", "--dialers", "2", "--per-dialer", "2", "--lose", "dialer1@09:20"]
    _status, table, _errors = plan(*words)
    assert "2 of them find no dialer" in table and "on no dialer" in table
    # Two at nine, two when the dialer is lost, and four after the break.
    assert table.splitlines()[-1] == "8 logins found no dialer"


def test_the_same_day_as_csv_and_as_json(plan):
    rows = list(csv.DictReader(io.StringIO(plan("FILE", "--dialers", "3", "--csv")[1])))
    assert rows[0] == {
        "time": "09:00", "agents": "6", "dialer1": "2", "dialer2": "2", "dialer3": "2",
        "spread": "0",
    }  # fmt: skip
    data = json.loads(plan("FILE", "--dialers", "3", "--json")[1])
    assert [moment["time"] for moment in data["floor"]] == [row["time"] for row in rows]
    assert data["floor"][0]["dialers"] == {"dialer1": 2, "dialer2": 2, "dialer3": 2}
    assert (data["spread_mean"], data["spread_worst"], data["refused"]) == (0, 0, 0)


def test_four_ways_are_compared(plan):
    status, table, _errors = plan("FILE", "--dialers", "3", "--compare")
    assert status == DONE
    assert [line[:28].strip() for line in table.splitlines()] == [
        "", "by hand, in fixed teams", "round robin", "VICIdial's page, 16 at once", "Evenfloor",
    ]  # fmt: skip
    ways = json.loads(plan("FILE", "--dialers", "3", "--compare", "--json")[1])["ways"]
    assert [way["spread_worst"] for way in ways] == [0, 0, 6, 0]
    rows = csv.DictReader(io.StringIO(plan("FILE", "--dialers", "3", "--compare", "--csv")[1]))
    assert [row["spread_worst"] for row in rows] == ["0", "0", "6", "0"]


def test_it_says_how_many_dialers_it_takes(plan):
    words = ["--need", "--agents", "200", "--per-dialer", "25"]
    assert plan(*words)[1] == "8 dialers: 200 agents are at most 25 on each, of 25\n"
    assert plan(*words, "--lost", "1")[1] == (
        "9 dialers: 200 agents are at most 23 on each, of 25; with 1 lost, at most 25\n"
    )
    data = json.loads(plan(*words, "--lost", "1", "--json")[1])
    assert data == {
        "agents": 200, "per_dialer": 25, "lost": 1, "dialers": 9, "usual": 23, "after_a_loss": 25,
    }  # fmt: skip
    assert plan(*words, "--csv")[1].splitlines()[1] == "200,25,0,8,25,25"


def test_the_example_is_the_same_for_the_same_seed(plan):
    first, again, other = (
        plan("--example", "--csv", "--seed", seed)[1] for seed in ("1", "1", "2")
    )
    assert first == again != other
    assert len(first.splitlines()[0].split(",")) == 13


def test_shifts_may_come_on_standard_input(plan, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(SHIFTS))
    assert plan("-", "--dialers", "3") == plan("FILE", "--dialers", "3")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required"),
        (["FILE"], "how many dialers are there? Write --dialers"),
        (["FILE", "--example"], "not allowed with"),
        (["FILE", "--dialers", "0"], "no whole number from 1 to 1000"),
        (["FILE", "--dialers", "1e3"], "no whole number"),
        (["/nowhere/shifts.csv", "--dialers", "3"], "/nowhere/shifts.csv can't be read"),
        (["FILE", "--dialers", "2", "--lose", "dialer3@09:30"], "there is no dialer3 at 09:30"),
        (["FILE", "--dialers", "2", "--agents", "5"], "--agents belongs to --need"),
        (["FILE", "--dialers", "2", "--lost", "0"], "--lost belongs to --need"),
        (["FILE", "--dialers", "2", "--json", "--csv"], "not allowed with"),
        (["--need", "--agents", "5"], "write --agents and --per-dialer"),
        (["--need", "--agents", "5", "--per-dialer", "5", "--compare"], "--compare is about a day"),
        (["--example", "--picture", "day.pdf"], "day.pdf: the file's name has to end in .png"),
    ],
)
def test_what_cannot_be_planned_is_refused(plan, words, said):
    status, printed, errors = plan(*words)
    assert (status, printed) == (USAGE, "")
    assert said in errors


def test_a_wrong_line_is_named_with_its_file(plan):
    status, printed, errors = plan("FILE", "--dialers", "3", shifts="a,09:00,17:00\nb,9,17:00\n")
    assert (status, printed) == (USAGE, "")
    assert errors.splitlines()[0].endswith("shifts.csv can't be used:")
    assert errors.splitlines()[1] == "line 2: start '9' is not a time; write it like 09:30"


def test_without_matplotlib_a_picture_is_refused_before_anything_is_done(plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, printed, errors = plan("--example", "--picture", "day.png")
    assert (status, printed) == (USAGE, "")
    assert (
        f"needs matplotlib, which isn't installed; run: {sys.executable} -m pip install matplotlib"
        in errors
    )


def test_hosts_get_no_matplotlib_and_the_control_node_does():
    project = tomllib.loads((ROOT / "plugins/balancer/pyproject.toml").read_text())["project"]
    hosts = (ROOT / "plugins/balancer/requirements.txt").read_text()
    assert "matplotlib" not in " ".join(project["dependencies"]) + hosts
    assert "\nmatplotlib==" in (ROOT / "requirements.txt").read_text()


def shown(page: str) -> list[tuple[list[str], str]]:
    """Return the commands that a page shows: their words, and what follows up to the next one."""
    blocks = re.findall(r"^```\n(\$ .*?)^```$", page, re.MULTILINE | re.DOTALL)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    return [
        (step.partition("\n")[0].split()[2:], step.partition("\n")[2]) for step in steps if step
    ]


def test_the_page_shows_what_the_command_prints(plan):
    steps = shown((ROOT / "docs/evenness.md").read_text())
    assert len(steps) == 6
    for words, said in steps:
        if "shifts.csv" not in words:
            status, printed, _errors = plan(*words)
            assert status == DONE
            assert printed.endswith(said.removeprefix("…\n"))


def test_the_page_names_every_option(plan):
    options = set(re.findall(r"--[a-z][a-z-]*", plan("--help")[1])) - {"--help"}
    page = (ROOT / "docs/evenness.md").read_text()
    assert options == set(re.findall(r"--[a-z][a-z-]*", page.partition("## Options")[2]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_of_a_plan_is_the_same_each_time(plan, tmp_path, ending):
    pytest.importorskip("matplotlib")
    pictures = [tmp_path / f"{number}{ending}" for number in range(2)]
    for picture in pictures:
        status, _table, errors = plan("FILE", "--dialers", "3", "--picture", str(picture))
        assert (status, errors) == (DONE, "")
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert pictures[0].stat().st_size > 1000
    compared = tmp_path / f"ways{ending}"
    assert plan("FILE", "--dialers", "3", "--compare", "--picture", str(compared))[0] == DONE
    assert compared.read_bytes() != pictures[0].read_bytes()


def test_a_picture_that_cannot_be_written_is_said_so(plan, tmp_path):
    pytest.importorskip("matplotlib")
    status, _printed, errors = plan("--example", "--picture", str(tmp_path / "no/day.png"))
    assert status == USAGE and "can't be written" in errors
