"""The module secret: made once on the host, readable for the right ones, never shown."""

import grp
import json
import stat

import pytest

from tests.modules import Runner


class Secrets(Runner):
    """Runs secret with a file of the test's folder."""

    def __init__(self, folder):
        super().__init__(path=str(folder / "new.secret"))
        self.file = folder / "new.secret"
        self.former = folder / "former.ini"

    def secret(self, check=False, **arguments) -> dict:
        """Run the module."""
        return self.run("secret", check, **arguments)

    def access(self) -> tuple[str, int]:
        """Return the group and the mode of the file."""
        there = self.file.stat()
        return grp.getgrgid(there.st_gid).gr_name, stat.S_IMODE(there.st_mode)

    def kept_before(self, text: str) -> dict:
        """Write what an earlier release kept; returns where it is."""
        self.former.write_text(text)
        return {"path": str(self.former), "section": "database", "key": "password"}


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path)


def test_a_secret_is_made_once_and_returned_again(secrets):
    made = secrets.secret()
    assert made["changed"]
    assert len(made["secret"]) == 32
    assert made["secret"].isalnum() and made["secret"].isascii()
    assert secrets.file.read_text() == made["secret"] + "\n"
    again = secrets.secret()
    assert (again["changed"], again["secret"]) == (False, made["secret"])


def test_no_two_secrets_are_the_same_and_each_is_as_long_as_asked_for(secrets):
    first = secrets.secret(length=12)["secret"]
    secrets.file.unlink()
    second = secrets.secret(length=12)["secret"]
    assert first != second
    assert len(first) == len(second) == 12


@pytest.mark.parametrize(
    ("arguments", "access"),
    [
        ({}, ("root", 0o600)),
        ({"group": "daemon"}, ("daemon", 0o640)),
        ({"group": "daemon", "mode": "0440"}, ("daemon", 0o440)),
        ({"mode": 0o400}, ("root", 0o400)),
    ],
)
def test_only_the_right_ones_can_read_it(secrets, arguments, access):
    secrets.secret(**arguments)
    assert secrets.access() == access
    assert not secrets.secret(**arguments)["changed"]


def test_a_file_that_the_wrong_ones_can_read_is_corrected(secrets):
    secrets.file.write_text("kept\n")
    secrets.file.chmod(0o644)
    assert secrets.secret(check=True, group="daemon")["changed"]
    assert secrets.access() == ("root", 0o644)
    corrected = secrets.secret(group="daemon")
    assert (corrected["changed"], corrected["secret"]) == (True, "kept")
    assert secrets.access() == ("daemon", 0o640)


def test_check_mode_returns_a_secret_and_writes_nothing(secrets):
    checked = secrets.secret(check=True)
    assert checked["changed"]
    assert len(checked["secret"]) == 32
    assert not secrets.file.exists()


def test_check_mode_goes_on_where_the_group_is_not_there_yet(secrets):
    assert secrets.secret(check=True, group="not_made_yet")["changed"]
    assert "there is no group 'not_made_yet'" in secrets.fail("secret", group="not_made_yet")


def test_what_an_earlier_release_kept_is_taken_over(secrets):
    former = secrets.kept_before("; managed\n[database]\nhost = db\npassword = old%secret\n")
    taken = secrets.secret(former=former)
    assert (taken["changed"], taken["secret"]) == (True, "old%secret")
    assert secrets.file.read_text() == "old%secret\n"
    secrets.kept_before("[database]\npassword = another\n")
    again = secrets.secret(former=former)
    assert (again["changed"], again["secret"]) == (False, "old%secret")


@pytest.mark.parametrize("text", ["[database]\nhost = db\n", "[other]\npassword = x\n", ""])
def test_a_former_file_without_the_secret_leaves_a_new_one_to_be_made(secrets, text):
    assert len(secrets.secret(former=secrets.kept_before(text))["secret"]) == 32


def test_a_former_file_that_is_gone_leaves_a_new_one_to_be_made(secrets):
    former = secrets.kept_before("")
    secrets.former.unlink()
    assert len(secrets.secret(former=former)["secret"]) == 32


def test_a_former_file_that_is_no_ini_file_is_named_and_not_shown(secrets):
    message = secrets.fail("secret", former=secrets.kept_before("password = hushhush\n"))
    assert str(secrets.former) in message
    assert "can't be read as an INI file" in message
    assert "hushhush" not in secrets.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe\x00", "can't be read as text"),
        (b"hushhush\nmore\n", "more than one word"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_stays_as_it_is(secrets, content, words):
    secrets.file.write_bytes(content)
    message = secrets.fail("secret")
    assert str(secrets.file) in message
    assert words in message
    assert "hushhush" not in secrets.output
    assert secrets.file.read_bytes() == content


def test_a_folder_that_is_not_there_is_named_and_nothing_is_left_behind(secrets, tmp_path):
    message = secrets.fail("secret", path=str(tmp_path / "none" / "file"))
    assert f"{tmp_path}/none/file can't be written" in message
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_written_whole_or_not_at_all(secrets, tmp_path):
    """A folder in its place can't be replaced: what was begun is gone again."""
    secrets.file.mkdir()
    assert str(secrets.file) in secrets.fail("secret")
    secrets.file.rmdir()
    secrets.secret()
    assert list(tmp_path.iterdir()) == [secrets.file]


def test_the_secret_is_nowhere_in_the_result_but_in_its_place(secrets):
    made = secrets.secret()
    shown = json.loads(secrets.output)
    assert shown.pop("secret") == made["secret"]
    assert made["secret"] not in json.dumps(shown)
