# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan in words: what changes, without passwords."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import join_logins
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    place_of,
)


def describe(plan):
    """Say each change in words.

    Args:
        plan: a ``plan.Plan``.

    Returns:
        A line for each change, in the order in which they are made.
    """
    lines = [f"{_on(p)}: {_added(p, plan)}" for p in plan.new_phones]
    lines += [f"{_on(old)}: gets the login {new.login}" for old, new in plan.renamed_phones]
    lines += [f"{_on(p)}: changed" for p in plan.changed_phones]
    lines += [f"{_on(p)}: opened again" for p in plan.opened_phones]
    lines += [
        f"alias {a.alias_id}: {'came back' if a.alias_id in plan.returned else 'added'}"
        f" with {join_logins(a.logins)}"
        for a in plan.new_aliases
    ]
    for old, new in plan.changed_aliases:
        parts = []
        if tuple(old.logins) != tuple(new.logins):
            parts.append(f"{join_logins(old.logins)} becomes {join_logins(new.logins)}")
        if old.name != new.name:
            parts.append(f"named {new.name}")
        lines.append(f"alias {new.alias_id}: {', '.join(parts)}")
    lines += [f"alias {a.alias_id}: removed" for a in plan.removed_aliases]
    lines += [f"{_on(p)}: closed until its call ends" for p in plan.closed_phones]
    lines += [f"{_on(p)}: removed" for p in plan.removed_phones]
    return lines


def as_diff(plan):
    """Lay the changes out as Ansible's before and after.

    Args:
        plan: a ``plan.Plan``.

    Returns:
        What a module returns as ``diff``.
    """
    before = [_on(p) for p in [*plan.removed_phones, *plan.closed_phones]]
    before += [_on(old) for old, _new in plan.renamed_phones]
    before += [f"{_on(p)} (closed)" for p in plan.opened_phones]
    before += [_alias_line(a) for a in plan.removed_aliases]
    before += [_alias_line(old) for old, _new in plan.changed_aliases]
    before += [f"{_on(p)} (passwords or name as before)" for p in plan.changed_phones]
    after = [_on(p) for p in [*plan.new_phones, *plan.opened_phones]]
    after += [_on(new) for _old, new in plan.renamed_phones]
    after += [f"{_on(p)} (closed)" for p in plan.closed_phones]
    after += [_alias_line(a) for a in plan.new_aliases]
    after += [_alias_line(new) for _old, new in plan.changed_aliases]
    after += [f"{_on(p)} (passwords or name as wanted)" for p in plan.changed_phones]
    return {
        "before_header": "phones and aliases",
        "after_header": "phones and aliases",
        "before": "".join(f"{line}\n" for line in sorted(before)),
        "after": "".join(f"{line}\n" for line in sorted(after)),
    }


def _added(phone, plan):
    return "came back" if place_of(phone) in plan.returned else "added"


def _on(phone):
    return f"phone {phone.login} on {phone.server_ip}"


def _alias_line(alias):
    return f"alias {alias.alias_id} ({alias.name}): {join_logins(alias.logins)}"
