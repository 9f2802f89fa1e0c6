# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with an inventory as a whole: every mistake with its place and its fix.

Pure, without Ansible. ``hostvars`` are the variables by host, of the types that the roles'
``argument_specs`` say: ``settings`` has checked each by itself. ``groups`` are Ansible's.
"""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import hosts_of_cluster
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_aliases,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.keepalives import keepalive_problems
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.agents import (
    agent_problems,
    campaign_problems,
    seat_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.aliases import (
    clashes,
    entry_problems,
    longest_list,
    suffix_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.dialers import (
    dialer_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.hosts import (
    backup_problems,
    database_problems,
    empty_group_problems,
    floating_problems,
    group_name_problems,
    login_problems,
    monitoring_problems,
    server_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.phones import (
    browser_problems,
    edge_problems,
    network_problems,
    provisioning_problems,
    transport_problems,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.validation.shared import (
    cluster_name_problems,
    different_problems,
    flavor_problems,
    not_adoptable,
    pair_problems,
    timeout_problems,
)


def inventory_problems(hostvars, groups):
    """Find everything that is wrong with an inventory.

    Returns:
        Problems; empty where all is well.
    """
    dialers = list_dialers(hostvars, groups)
    shared = _shared_variables(hostvars, groups)
    found = [
        *database_problems(groups, shared.get("cluster_flavor", flavors.DEFAULT)),
        *empty_group_problems(groups, "dialers", "put at least one dialer into it"),
        *login_problems(groups),
        *group_name_problems(groups),
        *server_problems(hostvars, groups),
        *floating_problems(hostvars, groups),
        *backup_problems(hostvars, groups, shared),
        *dialer_problems(dialers),
        *flavor_problems(shared),
        *monitoring_problems(hostvars, groups, shared),
        *different_problems(hostvars, groups),
        *pair_problems(hostvars, groups),
        *network_problems(hostvars, groups),
        *keepalive_problems(hostvars, groups),
        *transport_problems(hostvars, groups),
        *provisioning_problems(hostvars, groups, shared),
        *browser_problems(hostvars, groups, shared),
        *edge_problems(hostvars, groups, shared),
        *timeout_problems(hostvars, groups),
        *cluster_name_problems(hostvars, groups),
        *campaign_problems(shared.get("campaigns") or []),
        *agent_problems(shared.get("agents") or [], shared),
    ]
    entries, widest = shared.get("phone_aliases") or [], longest_list(shared)
    good_entries = []
    for entry in entries:
        wrong = entry_problems(entry, dialers, widest) or suffix_problems(entry, shared)
        found += wrong
        if not wrong:
            good_entries.append(entry)
    aliases = expand_aliases(good_entries, dialers)
    return [*found, *clashes(aliases), *seat_problems(hostvars, groups, aliases)]


def adoption_problems(hostvars, groups):
    """Find what is wrong with an inventory into which a running cluster will be adopted.

    Its dialers are found on the cluster, so their group may be empty.

    Returns:
        Problems; empty where all is well.
    """
    return [
        *database_problems(groups, _shared_variables(hostvars, groups).get("cluster_flavor")),
        *login_problems(groups),
        *cluster_name_problems(hostvars, groups),
        *server_problems(hostvars, groups),
        *pair_problems(hostvars, groups),
        *timeout_problems(hostvars, groups),
        *not_adoptable(_shared_variables(hostvars, groups)),
    ]


def _shared_variables(hostvars, groups):
    """Return the variables of some host: what all hosts share is in them."""
    return next((hostvars[name] for name in hosts_of_cluster(groups)), {})
