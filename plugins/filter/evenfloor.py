# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters by name. What they do is in module_utils, what they are for in the YAML files beside."""

from __future__ import annotations

from importlib import import_module

_PLUGINS = "ansible_collections.evenfloor.cluster.plugins"
#: The module and the function of each filter.
FILTERS = {
    "addresses": ("module_utils.hosts", "addresses"),
    "adopt_problems": ("plugin_utils.inventory_check", "adopt_problems"),
    "adopted_aliases": ("plugin_utils.inventory_files", "aliases_text"),
    "adopted_dialers": ("plugin_utils.inventory_files", "dialers_text"),
    "adoption": ("module_utils.adopt", "report_text"),
    "an_alias": ("module_utils.inventory", "an_alias"),
    "asterisk_endpoints": ("module_utils.written", "asterisk_endpoints"),
    "asterisk_name": ("module_utils.written", "asterisk_name"),
    "asterisk_value": ("module_utils.written", "asterisk_value"),
    "asterisk_version": ("module_utils.answers", "asterisk_version"),
    "changes_table": ("module_utils.changes", "changes_table"),
    "clone_source": ("module_utils.hosts", "clone_source"),
    "credential_files": ("module_utils.credentials", "credential_files"),
    "csv": ("module_utils.credentials", "as_csv"),
    "database_addresses": ("module_utils.hosts", "database_addresses"),
    "databases": ("module_utils.databases", "databases"),
    "debian_mirror": ("module_utils.answers", "debian_mirror"),
    "dialers": ("module_utils.inventory", "list_dialers"),
    "edge_accounts": ("module_utils.written", "edge_accounts"),
    "edges": ("module_utils.hosts", "edges"),
    "extensions": ("module_utils.inventory", "expand_extensions"),
    "findings": ("module_utils.doctor_report", "findings"),
    "findings_table": ("module_utils.findings", "as_table"),
    "flavor": ("module_utils.flavors", "facts_of"),
    "certificates_in_use": ("module_utils.hosts", "certificates_in_use"),
    "grants": ("module_utils.answers", "grants"),
    "login_peers": ("module_utils.hosts", "login_peers"),
    "managed_extensions": ("module_utils.hosts", "managed_extensions"),
    "monitored": ("module_utils.monitored", "monitored"),
    "new_dialers": ("module_utils.hosts", "new_dialers"),
    "one_line": ("module_utils.written", "one_line"),
    "phone_pages": ("plugin_utils.phone_pages", "phone_pages"),
    "phone_sources": ("module_utils.hosts", "phone_sources"),
    "phones_in_words": ("module_utils.followers", "in_words"),
    "preflight_problems": ("module_utils.hosts", "preflight_problems"),
    "problems": ("plugin_utils.inventory_check", "problems"),
    "provisioning_address": ("plugin_utils.phone_pages", "provisioning_address"),
    "ready_dialers": ("module_utils.hosts", "ready_dialers"),
    "renumber_problems": ("module_utils.renumbering", "renumber_problems"),
    "schema_parts": ("module_utils.answers", "schema_parts"),
    "seats": ("module_utils.hosts", "seats"),
    "silent_hosts": ("module_utils.hosts", "silent_hosts"),
    "table_names": ("module_utils.answers", "table_names"),
    "unfinished_dialers": ("module_utils.hosts", "unfinished_dialers"),
}


def _used(module, function):
    """Return a function that imports what it runs when it is first used.

    Ansible does each task on each host in a process of its own, which compiles anew what it
    imports. Importing everything was a quarter of the work of such a process.
    """

    def run(*args, **kwargs):
        return getattr(import_module(f"{_PLUGINS}.{module}"), function)(*args, **kwargs)

    return run


class FilterModule:
    """Evenfloor's filters."""

    def filters(self):
        """Return the filters by name."""
        return {name: _used(*where) for name, where in FILTERS.items()}
