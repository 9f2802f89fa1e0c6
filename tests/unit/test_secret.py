"""A secret in a file: read back as it was written, whole or not at all, for the right ones only."""

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import passwords, secret
from hypothesis import given
from hypothesis import strategies as st

GROUP = os.getgid()
LENGTHS = st.integers(1, 200)


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept.secret"


@given(LENGTHS)
def test_a_new_secret_is_letters_and_digits_of_the_length_that_was_asked_for(length):
    made = passwords.new_secret(length)
    assert len(made) == length
    assert made.isascii() and made.isalnum()


def test_a_login_password_has_nothing_that_is_easily_mistaken():
    made = "".join(passwords.new_login_password() for _ in range(200))
    assert not set(made) & set("l1o0i")
    assert made.islower()


@given(LENGTHS)
def test_a_secret_is_read_as_it_was_written(tmp_path_factory, length):
    file = tmp_path_factory.mktemp("secrets") / "kept.secret"
    made = passwords.new_secret(length)
    secret.write_secret(str(file), made, GROUP, 0o600)
    assert secret.read_secret(str(file)) == made


def test_a_file_that_is_not_there_holds_no_secret(file):
    assert secret.read_secret(str(file)) is None
    assert secret.read_former_secret(str(file), "database", "password") is None


def test_a_secret_that_is_replaced_gets_the_new_mode_and_leaves_nothing_behind(file):
    secret.write_secret(str(file), "first", GROUP, 0o640)
    secret.write_secret(str(file), "second", GROUP, 0o600)
    assert (file.read_text(), mode_of(file)) == ("second\n", 0o600)
    assert list(file.parent.iterdir()) == [file]


def test_what_cannot_be_written_leaves_the_old_secret(file, monkeypatch):
    secret.write_secret(str(file), "first", GROUP, 0o600)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(secret.os, "fsync", full)
    with pytest.raises(ValueError, match="kept.secret can't be written: No space left") as error:
        secret.write_secret(str(file), "second", GROUP, 0o600)
    assert "second" not in str(error.value)
    assert file.read_text() == "first\n"
    assert list(file.parent.iterdir()) == [file]


def test_access_that_differs_is_corrected_and_in_check_mode_only_reported(file):
    file.write_text("kept\n")
    file.chmod(0o644)
    assert secret.ensure_access(str(file), GROUP, 0o600, check=True)
    assert mode_of(file) == 0o644
    assert secret.ensure_access(str(file), GROUP, 0o600)
    assert mode_of(file) == 0o600
    assert not secret.ensure_access(str(file), GROUP, 0o600)


def test_while_access_is_corrected_nobody_gets_more_than_before_or_after(file, monkeypatch):
    file.write_text("kept\n")
    file.chmod(0o604)
    seen = []
    monkeypatch.setattr(secret.os, "chown", lambda *_: seen.append(mode_of(file)))
    secret.ensure_access(str(file), GROUP, 0o640)
    assert seen == [0o600]
    assert mode_of(file) == 0o640


@pytest.mark.parametrize("value", ["", "password", "password ="])
def test_an_ini_key_without_a_value_is_no_former_secret(file, value):
    file.write_text(f"[database]\n{value}\n")
    assert secret.read_former_secret(str(file), "database", "password") is None


def test_a_setting_is_written_and_the_rest_stays(tmp_path):
    file = tmp_path / "file.ini"
    file.write_text("; password = no\n[a]\nuser = u\npassword = old\n\n[b]\nx = 1\n")
    assert secret.read_setting(file, "password") == "old"
    assert secret.write_setting(file, "password", "new") and not secret.write_setting(
        file, "password", "new"
    )
    assert file.read_text() == "; password = no\n[a]\nuser = u\npassword = new\n\n[b]\nx = 1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_the_next_secret_is_made_once(tmp_path):
    file = tmp_path / "secret"
    file.write_text("old\n")
    file.chmod(0o640)
    assert secret.stage_next(file, "first") == "first"
    assert secret.stage_next(file, "second") == "first"
    assert file.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "secret.next"]
    assert (tmp_path / "secret.next").stat().st_mode & 0o777 == 0o640
