"""A dialer beside VICIdial is made in an order, and without showing a secret."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "roles/vicidial_dialer/tasks"


def read(path: Path) -> list:
    return yaml.safe_load(path.read_text())


def flat(tasks: list) -> list:
    """Return tasks and those of their blocks."""
    inner = [flat(task["block"]) for task in tasks if "block" in task]
    return [*tasks, *(task for block in inner for task in block)]


def names(playbook: str) -> list[str]:
    return [play["name"] for play in read(ROOT / "playbooks" / playbook)]


def test_a_new_dialer_has_its_row_before_it_is_made_and_its_phones_afterwards():
    found = names("add_dialer.yml")
    made = found.index("New dialers that run VICIdial, closed for logins")
    assert found.index("Server rows") < made
    assert made < found.index("Phones, registrations and aliases; new dialers open")


def test_nothing_is_changed_before_the_source_and_the_host_were_looked_at():
    found = names("add_dialer.yml")
    looked = found.index("New dialers that run VICIdial")
    assert found.index("Find the new dialers") < looked < found.index("Build the package")


def test_logins_lists_come_after_endpoints_and_registrations():
    found = names("parts/phones.yml")
    order = [
        "Phones",
        "Endpoints that VICIdial writes",
        "Softphones",
        "Registrations with VICIdial",
        "Aliases, and dialers that open",
    ]
    assert [name for name in found if name in order] == order


def all_tasks() -> list:
    return [task for path in sorted(TASKS.glob("*.yml")) for task in flat(read(path))]


SECRET = [
    pytest.param(task, id=task["name"])
    for task in all_tasks()
    if "block" not in task
    and any(
        word in yaml.safe_dump(task)
        for word in ("evenfloor.cluster.secret", "manager.secret", "vicidial_dialer_settings")
    )
]


def test_there_are_tasks_with_secrets():
    assert len(SECRET) >= 4


@pytest.mark.parametrize("task", SECRET)
def test_a_task_with_a_secret_shows_none(task):
    assert task["no_log"] is True


def test_the_installers_command_line_has_no_secret():
    (task,) = [task for task in read(TASKS / "install.yml") if task["name"] == "Run the installer"]
    assert "pass" not in yaml.safe_dump(task) and "secret" not in yaml.safe_dump(task)


def test_the_mark_is_written_last():
    assert read(TASKS / "steps.yml")[-1]["name"] == "Mark the host as made"
