"""The collection as an operator has it: built, and installed beside an inventory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
#: An operator's repository, shown in the documents.
EXAMPLE = ROOT / "docs/examples/own-repository"


def build(folder: Path) -> Path:
    """Build the collection; returns the archive."""
    subprocess.run(
        [BIN / "ansible-galaxy", "collection", "build", ROOT, "--output-path", folder],
        check=True,
        capture_output=True,
    )
    (archive,) = folder.glob("evenfloor-cluster-*.tar.gz")
    return archive


def make_repository(archive: Path, folder: Path) -> Path:
    """Copy the example of an operator's repository and install the collection into it.

    Args:
        archive: what :func:`build` returned.
        folder: the repository, which must not exist yet.

    Returns:
        The repository.
    """
    shutil.copytree(EXAMPLE, folder)
    shutil.copy(archive, folder)
    ansible(
        folder, "ansible-galaxy", "collection", "install", "-r", "requirements.yml",
        "-p", "collections", "--no-deps", "--offline",
    )  # fmt: skip
    return folder


def ansible(folder: Path, command: str, *words) -> str:
    """Run one of Ansible's commands in a repository as its operator would.

    Returns:
        What it printed.

    Raises:
        AssertionError: it failed.
    """
    known = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    done = subprocess.run(
        [BIN / command, *words],
        cwd=folder,
        env={**known, "ANSIBLE_COLLECTIONS_PATH": "collections", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout
