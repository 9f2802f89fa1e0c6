"""What the roles grant is enough for everything that each database user does, and no more."""

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

    def make(user: str) -> dict:
        cluster.run(f"CREATE OR REPLACE USER {user}@localhost IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in GRANTED[user].items():
            cluster.run(f"GRANT {privileges} ON {DATABASE}.{table} TO {user}@localhost")
        return {"unix_socket": server.socket, "user": user, "password": PASSWORD}

    return make


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
