"""The order of the playbooks' steps, where a promise hangs on it."""

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
#: What only looks.
LOOKS = {"parts/validate.yml", "parts/preflight.yml", "parts/cluster.yml"}


def imports(name: str) -> list:
    """Return what a playbook imports, in order; None for a play of its own."""
    plays = yaml.safe_load((PLAYBOOKS / name).read_text())
    return [play.get("ansible.builtin.import_playbook") for play in plays]


def changes_phones() -> list[str]:
    names = sorted(path.name for path in PLAYBOOKS.glob("*.yml") if "-" not in path.name)
    return [name for name in names if "parts/phones.yml" in imports(name)]


def test_these_playbooks_change_phones():
    assert changes_phones() == ["add_dialer.yml", "aliases.yml", "site.yml"]


@pytest.mark.parametrize("name", changes_phones())
def test_the_question_comes_before_anything_is_touched(name):
    before = imports(name)[: imports(name).index("parts/removal.yml")]
    assert before[0] == "parts/validate.yml"
    assert set(before) <= LOOKS


# A refusal stops what depends on it


def plays() -> list[tuple[str, dict]]:
    """Return every play of every playbook, with the playbook's name."""
    paths = [path for path in sorted(PLAYBOOKS.rglob("*.yml")) if not path.is_symlink()]
    return [
        (str(path.relative_to(PLAYBOOKS)), play)
        for path in paths
        for play in yaml.safe_load(path.read_text())
        if "hosts" in play
    ]


ON_DATABASE = [
    pytest.param(play, id=f"{name}: {play['name']}")
    for name, play in plays()
    if play["hosts"].partition(":")[0] == "database" and "login" not in play["hosts"]
]


def test_there_are_plays_on_the_database():
    assert len(ON_DATABASE) > 10


@pytest.mark.parametrize("play", ON_DATABASE)
def test_what_the_database_refuses_stops_the_plays_that_follow(play):
    assert play["any_errors_fatal"] is True


#: What changes the database, or hands out what it says.
CHANGES = [
    "add_dialer.yml", "aliases.yml", "drain_dialer.yml", "remove_dialer.yml", "site.yml",
    "unadopt.yml",
]  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_whose_cluster_it_is_is_seen_before_anything_is_touched(name):
    """The playbooks adopt and renumber_dialer see it for themselves: their dialers differ."""
    before = imports(name)[: imports(name).index("parts/cluster.yml")]
    assert before[0] == "parts/validate.yml"
    assert set(before) <= LOOKS


def test_every_play_that_calls_a_module_says_which_cluster_it_means():
    groups = [
        play["module_defaults"]["group/evenfloor.cluster.database"]
        for _name, play in plays()
        if "module_defaults" in play
    ]
    assert len(groups) > 10
    assert [group for group in groups if group.get("cluster_name") != "{{ cluster_name }}"] == []


#: The inventories of this repository, each of one cluster.
INVENTORIES = [
    *sorted(PLAYBOOKS.parent.glob("inventory/*")),
    *sorted(PLAYBOOKS.parent.glob("molecule/*/inventory")),
    PLAYBOOKS.parent / "docs/examples/own-repository/inventory",
]


def test_every_inventory_names_its_cluster_and_no_two_alike():
    names = [
        yaml.safe_load(file.read_text()).get("cluster_name")
        for folder in INVENTORIES
        for file in (folder / "group_vars/all.yml", folder / "group_vars/all/cluster.yml")
        if file.exists()
    ]
    assert len(names) == len(INVENTORIES) == len(set(names)) and all(names)
