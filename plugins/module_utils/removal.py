# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan removes, and whether somebody has to confirm it first.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

NAMES_SHOWN = 5
_SAY_SO = "say -e phone_aliases_confirmed=true"


class LiveAgent(NamedTuple):
    """A local agent's row of ``vicidial_live_agents``."""

    user: str
    server_ip: str
    extension: str


@dataclass(frozen=True)
class Removal:
    """What a plan removes, without the phones of dialers that leave.

    Attributes:
        phones: the phones that go.
        aliases: the aliases that go.
        users: the agents who are logged in on those phones.
    """

    phones: Sequence[Any] = ()
    aliases: Sequence[Any] = ()
    users: Sequence[str] = ()

    def __bool__(self):
        return bool(self.phones or self.aliases)

    def first(self) -> list[str]:
        """Name the first few aliases and phones."""
        names = [f"alias {alias.alias_id}" for alias in self.aliases]
        names += [f"phone {phone.login} on {phone.server_ip}" for phone in self.phones]
        return names[:NAMES_SHOWN]

    def needs_confirmation(self, limit: int) -> bool:
        """Say whether somebody has to confirm it.

        Args:
            limit: so many phones and aliases together go without.
        """
        return bool(self.users) or len(self.phones) + len(self.aliases) > limit

    def summary(self) -> str:
        """Say in words what goes, and who is logged in there; empty where nothing goes."""
        if not self:
            return ""
        first = self.first()
        dots = ", …" if len(self.phones) + len(self.aliases) > len(first) else ""
        text = f"{self._numbers()} would be removed ({', '.join(first)}{dots})."
        if self.users:
            shown = ", ".join(self.users[:NAMES_SHOWN])
            dots = ", …" if len(self.users) > NAMES_SHOWN else ""
            verb = "agent is" if len(self.users) == 1 else "agents are"
            text += f" {len(self.users)} {verb} logged in on these phones: {shown}{dots}."
            text += " Their phones are closed now and go when their calls have ended."
        return text

    def _numbers(self):
        return f"{_count(self.phones, 'phone')} and {_count(self.aliases, 'alias', 'aliases')}"


def find_removal(plan, leaving: Collection[str], agents: Iterable[LiveAgent]) -> Removal:
    """Find what a plan removes, or closes until it can be removed.

    Args:
        plan: a ``plan.Plan``.
        leaving: the ``server_ip`` of dialers that go. Their phones don't count: whoever removes a
            dialer asks for them. Neither do phones that were closed before: that was asked.
        agents: the local agents.
    """
    phones = [
        phone
        for phone in [*plan.removed_phones, *plan.closed_phones]
        if phone.server_ip not in leaving and (phone.extension, phone.server_ip) not in plan.ended
    ]
    users = agents_on(phones, agents)
    return Removal(phones, plan.removed_aliases, sorted({user for _phone, user in users}))


def busy_places(agents: Iterable[LiveAgent]) -> set[tuple[str, str]]:
    """Return the extension, in small letters, and ``server_ip`` of the phones of agents."""
    return {(_extension_of(agent), agent.server_ip) for agent in agents}


def agents_on(phones, agents: Iterable[LiveAgent]) -> list[tuple[Any, str]]:
    """Find who talks on phones.

    Args:
        phones: the phones.
        agents: the local agents.

    Returns:
        Pairs of a phone and a user, in the phones' order.
    """
    users: dict[tuple[str, str], list[str]] = {}
    for agent in agents:
        users.setdefault((_extension_of(agent), agent.server_ip), []).append(agent.user)
    return [
        (phone, user)
        for phone in phones
        for user in users.get((phone.extension.lower(), phone.server_ip), [])
    ]


def check_something_is_wanted(wanted, dialers, removal: Removal, confirmed: bool) -> None:
    """Make sure that a missing list isn't taken for "remove all".

    Args:
        wanted: the inventory's phone_aliases.
        dialers: the inventory's dialers.
        removal: what would go.
        confirmed: whether somebody said that it is meant.

    Raises:
        InventoryError: a list is empty.
    """
    if not dialers:
        fix = "put the dialers into the inventory's group dialers. Nothing has been changed"
        raise InventoryError(Problem("dialers", "is empty", fix, is_subject=True))
    if not wanted and removal and not confirmed:
        fix = (
            f"{removal.summary()} Nothing has been changed. Set phone_aliases in group_vars/all"
            " beside the inventory, and see that folder and file have the right names. To remove"
            f" the last alias, {_SAY_SO}"
        )
        raise InventoryError(Problem("phone_aliases", "is empty or not set", fix, is_subject=True))


def check_confirmed(removal: Removal, limit: int) -> None:
    """Refuse a removal that has to be confirmed.

    Raises:
        ValueError: it has to; the message says what would go, and how to go on.
    """
    if removal.needs_confirmation(limit):
        raise ValueError(f"{removal.summary()} {how_to_go_on()}")


def how_to_go_on() -> str:
    """Say what to do about a refusal."""
    return (
        "Nothing has been changed. If that isn't what you want, correct phone_aliases. If it is,"
        f" {_SAY_SO}"
    )


def _extension_of(agent):
    """Return the extension of the phone that an agent talks on: SIP/101 and Local/101@default."""
    return agent.extension.partition("/")[2].partition("@")[0].lower()


def _count(things, one, many=None):
    number = len(things)
    return f"{number} {one if number == 1 else many or one + 's'}"
