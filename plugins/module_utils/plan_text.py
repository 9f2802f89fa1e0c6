# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan in words: what changes, without passwords."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import join_logins


def describe(plan):
    """Say each change in words.

    Args:
        plan: a ``phones.Plan``.

    Returns:
        A line for each change, in the order in which they are made.
    """
    lines = [f"phone {p.login} on {p.server_ip}: added" for p in plan.new_phones]
    lines += [f"phone {p.login} on {p.server_ip}: changed" for p in plan.changed_phones]
    lines += [f"alias {a.alias_id}: added with {join_logins(a.logins)}" for a in plan.new_aliases]
    for old, new in plan.changed_aliases:
        parts = []
        if tuple(old.logins) != tuple(new.logins):
            parts.append(f"{join_logins(old.logins)} becomes {join_logins(new.logins)}")
        if old.name != new.name:
            parts.append(f"named {new.name}")
        lines.append(f"alias {new.alias_id}: {', '.join(parts)}")
    lines += [f"alias {a.alias_id}: removed" for a in plan.removed_aliases]
    lines += [f"phone {p.login} on {p.server_ip}: removed" for p in plan.removed_phones]
    return lines


def as_diff(plan):
    """Lay the changes out as Ansible's before and after.

    Args:
        plan: a ``phones.Plan``.

    Returns:
        What a module returns as ``diff``.
    """
    before = [_phone_line(p) for p in plan.removed_phones]
    before += [_alias_line(a) for a in plan.removed_aliases]
    before += [_alias_line(old) for old, _new in plan.changed_aliases]
    before += [f"{_phone_line(p)} (passwords or name as before)" for p in plan.changed_phones]
    after = [_phone_line(p) for p in plan.new_phones]
    after += [_alias_line(a) for a in plan.new_aliases]
    after += [_alias_line(new) for _old, new in plan.changed_aliases]
    after += [f"{_phone_line(p)} (passwords or name as wanted)" for p in plan.changed_phones]
    return {
        "before_header": "phones and aliases",
        "after_header": "phones and aliases",
        "before": "".join(f"{line}\n" for line in sorted(before)),
        "after": "".join(f"{line}\n" for line in sorted(after)),
    }


def _phone_line(phone):
    return f"phone {phone.login} on {phone.server_ip}"


def _alias_line(alias):
    return f"alias {alias.alias_id} ({alias.name}): {join_logins(alias.logins)}"
