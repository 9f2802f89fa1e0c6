"""What credentials.yml hands out for phones: its tasks, run as it runs them."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import DATABASE
from tests.integration.play import Play

TASKS = Path(__file__).parents[2] / "playbooks/tasks/phone_pages.yml"


@pytest.fixture
def play(server, cluster, tmp_path):
    cluster.add_even_floor(dialers=2, aliases=2)
    options = tmp_path / "provisioning.cnf"
    options.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    made = Play(server, tmp_path)
    made.database |= {"config_file": str(options), "database": DATABASE}
    made.variables |= {
        "folder": str(tmp_path / "credentials"),
        "credentials": {
            "agents": [{"alias": "1001x", "name": "Anna"}, {"alias": "1002x", "name": "Ben"}],
            "aliases": ["1001x", "1002x"],
        },
    }
    return made


def read(folder):
    """Return the tokens of a folder, by alias."""
    return json.loads((folder / "tokens.json").read_text())


def test_pages_are_for_their_owner_only_and_nothing_secret_is_printed(play, cluster, tmp_path):
    tasks = {"ansible.builtin.include_tasks": str(TASKS)}
    folder = tmp_path / "credentials/phones"
    printed = play(tasks)
    tokens = read(folder)
    assert {path.name for path in folder.iterdir()} == {
        "tokens.json", "1001x.html", "1002x.html", "dhcp.conf",
    }  # fmt: skip
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert all(path.stat().st_mode & 0o7777 == 0o600 for path in folder.iterdir())
    page = (folder / "1001x.html").read_text()
    assert tokens["1001x"] in page and tokens["1002x"] not in page
    printed += play(tasks, words=["-e", "provision_revoke=1001x"])
    assert not (folder / "1001x.html").exists() and (folder / "1002x.html").exists()
    assert cluster.run("SELECT alias_id FROM evenfloor_phone_tokens") == (("1002x",),)
    assert not any(token in printed for token in tokens.values())


def test_pages_are_made_into_pdf_for_who_asks(play, tmp_path):
    tasks = {"ansible.builtin.include_tasks": str(TASKS)}
    folder = tmp_path / "credentials/phones"
    play.variables["provision_pdf"] = True
    printed = play(tasks)
    page = folder / "1001x.pdf"
    first = page.read_bytes()
    assert first.startswith(b"%PDF-") and page.stat().st_mode & 0o7777 == 0o600
    assert not any(token in printed for token in read(folder).values())
    # Only what has changed is made anew.
    play.variables["credentials"]["agents"][1]["name"] = "Bill"
    # What is there is kept up to date, also by who doesn't ask for it.
    play.variables["provision_pdf"] = False
    other, before = folder / "1002x.pdf", (folder / "1002x.pdf").read_bytes()
    when = page.stat().st_mtime_ns
    play(tasks)
    assert page.stat().st_mtime_ns == when and other.read_bytes() != before
    play(tasks, words=["-e", "provision_revoke=1001x"])
    assert sorted(path.name for path in folder.glob("*.pdf")) == ["1002x.pdf"]
