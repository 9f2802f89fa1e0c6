# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with campaigns, agents and their seats."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.agents import (
    AGENT_ARGUMENTS,
    check_login,
    check_once,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    SIP,
    expand_extensions,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import kind_of, shown
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.shared import (
    known_flavor,
)


def campaign_problems(campaigns):
    """Check the campaigns that agents choose from."""
    found, seen = [], set()
    for campaign in campaigns:
        if not isinstance(campaign, dict) or "id" not in campaign:
            what = shown(campaign)
            if isinstance(campaign, dict):
                what = f"the entry with {', '.join(map(str, campaign)) or 'nothing in it'}"
            found.append(Problem("campaigns", f"{what} names no id", "write - id: SALES"))
            continue
        name = campaign["id"]
        if len(str(campaign.get("name") or "")) > limits.LONGEST_CAMPAIGN_NAME:
            what = f"id '{name}': name has more than {limits.LONGEST_CAMPAIGN_NAME} characters"
            found.append(Problem("campaigns", what, "write a shorter one"))
        if name.lower() in seen:
            what = f"id '{name}' is there twice (capitals don't count)"
            found.append(Problem("campaigns", what, "take one out"))
        seen.add(name.lower())
    return found


def agent_problems(agents, shared):
    """Check the agents who have passwords of their own; no message shows a password."""
    found, good = [], []
    for agent in agents:
        wrong = _one_agents_problems(agent)
        found += wrong
        if not wrong:
            good.append(agent)
    try:
        check_once(good)
        flavor = known_flavor(shared)
        if flavor is not None:
            check_login(agents, flavor)
    except InventoryError as error:
        found.append(error.problem)
    return found


def _one_agents_problems(agent):
    if not isinstance(agent, dict) or not set(AGENT_ARGUMENTS) <= set(agent):
        what = f"an entry that is {kind_of(agent)}"
        if isinstance(agent, dict):
            what = f"the entry with {', '.join(map(str, agent)) or 'nothing in it'}"
        fix = "write - user: agent7, and password: with a variable of the vault"
        return [Problem("agents", f"{what} lacks a user or a password", fix)]
    user, password = agent["user"], agent["password"]
    where, fix = f"agents, user {user}", "choose another"
    shortest, longest = limits.SHORTEST_USER_PASSWORD, limits.LONGEST_PASSWORD
    if not shortest <= len(password) <= longest:
        return [Problem(where, f"password has to be {shortest} to {longest} characters", fix)]
    if password.lower() == user.lower():
        return [Problem(where, "password is the user's name", fix)]
    return []


def seat_problems(hostvars, groups, aliases):
    """Check which extensions live on which seat; ``aliases`` are the inventory's."""
    known = {alias["extension"] for alias in aliases}
    special = {alias["extension"]: alias["kind"] for alias in aliases if alias["kind"] != SIP}
    found, owner = [], {}
    for seat in groups.get("seats", []):
        ranges = hostvars[seat].get("softphone_extensions") or []
        try:
            extensions = expand_extensions(ranges) if ranges else []
        except InventoryError as error:
            found.append(error.problem.within("softphone_extensions").within(seat))
            continue
        for extension in extensions:
            if extension not in known:
                what = f"softphone_extensions names {extension}, which no alias has"
                fix = "add it to phone_aliases or take it out here"
                found.append(Problem(seat, what, fix))
            elif extension in special:
                kind = f"phone: {special[extension]}"
                what = f"softphone_extensions names {extension}, whose alias has {kind}"
                fix = f"take it out here, or take {kind} out there"
                found.append(Problem(seat, what, fix))
            elif extension in owner:
                what = f"extension {extension} is also on {owner[extension]}"
                found.append(Problem(seat, what, "an agent's softphone lives on one seat"))
            owner.setdefault(extension, seat)
    return found
