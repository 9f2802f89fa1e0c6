"""Wrong input stops a playbook before anything is changed, and the messages name the fix.

One run has many mistakes: all of them are reported at once. tests/unit/test_inventory.py has what
each of them leads to alone.
"""

import json
import re

import pytest

#: The phone_aliases with a mistake each, and words that its message must have.
WRONG_ALIASES = [
    ({"extensions": "160-101"}, ["160-101", "backwards", "101-160"]),
    ({"extensions": "1o1"}, ["1o1", "number"]),
    ({"extensions": "1", "suffix": ""}, ["'1'", "2 to 20"]),
    ({"extensions": "1", "suffix": "x" * 20}, ["21", "2 to 20"]),
    ({"extensions": "1", "suffix": "-x"}, ["1-x", "letters and digits"]),
    ({"extensions": "1" * 15}, ["15", "shorter extensions"]),
    ({"extensions": "110", "dialers": ["dialer9"]}, ["dialer9", "dialer1"]),
    ({"extensions": "101-104"}, []),
    ({"extensions": "104", "suffix": "z"}, ["104", "104z", "104x"]),
]
#: The dialers with a mistake each, and words that its message must have.
WRONG_DIALERS = {
    "extra1": ({"ansible_host": "10.96.0.31"}, ["extra1", "10.96.0.31", "dialer1"]),
    "extra2": ({"server_ip": "10.96.0.400"}, ["extra2", "10.96.0.400"]),
    "extra3": (
        {"ansible_host": "10.96.0.77", "server_id": "elevenchars"},
        ["extra3", "elevenchars", "10"],
    ),
    "extra4": ({"ansible_host": "10.96.0.78", "server_id": "dialer1"}, ["extra4", "'dialer1'"]),
}
#: So many dialers that the logins lists get too long.
MANY = {f"d{number}": {"ansible_host": f"10.96.1.{number}"} for number in range(1, 70)}


def sentences(done) -> list[str]:
    """Return what a run has printed, each item of a list by itself."""
    return [" ".join(text.split()) for text in re.split(r"\n\s*- ", done.stdout + done.stderr)]


def refused(done, *messages: list[str]) -> None:
    """Check that a playbook has stopped before it changed anything, and said why.

    Args:
        done: the run.
        messages: the words that must stand together, for each mistake.
    """
    assert done.returncode != 0
    said = sentences(done)
    unsaid = [words for words in messages if not any(all(w in s for w in words) for s in said)]
    assert not unsaid, done.stdout[-4000:]
    recap = done.stdout.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    assert "failed=1" in recap
    assert recap.count("changed=0") == recap.count("changed=")


def test_wrong_aliases_stop_everything_each_with_its_message(cluster):
    variables = {"phone_aliases": [entry for entry, _words in WRONG_ALIASES]}
    done = cluster.playbook("playbooks/aliases.yml", "-e", json.dumps(variables), check=False)
    refused(done, *[words for _entry, words in WRONG_ALIASES])


def test_wrong_dialers_stop_everything_each_with_its_message(cluster, tmp_path):
    hosts = {name: variables for name, (variables, _words) in WRONG_DIALERS.items()}
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps({"dialers": {"hosts": {**hosts, **MANY}}}))
    done = cluster.playbook("playbooks/site.yml", "-i", str(extra), check=False)
    refused(done, ["logins list", "255"], *[words for _variables, words in WRONG_DIALERS.values()])


def test_empty_groups_stop_everything(cluster, tmp_path):
    few = tmp_path / "few.json"
    few.write_text(json.dumps({"database": {"hosts": {"db1": {"ansible_host": "10.96.0.10"}}}}))
    done = cluster.playbook_with(few, "playbooks/site.yml")
    refused(
        done, *[[f"group {group} is empty; put at least one"] for group in ("dialers", "login")]
    )


@pytest.fixture
def too_old(cluster, tmp_path):
    """An inventory with a Python too old on one dialer and an Asterisk too old on another."""
    python, asterisk = "/usr/local/bin/old-python", "/usr/local/bin/old-asterisk"
    cluster.run("dialer1", f"printf '#!/bin/sh\\necho 3.7\\n' > {python}; chmod +x {python}")
    cluster.run(
        "dialer2",
        f"printf '#!/bin/sh\\necho Asterisk 13.38.3\\n' > {asterisk}; chmod +x {asterisk}",
    )
    hosts = {
        "dialer1": {"balancer_python": python},
        "dialer2": {"asterisk_source": "existing", "dialer_asterisk_binary": asterisk},
    }
    inventory = tmp_path / "old.json"
    inventory.write_text(json.dumps({"dialers": {"hosts": hosts}}))
    yield inventory
    cluster.run("dialer1", f"rm {python}")
    cluster.run("dialer2", f"rm {asterisk}")


def test_a_python_and_an_asterisk_too_old_stop_everything(cluster, too_old):
    done = cluster.playbook("playbooks/site.yml", "-i", str(too_old), check=False)
    refused(done, ["dialer1", "Python 3.7", "3.9 or newer"], ["dialer2", "13.38.3", "16 or newer"])
