"""The command ``evenfloor``. Passwords come on standard input, never on the command line."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import math
import sys
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

from . import __version__, plan_command
from . import config as configuration
from .answers import FloorEntry, has_weights, rounded, spread
from .balancer import Balancer
from .callers import HOST, Caller
from .day import read_date, table
from .day_picture import draw_day
from .deadline import Deadline
from .errors import DATABASE_UNREACHABLE, ConfigurationError, LoginRefused, Malformed
from .picture import check_picture

DONE, USAGE, REFUSED, UNREACHABLE = 0, 2, 3, 4

_BAR_WIDTH = 30


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Phone password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _bar(share: Fraction, highest: Fraction) -> str:
    return "█" * round(share / highest * _BAR_WIDTH) if highest else ""


def floor_table(floor: list[FloorEntry]) -> str:
    """Lay the floor out for a person; weights and shares only where a weight isn't 1.

    Args:
        floor: what :meth:`Balancer.floor` returned.
    """
    highest = max((entry.share for entry in floor), default=Fraction(0))
    weighted = has_weights(floor)
    by_weight = f"{'weight':>8}{'share':>8}" if weighted else ""
    lines = [
        f"{'dialer':<11}{'address':<17}{'local':>6}{by_weight}{'remote':>7}{'registered':>12}"
        f"{'rooms':>7}{'heartbeat':>11}  state"
    ]
    for entry in floor:
        age = "unknown" if entry.heartbeat_age is None else f"{entry.heartbeat_age} s"
        if weighted:
            by_weight = f"{entry.weight:>8}{rounded(entry.share):>8}"
        lines.append(
            f"{entry.server_id:<11}{entry.server_ip:<17}{entry.local_agents:>6}{by_weight}"
            f"{entry.remote_agents:>7}{f'{entry.registered}/{entry.phones}':>12}"
            f"{entry.free_rooms:>7}{age:>11}  {entry.state}"
        )
        if entry.local_agents:
            lines.append(f"{'':<28}{_bar(entry.share, highest)}")
    unit = " shares (local agents ÷ weight)" if weighted else ""
    lines.append(f"spread {spread(floor)}{unit}")
    return "\n".join(lines)


def _explanation_table(explanation) -> str:
    lines = []
    weighted = any(phone["weight"] not in (None, 1) for phone in explanation.phones)
    for phone in explanation.phones:
        mark = "→" if phone["phone_login"] == explanation.winner else " "
        state = phone["why_not"] or ", ".join(["eligible", *phone["remarks"]])
        count = "-" if phone["local_agents"] is None else phone["local_agents"]
        weight = f", weight {phone['weight'] or '-'!s:<5}" if weighted else ""
        lines.append(
            f"{mark} {phone['phone_login']:<15} {phone['server_ip'] or '-':<16}"
            f" {count:>5} agents{weight}  {state}"
        )
    lines.append(f"registration: {explanation.registration}")
    lines.append(
        f"{explanation.winner} would win: {explanation.why}"
        if explanation.winner
        else f"nobody would win: {explanation.why}"
    )
    return "\n".join(lines)


def _as_json(value) -> str:
    return json.dumps(dataclasses.asdict(value), indent=2, default=str)


def _caller(arguments) -> Caller:
    seconds = arguments.timeout
    return HOST if seconds is None else replace(HOST, deadline=Deadline(seconds))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError
    return seconds


def _choose(balancer: Balancer, arguments) -> str:
    choice = balancer.choose(
        arguments.alias,
        _password(),
        arguments.user,
        arguments.campaign,
        caller=_caller(arguments),
    )
    if arguments.json:
        return _as_json(choice)
    return f"{choice.phone_login} on {choice.server_ip}: {choice.why}"


def _login(balancer: Balancer, arguments) -> str:
    session = balancer.login(
        arguments.alias,
        _password(),
        arguments.user,
        arguments.campaign,
        arguments.take_over,
        caller=_caller(arguments),
    )
    if arguments.json:
        return _as_json(session)
    return f"{session.phone_login} on {session.server_ip} rings, room {session.room}"


def _logout(balancer: Balancer, arguments) -> str:
    ended = balancer.logout(arguments.user)
    if arguments.json:
        return json.dumps({"sessions": ended})
    return f"{arguments.user}: {ended} session(s) ended"


def _floor(balancer: Balancer, arguments) -> str:
    floor = balancer.floor()
    if arguments.json:
        dialers = [dataclasses.asdict(entry) for entry in floor]
        return json.dumps({"dialers": dialers, "spread": spread(floor)}, indent=2)
    return floor_table(floor)


def _day(balancer: Balancer, arguments) -> str:
    if arguments.picture:
        check_picture(arguments.picture)
    if arguments.csv:
        Path(arguments.csv).write_text(balancer.day_as_csv(arguments.date), encoding="utf-8")
    day = balancer.day(arguments.date)
    if arguments.picture:
        draw_day(arguments.picture, day)
    return _as_json(day) if arguments.json else table(day)


def _explain(balancer: Balancer, arguments) -> str:
    explanation = balancer.explain(arguments.alias, arguments.user, arguments.campaign)
    return _as_json(explanation) if arguments.json else _explanation_table(explanation)


def _balancer(arguments) -> Balancer:
    return Balancer.from_config(arguments.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evenfloor", description="Chooses the dialer with the fewest local agents."
    )
    parser.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument(
        "--config",
        metavar="FILE",
        default=configuration.service_path(),
        help="configuration (default: %(default)s)",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run, words: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=words, description=words, parents=[common])
        sub.set_defaults(run=lambda arguments: run(_balancer(arguments), arguments))
        return sub

    def about_an_alias(sub: argparse.ArgumentParser, required: bool) -> None:
        sub.add_argument("alias", help="a phone alias, a logins list, or a phone login")
        sub.add_argument("--user", required=required, default="", help="the agent")
        sub.add_argument("--campaign", required=required, default="", help="the campaign's id")

    def that_can_be_late(sub: argparse.ArgumentParser) -> None:
        sub.add_argument(
            "--timeout",
            metavar="SECONDS",
            type=_seconds,
            help="what takes longer isn't begun, or is undone (default: request_timeout)",
        )

    choose = verb("choose", _choose, "Choose and reserve a dialer; password on standard input.")
    about_an_alias(choose, False)
    that_can_be_late(choose)
    login = verb("login", _login, "Log an agent in; password on standard input.")
    about_an_alias(login, True)
    that_can_be_late(login)
    login.add_argument(
        "--take-over", action="store_true", help="end the session of another user of the alias"
    )
    verb("logout", _logout, "Log an agent out.").add_argument(
        "--user", required=True, help="the agent"
    )
    verb("floor", _floor, "Show every dialer with its counts.")
    day = verb("day", _day, "Show a day: agents, logins and refusals, and changes of dialers.")
    day.add_argument(
        "--date", type=read_date, default=date.today(), help="YYYY-MM-DD (default: today)"
    )
    day.add_argument("--csv", metavar="FILE", help="write every quarter minute into a file")
    day.add_argument("--picture", metavar="FILE", help="draw it, too: a .png or .svg")
    about_an_alias(verb("explain", _explain, "Say who would win and why; changes nothing."), False)
    words = plan_command.WORDS
    plan = verbs.add_parser("plan", help=words, description=words)
    plan.set_defaults(run=plan_command.run)
    plan_command.add_arguments(plan)
    return parser


def main(words: list[str] | None = None) -> int:
    """Run the command.

    Args:
        words: the arguments; by default the process's own.

    Returns:
        The exit status: 0 done, 2 usage, 3 refused, 4 database unreachable.
    """
    arguments = _parser().parse_args(words)
    try:
        print(arguments.run(arguments))
        return DONE
    except ConfigurationError as error:
        print(f"evenfloor: {error}", file=sys.stderr)
        return USAGE
    except Malformed as refusal:
        print(f"evenfloor: {refusal.detail}", file=sys.stderr)
        return USAGE
    except LoginRefused as refusal:
        print(f"evenfloor: {refusal}", file=sys.stderr)
        return UNREACHABLE if refusal.reason == DATABASE_UNREACHABLE else REFUSED


if __name__ == "__main__":
    sys.exit(main())
