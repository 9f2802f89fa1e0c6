# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to change in the agents who have passwords of their own.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.evenfloor.cluster.plugins.module_utils.hashing import (
    hash_password,
    is_hash_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: The settings of an entry of ``agents``, as modules take them.
AGENT_ARGUMENTS = {
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
}
NAMES_SHOWN = 5
#: A hash needs 16 MiB, and the host may be a small one.
_MOST_THREADS = 4
_SAY_SO = "say -e agents_confirmed=true"


@dataclass(frozen=True)
class AgentPlan:
    """What changes; agents by their names.

    Attributes:
        added: new agents.
        changed: those who get another password, or other capitals.
        removed: those whom the inventory doesn't name.
        hashes: the new hashes of the added and the changed.
        last_go: whether no agent is left, so that ``user`` is a label again.
    """

    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()
    hashes: Mapping[str, str] = field(default_factory=dict, repr=False)
    last_go: bool = False

    def __bool__(self):
        return bool(self.added or self.changed or self.removed)

    def needs_confirmation(self, limit: int) -> bool:
        """Say whether somebody has to confirm the removal.

        Args:
            limit: so many agents go without.
        """
        return self.last_go or len(self.removed) > limit

    def summary(self) -> str:
        """Say in words who goes; empty where nobody goes."""
        if not self.removed:
            return ""
        shown = ", ".join(self.removed[:NAMES_SHOWN])
        dots = ", …" if len(self.removed) > NAMES_SHOWN else ""
        count = "1 agent" if len(self.removed) == 1 else f"{len(self.removed)} agents"
        text = f"{count} would be removed ({shown}{dots})."
        if self.last_go:
            text += " No agent would be left, and anybody could log in as any user."
        return text


def plan_agents(
    wanted: Sequence[Mapping[str, Any]], there: Mapping[str, str], compare: bool = True
) -> AgentPlan:
    """Plan what has to change. A hash that is right already stays.

    Args:
        wanted: the inventory's ``agents``.
        there: the hashes in the database, by user.
        compare: whether passwords are compared and hashed, which takes a while.

    Raises:
        InventoryError: a user is there twice.
    """
    check_once(wanted)
    known = {user.lower(): (user, password_hash) for user, password_hash in there.items()}
    names = {agent["user"].lower() for agent in wanted}
    removed = [user for user in there if user.lower() not in names]
    last_go = bool(there) and not wanted
    if not compare:
        return AgentPlan(removed=sorted(removed), last_go=last_go)

    def new_hash(agent):
        user, password_hash = known.get(agent["user"].lower(), ("", ""))
        if is_hash_of(password_hash, agent["password"]):
            return None if user == agent["user"] else password_hash
        return hash_password(agent["password"])

    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
        made = list(threads.map(new_hash, wanted))
    hashes = {agent["user"]: text for agent, text in zip(wanted, made) if text is not None}
    return AgentPlan(
        added=sorted(user for user in hashes if user.lower() not in known),
        changed=sorted(user for user in hashes if user.lower() in known),
        removed=sorted(removed),
        hashes=hashes,
        last_go=last_go,
    )


def check_once(agents: Sequence[Mapping[str, Any]]) -> None:
    """Check that no user is there twice.

    Raises:
        InventoryError: one is.
    """
    seen: set[str] = set()
    for agent in agents:
        if agent["user"].lower() in seen:
            what = f"user '{agent['user']}' is there twice (capitals don't count)"
            raise InventoryError(Problem("agents", what, "take one out"))
        seen.add(agent["user"].lower())


def check_login(agents: Sequence[Any], flavor) -> None:
    """Check that it is Evenfloor where agents log in.

    Args:
        agents: the inventory's.
        flavor: the cluster's.

    Raises:
        InventoryError: it is somebody else's page, which knows its users.
    """
    if agents and not flavor.has_login:
        what = f"is for clusters where agents log in with Evenfloor; {flavor.software}'s own page"
        fix = f"take it out: their passwords are those of {flavor.software}'s users"
        raise InventoryError(Problem("agents", f"{what} logs them in here", fix, is_subject=True))


def check_removal(plan: AgentPlan, limit: int) -> None:
    """Refuse a removal that has to be confirmed.

    Args:
        plan: the plan.
        limit: so many agents go without.

    Raises:
        ValueError: it has to; the message says who would go, and how to go on.
    """
    if plan.needs_confirmation(limit):
        raise ValueError(
            f"{plan.summary()} Nothing has been changed. If that isn't what you want, correct"
            f" agents in group_vars/all. If it is, {_SAY_SO}"
        )


def check_somebody_is_wanted(plan: AgentPlan) -> None:
    """Make sure that a missing list isn't taken for "remove all".

    Raises:
        InventoryError: the list is empty, and there are agents.
    """
    if plan.last_go:
        fix = (
            f"{plan.summary()} Nothing has been changed. Set agents in group_vars/all beside the"
            " inventory, and see that folder and file have the right names. To remove the last"
            f" agent, {_SAY_SO}"
        )
        raise InventoryError(Problem("agents", "is empty or not set", fix, is_subject=True))


def as_diff(plan: AgentPlan) -> dict[str, str]:
    """Show a plan as Ansible shows a diff; no hash and no password is in it."""
    before = [(user, "agent") for user in plan.removed]
    before += [(user, "the former password") for user in plan.changed]
    after = [(user, "agent") for user in plan.added]
    after += [(user, "the new password") for user in plan.changed]
    return {"before": _lines(before), "after": _lines(after)}


def _lines(pairs):
    return "".join(f"{user}: {what}\n" for user, what in sorted(pairs))
