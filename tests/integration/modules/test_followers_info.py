"""Which phones should follow to a new dialer: what the module reads, and how the action waits."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import DIALERS, FIRST, SECOND, register
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
ENTRIES = [{"extensions": "101-104"}]
NAMED = [{"name": d["name"], "server_ip": d["server_ip"]} for d in DIALERS[:2]]


@pytest.fixture
def followers(modules, cluster):
    """Two desk phones, a Linphone and a phone of unknown kind; a second dialer is new."""
    modules.server(1, opened=True)
    modules.server(2)
    modules.aliases(ENTRIES, serving=[FIRST])
    register(cluster, "101a", "102a", "103a", "104a")
    for alias, model in (("101x", "yealink"), ("102x", "snom"), ("103x", "linphone")):
        cluster.run(
            "INSERT INTO evenfloor_phone_tokens (alias_id, token_hash, model) VALUES (%s, %s, %s)",
            (alias, alias, model),
        )

    def look(**arguments) -> dict:
        return modules.run(
            "followers_info", phone_aliases=ENTRIES, dialers=NAMED, ready=NAMED, **arguments
        )

    return look


def test_those_that_follow_are_awaited_and_told_where_they_are_registered(followers, cluster):
    found = followers()
    assert [(one["alias"], one["model"], one["dialers"]) for one in found["awaited"]] == [
        ("101x", "yealink", ["dialer2"]),
        ("102x", "snom", ["dialer2"]),
    ]
    assert [one["alias"] for one in found["others"]] == ["103x"]
    (wave,) = found["waves"]
    assert (wave["dialer"], wave["extensions"]) == ("dialer1", ["101", "102"])
    register(cluster, "101b")
    assert [one["alias"] for one in followers()["awaited"]] == ["102x"]
    assert followers(following=["linphone"])["awaited"][0]["alias"] == "103x"


def test_in_check_mode_it_is_known_before_the_phones_are_there(followers, cluster):
    cluster.run("DELETE FROM phones WHERE server_ip = %s", (SECOND,))
    assert [one["alias"] for one in followers(check=True)["awaited"]] == ["101x", "102x"]


def test_a_dialer_that_is_open_waits_for_nobody(followers, modules):
    modules.server(2, opened=True)
    assert followers()["awaited"] == followers()["others"] == []


def test_phones_that_fetch_their_accounts_do_not_keep_a_dialer_closed(followers, modules):
    """Only those that Ansible registers, or somebody by hand, are waited for without an end."""
    assert modules.info(server_ips=[SECOND])["awaited"] == ["104b"]
    assert modules.info(server_ips=[SECOND], managed_extensions=["101"])["awaited"] == [
        "101b",
        "104b",
    ]


def wait_for_them(option_file, timeout: int, *options: str) -> subprocess.Popen:
    """Start the action, as a playbook does."""
    given = {
        "database": DATABASE, "config_file": str(option_file), "cluster_flavor": "plain",
        "phone_aliases": ENTRIES, "dialers": NAMED, "ready": NAMED, "timeout": timeout,
    }  # fmt: skip
    return subprocess.Popen(
        [
            Path(sys.executable).with_name("ansible"),
            *("localhost", "-m", "evenfloor.cluster.followers_info", "-a", json.dumps(given)),
            *("-e", f"ansible_python_interpreter={sys.executable}", *options),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_wait_says_how_many_are_left_and_ends_when_all_are_there(
    followers, option_file, cluster
):
    waiting = wait_for_them(option_file, 3 * PATIENCE)
    timer = threading.Timer(4 * PATIENCE, waiting.kill)
    timer.start()
    seen = ""
    for line in waiting.stdout:
        seen += line
        if "2 not registered" in line:
            register(cluster, "101b", "102b")
    timer.cancel()
    assert waiting.wait() == 0, seen
    assert "phones: 2 not registered after " in seen
    assert '"awaited": []' in seen and "103x" in seen


def test_those_that_are_not_there_in_time_are_named_and_nothing_fails(
    followers, option_file, cluster
):
    register(cluster, "102b")
    waiting = wait_for_them(option_file, 1)
    text, _errors = waiting.communicate(timeout=4 * PATIENCE)
    assert waiting.returncode == 0, text
    assert re.search(r"not registered after \d+ s: 101x \(yealink\)", " ".join(text.split()))
