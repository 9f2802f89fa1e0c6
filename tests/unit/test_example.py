"""The example inventory is the manual: it has to be right."""

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

ROOT = Path(__file__).parents[2]


INVENTORIES = [
    "inventory/example",
    "inventory/lab",
    "inventory/vicidial_lab",
    "docs/examples/own-repository/inventory",
    "molecule/default/inventory",
    "molecule/interrupted/inventory",
    "molecule/outages/inventory",
]


@pytest.mark.parametrize("path", INVENTORIES)
def test_an_inventory_that_we_ship_has_no_problems(path):
    text = subprocess.run(
        ["ansible-inventory", "-i", path, "--list"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    listing = json.loads(text)
    hostvars = listing.pop("_meta")["hostvars"]
    groups = {group: content.get("hosts", []) for group, content in listing.items()}
    groups["all"] = list(hostvars)
    assert problems(hostvars, groups) == []
