"""Four ways to say which dialer an agent's next login goes to. Pure.

Evenfloor's is :func:`policy.decide` itself, and so is that of VICIdial's page, whose rules are the
same; what differs is that sixteen pages count before any of them claims.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

from .policy import Dialer, Phone, Rules, decide

#: So many pages count at once before any of them claims.
PAGES_AT_ONCE = 16
#: In seconds; heartbeats in a plan are fresh or missing.
_RULES = Rules(heartbeat_timeout=5)


class Way(abc.ABC):
    """A way to place agents.

    Attributes:
        name: what it is called.
        at_once: how many logins of a minute count before any of them claims.
    """

    name = ""
    at_once = 1

    @abc.abstractmethod
    def place(self, user: str, dialers: Mapping[str, Dialer]) -> str | None:
        """Say which dialer an agent's login goes to; None where it finds none.

        Args:
            user: the agent.
            dialers: the floor, by the dialers' names. A dialer without a heartbeat is lost.
        """


class _Policy(Way):
    """The policy's choice."""

    def place(self, user, dialers):
        """Ask the policy."""
        phones = [Phone(name, name, user, "PJSIP", True, True, True) for name in dialers]
        winner = decide(phones, dialers, _RULES).winner
        return winner.server_ip if winner else None


class Evenfloor(_Policy):
    """One login counts and claims before the next one counts."""

    name = "Evenfloor"


class VicidialPage(_Policy):
    """The same rules, and sixteen logins that count at once."""

    name = f"VICIdial's page, {PAGES_AT_ONCE} at once"
    at_once = PAGES_AT_ONCE


class RoundRobin(Way):
    """The dialers take turns, whoever leaves them."""

    name = "round robin"

    def __init__(self):
        self._last = ""

    def place(self, user, dialers):
        """Take the next one that works and isn't full."""
        names = list(dialers)
        first = names.index(self._last) + 1 if self._last in names else 0
        for name in names[first:] + names[:first]:
            if _takes(dialers[name]):
                self._last = name
                return name
        return None


class FixedTeams(Way):
    """Everybody has a dialer, as written down by hand: the first agents the first one, and so on.

    Args:
        users: all agents, in the order in which they are written down.
        dialers: the dialers that are shared out, in their order.
    """

    name = "by hand, in fixed teams"

    def __init__(self, users: Sequence[str], dialers: Sequence[str]):
        users = list(dict.fromkeys(users))
        self._dialer = {
            user: dialers[place * len(dialers) // len(users)] for place, user in enumerate(users)
        }

    def place(self, user, dialers):
        """Take the agent's own dialer, and no other."""
        name = self._dialer[user]
        return name if _takes(dialers[name]) else None


def _takes(dialer: Dialer) -> bool:
    works = dialer.heartbeat_age is not None
    return works and (dialer.max_agents is None or dialer.local_agents < dialer.max_agents)
