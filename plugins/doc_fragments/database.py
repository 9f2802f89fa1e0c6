# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of all modules that use the cluster's database has in common."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import DEFAULT, FLAVORS

_MEANINGS = "; ".join(f"V({flavor.name}): {flavor.meaning}" for flavor in FLAVORS.values())


class ModuleDocFragment:
    """The options of module_utils/database.py."""

    DOCUMENTATION = rf"""
options:
  config_file:
    description: An option file (my.cnf) on the target that says how to connect.
    type: path
    default: /etc/evenfloor/provisioning.cnf
  database:
    description: The database's name.
    type: str
    default: asterisk
  cluster_flavor:
    description:
      - Whose cluster it is.
      - "{_MEANINGS}."
    type: str
    choices: [{", ".join(FLAVORS)}]
    default: {DEFAULT}
requirements:
  - PyMySQL on the target
author:
  - Evenfloor contributors
"""
