# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with an inventory, by the documents of the roles that will read it.

For the control node only: it has the roles, and PyYAML to read them with.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils import hosts, settings, validation
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem

#: A clone, or the installed collection.
_COLLECTION = Path(__file__).parents[2]
#: What is not in argument_specs, and matters too.
_ALSO_READ = ("ansible_host", "inventory_dir")
#: Without these an inventory can't be judged, so each has to have a value before hosts are asked.
_NEEDED = ("agents", "ansible_host", "campaigns", "cluster_flavor", "phone_aliases", "server_ip")
#: What roles call settings whose entries they read.
_SAME_ENTRIES = {
    "agents_wanted": "agents",
    "database_campaigns": "campaigns",
    "phone_aliases_wanted": "phone_aliases",
}
#: No setting is nested as deeply; a value that contains itself is.
_DEEPEST = 10
_HIGHEST = 10**100


def problems(hostvars, groups):
    """Say everything that is wrong with an inventory.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        Sentences, each naming host or setting, value and fix; empty where all is well.
    """
    return _sentences(hostvars, groups, validation.inventory_problems)


def adopt_problems(hostvars, groups):
    """Say what is wrong with an inventory into which a running cluster will be adopted.

    Args:
        hostvars: Ansible's ``hostvars``.
        groups: Ansible's ``groups``.

    Returns:
        Sentences; empty where all is well.
    """
    return _sentences(hostvars, groups, validation.adoption_problems)


@functools.cache
def read_rules(collection=_COLLECTION):
    """Read what the roles say about settings.

    Args:
        collection: the folder of the collection.

    Returns:
        Rules. Where several roles have an option, that of the role ``settings`` counts.
    """
    options = {}
    paths = sorted(collection.glob("roles/*/meta/argument_specs.yml"), key=_settings_last)
    for path in paths:
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for entry_point in specs.values():
            options.update(entry_point.get("options") or {})
    for name, same in _SAME_ENTRIES.items():
        options[name] = {**options[name], "options": options[same]["options"]}
    used = set()
    for part in ("roles/*/tasks/*.yml", "roles/*/vars/*.yml", "playbooks/**/*.yml"):
        for path in collection.glob(part):
            used.update(re.findall(r"\w+", path.read_text(encoding="utf-8"), re.ASCII))
    return settings.Rules(options, frozenset(used))


def _settings_last(path):
    return (path.parts[-3] == "settings", path)


def _sentences(hostvars, groups, check):
    rules = read_rules()
    given, unreadable = {}, []
    for host in hosts.hosts_of_cluster(groups):
        given[host], wrong = _read(host, hostvars, rules)
        unreadable += wrong
    found, usable = settings.check_settings(given, rules)
    if any(
        "phone_aliases" in given[host] and "phone_aliases" not in usable[host] for host in given
    ):
        # Which extensions there are isn't known.
        for variables in usable.values():
            variables.pop("softphone_extensions", None)
    for host, variables in given.items():
        usable[host].update({name: variables[name] for name in _ALSO_READ if name in variables})
    found = [*unreadable, *found, *check(usable, groups)]
    return list(dict.fromkeys(problem.sentence() for problem in found))


def _read(host, hostvars, rules):
    """Read the variables of a host that matter here.

    Returns:
        Values by name (of names that aren't settings only the name matters), and problems.
    """
    try:
        variables = hostvars[host]
        names = [name for name in variables if isinstance(name, str)]
    except (KeyError, TypeError):
        return {}, []
    given, found = {}, []
    for name in names:
        if name not in rules.options and name not in _ALSO_READ:
            given[name] = None
            continue
        try:
            given[name] = _plain(variables[name])
        except Exception:  # pylint: disable=broad-exception-caught
            # A template may need what is known only when its role runs, such as a host's facts.
            # Ansible raises errors of many kinds then.
            if name in _NEEDED:
                what = f"{name} has no value before the hosts are asked"
                fix = "write it without variables that are facts, or that aren't there"
                found.append(Problem(host, what, fix))
    return given, found


def _plain(value, depth=0):
    """Copy a value into Python's own types, and so have Ansible's templates in it evaluated."""
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {_plain(key, depth + 1): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, int) and abs(value) >= _HIGHEST:
        return "a very long number"  # which Python would refuse to write out
    text = str(value)  # here a template says that it can't be evaluated
    return text if isinstance(value, str) else value
