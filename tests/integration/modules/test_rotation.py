"""A host's password changes in steps, and at each of them the host gets in."""

import json
import os
import re

import pymysql
import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import database_users
from ansible_collections.evenfloor.cluster.plugins.module_utils.passwords import password_hash

from evenfloor.config import load
from tests.integration.conftest import DATABASE
from tests.integration.rotation import ADDRESS, FIRST_PASSWORD, USER, Host

STEPS = 5


@pytest.fixture
def host(cluster, server, tmp_path):
    cluster.run(f"DROP USER IF EXISTS {USER}@'{ADDRESS}'")
    made = Host(server, tmp_path)
    made.site()
    yield made
    cluster.run(f"DROP USER {USER}@'{ADDRESS}'")


def test_a_rotation_ends_with_a_new_password_alone(host):
    host.rotate()
    new = host.in_use()
    assert new != FIRST_PASSWORD and len(new) == 32
    assert host.secret.read_text() == f"{new}\n"
    assert host.lets_in(new) and not host.lets_in(FIRST_PASSWORD)
    assert not host.following.exists()
    assert load(str(host.config)).database.password == new


def test_both_passwords_work_until_the_old_one_is_taken_away(host):
    begin, add, use, only, _end = host.steps()
    begin()
    new = host.following.read_text().strip()
    assert host.lets_in(FIRST_PASSWORD) and not host.lets_in(new)
    for step in (add, use):
        step()
        assert host.lets_in(FIRST_PASSWORD) and host.lets_in(new)
    only()
    assert not host.lets_in(FIRST_PASSWORD) and host.lets_in(new)


@pytest.mark.parametrize("site_between", [False, True])
@pytest.mark.parametrize("done", range(STEPS + 1))
def test_a_rotation_killed_after_any_step_is_finished_by_the_next(host, done, site_between):
    for step in host.steps()[:done]:
        step()
        assert host.lets_in(host.in_use())
    begun = host.following.read_text().strip() if host.following.exists() else None
    if site_between:
        host.site()
        assert host.lets_in(host.in_use())
    for step in host.steps():
        step()
        assert host.lets_in(host.in_use())
    # What was begun is what is in use; a finished one is followed by another.
    assert begun in (None, host.in_use())
    assert not host.following.exists() and not host.lets_in(FIRST_PASSWORD)
    assert not host.site()["changed"]


def test_site_leaves_both_passwords_alone_while_a_host_changes_over(host):
    for step in host.steps()[:3]:
        step()
    assert not host.site()["changed"]
    assert host.lets_in(FIRST_PASSWORD) and host.lets_in(host.in_use())


def test_a_second_rotation_makes_another_password(host):
    host.rotate()
    first = host.in_use()
    host.rotate()
    assert host.in_use() != first and not host.lets_in(first)


def test_two_runs_at_once_work_with_one_password(host):
    assert len({host.step("begin")["password_hash"] for _run in range(2)}) == 1
    processes = [host.files.start("secret_rotation", step="begin") for _run in range(4)]
    assert len({host.files.finish(process)["password_hash"] for process in processes}) == 1


def test_files_keep_their_owners_and_modes(host):
    os.chown(host.config, 1, 2)
    host.rotate()
    assert (host.config.stat().st_uid, host.config.stat().st_gid) == (1, 2)
    assert host.secret.stat().st_mode & 0o777 == 0o600
    assert host.config.stat().st_mode & 0o777 == 0o640
    host.step("begin")
    assert host.following.stat().st_mode & 0o777 == 0o600


def test_a_check_changes_nothing(host):
    before = (host.secret.read_text(), host.config.read_text())
    assert host.step("begin", check=True)["changed"]
    for step in ("use", "end"):
        assert not host.step(step, check=True)["changed"]
    host.database.run("database_user", check=True, password="other", update="only")
    assert (host.secret.read_text(), host.config.read_text()) == before
    assert not host.following.exists() and host.lets_in(FIRST_PASSWORD)


def test_neither_password_nor_hash_is_in_a_log_of_statements_or_an_output(host, cluster):
    cluster.run("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON")
    try:
        host.rotate()
        rows = cluster.run("SELECT argument FROM mysql.general_log")
        log = "\n".join(map(str, rows))
    finally:
        cluster.run("SET GLOBAL general_log = OFF, GLOBAL log_output = 'FILE'")
        cluster.run("TRUNCATE mysql.general_log")
    assert "ALTER USER" in log
    assert host.in_use() not in log and FIRST_PASSWORD not in log
    shown = json.loads(host.files.output)
    assert host.in_use() not in json.dumps(shown)
    assert not re.search(r"\*[0-9A-F]{40}", host.database.output)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[database]\nhost = db\n", "has 0 lines 'password = …'"),
        ("password = a\npassword = b\n", "has 2 lines 'password = …'"),
    ],
)
def test_a_file_without_the_password_is_named_before_anything_is_made(host, content, words):
    host.config.write_text(content)
    message = host.files.fail("secret_rotation", step="begin")
    assert words in message and str(host.config) in message
    assert not host.following.exists()


def test_a_host_without_a_secret_is_told_to_run_site_first(host):
    host.secret.unlink()
    assert "run site.yml first" in host.files.fail("secret_rotation", step="check")


def test_a_host_whose_user_the_database_lacks_keeps_its_password(host, cluster):
    host.step("begin")
    message = host.database.fail(
        "database_user", address="10.9.9.9", password="x", update="add"
    )  # fmt: skip
    assert f"the database has no user {USER}@10.9.9.9; run site.yml first" in message
    assert host.in_use() == FIRST_PASSWORD and host.lets_in(FIRST_PASSWORD)


def test_a_rotation_that_is_not_in_use_everywhere_does_not_end(host):
    host.step("begin")
    assert "isn't in use everywhere" in host.files.fail("secret_rotation", step="end")


def test_a_server_with_one_password_for_each_user_changes_at_once(host, cluster):
    """What MariaDB before 10.4 is asked, which newer ones understand too."""
    user = database_users.User(USER, ADDRESS)
    with pymysql.connect(**host.server.root, database=DATABASE) as connection:
        cursor = connection.cursor()
        there = database_users.read_hashes(cursor, user, several=False)
        assert there == [password_hash(FIRST_PASSWORD)]
        hashes = database_users.wanted_hashes(there, password_hash("other"), "add")
        database_users.write_hashes(cursor, user, hashes, several=False)
        assert database_users.read_hashes(cursor, user, several=False) == hashes[:1]
    assert host.lets_in("other") and not host.lets_in(FIRST_PASSWORD)


def test_beside_vicidial_only_evenfloors_own_users_go(vicidial):
    vicidial.adopt()
    users = ["evenfloor_choose@'10.0.0.40'", "evenfloor_choose@'10.0.0.41'", "cron@'10.0.0.41'"]
    for user in users:
        vicidial.sql(f"CREATE OR REPLACE USER {user} IDENTIFIED BY 'x'")
    try:
        done = vicidial.modules.run(
            "stale_database_users",
            addresses={"evenfloor_choose": ["10.0.0.40"]},
            login_unix_socket=vicidial.socket,
        )
        assert done["dropped"] == ["evenfloor_choose@10.0.0.41"]
        names = "SELECT user, host FROM mysql.user WHERE user IN ('cron', 'evenfloor_choose')"
        assert set(vicidial.sql(names)) == {
            ("cron", "10.0.0.41"),
            ("evenfloor_choose", "10.0.0.40"),
        }
        assert vicidial.sql("SELECT 1 FROM mysql.user WHERE user = 'evenfloor_provision'")
    finally:
        vicidial.sql(f"DROP USER IF EXISTS {', '.join(users)}")
