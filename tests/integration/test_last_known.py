"""After a restart of the database nobody knows of a heartbeat: the last known ones help."""

import pytest

from evenfloor import LoginRefused, heartbeat_statements
from evenfloor.config import Config, DatabaseConfig
from evenfloor.heartbeats import Watcher
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.waiting import PATIENCE, wait_until

ALIAS = {"alias": "1001x", "password": "secret", "campaign": "TEST"}
DIALERS = ("10.1.0.1", "10.1.0.2", "10.1.0.3")
LATE = DIALERS[2]


@pytest.fixture(scope="module")
def own_server():
    """A database that is stopped and started."""
    with mariadb.running() as running:
        yield running


@pytest.fixture
def restarted(own_server):
    """A cluster whose heartbeats are in memory, just after the database's start.

    All dialers beat before, but for one that had been late.
    """
    mariadb.create_database(own_server, DATABASE)
    with own_server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.run("ALTER TABLE server_updater ENGINE=MEMORY")
        cluster.add_even_floor(dialers=3, aliases=1)
        watcher = Watcher(Config(DatabaseConfig(**own_server.root, name=DATABASE)))
        watcher.look()
        watcher.close()
        cluster.run("UPDATE evenfloor_heartbeats SET is_late = 1 WHERE server_ip = %s", (LATE,))
    own_server.stop()
    own_server.start()
    with own_server.connect(DATABASE) as connection:
        yield Cluster(connection)


@pytest.fixture
def balancer(own_server, restarted):
    made = mariadb.balancer(own_server.root, DATABASE)
    yield made
    made.close()


def test_those_that_were_alive_get_logins_and_it_is_said_why(restarted, balancer):
    assert restarted.run("SELECT * FROM server_updater") == ()
    assert balancer.choose(**ALIAS).server_ip == DIALERS[1]
    assert balancer.login(**ALIAS, user="a").server_ip == DIALERS[1]
    states = [entry.state for entry in balancer.floor()]
    assert states == ["by the last known heartbeat"] * 2 + ["the dialer has no known heartbeat"]
    first = balancer.explain("1001x").phones[0]
    assert first["heartbeat_age"] is None and "by the last known heartbeat" in first["remarks"]
    details = restarted.run("SELECT detail FROM evenfloor_decisions WHERE user = 'a'")
    assert "by the last known heartbeat" in details[0][0]


@pytest.mark.parametrize(
    "known",
    [
        # One row of one dialer, and nothing is as it was after the start.
        "INSERT INTO server_updater (server_ip) VALUES ('10.9.9.9')",
        "INSERT INTO evenfloor_daemons (server_ip, token, host, started, beat)"
        " VALUES ('10.9.9.9', '', '', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
        # The database was away for long.
        "UPDATE evenfloor_heartbeats SET last_update = last_update - INTERVAL 601 SECOND",
        # The clock was set back.
        "UPDATE evenfloor_heartbeats SET last_update = last_update + INTERVAL 1 HOUR",
        "DELETE FROM evenfloor_heartbeats",
    ],
)
def test_they_are_not_used_where_they_say_nothing(restarted, balancer, known):
    restarted.run(known)
    with pytest.raises(LoginRefused, match="no known heartbeat"):
        balancer.choose(**ALIAS)
    assert not any(entry.takes_logins for entry in balancer.floor())


def test_they_are_used_for_a_while_after_the_start(restarted, balancer, monkeypatch):
    """The database's own clock for that can't be set, so the while is shorter here."""
    monkeypatch.setattr(heartbeat_statements, "LONGEST_START", 3600)
    assert balancer.choose(**ALIAS)
    monkeypatch.setattr(heartbeat_statements, "LONGEST_START", 1)
    uptime = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = %s"
    wait_until(lambda: int(restarted.run(uptime, ("UPTIME",))[0][0]) >= 1, PATIENCE, "it runs")
    with pytest.raises(LoginRefused, match="no known heartbeat"):
        balancer.choose(**ALIAS)


def test_a_twin_that_was_alive_is_alive_too(restarted, balancer):
    for twin, winner in ((DIALERS[0], DIALERS[1]), (LATE, DIALERS[0])):
        restarted.run(
            "UPDATE servers SET active_twin_server_ip = %s WHERE server_ip = %s",
            (twin, DIALERS[1]),
        )
        assert balancer.choose(**ALIAS).server_ip == winner
