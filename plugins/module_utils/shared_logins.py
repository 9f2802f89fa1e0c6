# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phones that have the same login. Pure, without Ansible and without a database."""

from __future__ import annotations

import collections

from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import place_of
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem


def find_shared(phones, going):
    """Find phones that have the same login.

    Args:
        phones: the phones that are there.
        going: those of them that go.

    Returns:
        A list of phones for each login that several have.
    """
    gone = {place_of(phone) for phone in going}
    of_login = collections.defaultdict(list)
    for phone in phones:
        if phone.login and place_of(phone) not in gone:
            of_login[phone.login.lower()].append(phone)
    return [of_login[login] for login in sorted(of_login) if len(of_login[login]) > 1]


def shared_problem(phones):
    """Say that phones that were named by hand have one login.

    Args:
        phones: the phones.

    Returns:
        A Problem.
    """
    names = ", ".join(f"{phone.extension} on {phone.server_ip}" for phone in sorted(phones))
    what = f"is the login of {len(phones)} phones ({names})"
    fix = "give each its own; agents are sent to any of them"
    return Problem(f"phone login {phones[0].login}", what, fix, is_subject=True)
