"""The built collection, installed into an empty folder, serves an operator's own repository."""

import tarfile

import pytest

from tests.collection import EXAMPLE, ansible, build, make_repository

#: What an operator types as `ansible-playbook evenfloor.cluster.VERB`.
VERBS = [
    "add_dialer",
    "adopt",
    "aliases",
    "check",
    "credentials",
    "drain_dialer",
    "remove_dialer",
    "renumber_dialer",
    "site",
    "status",
    "unadopt",
]
#: What a clone has and an operator doesn't need.
NOT_SHIPPED = {".cache", ".ci", ".git", ".venv", "bench", "lab", "molecule", "tests"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def repository(archive, tmp_path_factory):
    return make_repository(archive, tmp_path_factory.mktemp("operator") / "repository")


def test_only_what_an_operator_needs_is_shipped(archive):
    with tarfile.open(archive) as file:
        names = set(file.getnames())
    assert NOT_SHIPPED & {name.partition("/")[0] for name in names} == set()
    assert "roles/lab_hosts" not in names
    assert {"plugins/balancer/pyproject.toml", "playbooks/site.yml", "meta/runtime.yml"} <= names


def test_the_example_repository_is_four_files():
    files = sorted(str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file())
    assert files == [
        "inventory/group_vars/all.yml",
        "inventory/group_vars/dialers.yml",
        "inventory/hosts.yml",
        "requirements.yml",
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_playbook_of_the_collection(repository, verb):
    playbook = f"evenfloor.cluster.{verb}"
    listed = ansible(repository, "ansible-playbook", "-i", "inventory", playbook, "--list-tasks")
    assert "play #1" in listed


def test_the_documentation_of_a_module_is_shown(repository):
    shown = ansible(repository, "ansible-doc", "-t", "module", "evenfloor.cluster.aliases")
    assert "phone_aliases" in shown and "logins list" in " ".join(shown.split()).lower()
