"""The playbooks' first step, run by Ansible with the installed collection: nothing is reached."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.collection import BIN, build, make_repository

VALIDATE = "collections/ansible_collections/evenfloor/cluster/playbooks/parts/validate.yml"
#: As somebody types it, without quotes where there have to be some.
MISTAKES = """\
database: {hosts: {db1: {ansible_host: db.example.org}}}
login: {hosts: {login1: {ansible_host: 10.0.0.20, balancer_workers: 0}}}
dialers: {hosts: {dialer1: {server_ip: 10.0.0.31, max_agents: yes}}}
all:
  vars:
    balancer_prot: 80
    phone_aliases:
      - extensions: 0101
      - {extensions: "201", suffix: yes}
      - {extensions: "301", login_password: 0123}
    campaigns: [{id: SALES, grouping: CASCADE}]
"""
SAID = [
    "db1: ansible_host 'db.example.org' is not an IPv4 address",
    "login1: balancer_workers '0' is out of bounds; write a number, 1 to 1000",
    "dialer1: max_agents 'True' is not a whole number",
    "'balancer_prot' is a variable that no role knows; is it balancer_port?",
    "extensions 65: extensions '65' is a number",
    "extensions 201: suffix 'True' is not a text",
    "extensions 301: login_password is a number",
    "campaigns, id SALES: grouping 'CASCADE' is none of DISABLED, ONE_SERVER_ONLY, CASCADING",
]
#: Values that are templates: of other variables, of what only a role knows, of a host's facts.
TEMPLATES = """\
database: {hosts: {db1: {ansible_host: "10.{{ net }}.10"}}}
login:
  hosts:
    login1:
      ansible_host: "10.{{ net }}.20"
      balancer_workers: "{{ ansible_facts.processor_vcpus * 2 }}"
      balancer_build_folder: "{{ role_path }}/build"
      balancer_hook: "{{ false }}"
      drain_timeout: "{{ 60 * 60 }}"
dialers: {hosts: {dialer1: {server_ip: "10.{{ net }}.31"}}}
seats: {hosts: {seat1: {softphone_extensions: ["{{ first }}-{{ first + 9 }}"]}}}
all:
  vars:
    net: "0.0"
    first: 101
    kept: {password: given-once}
    phone_aliases:
      - extensions: "{{ first }}-{{ first + 9 }}"
        login_password: "{{ kept.password }}"
        registration_password: !vault |
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validated")
    return make_repository(build(folder), folder / "repository")


def run(folder: Path, *words: str, command="ansible-playbook") -> subprocess.CompletedProcess:
    known = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    return subprocess.run(
        [BIN / command, *words],
        cwd=folder,
        env={**known, "ANSIBLE_COLLECTIONS_PATH": "collections", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_mistakes_are_all_named_before_a_host_is_reached(repository, words):
    (repository / "wrong.yml").write_text(MISTAKES)
    done = run(repository, "-i", "wrong.yml", "evenfloor.cluster.site", *words)
    assert done.returncode != 0
    shown = done.stdout.replace('\\"', '"') + done.stderr
    assert [sentence for sentence in SAID if sentence not in shown] == []
    assert "83" not in shown.partition("PLAY RECAP")[0]
    assert "UNREACHABLE" not in shown


def test_templates_are_judged_by_what_they_give_and_left_alone_where_they_need_facts(repository):
    (repository / "vault").write_text("secret\n")
    vault = ["--vault-password-file", "vault"]
    hidden = run(
        repository, "encrypt_string", *vault, "spoken-once", command="ansible-vault"
    ).stdout.splitlines()[1:]
    text = TEMPLATES + "".join(f"          {line.strip()}\n" for line in hidden)
    (repository / "right.yml").write_text(text)
    done = run(repository, "-i", "right.yml", VALIDATE, *vault)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    done = run(repository, "-i", "right.yml", VALIDATE, *vault, "-e", "first=103-101")
    assert done.returncode != 0


def test_a_value_of_the_command_line_is_a_text_and_accepted(repository):
    words = ["-i", "inventory", VALIDATE, "-e", "drain_timeout=3", "-e", "balancer_hook=false"]
    assert run(repository, *words).returncode == 0
    done = run(repository, *words, "-e", "drain_timeout=soon")
    assert "drain_timeout 'soon' is not a whole number" in done.stdout + done.stderr
