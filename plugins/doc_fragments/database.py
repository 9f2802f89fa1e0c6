# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE)
"""What the documentation of all modules that use the cluster's database has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/database.py."""

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
requirements:
  - PyMySQL on the target
author:
  - Evenfloor contributors
"""
