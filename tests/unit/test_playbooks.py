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
