"""What the lab keeps of modules that Python compiles from zip files."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "roles/lab_hosts/files/compiled_modules.py"


@pytest.fixture
def answers(tmp_path):
    """Return a function that imports a source from a zip file, and returns what it prints."""
    installed = tmp_path / "installed"
    (installed / "compiled_modules.cache").mkdir(parents=True)
    shutil.copy(FILE, installed)

    def run(source):
        archive = tmp_path / "payload.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("inside.py", source)
        program = (
            f"import sys, compiled_modules; sys.path.insert(0, {str(archive)!r}); import inside"
        )
        environment = {"PYTHONPATH": str(installed)}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    run.cache = installed / "compiled_modules.cache"
    return run


def test_code_is_kept_and_used_again(answers):
    assert answers("print('first')") == "first\n"
    (kept,) = answers.cache.iterdir()
    before = kept.stat()
    assert answers("print('first')") == "first\n"
    assert list(answers.cache.iterdir()) == [kept]
    assert kept.stat().st_mtime_ns == before.st_mtime_ns


def test_another_source_is_compiled(answers):
    assert answers("print('first')") == "first\n"
    assert answers("print('other')") == "other\n"


@pytest.mark.parametrize("left", [b"", b"garbage", b"\xe3"])
def test_a_broken_file_is_replaced(answers, left):
    answers("print('first')")
    (kept,) = answers.cache.iterdir()
    good = kept.read_bytes()
    kept.write_bytes(left)
    assert answers("print('first')") == "first\n"
    assert kept.read_bytes() == good


def test_python_compiles_where_nothing_can_be_kept(answers):
    answers.cache.rmdir()
    assert answers("print('first')") == "first\n"
