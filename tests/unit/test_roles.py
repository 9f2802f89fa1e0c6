"""Every role says what it does, where, and with which variables, in one form."""

import re
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())
#: The role that gives the cluster-wide settings their defaults.
SHARED = "settings"


def read(role: str, path: str):
    """Read a YAML file of a role; an empty dict where there is none."""
    file = ROLES / role / path
    return yaml.safe_load(file.read_text()) if file.exists() else {}


def entry_points(role: str) -> dict:
    return read(role, "meta/argument_specs.yml")["argument_specs"]


def documented(role: str) -> set[str]:
    """Return the variables that a role's argument_specs describe."""
    return {name for spec in entry_points(role).values() for name in spec.get("options") or {}}


def rows(role: str, heading: str) -> list[str]:
    """Return the first column of a table of a role's README."""
    text = (ROLES / role / "README.md").read_text().partition(f"## {heading}\n")[2]
    return re.findall(r"^\| `(\w+)` \|", text.partition("\n## ")[0], re.M)


@pytest.mark.parametrize("role", NAMES)
def test_the_readme_lists_exactly_the_variables_of_the_argument_specs(role):
    assert rows(role, "Variables") == list(
        dict.fromkeys(
            name for spec in entry_points(role).values() for name in spec.get("options") or {}
        )
    )


@pytest.mark.parametrize("role", [name for name in NAMES if name != SHARED])
def test_the_readme_lists_exactly_the_entry_points(role):
    assert rows(role, "Entry points") == list(entry_points(role))


@pytest.mark.parametrize("role", [name for name in NAMES if name != SHARED])
def test_every_entry_point_is_a_file_of_tasks(role):
    tasks = {path.stem for path in (ROLES / role / "tasks").iterdir()}
    assert set(entry_points(role)) <= tasks


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_described(role):
    assert set(read(role, "defaults/main.yml") or {}) <= documented(role)


def test_a_setting_has_its_default_in_one_place():
    owners = [name for role in NAMES for name in read(role, "defaults/main.yml") or {}]
    assert len(owners) == len(set(owners))


def test_the_flavors_have_the_same_entry_points():
    # What was added to a cluster is taken out only where it was added to somebody else's.
    assert set(entry_points("flavor_vicidial")) - set(entry_points("flavor_plain")) == {"absent"}
    assert set(entry_points("flavor_plain")) <= set(entry_points("flavor_vicidial"))
