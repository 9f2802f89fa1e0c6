"""The floor at a moment, as the page shows it, and what has become of dialers since. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from . import events
from .answers import entry_of, spread
from .decisions import CHOSEN
from .events import Event, KeptEvent
from .floor import DialerOnFloor
from .policy import Dialer, Rules

#: A dialer's conditions: what an operator looks for. HELD is «it could, but not now»: it is full,
#: or its twin is dead.
OPEN, HELD, CLOSED, DEAD = "open", "held", "closed", "dead"

#: How many events a snapshot has.
EVENTS = 20
#: For how many snapshots phones are counted once, because that costs more than all the rest.
PHONES_USED = 10


class AgentRow(NamedTuple):
    """A live agent: who is where, and for how many seconds (None: it isn't known).

    ``dialer`` is its address in what was read, and its name in a snapshot.
    """

    user: str
    dialer: str
    phone: str
    campaign: str
    seconds: int | None


class DecisionRow(NamedTuple):
    """A row of ``evenfloor_decisions``, with its age in seconds."""

    age: int
    user: str
    alias: str
    server_ip: str | None
    outcome: str
    detail: str | None


class Seen(NamedTuple):
    """What was read for a snapshot."""

    floor: list[DialerOnFloor]
    agents: list[AgentRow]
    decisions: list[DecisionRow]
    events: list[KeptEvent]


def condition(dialer: Dialer, takes_logins: bool, heartbeat_timeout: int) -> str:
    """Say in one word how a dialer is.

    Args:
        dialer: its state.
        takes_logins: whether the rules let it take one now.
        heartbeat_timeout: seconds.
    """
    if takes_logins:
        return OPEN
    if not dialer.active or not dialer.takes_logins:
        return CLOSED
    if dialer.heartbeat_age is None or dialer.heartbeat_age >= heartbeat_timeout:
        return DEAD
    return HELD


def needs_phones(before: Mapping) -> bool:
    """Say whether phones have to be counted for the next snapshot.

    Args:
        before: the snapshot before it; empty where there is none.
    """
    return before.get("phones_used", PHONES_USED) >= PHONES_USED


def snapshot(seen: Seen, rules: Rules, before: Mapping) -> dict:
    """Make a snapshot, to be written as JSON.

    Args:
        seen: what was read; where phones weren't counted, those of the snapshot before are taken.
        rules: how choices are made.
        before: the snapshot before this one; empty where there is none.
    """
    anew = needs_phones(before)
    entries = [entry_of(row, dialer, rules) for row, dialer in seen.floor]
    dialers = [
        {
            **asdict(entry),
            "condition": condition(dialer, entry.takes_logins, rules.heartbeat_timeout),
        }
        for entry, (_row, dialer) in zip(entries, seen.floor)
    ]
    names = {entry.server_ip: entry.server_id for entry in entries}
    if not anew:
        _take_phones(dialers, before)
    happened = [event._asdict() for event in seen.events]
    happened += [_of_decision(decision, names) for decision in seen.decisions]
    return {
        "dialers": dialers,
        "phones_used": 1 if anew else before["phones_used"] + 1,
        "spread": spread(entries),
        # Lists, because there are thousands.
        "agents": [
            agent._replace(dialer=names.get(agent.dialer, agent.dialer)) for agent in seen.agents
        ],
        "events": sorted(happened, key=lambda event: event["age"])[:EVENTS],
    }


def _take_phones(dialers: Iterable[dict], before: Mapping) -> None:
    counted = {dialer["server_ip"]: dialer for dialer in before["dialers"]}
    for dialer in dialers:
        earlier = counted.get(dialer["server_ip"], {"phones": 0, "registered": 0})
        dialer.update(phones=earlier["phones"], registered=earlier["registered"])


def transitions(before: Mapping, after: Mapping) -> list[Event]:
    """Say what has become of dialers from one snapshot to another.

    Args:
        before: the earlier snapshot; empty where there is none, and then nothing has.
        after: the later one.
    """
    if not before:
        return []
    earlier = {dialer["server_ip"]: dialer for dialer in before["dialers"]}
    later = {dialer["server_ip"]: dialer for dialer in after["dialers"]}
    removed = [
        Event(events.DIALER_REMOVED, dialer=dialer["server_id"])
        for server_ip, dialer in earlier.items()
        if server_ip not in later
    ]
    changed = (_became(earlier.get(server_ip), dialer) for server_ip, dialer in later.items())
    return [*removed, *(event for event in changed if event)]


def _became(before: Mapping | None, after: Mapping) -> Event | None:
    kind = _kind_of_change(before and before["condition"], after["condition"])
    detail = "" if after["condition"] == OPEN else after["state"]
    return Event(kind, dialer=after["server_id"], detail=detail) if kind else None


def _kind_of_change(before: str | None, after: str) -> str | None:
    if before is None:
        return events.DIALER_ADDED
    if before == after:
        return None
    if after == CLOSED:
        return events.DIALER_CLOSED
    if after == DEAD:
        return events.DIALER_DEAD
    # A dialer that is full, or no longer, is no news.
    return {DEAD: events.DIALER_BACK, CLOSED: events.DIALER_OPENED}.get(before)


def _of_decision(decision: DecisionRow, names: Mapping[str, str]) -> dict:
    """Make an event of a decision: a login, or one that found no dialer."""
    phones = _phones(decision.detail)
    chosen = decision.outcome == CHOSEN
    server_ip = decision.server_ip or ""
    event = KeptEvent(
        age=decision.age,
        kind=events.LOGIN if chosen else events.REFUSED,
        user=decision.user,
        alias=decision.alias,
        dialer=names.get(server_ip, server_ip),
        address="",
        detail=why_chosen(phones, server_ip) if chosen else why_nobody(phones),
    )
    return event._asdict()


def _phones(detail: str | None) -> list[dict]:
    """Read what a decision says of the alias's phones."""
    try:
        found = json.loads(detail or "[]")
    except ValueError:
        return []
    return [phone for phone in found if isinstance(phone, dict)] if isinstance(found, list) else []


def why_chosen(phones: Sequence[Mapping], server_ip: str) -> str:
    """Say in words how a dialer's count stood beside the others'.

    Args:
        phones: of the decision's ``detail``.
        server_ip: the winner.
    """
    eligible = [phone for phone in phones if phone.get("why_not") is None]
    own = [phone["local_agents"] for phone in eligible if phone.get("server_ip") == server_ip]
    others = [phone["local_agents"] for phone in eligible if phone.get("server_ip") != server_ip]
    counts = [count for count in others if isinstance(count, int)]
    if not own or not isinstance(own[0], int):
        return ""
    there = f"{_agents(own[0])} there before"
    if not counts:
        return f"{there}; no other dialer was eligible"
    least, most = min(counts), max(counts)
    elsewhere = str(least) if least == most else f"{least} to {most}"
    return f"{there}, {elsewhere} on the others"


def _agents(count: int) -> str:
    return "1 agent" if count == 1 else f"{count} agents"


def why_nobody(phones: Iterable[Mapping]) -> str:
    """Say in words why no dialer was eligible: each reason once, with how many phones have it."""
    reasons = Counter(str(phone.get("why_not")) for phone in phones)
    words = [f"{reason} ({count})" for reason, count in reasons.most_common(3)]
    return "; ".join(["no dialer is eligible", *words])
