"""The built collection, installed into an empty folder, serves an operator's own repository."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
EXAMPLE = ROOT / "docs/examples/own-repository"
#: What an operator types as `ansible-playbook evenfloor.cluster.VERB`.
VERBS = [
    "add_dialer",
    "adopt",
    "aliases",
    "check",
    "credentials",
    "drain_dialer",
    "remove_dialer",
    "site",
    "status",
    "unadopt",
]
#: What a clone has and an operator doesn't need.
NOT_SHIPPED = {".cache", ".ci", ".git", ".venv", "bench", "lab", "molecule", "tests"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Build the collection."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(
        [BIN / "ansible-galaxy", "collection", "build", ROOT, "--output-path", folder],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("evenfloor-cluster-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def repository(archive, tmp_path_factory):
    """Copy the example of an operator's repository, with the collection installed in it."""
    folder = tmp_path_factory.mktemp("operator") / "repository"
    shutil.copytree(EXAMPLE, folder)
    ansible(
        folder, "ansible-galaxy", "collection", "install", archive, "-p", "collections", "--no-deps",
        "--offline",
    )  # fmt: skip
    return folder


def ansible(folder: Path, command: str, *words) -> str:
    """Run one of Ansible's commands in a repository as its operator would; return its output."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    done = subprocess.run(
        [BIN / command, *words],
        cwd=folder,
        env={**known, "ANSIBLE_COLLECTIONS_PATH": "collections", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_only_what_an_operator_needs_is_shipped(archive):
    with tarfile.open(archive) as file:
        names = file.getnames()
    assert NOT_SHIPPED & {name.partition("/")[0] for name in names} == set()
    assert "roles/lab_hosts" not in names
    assert {"plugins/balancer/pyproject.toml", "playbooks/site.yml", "meta/runtime.yml"} <= set(
        names
    )


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
    listed = ansible(
        repository, "ansible-playbook", "-i", "inventory", f"evenfloor.cluster.{verb}", "--list-tasks"
    )  # fmt: skip
    assert "play #1" in listed


def test_the_documentation_of_a_module_is_shown(repository):
    shown = ansible(repository, "ansible-doc", "-t", "module", "evenfloor.cluster.aliases")
    assert "phone_aliases" in shown and "logins list" in " ".join(shown.split()).lower()
