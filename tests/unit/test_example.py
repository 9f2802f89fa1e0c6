"""The example inventory is the manual: it has to be right."""

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["example", "lab"])
def test_an_inventory_that_we_ship_has_no_problems(name):
    text = subprocess.run(
        ["ansible-inventory", "-i", f"inventory/{name}", "--list"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    listing = json.loads(text)
    hostvars = listing.pop("_meta")["hostvars"]
    groups = {group: content.get("hosts", []) for group, content in listing.items()}
    groups["all"] = list(hostvars)
    assert problems(hostvars, groups) == []
