# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of VICIdial's processes may run once in a cluster.

Pure, without Ansible. VICIdial numbers its processes, and ``vicidial_keepalives`` lists those
that a dialer keeps running.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem

#: VICIdial's rule: the adaptation of the dial level (5), the filling of shared calls (7) and the
#: logout by the time clock (9) run on one server of a cluster.
ONCE = "579"


def keepalive_problems(hostvars, groups):
    """Find processes that would run twice in a cluster, or nowhere.

    Args:
        hostvars: the variables by host.
        groups: Ansible's.

    Returns:
        Problems; none where the role ``vicidial_dialer`` makes no dialer, because then nothing
        reads the setting.
    """
    dialers = groups.get("dialers", [])
    if not any(hostvars[name].get("vicidial_source") for name in dialers):
        return []
    found = []
    for process in ONCE:
        there = [n for n in dialers if process in str(hostvars[n].get("vicidial_keepalives", ""))]
        if len(there) != 1:
            what = f"keep VICIdial's process {process} on {', '.join(there) or 'no dialer'}"
            fix = "give it to exactly one dialer of the cluster, also if that one runs already"
            found.append(Problem("vicidial_keepalives", what, fix, is_subject=True))
    return found
