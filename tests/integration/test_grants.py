"""What the roles grant is enough for everything that each database user does, and no more."""

import contextlib
import time
from pathlib import Path

import pymysql
import pytest
import yaml

from evenfloor import LoginRefused
from evenfloor.balancer import PRUNE_INTERVAL
from evenfloor.config import DatabaseConfig
from evenfloor.daemon_store import DaemonStore
from tests import mariadb
from tests.integration.conftest import DATABASE
from tests.modules import DatabaseRunner

ROLES = Path(__file__).parents[2] / "roles"


def granted(role: str, variable: str) -> dict[str, str]:
    return yaml.safe_load((ROLES / role / "vars/main.yml").read_text())[variable]


GRANTED = {
    "evenfloor_login": granted("flavor_plain", "flavor_plain_login_tables"),
    "evenfloor_choose": granted("flavor_vicidial", "flavor_vicidial_login_tables"),
    "evenfloor_dialer": granted("dialer", "dialer_database_tables"),
}
PASSWORD = "let me in"


@pytest.fixture
def connect_as(server, cluster):
    """Make a user with what the role grants it; returns how it connects."""
    cluster.add_even_floor(dialers=3, aliases=4)
    made = []

    def make(user: str) -> dict:
        made.append(user)
        cluster.run(f"CREATE OR REPLACE USER {user}@localhost IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in GRANTED[user].items():
            cluster.run(f"GRANT {privileges} ON {DATABASE}.{table} TO {user}@localhost")
        return {"unix_socket": server.socket, "user": user, "password": PASSWORD}

    yield make
    for user in made:
        cluster.run(f"DROP USER IF EXISTS {user}@localhost")


def denied(where: dict, statement: str) -> bool:
    with (
        pymysql.connect(**where, database=DATABASE) as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError) as caught,
    ):
        cursor.execute(statement)
    return "denied" in str(caught.value)


def test_the_login_service_can_do_all_it_does(connect_as, cluster):
    where = connect_as("evenfloor_login")
    balancer = mariadb.balancer(where, DATABASE)
    balancer.choose("1001x", "secret", "a", "TEST")
    balancer.login("1002x", "secret", "b", "TEST")
    balancer.login("1002x", "secret", "c", "TEST", take_over=True)
    balancer.logout("c")
    assert len(balancer.floor()) == 3 and balancer.explain("1001x").winner
    cluster.run("UPDATE servers SET conf_engine = 'MEETME'")
    with pytest.raises(LoginRefused, match="no free room"):
        balancer.login("1003x", "secret", "d", "TEST")
    cluster.run("UPDATE evenfloor_reservations SET expires = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
    cluster.run("UPDATE evenfloor_decisions SET decided = NOW() - INTERVAL 1 YEAR")
    time.sleep(PRUNE_INTERVAL)
    # What has expired is removed by whoever comes next.
    with pytest.raises(LoginRefused, match="wrong password"):
        balancer.choose("1001x", "wrong", "a", "TEST")
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_reservations") == ((0,),)
    balancer.close()


def test_beside_vicidial_the_service_can_choose_and_neither_log_in_nor_out(connect_as, cluster):
    where = connect_as("evenfloor_choose")
    balancer = mariadb.balancer(where, DATABASE)
    assert balancer.choose("1001x", "secret", "a", "TEST").server_ip
    assert len(balancer.floor()) == 3 and balancer.explain("1001x").winner
    with pytest.raises(LoginRefused, match="try again"):
        balancer.login("1002x", "secret", "b", "TEST")
    cluster.add_agent("10.1.0.1", user="c")
    with pytest.raises(LoginRefused, match="try again"):
        balancer.logout("c")
    assert cluster.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((1,),)
    balancer.close()
    for secret in (
        "conf_secret FROM phones",
        "conf_secret FROM servers",
        "1 FROM vicidial_manager",
    ):
        assert denied(where, f"SELECT {secret}")


def test_a_dialers_daemon_can_do_all_it_does(connect_as, cluster):
    where = connect_as("evenfloor_dialer")
    session = mariadb.balancer({"unix_socket": where["unix_socket"], "user": "root"}, DATABASE)
    tag = session.login("1001x", "secret", "a", "TEST").tag
    session.close()
    ip = "10.1.0.3"
    daemon = DaemonStore(DatabaseConfig(**where, name=DATABASE))
    daemon.beat(ip)
    assert [action.tag for action in daemon.take_actions(ip)] == [tag]
    daemon.note_answered(ip, tag, "PJSIP/1001-00000001")
    daemon.note_late(tag)
    assert [found.tag for found in daemon.sessions_on(ip)] == [tag]
    (room,) = daemon.taken_rooms(ip)
    daemon.end_session(ip, tag)
    daemon.free_room(ip, room)
    daemon.forget_actions(ip, 0)
    daemon.set_peer_state(ip, ["1001"], "REACHABLE")
    assert daemon.peer_states(ip)["1001"] == "REACHABLE"
    assert daemon.taken_rooms(ip) == {} and daemon.sessions_on(ip) == []
    daemon.close()


def test_neither_can_read_what_is_not_its_business(connect_as):
    login, dialer = connect_as("evenfloor_login"), connect_as("evenfloor_dialer")
    assert denied(login, "SELECT conf_secret FROM phones")
    assert denied(login, "SELECT conf_secret FROM servers")
    assert denied(login, "SELECT callerid FROM vicidial_manager")
    assert denied(login, "UPDATE phones SET pass = 'x'")
    assert denied(dialer, "SELECT pass FROM phones")
    assert denied(dialer, "SELECT conf_secret FROM phones")
    assert denied(dialer, "SELECT user FROM evenfloor_decisions")
    assert denied(dialer, "UPDATE phones_alias SET logins_list = ''")


def test_neither_reads_what_was_removed(connect_as):
    """It holds every password of the phones that went."""
    read = "SELECT row_there FROM evenfloor_removed"
    for user in GRANTED:
        assert denied(connect_as(user), read)


@pytest.fixture
def users(cluster, server, tmp_path):
    """Make database users, and drop those that no host has; returns a function for each."""
    modules = DatabaseRunner(tmp_path / "none.cnf", DATABASE)
    made = []

    def make(*names: str) -> None:
        for name in names:
            cluster.run(f"CREATE OR REPLACE USER {name} IDENTIFIED BY '{PASSWORD}'")
            made.append(name)

    def drop(check: bool = False, **addresses) -> dict:
        socket = {"login_unix_socket": server.socket}
        return modules.run("stale_database_users", check, addresses=addresses, **socket)

    yield make, drop
    for name in made:
        cluster.run(f"DROP USER IF EXISTS {name}")


def there(cluster) -> set[str]:
    rows = cluster.run("SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user LIKE 'e%'")
    return {row[0] for row in rows}


def test_the_user_of_a_host_that_left_or_moved_is_dropped_and_no_other(users, cluster):
    make, drop = users
    living = {"evenfloor_login@10.0.0.20", "evenfloor_dialer@10.0.0.11"}
    others = {"evenfloor_provision@localhost", "evenfloor_loginx@10.0.0.9", "elsewhere@10.0.0.9"}
    stale = ["evenfloor_dialer@10.0.0.12", "evenfloor_login@10.0.0.21"]
    quoted = [name.replace("@", "@'") + "'" for name in [*living, *others, *stale]]
    make(*quoted)
    before = there(cluster)
    asked = {"evenfloor_login": ["10.0.0.20"], "evenfloor_dialer": ["10.0.0.11"]}
    checked = drop(check=True, **asked)
    assert (checked["changed"], checked["dropped"]) == (True, stale)
    assert there(cluster) == before
    assert drop(**asked)["dropped"] == stale
    assert there(cluster) == before - set(stale)
    assert not drop(**asked)["changed"]


def test_no_user_is_dropped_that_may_be_a_living_hosts_of_before(users, cluster):
    """A host that has a new address in the inventory hasn't got its user there yet."""
    make, drop = users
    make("evenfloor_dialer@'10.0.0.11'", "evenfloor_dialer@'10.0.0.12'")
    asked = {"evenfloor_dialer": ["10.0.0.11", "10.0.0.32"]}
    done = drop(**asked)
    assert not done["changed"]
    assert done["kept"] == ["evenfloor_dialer@10.0.0.12"]
    assert done["awaited"] == ["evenfloor_dialer@10.0.0.32"]
    make("evenfloor_dialer@'10.0.0.32'")
    assert drop(**asked)["dropped"] == ["evenfloor_dialer@10.0.0.12"]


def test_a_user_that_was_dropped_cannot_come_in_again(users, server):
    make, drop = users
    make("evenfloor_login@localhost", "evenfloor_login@'10.0.0.20'")
    where = {"unix_socket": server.socket, "user": "evenfloor_login", "password": PASSWORD}
    pymysql.connect(**where).close()
    drop(evenfloor_login=["10.0.0.20"])
    with contextlib.suppress(pymysql.err.OperationalError):
        pymysql.connect(**where).close()
        pytest.fail("it has come in")


def test_the_wrong_clusters_users_stay(users, cluster, server, tmp_path):
    make, _drop = users
    make("evenfloor_login@localhost")
    cluster.run("INSERT INTO evenfloor_cluster (flavor, created) VALUES ('plain', NOW())")
    modules = DatabaseRunner(tmp_path / "none.cnf", DATABASE, flavor="vicidial")
    message = modules.fail(
        "stale_database_users",
        addresses={"evenfloor_login": ["10.0.0.20"]},
        login_unix_socket=server.socket,
    )
    assert "belongs to a cluster of flavor plain" in message
    assert "evenfloor_login@localhost" in there(cluster)
