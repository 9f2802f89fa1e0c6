"""``evenfloor plan``: a day replayed through the policy, without a database."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from . import picture, plan_picture, plan_tables
from .errors import ConfigurationError
from .plan_changes import with_changes
from .plan_example import DIALERS, example_day
from .plan_need import Need
from .plan_replay import Day, replay
from .plan_shifts import Shift, read_shifts
from .plan_ways import Evenfloor, FixedTeams, RoundRobin, VicidialPage

#: A dialer's rooms.
ROOMS = 249
MOST_DIALERS = 1000
MOST_AGENTS = 1_000_000

WORDS = "Replay a day of shifts: where agents would be, without a database."
_MORE = """
A file of shifts has a line for each: user,start,end and, if agents log out for breaks, these:
  agent1,09:00,17:30
  agent2,22:00,06:00,00:15-00:30 03:00-03:30
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command can be given.

    Args:
        parser: the command's.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _MORE
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("shifts", nargs="?", metavar="FILE", help="the shifts; - is standard input")
    what.add_argument(
        "--example", action="store_true", help="an example day of 1,000 agents on 10 dialers"
    )
    what.add_argument("--need", action="store_true", help="only say how many dialers it takes")
    _add_day(parser.add_argument_group("a day"))
    _add_need(parser.add_argument_group("with --need"))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--picture", metavar="FILE", help="draw it, too: a .png or .svg")


def _add_day(group) -> None:
    group.add_argument("--dialers", type=_whole(MOST_DIALERS), metavar="N", help="how many")
    group.add_argument(
        "--lose", action="append", default=[], metavar="NAME@TIME", help="such as dialer2@11:00"
    )
    group.add_argument(
        "--add", action="append", default=[], metavar="NAME@TIME", help="such as dialer6@09:30"
    )
    group.add_argument("--compare", action="store_true", help="replay it in four ways")
    group.add_argument(
        "--seed",
        type=_whole(2**31),
        default=1,
        metavar="N",
        help="draws who comes first, and the example day (default: 1)",
    )


def _add_need(group) -> None:
    group.add_argument("--agents", type=_whole(MOST_AGENTS), metavar="N", help="at once")
    group.add_argument(
        "--per-dialer",
        type=_whole(MOST_AGENTS),
        metavar="N",
        help=f"the most agents that a dialer takes (of a day: {ROOMS} by default, its rooms)",
    )
    group.add_argument(
        "--lost",
        type=_whole(MOST_DIALERS, 0),
        metavar="N",
        help="how many dialers may be lost (default: 0)",
    )


def _whole(most: int, least: int = 1):
    """Make a type of arguments: a whole number within bounds."""

    def number(text: str) -> int:
        if not re.fullmatch("[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")
        return int(text)

    return number


def run(arguments) -> str:
    """Make a plan, and return what is printed.

    Args:
        arguments: as :func:`add_arguments` has described them.

    Raises:
        ConfigurationError: shifts, dialers or options are wrong; the message says how to fix it.
    """
    _check_together(arguments)
    if arguments.need:
        need = Need(arguments.agents, arguments.per_dialer, arguments.lost or 0)
        return _printed(arguments, "need", need)
    if arguments.picture:
        picture.check_picture(arguments.picture)
    day = _day(arguments)
    return _compare(arguments, day) if arguments.compare else _replay(arguments, day)


def _check_together(arguments) -> None:
    """Look whether options go together."""
    if arguments.need:
        if not (arguments.agents and arguments.per_dialer):
            raise ConfigurationError("--need: write --agents and --per-dialer, too")
        days = {
            "--dialers": arguments.dialers,
            "--lose": arguments.lose,
            "--add": arguments.add,
            "--compare": arguments.compare,
            "--picture": arguments.picture,
        }
        wrong, fix = [name for name, value in days.items() if value], "is about a day, not --need"
    else:
        needs = {"--agents": arguments.agents, "--lost": arguments.lost}
        wrong = [name for name, value in needs.items() if value is not None]
        fix = "belongs to --need"
    if wrong:
        raise ConfigurationError(f"{wrong[0]} {fix}; leave it out")
    if arguments.shifts and not arguments.dialers:
        raise ConfigurationError("how many dialers are there? Write --dialers, such as --dialers 5")


def _day(arguments) -> Day:
    shifts = example_day(arguments.seed) if arguments.example else _read(arguments.shifts)
    names = [f"dialer{number}" for number in range(1, (arguments.dialers or DIALERS) + 1)]
    day = Day(shifts, names, most=arguments.per_dialer or ROOMS, seed=arguments.seed)
    return with_changes(day, arguments.lose, arguments.add)


def _read(path: str) -> list[Shift]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error
    try:
        return read_shifts(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} can't be used:\n{error}") from None


def _replay(arguments, day: Day) -> str:
    outcome = replay(day, Evenfloor())
    if arguments.picture:
        plan_picture.draw_day(arguments.picture, outcome)
    return _printed(arguments, "day", day, outcome)


def _compare(arguments, day: Day) -> str:
    teams = FixedTeams([shift.user for shift in day.shifts], day.dialers)
    ways = [teams, RoundRobin(), VicidialPage(), Evenfloor()]
    outcomes = [replay(day, way) for way in ways]
    if arguments.picture:
        plan_picture.draw_ways(arguments.picture, outcomes)
    return _printed(arguments, "ways", outcomes)


_PRINTERS = {
    ("day", "text"): plan_tables.day_table,
    ("day", "csv"): plan_tables.day_csv,
    ("day", "json"): plan_tables.day_json,
    ("ways", "text"): plan_tables.ways_table,
    ("ways", "csv"): plan_tables.ways_csv,
    ("ways", "json"): plan_tables.ways_json,
    ("need", "text"): plan_tables.need_text,
    ("need", "csv"): plan_tables.need_csv,
    ("need", "json"): plan_tables.need_json,
}


def _printed(arguments, what: str, *found) -> str:
    form = "json" if arguments.json else "csv" if arguments.csv else "text"
    return _PRINTERS[what, form](*found)
