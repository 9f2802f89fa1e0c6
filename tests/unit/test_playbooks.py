"""The order of the playbooks' steps, where a promise hangs on it."""

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
RUN = "parts/run.yml"
#: What only looks, or asks.
LOOKS = {"parts/validate.yml", RUN, "parts/preflight.yml"}
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
        *changes_phones()[:2], "remove_dialer.yml", "site.yml",
    ]  # fmt: skip


@pytest.mark.parametrize("name", changes_phones())
def test_a_run_takes_the_lease_right_after_the_inventory_is_right(name):
    assert imports(name)[:2] == ["parts/validate.yml", RUN]


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
