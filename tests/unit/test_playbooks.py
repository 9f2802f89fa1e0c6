"""The order of the playbooks' steps, where a promise hangs on it."""

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
RUN = "parts/run.yml"
#: What only looks, or asks.
LOOKS = {"parts/validate.yml", "parts/cluster.yml", RUN, "parts/preflight.yml"}
#: The modules that change phones, aliases or dialers.
RUNTIME = yaml.safe_load((PLAYBOOKS.parent / "meta/runtime.yml").read_text())
CHANGING = set(RUNTIME["action_groups"]["provisioning"])
#: What opens and closes a dialer, and looks in check mode: no lease is asked for.
NEEDS_NO_LEASE = {"adopt.yml", "drain_dialer.yml", "check.yml", "credentials.yml", "status.yml"}


def plays(name: str) -> list:
    return yaml.safe_load((PLAYBOOKS / name).read_text())


def imports(name: str) -> list:
    """Return what a playbook imports, in order; None for a play of its own."""
    return [play.get("ansible.builtin.import_playbook") for play in plays(name)]


def playbooks() -> list[str]:
    return sorted(path.name for path in PLAYBOOKS.glob("*.yml") if "-" not in path.name)


def changes_phones() -> list[str]:
    return [name for name in playbooks() if "parts/phones.yml" in imports(name)]


def test_these_playbooks_change_phones():
    assert changes_phones() == ["add_dialer.yml", "aliases.yml", "site.yml"]


@pytest.mark.parametrize("name", changes_phones())
def test_the_question_comes_before_anything_is_touched(name):
    before = imports(name)[: imports(name).index("parts/removal.yml")]
    assert before[0] == "parts/validate.yml"
    assert set(before) <= LOOKS


def test_these_playbooks_are_the_only_run_that_changes_the_cluster():
    assert [name for name in playbooks() if RUN in imports(name)] == [
        *changes_phones()[:2], "remove_dialer.yml", "renumber_dialer.yml", "rotate_passwords.yml",
        "rotate_secrets.yml", "site.yml",
    ]  # fmt: skip


@pytest.mark.parametrize("name", changes_phones())
def test_a_run_takes_the_lease_as_soon_as_it_is_the_right_cluster(name):
    before = imports(name)[: imports(name).index(RUN)]
    assert before[-1] == "parts/cluster.yml"
    assert set(before) <= LOOKS


def test_a_first_run_takes_the_lease_as_soon_as_there_is_a_table():
    names = [play.get("name") for play in plays("site.yml")]
    assert imports("site.yml")[names.index("Database") + 1] == RUN


def test_a_dialer_is_drained_before_its_removal_takes_the_lease():
    names = [play.get("name") for play in plays("remove_dialer.yml")]
    assert names.index("Before anything is changed") < imports("remove_dialer.yml").index(RUN)
    assert imports("remove_dialer.yml").index(RUN) < names.index("Logins lists and phones")


def tasks_of(play: dict) -> str:
    return yaml.safe_dump(play.get("tasks", []))


def changing_plays() -> list[tuple[str, dict]]:
    """Return the plays in which modules change phones, aliases or dialers, by playbook."""
    roles = ("evenfloor.cluster.phone_aliases", "tasks_from: server_rows")
    words = [*roles, *(f"evenfloor.cluster.{module}:" for module in CHANGING)]
    files = [*playbooks(), *(f"parts/{path.name}" for path in PLAYBOOKS.glob("parts/*.yml"))]
    return [
        (f"{name}: {play['name']}", play)
        for name in files
        for play in plays(name)
        if name not in {*NEEDS_NO_LEASE, "parts/removal.yml"}
        and any(word in tasks_of(play) for word in words)
    ]


def test_plays_that_change_the_cluster_are_found():
    assert len(changing_plays()) >= 6


@pytest.mark.parametrize(("name", "play"), changing_plays(), ids=[n for n, _ in changing_plays()])
def test_a_play_that_changes_the_cluster_says_which_run_it_is(name, play):
    defaults = play.get("module_defaults", {}).get("group/evenfloor.cluster.provisioning", {})
    assert "run_token" in defaults.get("run_token", ""), name


# A refusal stops what depends on it


def all_plays() -> list[tuple[str, dict]]:
    """Return every play of every playbook, with the playbook's name."""
    paths = [path for path in sorted(PLAYBOOKS.rglob("*.yml")) if not path.is_symlink()]
    return [
        (str(path.relative_to(PLAYBOOKS)), play)
        for path in paths
        for play in yaml.safe_load(path.read_text())
        if "hosts" in play
    ]


#: Who is missing is said by the next play, whose business it is.
REACHED = "Databases that can be reached"
ON_DATABASE = [
    pytest.param(play, id=f"{name}: {play['name']}")
    for name, play in all_plays()
    if play["hosts"].partition(":")[0] in ("database", "database[0]")
    and "login" not in play["hosts"]
    and play["name"] != REACHED
]


def test_there_are_plays_on_the_database():
    assert len(ON_DATABASE) > 10


def test_what_is_in_the_database_is_changed_through_one_host():
    """Of several databases; only they themselves are made on each."""
    on_all = [play["name"] for _name, play in all_plays() if play["hosts"] == "database"]
    assert on_all == [
        "Backup", "What there is", "Restored databases", "Database", REACHED, "Databases",
    ]  # fmt: skip


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
        for _name, play in all_plays()
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


def test_what_is_not_known_of_a_cluster_is_not_written_as_if_it_were_empty():
    tasks = [task for play in plays("adopt.yml") for task in play.get("tasks", ())]
    writing = [task for task in tasks if {"ansible.builtin.copy", "ansible.builtin.file"} & {*task}]
    assert len(writing) == 3
    assert all(task.get("when") == "is_known" for task in writing)
