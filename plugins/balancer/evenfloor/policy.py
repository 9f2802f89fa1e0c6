"""The choice itself: from a floor and the phones behind an alias to a phone and its reason.

Pure: no I/O and no clock, so that the same floor always gives the same answer.

The rules are those of VICIdial 2.14's agent login page (least local agents, ties to the
later phone, ONE_SERVER_ONLY and CASCADING grouping, twins, free rooms, heartbeats), and
beyond them: the phone itself must be active and carry the password that was typed, the
dialer must be under its ``max_agents`` and not busier than the guard allows, registration is
looked at, a dialer that has just come back settles first, and a dialer counts by its weight: the
least share wins, which is the agents divided by the weight.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

DISABLED = "DISABLED"
ONE_SERVER_ONLY = "ONE_SERVER_ONLY"
CASCADING = "CASCADING"

PREFER = "prefer"
REQUIRE = "require"
IGNORE = "ignore"
AUTO = "auto"

#: VICIdial takes a twin only from an address of five characters or more.
SHORTEST_TWIN_ADDRESS = 5

#: A weight of 1. Weights are in hundredths, so that shares are compared without rounding.
WHOLE = 100

#: A dialer that the guard holds back gets logins again below this part of a limit, in percent.
RELEASE = 80


class Dialer(NamedTuple):
    """A dialer's state at the moment of the choice.

    Ages are in seconds, None is «unknown». ``back_for`` says for how many seconds heartbeats have
    come again after they were late; None where they haven't been late, as far as anybody knows.
    ``last_known`` says that the heartbeat is unknown since the database was started, and that the
    dialer was alive before. The weight is in hundredths, above 0. ``load`` is the load average in
    hundredths, ``idle`` the idle time of its processors in percent; None is «not looked at».
    ``held`` says whether the guard holds it back.
    """

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
    back_for: int | None = None
    last_known: bool = False
    weight: int = WHOLE
    load: int | None = None
    channels: int | None = None
    idle: int | None = None
    held: bool = False

    @property
    def beats(self) -> bool:
        """Whether anything is known of a heartbeat."""
        return self.heartbeat_age is not None or self.last_known

    @property
    def share(self) -> Fraction:
        """Its local agents for a weight of 1."""
        return Fraction(self.local_agents * WHOLE, self.weight)


class Phone(NamedTuple):
    """One entry of the logins list. ``server_ip`` is empty where no such phone exists.

    A web phone registers after the choice, and only with the dialer that was chosen.
    """

    login: str
    server_ip: str = ""
    extension: str = ""
    protocol: str = "PJSIP"
    active: bool = False
    password_matches: bool = False
    registered: bool = False
    is_webphone: bool = False


class Guard(NamedTuple):
    """How busy a dialer may be and still get logins; 0 is no limit.

    Attributes:
        load: the load average at which it gets none.
        channels: the channels of its Asterisk at which it gets none.
        idle: the idle time of its processors, in percent, at which it gets none.
    """

    load: int = 0
    channels: int = 0
    idle: int = 0


NO_GUARD = Guard()


@dataclass(frozen=True)
class Rules:
    """What the choice depends on besides the floor.

    Args:
        heartbeat_timeout: a heartbeat this many seconds old, or older, is a dead dialer's.
        registration: ``prefer``, ``require``, ``ignore``, or ``auto``: ``prefer`` on the dialers
            that are ``reporting``, and ``ignore`` on the others.
        reporting: the dialers of which the database says who is registered, by ``server_ip``.
        settling: for how many seconds a dialer that has come back gets no logins as long as
            another can take them; 0 for not at all.
        grouping: the campaign's ``pllb_grouping``.
        campaign_limit: the campaign's ``pllb_grouping_limit``, local agents of the campaign.
        system_limit: ``system_settings.pllb_grouping_limit``, local agents in all.
        guard: how busy a dialer may be.
    """

    heartbeat_timeout: int
    registration: str = PREFER
    reporting: Collection[str] = frozenset()
    settling: int = 0
    grouping: str = DISABLED
    campaign_limit: int = 50
    system_limit: int = 100
    guard: Guard = NO_GUARD

    def trusts(self, phone: Phone) -> bool:
        """Whether what the database says of a phone's registration is looked at."""
        if phone.is_webphone:
            return False
        if self.registration == AUTO:
            return phone.server_ip in self.reporting
        return self.registration != IGNORE

    def prefers(self, phone: Phone) -> bool:
        """Whether nothing is known that keeps a phone from ringing."""
        return phone.registered or not self.trusts(phone)

    def settles_for(self, dialer: Dialer) -> int:
        """Say how many seconds a dialer still settles. A return in the future says nothing."""
        if dialer.back_for is None or not 0 <= dialer.back_for < self.settling:
            return 0
        return self.settling - dialer.back_for


class Verdict(NamedTuple):
    """What was found about one phone.

    Attributes:
        phone: the phone.
        refusal: why it isn't eligible; None where it is.
        remarks: why others come before it although it is eligible.
    """

    phone: Phone
    refusal: str | None
    remarks: tuple[str, ...] = ()


class Decision(NamedTuple):
    """The winner (None: nobody is eligible), why, and the verdict on every phone in list order."""

    winner: Phone | None
    why: str
    verdicts: tuple[Verdict, ...]


def too_busy(dialer: Dialer, guard: Guard) -> str | None:
    """Say what keeps a dialer too busy for a login, or None if nothing does.

    One that is held back has to be well below a limit, so that it doesn't come and go.

    Args:
        dialer: its state.
        guard: how busy it may be.
    """
    part = RELEASE if dialer.held else 100
    # The load is in hundredths, and the part in percent.
    if guard.load and dialer.load is not None and dialer.load >= guard.load * part:
        return f"its load is {dialer.load / 100:.2f}"
    channels = dialer.channels
    if guard.channels and channels is not None and channels * 100 >= guard.channels * part:
        return f"it has {channels} channels"
    if guard.idle and dialer.idle is not None and dialer.idle * part <= guard.idle * 100:
        return f"its processors are idle for {dialer.idle} %"
    return None


def dialer_refusal(dialer: Dialer, heartbeat_timeout: int, guard: Guard = NO_GUARD) -> str | None:
    """Say why a dialer takes no login now, or None if it does.

    Args:
        dialer: its state.
        heartbeat_timeout: seconds.
        guard: how busy it may be.
    """
    if not dialer.active:
        return "the dialer is not active"
    if not dialer.takes_logins:
        return "the dialer takes no logins"
    if not dialer.beats:
        return "the dialer has no known heartbeat"
    if dialer.heartbeat_age is not None and dialer.heartbeat_age >= heartbeat_timeout:
        return f"the dialer's last heartbeat is {dialer.heartbeat_age} s old"
    if len(dialer.twin) >= SHORTEST_TWIN_ADDRESS and (
        dialer.twin_heartbeat_age is None or dialer.twin_heartbeat_age >= heartbeat_timeout
    ):
        return f"the dialer's twin {dialer.twin} sends no heartbeat"
    if dialer.free_rooms < 1:
        return "the dialer has no free room"
    if dialer.max_agents is not None and dialer.local_agents >= dialer.max_agents:
        return f"the dialer is full: {dialer.local_agents} of at most {dialer.max_agents} agents"
    busy = too_busy(dialer, guard)
    return busy and f"the dialer is too busy: {busy}"


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
    if rules.registration == REQUIRE and not rules.prefers(phone):
        return "the phone is not registered there"
    return dialer_refusal(dialer, rules.heartbeat_timeout, rules.guard)


def dialer_remarks(dialer: Dialer, rules: Rules) -> tuple[str, ...]:
    """Say what is special about a dialer that takes logins."""
    seconds = rules.settles_for(dialer)
    settling = (f"settling, {seconds} s left",) if seconds else ()
    return settling + (("by the last known heartbeat",) if dialer.last_known else ())


def _verdict(phone: Phone, dialers: Mapping[str, Dialer], rules: Rules) -> Verdict:
    refusal = _refusal(phone, dialers, rules)
    if refusal is not None:
        return Verdict(phone, refusal)
    remarks = () if rules.prefers(phone) else ("not registered",)
    return Verdict(phone, None, remarks + dialer_remarks(dialers[phone.server_ip], rules))


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
    verdicts = tuple(_verdict(phone, dialers, rules) for phone in phones)
    candidates = [verdict.phone for verdict in verdicts if verdict.refusal is None]
    candidates = [phone for phone in candidates if rules.prefers(phone)] or candidates
    # After that: a phone that isn't registered doesn't ring, however settled its dialer is.
    candidates = [
        phone for phone in candidates if not rules.settles_for(dialers[phone.server_ip])
    ] or candidates
    if not candidates:
        return Decision(None, "no dialer is eligible", verdicts)
    grouped = _grouped(candidates, dialers, rules)
    if grouped is not None:
        return Decision(grouped, f"{rules.grouping} keeps the campaign together", verdicts)
    # VICIdial replaces the best so far on «less or equal»: ties go to the later one.
    winner = min(reversed(candidates), key=lambda phone: dialers[phone.server_ip].share)
    weights = {dialers[phone.server_ip].weight for phone in candidates}
    why = "fewest local agents" if len(weights) == 1 else "fewest local agents for its weight"
    return Decision(winner, why, verdicts)
