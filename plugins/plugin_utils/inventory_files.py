# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was adopted, as files of an inventory.

For the control node only: hosts need no PyYAML.
"""

from __future__ import annotations

import yaml

_DIALERS_HEADER = """\
---
# Written by playbooks/adopt.yml from VICIdial's servers. For a new dialer add its name
# and server_ip, then run add-dialer.yml.
"""
_ALIASES_HEADER = """\
---
# Written by playbooks/adopt.yml from VICIdial's aliases. Names and passwords stay in the
# database, as they are.
"""
#: So wide that no line is folded.
_WIDTH = 1_000_000


class _Dumper(yaml.SafeDumper):
    """Writes what people edit: texts that could be taken for numbers quoted, lists indented."""

    def increase_indent(self, flow=False, indentless=False):
        """Indent the items of a list below its key."""
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        """Write everything out; an anchor would puzzle the reader."""
        return True


class _Text(str):
    """A text that is always quoted."""


class _Flow(list):
    """A list on one line."""


def _represent_text(dumper, text):
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


def _represent_flow(dumper, items):
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(_Text, _represent_text)
_Dumper.add_representer(_Flow, _represent_flow)


def _dump(header, content):
    text = yaml.dump(
        content,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=_WIDTH,
    )
    return header + text


def dialers_text(dialers):
    """Write dialers as an inventory file.

    Args:
        dialers: dicts with ``name``, ``server_ip`` and ``server_id``.

    Returns:
        YAML.
    """
    hosts = {}
    for dialer in dialers:
        host = hosts[str(dialer["name"])] = {"server_ip": str(dialer["server_ip"])}
        if dialer["server_id"] != dialer["name"]:
            host["server_id"] = _Text(dialer["server_id"])
    return _dump(_DIALERS_HEADER, {"dialers": {"hosts": hosts}})


def aliases_text(entries):
    """Write ``phone_aliases`` as a variables file.

    Args:
        entries: the inventory's list, as ``adopt.adopt_aliases`` makes it.

    Returns:
        YAML.
    """
    written = []
    for entry in entries:
        new = {"extensions": _Flow(_Text(extension) for extension in entry["extensions"])}
        if "suffix" in entry:
            new["suffix"] = _Text(entry["suffix"])
        if "dialers" in entry:
            new["dialers"] = _Flow(str(name) for name in entry["dialers"])
        written.append(new)
    return _dump(_ALIASES_HEADER, {"phone_aliases": written})
