"""What the use cases return."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from .floor import DialerRow
from .policy import (
    AUTO,
    IGNORE,
    PREFER,
    WHOLE,
    Decision,
    Dialer,
    Rules,
    dialer_refusal,
    dialer_remarks,
)

#: Shares are said to so many decimals.
SHARE_DECIMALS = 2


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
    """One dialer of the floor.

    ``heartbeat_age`` is in seconds, None is «unknown». ``weight`` is 1 unless the inventory says
    otherwise. From ``calls`` on, it is what the dialer's daemon says, see
    :class:`~evenfloor.floor.DialerRow`.
    """

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
    calls_kept: int = 0
    weight: float = 1
    calls: int | None = None
    findings: int | None = None
    asterisk_connections: int | None = None
    database_connections: int | None = None
    writes_to: str | None = None

    @property
    def share(self) -> Fraction:
        """Its local agents for a weight of 1."""
        return Fraction(self.local_agents) / Fraction(str(self.weight))


@dataclass(frozen=True)
class Explanation:
    """Who would win and why, without anything being changed.

    Attributes:
        alias: what was asked for.
        winner: the phone login that would win; None for none.
        why: the rule that would decide.
        registration: whether registrations are looked at, in words.
        phones: what was found about each phone.
    """

    alias: str
    winner: str | None
    why: str
    registration: str
    phones: list[dict] = field(default_factory=list)


def spread(floor: Sequence[FloorEntry]) -> float:
    """Return the highest minus the lowest share among the dialers that take logins.

    Where every weight is 1, these are their counts, and the spread is a whole number.
    """
    shares = [entry.share for entry in floor if entry.takes_logins]
    return rounded(max(shares) - min(shares)) if shares else 0


def has_weights(floor: Sequence[FloorEntry]) -> bool:
    """Say whether a dialer of a floor has another weight than 1."""
    return any(entry.weight != 1 for entry in floor)


def rounded(share: Fraction) -> float:
    """Return a share as people and JSON see it; a whole one stays a whole number."""
    return int(share) if share.denominator == 1 else round(float(share), SHARE_DECIMALS)


def weight_of(dialer: Dialer) -> float:
    """Return a dialer's weight as the inventory has it."""
    return _weight(dialer.weight)


@functools.cache
def _weight(hundredths: int) -> float:
    return rounded(Fraction(hundredths, WHOLE))


def choice_of(decision: Decision, counts: dict[str, int]) -> Choice:
    """Say what was decided.

    Args:
        decision: with a winner.
        counts: local agents by ``server_ip``.
    """
    winner = decision.winner
    return Choice(winner.server_ip, winner.login, winner.extension, counts, decision.why)


def entry_of(row: DialerRow, dialer: Dialer, rules: Rules) -> FloorEntry:
    """Describe a dialer of the floor.

    Args:
        row: what is known of it besides its state.
        dialer: its state.
        rules: how choices are made.
    """
    refusal = dialer_refusal(dialer, rules.heartbeat_timeout, rules.guard)
    return FloorEntry(
        **row._asdict(),
        takes_logins=refusal is None,
        state=refusal or ", ".join(dialer_remarks(dialer, rules)) or "takes logins",
        local_agents=dialer.local_agents,
        free_rooms=max(dialer.free_rooms, 0),
        heartbeat_age=dialer.heartbeat_age,
        max_agents=dialer.max_agents,
        weight=weight_of(dialer),
    )


def explanation_of(
    alias: str, decision: Decision, dialers: dict[str, Dialer], rules: Rules
) -> Explanation:
    """Explain a decision, phone by phone.

    Args:
        alias: what was asked for.
        decision: with or without a winner.
        dialers: their states by ``server_ip``.
        rules: what it was made with.
    """
    phones = []
    for phone, refusal, remarks in decision.verdicts:
        dialer = dialers.get(phone.server_ip)
        phones.append(
            {
                "phone_login": phone.login,
                "server_ip": phone.server_ip,
                "eligible": refusal is None,
                "why_not": refusal,
                "remarks": list(remarks),
                "registered": phone.registered,
                "local_agents": dialer.local_agents if dialer else None,
                "campaign_agents": dialer.campaign_agents if dialer else None,
                "free_rooms": dialer.free_rooms if dialer else None,
                "heartbeat_age": dialer.heartbeat_age if dialer else None,
                "weight": weight_of(dialer) if dialer else None,
            }
        )
    winner = decision.winner.login if decision.winner else None
    return Explanation(alias, winner, decision.why, _registration(rules, dialers), phones)


def _registration(rules: Rules, dialers: Iterable[str]) -> str:
    """Say whether the registrations on these dialers are looked at."""
    if rules.registration != AUTO:
        return rules.registration
    silent = sorted(server_ip for server_ip in dialers if server_ip not in rules.reporting)
    if not silent:
        return f"{AUTO}, which is {PREFER}"
    return f"{AUTO}, which is {IGNORE} where no phone has a peer_status: {', '.join(silent)}"
