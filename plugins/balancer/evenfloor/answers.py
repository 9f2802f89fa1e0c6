"""What the use cases return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .floor import DialerRow
from .policy import Decision, Dialer, dialer_refusal


@dataclass(frozen=True)
class Choice:
    """Where an agent is to log in.

    Attributes:
        server_ip: the dialer.
        phone_login: the phone of the alias that is on it.
        extension: the phone's extension.
        counts: local agents before this login, by the ``server_ip`` of every dialer behind
            the alias.
        why: the rule that decided.
    """

    server_ip: str
    phone_login: str
    extension: str
    counts: dict[str, int]
    why: str


@dataclass(frozen=True)
class Session(Choice):
    """A login that is under way: the dialer is about to ring the phone.

    Attributes:
        user: the agent.
        room: the agent's room on the dialer.
        tag: names the session in the database, and is its channel's Uniqueid in Asterisk.
    """

    user: str = ""
    room: str = ""
    tag: str = ""


@dataclass(frozen=True)
class FloorEntry:
    """One dialer of the floor. ``heartbeat_age`` is in seconds, None is «never»."""

    server_id: str
    server_ip: str
    takes_logins: bool
    state: str
    local_agents: int
    remote_agents: int
    free_rooms: int
    phones: int
    registered: int
    heartbeat_age: int | None
    max_agents: int | None


@dataclass(frozen=True)
class Explanation:
    """Who would win and why, without anything being changed."""

    alias: str
    winner: str | None
    why: str
    phones: list[dict] = field(default_factory=list)


def spread(floor: Sequence[FloorEntry]) -> int:
    """Return the highest minus the lowest count among the dialers that take logins."""
    counts = [entry.local_agents for entry in floor if entry.takes_logins]
    return max(counts) - min(counts) if counts else 0


def choice_of(decision: Decision, counts: dict[str, int]) -> Choice:
    """Say what was decided.

    Args:
        decision: with a winner.
        counts: local agents by ``server_ip``.
    """
    winner = decision.winner
    return Choice(winner.server_ip, winner.login, winner.extension, counts, decision.why)


def entry_of(row: DialerRow, dialer: Dialer, heartbeat_timeout: int) -> FloorEntry:
    """Describe a dialer of the floor.

    Args:
        row: what is known of it besides its state.
        dialer: its state.
        heartbeat_timeout: seconds.
    """
    refusal = dialer_refusal(dialer, heartbeat_timeout)
    return FloorEntry(
        **row._asdict(),
        takes_logins=refusal is None,
        state=refusal or "takes logins",
        local_agents=dialer.local_agents,
        free_rooms=max(dialer.free_rooms, 0),
        heartbeat_age=dialer.heartbeat_age,
        max_agents=dialer.max_agents,
    )


def explanation_of(alias: str, decision: Decision, dialers: dict[str, Dialer]) -> Explanation:
    """Explain a decision, phone by phone.

    Args:
        alias: what was asked for.
        decision: with or without a winner.
        dialers: their states by ``server_ip``.
    """
    phones = []
    for phone, refusal in decision.verdicts:
        dialer = dialers.get(phone.server_ip)
        phones.append(
            {
                "phone_login": phone.login,
                "server_ip": phone.server_ip,
                "eligible": refusal is None,
                "why_not": refusal,
                "registered": phone.registered,
                "local_agents": dialer.local_agents if dialer else None,
                "campaign_agents": dialer.campaign_agents if dialer else None,
                "free_rooms": dialer.free_rooms if dialer else None,
                "heartbeat_age": dialer.heartbeat_age if dialer else None,
            }
        )
    winner = decision.winner.login if decision.winner else None
    return Explanation(alias, winner, decision.why, phones)
