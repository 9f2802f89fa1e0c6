"""The role rotation, and what site.yml does for a database user, on a real MariaDB."""

import pytest

from tests.integration.modules.floor import DIALERS, FIRST, SECOND, Modules, passwords
from tests.integration.play import Play, role
from tests.integration.rotation import ADDRESS, FIRST_PASSWORD, USER, Host

TABLES = {"servers": "SELECT (server_id, server_ip)", "evenfloor_dialers": "SELECT"}


@pytest.fixture
def play(server, tmp_path):
    return Play(server, tmp_path)


@pytest.fixture
def modules(cluster, server, tmp_path):
    options = tmp_path / "provisioning.cnf"
    options.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    return Modules(options)


@pytest.fixture
def host(cluster, server, tmp_path):
    yield Host(server, tmp_path)
    cluster.run(f"DROP USER IF EXISTS {USER}@'{ADDRESS}'")


@pytest.fixture
def tasks(host):
    """What site.yml does for a user, and the two halves of a rotation."""
    rotation = {
        "rotation_secret": str(host.secret),
        "rotation_files": [{"path": str(host.config), "key": "password"}],
        "rotation_user": USER,
        "rotation_user_address": ADDRESS,
    }
    user = role(
        "database", "user", database_user=USER, database_user_address=ADDRESS,
        database_user_password=FIRST_PASSWORD, database_user_tables=TABLES,
    )  # fmt: skip
    return user, role("rotation", "begin", **rotation), role("rotation", "end", **rotation)


def grants(cluster) -> str:
    return " ".join(row[0] for row in cluster.run(f"SHOW GRANTS FOR {USER}@'{ADDRESS}'"))


def test_a_user_gets_its_password_and_the_least_it_needs_and_a_second_run_changes_nothing(
    play, host, tasks, cluster
):
    user, _begin, _end = tasks
    assert "changed=0" not in play(user)
    assert host.lets_in(FIRST_PASSWORD)
    assert "server_id" in grants(cluster) and "INSERT" not in grants(cluster)
    assert "changed=0" in play(user)


def test_a_check_makes_no_user(play, tasks, cluster):
    user, _begin, _end = tasks
    play(user, words=["--check"])
    assert cluster.run(f"SELECT 1 FROM mysql.user WHERE user = '{USER}'") == ()


def test_a_host_changes_over_and_nothing_is_printed(play, host, tasks, cluster):
    user, begin, end = tasks
    shown = play(user) + play(begin)
    first_grants = grants(cluster)
    assert host.lets_in(FIRST_PASSWORD) and host.lets_in(host.in_use())
    new = host.in_use()
    assert new != FIRST_PASSWORD
    # What site.yml does meanwhile takes neither away.
    user["vars"]["database_user_password"] = new
    assert "changed=0" in play(user)
    resumed = play(begin, end)
    assert "a rotation that was interrupted goes on" in resumed
    assert host.in_use() == new and host.lets_in(new) and not host.lets_in(FIRST_PASSWORD)
    assert not [word for word in (FIRST_PASSWORD, new) if word in shown + resumed]
    assert grants(cluster).count("GRANT") == first_grants.count("GRANT")
    assert "changed=0" in play(user)


def test_files_that_another_run_has_written_meanwhile_end_no_password(play, host, tasks):
    user, begin, end = tasks
    play(user, begin)
    new = host.in_use()
    host.config.write_text(host.config.read_text().replace(new, FIRST_PASSWORD))
    shown = " ".join(play(end, fails=True).split())
    assert "another run has written" in shown and "Run this again" in shown
    assert host.lets_in(FIRST_PASSWORD) and host.lets_in(new)
    play(begin, end)
    assert host.in_use() == new and not host.lets_in(FIRST_PASSWORD)


def test_a_check_of_a_rotation_changes_nothing(play, host, tasks):
    user, begin, end = tasks
    play(user)
    play(begin, end, words=["--check"])
    assert host.in_use() == FIRST_PASSWORD and host.lets_in(FIRST_PASSWORD)
    assert not host.following.exists()
    # Neither where one was interrupted.
    host.step("begin")
    play(begin, end, words=["--check"])
    assert host.in_use() == FIRST_PASSWORD and host.following.exists()


def test_users_of_hosts_that_left_go_and_a_check_only_names_them(play, cluster):
    living, stale = f"evenfloor_login@'{ADDRESS}'", "evenfloor_login@'10.0.0.21'"
    for user in (living, stale):
        cluster.run(f"CREATE OR REPLACE USER {user} IDENTIFIED BY 'x'")

    def there():
        rows = cluster.run("SELECT host FROM mysql.user WHERE user = 'evenfloor_login'")
        return {row[0] for row in rows}

    addresses = "{{ hostvars | evenfloor.cluster.database_addresses(groups.database) }}"
    task = role(
        "database", "stale_users", database_user_addresses={"evenfloor_login": addresses}
    )  # fmt: skip
    try:
        assert "-evenfloor_login@10.0.0.21" in play(task, words=["--check"])
        assert there() == {ADDRESS, "10.0.0.21"}
        play(task)
        assert there() == {ADDRESS}
        assert "changed=0" in play(task)
        moved = role(
            "database", "stale_users", database_user_addresses={"evenfloor_login": ["10.0.0.9"]}
        )  # fmt: skip
        shown = " ".join(play(moved).split())
        assert f"No host of the inventory has evenfloor_login@{ADDRESS}" in shown
        assert there() == {ADDRESS}
    finally:
        cluster.run(f"DROP USER IF EXISTS {living}, {stale}")


def test_passwords_of_agents_change_only_when_somebody_has_confirmed_it(play, cluster, modules):
    modules.aliases("101-103", serving=[FIRST, SECOND])
    play.variables |= {
        "cluster_dialers": DIALERS[:2],
        "phone_aliases": [{"extensions": "101-103"}],
        "aliases": "101x,103",
    }
    play.database["config_file"] = modules.config_file
    task = role("phone_aliases", "passwords")
    before = passwords(cluster)
    refused = " ".join(play(task, fails=True).split())
    assert "of 2 agents (101x, 103x) will change, on 4 phones" in refused
    assert "Nothing has been changed" in refused and "-e confirmed=true" in refused
    assert "of 2 agents (101x, 103x) will change" in " ".join(play(task, words=["--check"]).split())
    assert passwords(cluster) == before
    shown = play(task, words=["-e", "confirmed=true"])
    assert len(passwords(cluster) - before) == 4
    assert not [word for word in passwords(cluster) | before if word in shown]
