"""What the roles grant is enough for everything that each database user does, and no more."""

import contextlib
import json
import time
from datetime import date

import pymysql
import pytest

from evenfloor import LoginRefused, heartbeat_statements
from evenfloor.callers import Caller
from evenfloor.config import Config, DatabaseConfig, LoginConfig
from evenfloor.connection import Connection
from evenfloor.daemon_statements import Work
from evenfloor.daemon_store import DaemonStore, new_token
from evenfloor.errors import WrongPassword
from evenfloor.heartbeats import Watcher
from evenfloor.records import PRUNE_INTERVAL
from evenfloor.watch import Watch
from tests import mariadb
from tests.integration import dialers
from tests.integration.conftest import DATABASE
from tests.integration.dialers import PASSWORD, granted
from tests.modules import DatabaseRunner

GRANTED = {
    "evenfloor_login": granted("flavor_plain", "flavor_plain_login_tables"),
    "evenfloor_choose": granted("flavor_vicidial", "flavor_vicidial_login_tables"),
}
#: The dialer of which ``dialer`` is the daemon.
IP = "10.1.0.3"


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


@pytest.fixture
def dialer(server, cluster):
    """Make the user of a dialer, who comes through the socket; returns how it connects."""
    dialers.make_views(cluster)
    dialers.admit(cluster, "localhost", IP)
    yield dialers.through_socket(server)
    dialers.dismiss(cluster, "localhost")


def denied(where: dict, statement: str) -> bool:
    with (
        pymysql.connect(**{"database": DATABASE, **where}) as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError) as caught,
    ):
        cursor.execute(statement)
    return "denied" in str(caught.value)


@pytest.mark.parametrize("user", GRANTED)
def test_the_login_service_can_watch_heartbeats(connect_as, cluster, user):
    where = DatabaseConfig(**connect_as(user), name=DATABASE)
    watcher = Watcher(Config(where))
    watcher.look()
    Connection(where).batch([heartbeat_statements.last_known()])
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_heartbeats") == ((3,),)
    # It writes over what is there.
    cluster.run("UPDATE evenfloor_heartbeats SET is_late = 1")
    watcher.look()
    watcher.close()
    back = "SELECT COUNT(*) FROM evenfloor_heartbeats WHERE is_late = 0 AND back_since"
    assert cluster.run(back) == ((3,),)


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


@pytest.mark.parametrize("user", ["evenfloor_login", "evenfloor_choose"])
def test_the_service_can_hold_a_busy_dialer_back(connect_as, cluster, user):
    where = connect_as(user)
    cluster.keep_alive()
    guarding = mariadb.balancer(where, DATABASE, guard_load=8)
    for load in (900, 0):
        cluster.run("UPDATE servers SET sysload = %s WHERE server_ip = '10.1.0.3'", (load,))
        guarding.choose("1001x", "secret", "a", "TEST")
        assert cluster.run("SELECT COUNT(*) FROM evenfloor_held") == ((load // 900,),)
    guarding.close()


def test_beside_vicidial_the_service_can_choose_and_neither_log_in_nor_out(connect_as, cluster):
    where = connect_as("evenfloor_choose")
    cluster.keep_alive()
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


@pytest.mark.parametrize("user", GRANTED)
def test_the_floor_page_can_do_all_it_does(connect_as, cluster, user):
    where = connect_as(user)
    config = Config(
        database=DatabaseConfig(**where, name=DATABASE), login=LoginConfig(operator_token="right")
    )
    watch = Watch(config)
    cluster.add_agent("10.1.0.1", user="a")
    cluster.run("INSERT INTO evenfloor_snapshot (id, claimed) VALUES (1, '2000-01-01')")
    assert json.loads(watch.answer())["floor"]["agents"][0][0] == "a"
    with pytest.raises(WrongPassword):
        watch.check_token("wrong", Caller("10.9.0.66"))
    assert cluster.run("SELECT address FROM evenfloor_events") == (("10.9.0.66",),)
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_history") == ((3,),)
    # The process that looks next reads what this one wrote.
    assert "10.1.0.1" in Watch(config).answer()
    balancer = mariadb.balancer(where, DATABASE)
    assert balancer.day(date.today()).dialers
    cluster.run("UPDATE evenfloor_events SET event_id = 1")
    cluster.run("ALTER TABLE evenfloor_events AUTO_INCREMENT = 100000")
    with pytest.raises(LoginRefused, match="no active campaign"):
        balancer.choose("1001x", "secret", "a", "NONE")
    cluster.run("UPDATE evenfloor_snapshot SET claimed = '2000-01-01'")
    assert Watch(config).answer()
    assert cluster.run("SELECT event_id FROM evenfloor_events") == ((100000,),)
    balancer.close()


def test_a_dialers_daemon_can_do_all_it_does(dialer, cluster, server):
    cluster.add_even_floor(dialers=3, aliases=4)
    session = mariadb.balancer(server.root, DATABASE)
    tag = session.login("1001x", "secret", "a", "TEST").tag
    session.close()
    ip = IP
    daemon = DaemonStore(DatabaseConfig(**dialer), new_token())
    assert daemon.take_charge(ip, lease=10).is_ours
    assert daemon.beat(ip, Work(0, 0, 0))  # an action waits
    daemon.note_kept(ip, 4)
    daemon.note_compared(ip, 0)
    assert [action.tag for action in daemon.take_actions(ip)] == [tag]
    daemon.note_answered(ip, tag, "PJSIP/1001-00000001")
    daemon.note_late(tag)
    (session,), (room,), _not_restored = daemon.compared(ip)
    assert session.tag == tag
    daemon.hold_room(ip, room, "PJSIP/1001")
    daemon.end_session(ip, tag)
    daemon.free_room(ip, room)
    daemon.forget_actions(ip, 0)
    daemon.set_peer_state(ip, ["1001"], "REACHABLE")
    assert daemon.peer_states(ip)["1001"] == "REACHABLE"
    assert daemon.compared(ip) == ([], {}, 0)
    assert not daemon.beat(ip, Work(0, 0, 0))
    daemon.close()


def test_the_login_service_reads_and_writes_nothing_that_is_not_its_business(connect_as):
    login = connect_as("evenfloor_login")
    assert denied(login, "SELECT conf_secret FROM phones")
    assert denied(login, "SELECT conf_secret FROM servers")
    assert denied(login, "SELECT callerid FROM vicidial_manager")
    assert denied(login, "UPDATE phones SET pass = 'x'")
    assert denied(login, "UPDATE vicidial_confbridges SET server_ip = '10.1.0.2'")
    assert denied(login, "INSERT INTO evenfloor_hosts VALUES ('10.1.0.1', '10.1.0.2')")


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
