"""The command `evenfloor` on a real database: what it prints and its exit status."""

import io
import json
import re

import pytest

from evenfloor.cli import DONE, REFUSED, UNREACHABLE, USAGE, main
from tests.integration.conftest import DATABASE

WHO = ["--user", "agent7", "--campaign", "TEST"]


@pytest.fixture
def run(server, cluster, tmp_path, monkeypatch, capsys):
    """Run the command with a password on its standard input."""
    cluster.add_even_floor(dialers=3, aliases=3)
    config = tmp_path / "evenfloor.ini"
    config.write_text(
        f"[database]\nunix_socket = {server.socket}\nname = {DATABASE}\nuser = root\n"
    )
    monkeypatch.setenv("EVENFLOOR_CONFIG", str(config))

    def run(*words: str, password: str = "secret\n") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(password))
        status = main(list(words))
        return status, *capsys.readouterr()

    return run


def test_a_login_the_floor_and_a_logout(run):
    status, said, errors = run("login", "1001x", *WHO)
    assert (status, errors) == (DONE, "")
    assert re.fullmatch(r"1001d3 on 10\.1\.0\.3 rings, room 8600\d{3}\n", said)
    status, table, _errors = run("floor")
    assert status == DONE
    assert table.count("takes logins") == 3 and "█" in table and "spread 1" in table
    assert run("logout", "--user", "agent7") == (DONE, "agent7: 1 session(s) ended\n", "")
    assert json.loads(run("floor", "--json")[1])["spread"] == 0


@pytest.mark.parametrize("line", ["secret", "secret\n", "secret\r\n"])
def test_the_password_is_a_line(run, line):
    assert run("choose", "1001x", password=line)[:2] == (
        DONE, "1001d3 on 10.1.0.3: fewest local agents\n",
    )  # fmt: skip


def test_explain_shows_every_dialer_without_a_password(run, cluster):
    cluster.run("UPDATE servers SET active = 'N' WHERE server_ip = '10.1.0.3'")
    status, table, _errors = run("explain", "1001x", password="")
    assert status == DONE
    assert "1001d2 would win: fewest local agents" in table
    assert "the dialer is not active" in table


def test_weights_are_shown_where_a_dialer_has_one(run, cluster):
    assert "weight" not in run("floor")[1] + run("explain", "1001x")[1]
    cluster.run("INSERT INTO evenfloor_weights VALUES ('10.1.0.3', 2.5)")
    assert run("login", "1001x", *WHO)[0] == DONE
    table = run("floor")[1]
    heading, first, *_others, third, _bar, last = table.splitlines()
    assert heading.split()[2:5] == ["local", "weight", "share"]
    assert (first.split()[2:5], third.split()[2:5]) == (["0", "1", "0"], ["1", "2.5", "0.4"])
    assert last == "spread 0.4 shares (local agents ÷ weight)"
    shown = json.loads(run("floor", "--json")[1])
    assert (shown["spread"], shown["dialers"][2]["weight"]) == (0.4, 2.5)
    table = run("explain", "1001x")[1]
    assert "weight 2.5" in table and "fewest local agents for its weight" in table


def test_the_exit_status_says_what_became_of_it(run, server):
    status, printed, errors = run("login", "1001x", *WHO, password="wrong\n")
    assert (status, printed) == (REFUSED, "") and "bad_credentials" in errors
    assert run("login", "1001x", "--user", "x" * 21, "--campaign", "TEST")[0] == USAGE
    status, printed, errors = run("floor", "--config", "/nowhere")
    assert (status, printed) == (USAGE, "") and "can't be read" in errors
    server.stop()
    try:
        status, printed, errors = run("floor")
        assert (status, printed) == (UNREACHABLE, "") and "database_unreachable" in errors
    finally:
        server.start()
