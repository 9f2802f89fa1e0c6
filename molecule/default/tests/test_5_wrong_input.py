"""Wrong input stops a playbook before anything is changed, with host, value and mend."""

import json

import pytest

ENTRY = {"extensions": "101-104"}


def aliases(*entries):
    return {"phone_aliases": list(entries)}


def dialer(name, **variables):
    return {"dialers": {"hosts": {name: variables}}}


WRONG_ALIASES = {
    "backwards": (aliases({"extensions": "160-101"}), ["160-101", "backwards", "101-160"]),
    "not numeric": (aliases({"extensions": "1o1"}), ["1o1", "number"]),
    "twice": (aliases(ENTRY, {"extensions": "104", "suffix": "z"}), ["104", "104z", "104x"]),
    "short": (aliases({"extensions": "1", "suffix": ""}), ["'1'", "2 to 20"]),
    "long": (aliases({"extensions": "1", "suffix": "x" * 20}), ["21", "2 to 20"]),
    "stripped": (aliases({"extensions": "1", "suffix": "-x"}), ["1-x", "letters and digits"]),
    "long login": (aliases({"extensions": "1" * 15}), ["15", "shorter extensions"]),
    "unknown dialer": (aliases({**ENTRY, "dialers": ["dialer9"]}), ["dialer9", "dialer1"]),
}
WRONG_HOSTS = {
    "duplicate address": (dialer("extra", ansible_host="10.96.0.31"), ["extra", "10.96.0.31"]),
    "malformed address": (dialer("extra", server_ip="10.96.0.400"), ["extra", "10.96.0.400"]),
    "long id": (
        dialer("extra", ansible_host="10.96.0.77", server_id="elevenchars"),
        ["extra", "elevenchars", "10"],
    ),
    "duplicate id": (
        dialer("extra", ansible_host="10.96.0.77", server_id="dialer1"),
        ["extra", "dialer1"],
    ),
    "long list": (
        {"dialers": {"hosts": {f"d{n}": {"ansible_host": f"10.94.0.{n}"} for n in range(1, 70)}}},
        ["logins list", "255"],
    ),
}


def refused(cluster, playbook, words, *arguments):
    """Run a playbook that has to stop before it changes anything, and say why."""
    done = cluster.playbook(playbook, *arguments, check=False)
    assert done.returncode != 0
    text = " ".join((done.stdout + done.stderr).split())
    assert [word for word in words if word not in text] == []
    recap = done.stdout.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    assert "failed=1" in recap
    assert recap.count("changed=0") == recap.count("changed=")


@pytest.mark.parametrize("name", WRONG_ALIASES)
def test_a_wrong_alias_stops_everything(cluster, name):
    variables, words = WRONG_ALIASES[name]
    refused(cluster, "playbooks/aliases.yml", words, "-e", json.dumps(variables))


@pytest.mark.parametrize("name", WRONG_HOSTS)
def test_a_wrong_dialer_stops_everything(cluster, name, tmp_path):
    variables, words = WRONG_HOSTS[name]
    (tmp_path / "extra.json").write_text(json.dumps(variables))
    refused(cluster, "playbooks/site.yml", words, "-i", str(tmp_path / "extra.json"))


@pytest.mark.parametrize("group", ["dialers", "login"])
def test_an_empty_group_stops_everything(cluster, group, tmp_path):
    groups = {name: {"hosts": {f"{name}1": {"ansible_host": "10.96.0.31"}}}
              for name in ("database", "dialers", "login") if name != group}  # fmt: skip
    (tmp_path / "few.json").write_text(json.dumps(groups))
    done = cluster.playbook_with(tmp_path / "few.json", "playbooks/site.yml")
    assert done.returncode != 0
    assert f"group {group} is empty; put at least one" in " ".join(done.stdout.split())


def test_a_python_too_old_stops_everything(cluster):
    fake = "/usr/local/bin/old-python"
    cluster.run("dialer1", f"printf '#!/bin/sh\\necho 3.7\\n' > {fake}; chmod +x {fake}")
    refused(cluster, "playbooks/site.yml", ["dialer1", "Python 3.7", "3.9 or newer"],
            "-e", json.dumps({"balancer_python": fake}), "--limit", "dialer1")  # fmt: skip


def test_an_asterisk_too_old_stops_everything(cluster):
    fake = "/usr/local/bin/old-asterisk"
    cluster.run(
        "dialer1", f"printf '#!/bin/sh\\necho Asterisk 13.38.3\\n' > {fake}; chmod +x {fake}"
    )
    refused(cluster, "playbooks/site.yml", ["dialer1", "13.38.3", "16 or newer"], "-e",
            json.dumps({"asterisk_source": "existing", "dialer_asterisk_binary": fake}),
            "--limit", "dialer1")  # fmt: skip
