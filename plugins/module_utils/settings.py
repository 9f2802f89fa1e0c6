# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the settings of an inventory, each taken by itself.

Pure, without Ansible. The roles' ``meta/argument_specs.yml`` say which settings there are and what
type each has: what a playbook accepts is what the documents say. YAML's own conversions are
refused, because they change what somebody wrote: an unquoted 0101 is the number 65, yes is true.

To add a setting, describe it in its role's ``argument_specs``. If it is a number within bounds, or
a text of a certain form, say so in its description and add a row to ``limits.NUMBERS`` or
``limits.TEXTS``; tests/unit/test_settings.py compares the two.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils import limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    entry_name,
    is_number,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import Problem

#: What a setting's name begins with. A variable of such a name that no role knows is misspelt.
PREFIXES = (
    "balancer_",
    "database_",
    "dialer_",
    "drain_",
    "floating_address_",
    "login_service_",
    "monitoring_",
    "phone_aliases_",
    "softphone_",
    "vicidial_dialer_",
    "vicidial_hook_",
)
#: The settings whose entries are looked at one by one: a wrong one leaves the others.
ENTRIES = ("phone_aliases", "campaigns", "agents")
#: How alike two names are, at most 1, if one is the other misspelt; without one of the PREFIXES.
_MISSPELT = 0.85
_ALIKE = 0.6
_LONGEST_SHOWN = 60
_MOST_HOSTS_NAMED = 3
#: Texts that Ansible takes for true or false: what ``-e name=value`` gives is a text.
_BOOLEAN_WORDS = frozenset(
    ("true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "1", "0")
)
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
#: Control characters, halves of a character, and the separators of lines and paragraphs.
_NOT_OF_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Rules(NamedTuple):
    """What the roles say about settings.

    Attributes:
        options: the options of ``argument_specs``, by name.
        used: the other words that roles and playbooks use: the names of their own facts are here.
    """

    options: dict
    used: frozenset


class Fault(NamedTuple):
    """What is wrong with a value, and how to fix it."""

    what: str
    fix: str = ""


def is_one_line(text):
    """Say whether a text can stand in a line of a file: it has no control characters."""
    return not any(unicodedata.category(character) in _NOT_OF_A_LINE for character in text)


def check_settings(variables, rules):
    """Check the settings of all hosts.

    Args:
        variables: by host, its variables by name.
        rules: what the roles say.

    Returns:
        Problems, and by host the variables that are usable. Of ``phone_aliases`` and ``campaigns``
        these have the entries that are usable.
    """
    hosts_of, usable = {}, {}
    names = {name for given in variables.values() for name in given} - set(rules.options)
    unknown = {name: _unknown(name, rules) for name in names}
    for host, given in variables.items():
        usable[host] = {}
        for name, value in given.items():
            found, good = unknown.get(name, []), None
            if name in rules.options:
                found, good = _check_variable(name, value, rules.options[name])
            for problem in dict.fromkeys(found):
                hosts_of.setdefault(problem, []).append(host)
            if good is not None:
                usable[host][name] = good
    found = [_located(problem, hosts, len(variables)) for problem, hosts in hosts_of.items()]
    return found, usable


def _check_variable(name, value, option):
    """Check one setting; returns its problems, and what of it is usable (None: nothing)."""
    if name in ENTRIES and isinstance(value, list):
        return _check_entries(name, value, option)
    faults = value_faults(name, value, option)
    return [Problem("", *fault) for fault in faults], None if faults else value


def _check_entries(name, entries, option):
    """Check the entries of a setting; returns problems, and the entries that are usable."""
    found, usable = [], []
    for entry in entries:
        # What isn't a dict, validation names.
        faults = _dict_faults(name, entry, option) if isinstance(entry, dict) else []
        found += [Problem(_entry_place(name, entry), *fault) for fault in faults]
        if not faults:
            usable.append(entry)
    return found, usable


def _entry_place(name, entry):
    if name == "phone_aliases":
        return entry_name({**entry, "extensions": _bare(entry.get("extensions", "(none)"))})
    key = "user" if name == "agents" else "id"
    return f"{name}, {key} {_bare(entry.get(key) or '(none)')}"


def _located(problem, hosts, count):
    """Say where a problem is that these of the inventory's hosts have."""
    if len(hosts) == count and problem.where:
        return problem
    where = ", ".join(hosts[:_MOST_HOSTS_NAMED])
    if len(hosts) > _MOST_HOSTS_NAMED:
        where = "all hosts" if len(hosts) == count else f"{where} and others"
    return problem.within(where) if problem.where else problem._replace(where=where)


# -- names -----------------------------------------------------------------------------------


def _unknown(name, rules):
    """Find out whether a variable is a setting that is misspelt."""
    if name.startswith("ansible_"):
        return []
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    alike = difflib.get_close_matches(name, rules.options, 1, _ALIKE if prefix else _MISSPELT)
    if name in rules.used if prefix else not alike:
        return []
    fix = f"is it {alike[0]}? " if alike else ""
    fix += "A variable of your own needs another name"
    fix += f", one that doesn't begin with {prefix}" if prefix else ""
    return [Problem("", f"{shown(name)} is a variable that no role knows", fix)]


# -- values ----------------------------------------------------------------------------------


def value_faults(name, value, option):
    """Find what is wrong with a value.

    Args:
        name: the setting.
        value: what the inventory gives.
        option: what ``argument_specs`` says about the setting.

    Returns:
        Faults; empty where all is well. None shows a password.
    """
    if value is None:
        if name in limits.MAY_BE_NULL:
            return []
        return [Fault(f"{name} has no value", "give it one, or leave it out")]
    check = _CHECKS.get(option.get("type", "str"))
    return check(name, value, option) if check else []


def _text_faults(name, value, option):
    if not isinstance(value, str):
        return [_not_text(name, value)]
    named = _named(name, value)
    if not is_one_line(value):
        return [Fault(f"{named} has control characters or line ends", "write it without them")]
    if name in limits.MAY_BE_EMPTY and not value:
        return []
    if "choices" in option and value not in option["choices"]:
        choices = ", ".join(map(str, option["choices"]))
        return [Fault(f"{named} is none of {choices}", "write one of them")]
    form = limits.TEXTS.get(name)
    if form and not form.pattern.fullmatch(value):
        return [Fault(f"{named} is not {form.words}", f"write {form.words}")]
    if not value.strip() and not _is_password(name):
        return [Fault(f"{named} is empty", "give it a value, or leave it out")]
    return []


def _not_text(name, value):
    """Name what YAML has made of a text that isn't in quotes."""
    named = _named(name, value)
    if isinstance(value, bool):
        what = f"{named} is not a text: YAML reads yes, no, on and off as true and false"
        return Fault(what, 'write it in quotes, like "no"')
    if isinstance(value, (dict, list, tuple, set)):
        return Fault(f"{named} is {kind_of(value)}", "write one text")
    what = f"{named} is {kind_of(value)}, not a text: YAML reads 0101 as 65 and 1:30 as 90"
    return Fault(what, 'write it in quotes, like "0101"')


def _whole_number_faults(name, value, option):
    text = "" if isinstance(value, bool) or not isinstance(value, (int, str)) else _as_text(value)
    # A text may not begin with zeros: in a file they would say something else to some readers.
    if not is_number(text.removeprefix("-")) or str(int(text)) != text:
        return [Fault(f"{_named(name, value)} is not a whole number", _numbers(name))]
    return _bounds_faults(name, int(text))


def _number_faults(name, value, option):
    plain = isinstance(value, str) and _DECIMAL.fullmatch(value)
    if not plain and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return [Fault(f"{_named(name, value)} is not a number", _numbers(name))]
    return _bounds_faults(name, float(value))


def _bounds_faults(name, number):
    least, most = limits.NUMBERS.get(name, limits.ANY_NUMBER)
    if least <= number <= most:
        return []
    return [Fault(f"{name} {shown(number)} is out of bounds", _numbers(name))]


def _numbers(name):
    least, most = limits.NUMBERS.get(name, limits.ANY_NUMBER)
    return f"write a number, {least} to {most}"


def _boolean_faults(name, value, option):
    if isinstance(value, bool) or (
        isinstance(value, str) and value.isascii() and value.lower() in _BOOLEAN_WORDS
    ):
        return []
    return [Fault(f"{_named(name, value)} is neither true nor false", "write true or false")]


def _list_faults(name, value, option):
    if isinstance(value, str) and name in limits.ONE_TEXT_IS_A_LIST:
        value = [value]
    if not isinstance(value, (list, tuple)):
        if name in limits.ONE_TEXT_IS_A_LIST:
            return [_not_text(name, value)]
        what = f"{_named(name, value)} is {kind_of(value)}, not a list"
        return [Fault(what, "write a list, each item on a line that begins with -")]
    each = {**option, "type": option.get("elements", "raw")}
    return [fault for item in value for fault in value_faults(name, item, each)]


def _dict_faults(name, value, option):
    if not isinstance(value, dict):
        return [Fault(f"{_named(name, value)} is {kind_of(value)}", "write key: value")]
    options = option.get("options")
    if options is None:
        return []
    faults = []
    for key, item in value.items():
        if key in options:
            faults += value_faults(key, item, options[key])
            continue
        alike = difflib.get_close_matches(str(key), options, 1, _ALIKE)
        fix = f"is it {alike[0]}? " if alike else ""
        fix += f"known are {', '.join(sorted(options))}"
        faults.append(Fault(f"{shown(key)} is not a setting of {name}", fix))
    return faults


_CHECKS = {
    "bool": _boolean_faults,
    "dict": _dict_faults,
    "float": _number_faults,
    "int": _whole_number_faults,
    "list": _list_faults,
    "path": _text_faults,
    "str": _text_faults,
}


# -- how values are shown --------------------------------------------------------------------


def _is_password(name):
    # Somebody may have given the secret key instead of the public one.
    return name.endswith("password") or name == "backup_key"


def _named(name, value):
    """Return a setting's name and value, a password's name only."""
    return name if _is_password(name) else f"{name} {shown(value)}"


def shown(value):
    """Return a value as messages show it: on one line, and not too long.

    A dict's values aren't shown: there may be passwords among them.
    """
    return f"'{_bare(value)}'"


def _bare(value):
    if isinstance(value, dict):
        return "…"
    if isinstance(value, (list, tuple)):
        text = ", ".join(map(_bare, value[:_LONGEST_SHOWN]))
    else:
        text = _as_text(value)
    text = "".join(part if is_one_line(part) else repr(part)[1:-1] for part in text)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _as_text(value):
    try:
        return str(value)
    except ValueError:  # a number of thousands of digits
        return "a very long number"


def kind_of(value):
    """Say in words what YAML has made of a value."""
    kinds = {dict: "a dict", list: "a list", tuple: "a list", str: "a text", bool: "true or false"}
    for kind, words in kinds.items():
        if isinstance(value, kind):
            return words
    return "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}"
