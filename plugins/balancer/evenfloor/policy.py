"""The choice itself: from a floor and the phones behind an alias to a phone and its reason.

Pure: no I/O and no clock, so that the same floor always gives the same answer.

The rules are those of VICIdial 2.14's agent login page (least local agents, ties to the
later phone, ONE_SERVER_ONLY and CASCADING grouping, twins, free rooms, heartbeats), and
beyond them: the phone itself must be active and carry the password that was typed, the
dialer must be under its ``max_agents``, and registration is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

DISABLED = "DISABLED"
ONE_SERVER_ONLY = "ONE_SERVER_ONLY"
CASCADING = "CASCADING"

PREFER = "prefer"
REQUIRE = "require"
IGNORE = "ignore"

#: VICIdial takes a twin only from an address of five characters or more.
SHORTEST_TWIN_ADDRESS = 5


class Dialer(NamedTuple):
    """A dialer's state at the moment of the choice. Ages are in seconds, None is «never seen»."""

    server_ip: str
    active: bool
    takes_logins: bool
    heartbeat_age: int | None
    free_rooms: int
    local_agents: int
    campaign_agents: int = 0
    max_agents: int | None = None
    conf_engine: str = "CONFBRIDGE"
    twin: str = ""
    twin_heartbeat_age: int | None = None


class Phone(NamedTuple):
    """One entry of the logins list. ``server_ip`` is empty where no such phone exists."""

    login: str
    server_ip: str = ""
    extension: str = ""
    protocol: str = "PJSIP"
    active: bool = False
    password_matches: bool = False
    registered: bool = False


@dataclass(frozen=True)
class Rules:
    """What the choice depends on besides the floor.

    Args:
        heartbeat_timeout: a heartbeat this many seconds old, or older, is a dead dialer's.
        registration: ``prefer``, ``require`` or ``ignore``.
        grouping: the campaign's ``pllb_grouping``.
        campaign_limit: the campaign's ``pllb_grouping_limit``, local agents of the campaign.
        system_limit: ``system_settings.pllb_grouping_limit``, local agents in all.
    """

    heartbeat_timeout: int
    registration: str = PREFER
    grouping: str = DISABLED
    campaign_limit: int = 50
    system_limit: int = 100


class Verdict(NamedTuple):
    """What was found about one phone: ``refusal`` is None where the phone is eligible."""

    phone: Phone
    refusal: str | None


class Decision(NamedTuple):
    """The winner (None: nobody is eligible), why, and the verdict on every phone in list order."""

    winner: Phone | None
    why: str
    verdicts: tuple[Verdict, ...]


def dialer_refusal(dialer: Dialer, heartbeat_timeout: int) -> str | None:
    """Say why a dialer takes no login now, or None if it does.

    Args:
        dialer: its state.
        heartbeat_timeout: seconds.
    """
    if not dialer.active:
        return "the dialer is not active"
    if not dialer.takes_logins:
        return "the dialer takes no logins"
    if dialer.heartbeat_age is None:
        return "the dialer has never sent a heartbeat"
    if dialer.heartbeat_age >= heartbeat_timeout:
        return f"the dialer's last heartbeat is {dialer.heartbeat_age} s old"
    if len(dialer.twin) >= SHORTEST_TWIN_ADDRESS and (
        dialer.twin_heartbeat_age is None or dialer.twin_heartbeat_age >= heartbeat_timeout
    ):
        return f"the dialer's twin {dialer.twin} sends no heartbeat"
    if dialer.free_rooms < 1:
        return "the dialer has no free room"
    if dialer.max_agents is not None and dialer.local_agents >= dialer.max_agents:
        return f"the dialer is full: {dialer.local_agents} of at most {dialer.max_agents} agents"
    return None


def _refusal(phone: Phone, dialers: Mapping[str, Dialer], rules: Rules) -> str | None:
    if not phone.server_ip:
        return "there is no such phone"
    if not phone.password_matches:
        return "the phone has another password"
    if not phone.active:
        return "the phone is not active"
    dialer = dialers.get(phone.server_ip)
    if dialer is None:
        return f"there is no dialer with the address {phone.server_ip}"
    if rules.registration == REQUIRE and not phone.registered:
        return "the phone is not registered there"
    return dialer_refusal(dialer, rules.heartbeat_timeout)


def _grouped(
    candidates: Iterable[Phone], dialers: Mapping[str, Dialer], rules: Rules
) -> Phone | None:
    """Find the phone that keeps the campaign together, or None where grouping has no say."""
    for phone in candidates:
        dialer = dialers[phone.server_ip]
        if rules.grouping == ONE_SERVER_ONLY and dialer.campaign_agents > 0:
            return phone
        if (
            rules.grouping == CASCADING
            and 0 < dialer.campaign_agents < rules.campaign_limit
            and dialer.local_agents < rules.system_limit
        ):
            return phone
    return None


def decide(phones: Sequence[Phone], dialers: Mapping[str, Dialer], rules: Rules) -> Decision:
    """Choose the phone that is to ring.

    Args:
        phones: the logins list, in its order.
        dialers: every dialer behind these phones, by ``server_ip``.
        rules: limits and settings.

    Returns:
        The decision; its ``winner`` is None where no phone is eligible, and the verdicts say why.
    """
    verdicts = tuple(Verdict(phone, _refusal(phone, dialers, rules)) for phone in phones)
    candidates = [verdict.phone for verdict in verdicts if verdict.refusal is None]
    if rules.registration == PREFER:
        candidates = [phone for phone in candidates if phone.registered] or candidates
    if not candidates:
        return Decision(None, "no dialer is eligible", verdicts)
    grouped = _grouped(candidates, dialers, rules)
    if grouped is not None:
        return Decision(grouped, f"{rules.grouping} keeps the campaign together", verdicts)
    # VICIdial replaces the best so far on «less or equal»: ties go to the later one.
    winner = min(reversed(candidates), key=lambda phone: dialers[phone.server_ip].local_agents)
    return Decision(winner, "fewest local agents", verdicts)
