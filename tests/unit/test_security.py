"""docs/security.md: whatever a promise is shown by is there."""

import re
from pathlib import Path

from evenfloor.refusals import refusal_line

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
TESTS = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("molecule/*/tests/test_*.py")]


def test_every_test_that_is_named_is_there():
    there = {name for file in TESTS for name in re.findall(r"def (test_\w+)", file.read_text())}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 20
    assert named - there == set()


def test_every_file_that_is_named_is_there():
    there = {str(file.relative_to(ROOT)) for file in TESTS}
    named = set(re.findall(r"`([\w/]*test_\w+\.py)`", PAGE))
    assert len(named) > 5
    assert [name for name in named if not any(path.endswith(name) for path in there)] == []


def test_every_promise_names_what_shows_it():
    rows = re.findall(r"^\|.*\|$", PAGE.partition("## What is protected")[2], re.MULTILINE)
    promises = [row for row in rows if row.startswith(("| ", "|")) and "---" not in row]
    shown = [row for row in promises if row.split("|")[-2].strip() not in ("shown by", "")]
    assert len(shown) > 25
    assert [row for row in shown if "test" not in row.split("|")[-2]] == []


def test_nobody_types_the_address_that_fail2ban_bans():
    shown = re.search(r"^failregex = (.+)$", PAGE, re.MULTILINE)[1]
    pattern = re.compile(shown.replace("<HOST>", r"(?P<host>\S+)"))
    typed = "refused: address=10.9.9.9 reason=bad_credentials request="
    for reason, found in [("bad_credentials", "10.9.0.66"), ("malformed", None)]:
        line = refusal_line("10.9.0.66", reason, ("POST", f"/{typed}"), typed)
        match = pattern.search(f"login1 gunicorn[7]: {line}")
        assert (match and match["host"]) == found
