"""What a choice or a login was asked for and what became of it: for the log and the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import weight_of
from .policy import Decision, Dialer, Phone, Verdict
from .request import Request

#: The outcomes that aren't a refusal.
CHOSEN = "chosen"
FAILED = "failed"


@dataclass(frozen=True)
class PhoneSeen:
    """A phone of the alias at the moment of the choice.

    Attributes:
        phone_login: the phone.
        server_ip: its dialer; empty where there is no such phone.
        local_agents: the dialer's local agents; None where there is no such dialer.
        weight: the dialer's weight; None where there is no such dialer.
        why_not: why it wasn't eligible; None where it was.
        remarks: why others came before it although it was.
    """

    phone_login: str
    server_ip: str
    local_agents: int | None
    weight: float | None
    why_not: str | None
    remarks: list[str]


@dataclass
class Trail:
    """The way of one use case.

    Attributes:
        event: ``choose`` or ``login``.
        request: what was asked for.
        outcome: ``chosen``, ``failed``, or the reason of the refusal.
        winner: the phone that won, None for none.
        phones: every phone of the alias.
        lock_seconds: how long the lock was waited for; None where it wasn't asked for.
        without_lock: whether it went on without the lock.
        dialers: every dialer of the alias, by ``server_ip``.
    """

    event: str
    request: Request
    outcome: str = CHOSEN
    winner: Phone | None = None
    phones: list[PhoneSeen] = field(default_factory=list)
    lock_seconds: float | None = None
    without_lock: bool = False
    dialers: Mapping[str, Dialer] = field(default_factory=dict)

    @property
    def chosen(self) -> str:
        """The dialer that was chosen; empty for none."""
        return self.winner.server_ip if self.winner and self.outcome == CHOSEN else ""

    def note(self, decision: Decision, dialers: Mapping[str, Dialer]) -> None:
        """Note a decision, with every dialer's count and state."""
        self.winner = decision.winner
        self.dialers = dialers
        self.phones = [
            _seen(verdict, dialers.get(verdict.phone.server_ip)) for verdict in decision.verdicts
        ]

    def row(self) -> dict:
        """Return a row of ``evenfloor_decisions``, by the names of the request."""
        return {
            "user": self.request.user,
            "alias": self.request.alias,
            "campaign": self.request.campaign,
            "server_ip": self.winner.server_ip if self.winner else None,
            "phone_login": self.winner.login if self.winner else None,
            "outcome": self.outcome,
            "detail": json.dumps(self._seen()),
        }

    def line(self, seconds: float) -> dict:
        """Return the line of the log, as data. It never has a password.

        Args:
            seconds: how long it took in all.
        """
        return {
            "event": self.event,
            "user": self.request.user,
            "alias": self.request.alias,
            "campaign": self.request.campaign,
            "outcome": self.outcome,
            "dialer": self.winner.server_ip if self.winner else None,
            "phone_login": self.winner.login if self.winner else None,
            "seconds": round(seconds, 6),
            "lock_seconds": None if self.lock_seconds is None else round(self.lock_seconds, 6),
            "without_lock": self.without_lock,
            "dialers": self._seen(),
        }

    def _seen(self) -> list[dict]:
        return [vars(phone) for phone in self.phones]


def _seen(verdict: Verdict, dialer: Dialer | None) -> PhoneSeen:
    phone, refusal, remarks = verdict
    agents, weight = (dialer.local_agents, weight_of(dialer)) if dialer else (None, None)
    return PhoneSeen(phone.login, phone.server_ip, agents, weight, refusal, list(remarks))
