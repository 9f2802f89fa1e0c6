# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of all modules that use the cluster's database has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/database.py; a test compares them."""

    # A constant: Ansible's checks read it without running the file.
    DOCUMENTATION = r"""
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
      - "V(plain): Evenfloor builds the cluster; V(vicidial): it runs VICIdial already."
    type: str
    choices: [plain, vicidial]
    default: plain
  cluster_name:
    description:
      - The cluster's name. A module that would change another cluster's database fails.
      - If it is empty, modules don't compare it.
    type: str
    default: ""
requirements:
  - PyMySQL on the target
author:
  - Evenfloor contributors (@evenfloor)
"""
