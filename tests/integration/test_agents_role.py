"""The role agents as a playbook includes it: what it asks, and what it prints."""

import re

import pytest

from tests.integration.modules.floor import everything
from tests.integration.play import Play, role

SECRETS = {"agent7": "typed by hand", "agent8": "something else"}


@pytest.fixture
def play(server, cluster, tmp_path):
    """Run the role's steps, as site.yml does; returns what was printed."""
    options = tmp_path / "provisioning.cnf"
    options.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    made = Play(server, tmp_path)
    made.database["config_file"] = str(options)

    def run(passwords: dict, *words: str, fails: bool = False) -> str:
        made.variables["agents"] = [
            {"user": user, "password": password} for user, password in passwords.items()
        ]
        tasks = role("agents", "removal"), role("agents", "main")
        return made(*tasks, words=["-vvv", *words], fails=fails)

    return run


def hashes(cluster) -> dict:
    return dict(cluster.run("SELECT user, password_hash FROM evenfloor_agents"))


def changes(output: str) -> int:
    return int(re.search(r"changed=(\d+)", output).group(1))


def test_a_check_shows_agents_and_no_secret_and_a_second_run_changes_nothing(play, cluster):
    before = everything(cluster)
    checked = play(SECRETS, "--check")
    assert "+agent7: agent" in checked and everything(cluster) == before
    first = play(SECRETS)
    assert set(hashes(cluster)) == set(SECRETS) and changes(first) == 1
    after = everything(cluster)
    second = play(SECRETS)
    assert changes(second) == 0 and everything(cluster) == after
    for output in (checked, first, second):
        assert not [word for word in SECRETS.values() if word in output]
        assert "scrypt" not in output


def test_many_go_only_if_somebody_says_so(play, cluster):
    former = [(f"former{number}",) for number in range(6)]
    with cluster.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO evenfloor_agents VALUES (%s, 'x')", former)
    before = everything(cluster)
    refused = " ".join(play(SECRETS, fails=True).split())
    assert "6 agents would be removed (former0, former1" in refused
    assert "Nothing has been changed" in refused
    assert "6 agents would be removed" in play(SECRETS, "--check")
    assert everything(cluster) == before
    # Another question's answer is none to this one.
    for other in ("confirmed=true", "phone_aliases_confirmed=true"):
        assert "say -e agents_confirmed=true" in play(SECRETS, "-e", other, fails=True)
    assert everything(cluster) == before
    play(SECRETS, "-e", "agents_confirmed=true")
    assert set(hashes(cluster)) == set(SECRETS)


def test_a_list_that_is_not_set_lets_nobody_in_as_a_label(play, cluster):
    play(SECRETS)
    before = everything(cluster)
    assert "agents is empty or not set" in play({}, fails=True)
    assert everything(cluster) == before
    play({}, "-e", "agents_confirmed=true")
    assert hashes(cluster) == {}
