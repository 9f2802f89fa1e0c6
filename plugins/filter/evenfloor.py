# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters by name. What they do is in module_utils, what they are for in the YAML files beside."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils import (
    adopt,
    answers,
    changes,
    credentials,
    doctor_report,
    findings,
    flavors,
    hosts,
    inventory,
    renumbering,
    written,
)
from ansible_collections.evenfloor.cluster.plugins.plugin_utils import (
    inventory_check,
    inventory_files,
)


def flavor(name):
    """Return what roles need to know about a flavor."""
    return flavors.flavor_of(name).facts()


class FilterModule:
    """Evenfloor's filters."""

    def filters(self):
        """Return the filters by name."""
        return {
            "addresses": hosts.addresses,
            "adopt_problems": inventory_check.adopt_problems,
            "adopted_aliases": inventory_files.aliases_text,
            "adopted_dialers": inventory_files.dialers_text,
            "adoption": adopt.report_text,
            "an_alias": inventory.an_alias,
            "asterisk_endpoints": written.asterisk_endpoints,
            "asterisk_name": written.asterisk_name,
            "asterisk_value": written.asterisk_value,
            "asterisk_version": answers.asterisk_version,
            "changes_table": changes.changes_table,
            "clone_source": hosts.clone_source,
            "credential_files": credentials.credential_files,
            "csv": credentials.as_csv,
            "database_addresses": hosts.database_addresses,
            "debian_mirror": answers.debian_mirror,
            "dialers": inventory.list_dialers,
            "extensions": inventory.expand_extensions,
            "findings": doctor_report.findings,
            "findings_table": findings.as_table,
            "flavor": flavor,
            "grants": answers.grants,
            "managed_extensions": hosts.managed_extensions,
            "one_line": written.one_line,
            "preflight_problems": hosts.preflight_problems,
            "problems": inventory_check.problems,
            "ready_dialers": hosts.ready_dialers,
            "renumber_problems": renumbering.renumber_problems,
            "seats": hosts.seats,
            "silent_hosts": hosts.silent_hosts,
            "table_names": answers.table_names,
        }
