"""Lines of our own in a PHP file of somebody else's."""

import shutil
import subprocess

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.hook import (
    BEGIN,
    with_lines,
    without_lines,
)
from hypothesis import given
from hypothesis import strategies as st

LINES = b"$ours = 1;"
FILES = [
    b"",
    b"<?php\n$a = 1;\n",
    b"<?php\n$a = 1;",
    b"<?php\n$a = 1;\n?>",
    b"<?php\n$a = 1;\n?>\n",
    b"<?php $a = 1; ?>\n\n",
    b"<?php $a = 1; ?>\n<?php $b = '\xe9\xff';\n",
    b"<?php # options\r\n$a = 1;\r\n",
]


@pytest.mark.parametrize("content", FILES)
def test_the_lines_go_as_they_came(content):
    changed = with_lines(content, LINES)
    assert LINES in changed
    assert without_lines(changed) == content


@pytest.mark.parametrize("content", FILES)
def test_the_lines_are_there_once_and_follow_what_is_wanted(content):
    once = with_lines(content, LINES)
    assert with_lines(once, LINES) == once
    other = with_lines(once, b"$theirs = 2;\n")
    assert LINES not in other
    assert other.count(BEGIN) == 1
    assert without_lines(other) == content


@given(st.lists(st.sampled_from([b"<?php\n", b"?>", b"\n", b"$a = 1;", b"\xff", b"text"])))
def test_whatever_is_in_the_file_comes_back(parts):
    content = b"".join(parts)
    assert without_lines(with_lines(content, LINES)) == content


def test_what_an_operator_adds_behind_the_lines_stays():
    changed = with_lines(b"<?php\n$a = 1;\n", LINES) + b"$b = 2;\n"
    assert with_lines(changed, LINES).count(BEGIN) == 1
    assert without_lines(changed) == b"<?php\n$a = 1;\n$b = 2;\n"


@pytest.mark.skipif(shutil.which("php") is None, reason="the scenario vicidial has PHP")
@pytest.mark.parametrize("content", FILES)
def test_php_runs_the_lines_and_sends_nothing_more_to_the_browser(content, tmp_path):
    def output(text):
        (tmp_path / "options.php").write_bytes(text)
        page = f"chdir('{tmp_path}'); $ours = 0; include 'options.php'; fwrite(STDERR, $ours);"
        return subprocess.run(["php", "-r", page], capture_output=True, check=True)

    before, after = output(content), output(with_lines(content, LINES))
    assert (before.stdout, before.stderr) == (after.stdout, b"0")
    assert after.stderr == b"1"
