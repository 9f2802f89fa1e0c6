"""The arithmetic of a floor: what logins under way and sessions about to end change. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .policy import Dialer
from .sessions import LiveSession


class Change(NamedTuple):
    """What a dialer's counts don't show yet: more agents, or fewer.

    Attributes:
        server_ip: the dialer.
        agents: local agents in all.
        in_campaign: of them in the campaign that is counted.
        reserved: of them those that are only reserved.
        own_id: the live-agent row of the caller's own session, which went; 0 for none.
    """

    server_ip: str
    agents: int = 0
    in_campaign: int = 0
    reserved: int = 0
    own_id: int = 0


class DialerRow(NamedTuple):
    """What a person wants to know of a dialer besides its state.

    Attributes:
        server_id: its name.
        server_ip: its address.
        remote_agents: how many remote agents are live there.
        phones: how many active phones it has.
        registered: how many of them are registered.
        calls_kept: how many calls without a row its daemon lets go on.
        calls: how many calls go on; None where no daemon says so, as for what follows.
        findings: how often its daemon has found sessions, rooms and channels that don't belong
            together, since it started.
        asterisk_connections: how often it has connected to Asterisk since then.
        database_connections: how often it has connected to the database since then.
        writes_to: the host name of the database that it reaches.
    """

    server_id: str
    server_ip: str
    remote_agents: int
    phones: int
    registered: int
    calls_kept: int = 0
    calls: int | None = None
    findings: int | None = None
    asterisk_connections: int | None = None
    database_connections: int | None = None
    writes_to: str | None = None


class DialerOnFloor(NamedTuple):
    """A dialer of the whole floor: its row and its state, reservations counted."""

    row: DialerRow
    dialer: Dialer


@dataclass(frozen=True)
class Floor:
    """The dialers behind an alias, as a caller is to see them: without the caller's own sessions.

    Attributes:
        dialers: their states by ``server_ip``.
        reserved: places that are reserved and not yet live, by ``server_ip``.
        own_id: the live-agent row of the caller's session that doesn't count; 0 for none.
        newest_id: the newest live-agent row that was there to be counted; 0 for none.
        counts_epochs: whether the cluster counts epochs, because several databases are written to.
    """

    dialers: Mapping[str, Dialer]
    reserved: Mapping[str, int] = field(default_factory=dict)
    own_id: int = 0
    newest_id: int = 0
    counts_epochs: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Local agents by ``server_ip``."""
        return {server_ip: dialer.local_agents for server_ip, dialer in self.dialers.items()}

    def without(self, sessions: Iterable[LiveSession], campaign_id: str) -> Floor:
        """Return the floor without sessions that are about to end.

        Args:
            sessions: of other users than the caller, and counted.
            campaign_id: the campaign that was counted.
        """
        return replace(self, dialers=changed(self.dialers, leaving(sessions, campaign_id)))

    def without_rooms(self, addresses: Iterable[str]) -> Floor:
        """Return the floor with dialers that turned out to have no room left."""
        dialers = dict(self.dialers)
        for server_ip in dialers.keys() & set(addresses):
            dialers[server_ip] = dialers[server_ip]._replace(free_rooms=0)
        return replace(self, dialers=dialers)

    @property
    def is_blind(self) -> bool:
        """Whether there are dialers, and no heartbeat of any is known."""
        return bool(self.dialers) and not any(dialer.beats for dialer in self.dialers.values())

    def with_last_known(self, alive: Collection[str]) -> Floor:
        """Return the floor with the last known heartbeats in the place of unknown ones.

        Args:
            alive: the dialers that were alive, by ``server_ip``.
        """
        dialers = {
            server_ip: dialer._replace(
                last_known=server_ip in alive,
                twin_heartbeat_age=0 if dialer.twin in alive else None,
            )
            for server_ip, dialer in self.dialers.items()
        }
        return replace(self, dialers=dialers)

    def rooms_left(self) -> Floor:
        """Return the floor without the rooms that reservations will need; all were counted."""
        dialers = {
            server_ip: dialer._replace(
                free_rooms=dialer.free_rooms - self.reserved.get(server_ip, 0)
            )
            for server_ip, dialer in self.dialers.items()
        }
        return replace(self, dialers=dialers)


def leaving(sessions: Iterable[LiveSession], campaign_id: str) -> list[Change]:
    """Say what the end of sessions changes; those of remote agents aren't counted.

    Args:
        sessions: whose.
        campaign_id: the campaign that is counted.
    """
    return [
        Change(
            session.server_ip,
            agents=-1,
            in_campaign=-(session.campaign_id.lower() == campaign_id.lower()),
            own_id=session.live_agent_id,
        )
        for session in sessions
        if session.local
    ]


def assemble(dialers: Iterable[Dialer], changes: Iterable[Change], newest_id: int = 0) -> Floor:
    """Make a floor of what was read.

    Args:
        dialers: as the tables have them; one may come several times.
        changes: to their counts; those of dialers that weren't read don't matter.
        newest_id: the newest live-agent row, 0 for none.
    """
    changes = list(changes)
    reserved: dict[str, int] = {}
    for change in changes:
        reserved[change.server_ip] = reserved.get(change.server_ip, 0) + change.reserved
    return Floor(
        changed({dialer.server_ip: dialer for dialer in dialers}, changes),
        {server_ip: max(0, count) for server_ip, count in reserved.items()},
        max((change.own_id for change in changes), default=0),
        newest_id,
    )


def changed(dialers: Mapping[str, Dialer], changes: Iterable[Change]) -> dict[str, Dialer]:
    """Return the dialers with changes added to their counts."""
    result = dict(dialers)
    for change in changes:
        dialer = result.get(change.server_ip)
        if dialer is not None:
            result[change.server_ip] = dialer._replace(
                local_agents=dialer.local_agents + change.agents,
                campaign_agents=dialer.campaign_agents + change.in_campaign,
            )
    return result
