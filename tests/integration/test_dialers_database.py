"""What a dialer's daemon may touch, by the address that it comes from, and TLS to the database."""

import contextlib
import types

import jinja2
import pymysql
import pytest

from evenfloor import daemon_statements as sql
from evenfloor.config import DatabaseConfig
from evenfloor.connection import Connection
from evenfloor.daemon_statements import Work
from evenfloor.daemon_store import DaemonStore, new_token
from evenfloor.errors import DatabaseUnreachable
from evenfloor.sql import Statement
from tests import mariadb
from tests.integration import dialers
from tests.integration.conftest import DATABASE
from tests.integration.dialers import PASSWORD, TABLES, USER, VIEWS
from tests.integration.play import Play, role
from tests.modules import DatabaseRunner

#: Two dialers: the first comes from its own address, the second from another.
FIRST, SECOND = "127.0.0.2", "10.1.0.3"
SECONDS_ADDRESS = "127.0.0.3"
#: A store and a program of this machine come from here, as a dialer that tests choose.
HERE = "127.0.0.1"
ROOMS = 40


def make_certificate(folder) -> None:
    """Run the role certificate for the address of the database."""
    play = Play(types.SimpleNamespace(socket=str(folder / "none")), folder)
    play(
        role(
            "certificate",
            "main",
            certificate_folder=str(folder / "made"),
            certificate_name="database",
            certificate_subjects=[HERE],
        )  # fmt: skip
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder)
    return folder / "made"


@pytest.fixture(scope="module")
def server(certificate):
    """A server with what the role configures besides where it listens."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701
    template = dialers.ROLES / "database/templates/evenfloor.cnf.j2"
    text = environment.from_string(template.read_text()).render(
        ansible_managed="a test's", database_address=HERE, database_port=0,
        database_max_connections=100, database_tls="on",
        database_certificate=certificate / "database.pem",
        database_certificate_key=certificate / "database.key",
    ).replace("/etc/evenfloor/ca.pem", str(certificate / "ca.pem"))  # fmt: skip
    lines = [line.replace(" = ", "=") for line in text.splitlines()]
    wanted = [f"--{line}" for line in lines if line.startswith(("ssl-", "tls-", "skip-"))]
    assert len(wanted) == 5
    with mariadb.running(*wanted) as running:
        yield running


@pytest.fixture
def views(cluster):
    dialers.make_views(cluster)
    yield cluster
    dialers.dismiss(cluster, FIRST, SECONDS_ADDRESS, HERE)


@pytest.fixture
def floor(views):
    """The two dialers with their users, and rows of both in every table."""
    for number, (address, server_ip) in enumerate([(FIRST, FIRST), (SECONDS_ADDRESS, SECOND)]):
        views.add_dialer(server_ip, free_rooms=ROOMS)
        for extension in range(101, 141):
            views.add_phone(f"{extension}{'ab'[number]}", server_ip, extension=str(extension))
        views.add_agent(server_ip, user=f"agent{number}")
        views.run(
            "INSERT INTO vicidial_manager (server_ip, status, callerid, entry_date)"
            " VALUES (%s, 'NEW', 'S1', NOW())",
            (server_ip,),
        )
        views.run(
            "INSERT INTO evenfloor_daemons (server_ip, token, host, started)"
            " VALUES (%s, 'token', 'host', NOW())",
            (server_ip,),
        )
        dialers.admit(views, address, server_ip, tls=True)
    return views


@contextlib.contextmanager
def connected(server, certificate, address: str):
    """Connect as the dialer of an address."""
    with (
        pymysql.connect(
            host=HERE, port=server.port, bind_address=address, user=USER, password=PASSWORD,
            database=VIEWS, ssl_ca=str(certificate / "ca.pem"), autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):  # fmt: skip
        yield cursor


def rows_of(cluster, server_ip: str) -> dict[str, tuple]:
    """Return the rows of a dialer, of all tables."""
    return {
        table: cluster.run(f"SELECT * FROM {table} WHERE server_ip = %s", (server_ip,))
        for table in TABLES
    }


# -- rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("address", "own"), [(FIRST, FIRST), (SECONDS_ADDRESS, SECOND)])
def test_a_dialer_finds_the_rows_of_its_own_alone(floor, server, certificate, address, own):
    with connected(server, certificate, address) as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT server_ip FROM {table}")
            assert {row[0] for row in cursor.fetchall()} == {own}, table


#: What would do the most harm, if it went beyond the dialer's own rows.
WHOLE_TABLES = [
    "UPDATE server_updater SET last_update = '2001-01-01'",
    "UPDATE phones SET peer_status = 'UNREACHABLE'",
    "UPDATE vicidial_live_agents SET channel = 'x', uniqueid = 'x'",
    "UPDATE vicidial_confbridges SET extension = 'x'",
    "UPDATE vicidial_manager SET status = 'SENT', response = 'Y', uniqueid = 'x'",
    "UPDATE evenfloor_daemons SET token = 'x', host = 'x', started = NOW(), calls_kept = 9",
    "DELETE FROM vicidial_live_agents",
    "DELETE FROM vicidial_manager",
    f"DELETE FROM vicidial_live_agents WHERE server_ip = '{SECOND}'",
]


@pytest.mark.parametrize("statement", WHOLE_TABLES)
def test_a_dialer_changes_no_row_of_another(floor, server, certificate, statement):
    before = {server_ip: rows_of(floor, server_ip) for server_ip in (FIRST, SECOND)}
    with connected(server, certificate, FIRST) as cursor:
        cursor.execute(statement)
    assert rows_of(floor, SECOND) == before[SECOND]
    assert (rows_of(floor, FIRST) != before[FIRST]) == (SECOND not in statement)


#: What a dialer may not do at all, and a word of the answer.
IDLE = Work(calls=0, findings=0, asterisk_connections=1)
REFUSED = [
    # rows of another
    (
        "INSERT INTO evenfloor_daemons (server_ip, token, host, started)"
        f" VALUES ('{SECOND}', 'x', 'x', NOW())",
        "CHECK OPTION",
    ),
    (
        "INSERT INTO evenfloor_daemons (server_ip, token, host, started)"
        f" VALUES ('{SECOND}', 'x', 'x', NOW()) ON DUPLICATE KEY UPDATE token = 'x'",
        "CHECK OPTION",
    ),
    # columns that a daemon doesn't write
    (f"UPDATE evenfloor_daemons SET server_ip = '{SECOND}'", "CHECK OPTION"),
    (f"UPDATE vicidial_live_agents SET server_ip = '{SECOND}'", "denied"),
    ("UPDATE vicidial_live_agents SET user = 'somebody'", "denied"),
    ("UPDATE vicidial_manager SET action = 'Originate'", "denied"),
    ("UPDATE vicidial_manager SET cmd_line_b = 'Channel: PJSIP/900'", "denied"),
    ("UPDATE phones SET extension = '900'", "denied"),
    ("UPDATE server_updater SET server_ip = '10.1.0.9'", "denied"),
    ("UPDATE vicidial_confbridges SET conf_exten = 1", "denied"),
    # rows that a daemon doesn't make or remove
    ("INSERT INTO vicidial_manager (action) VALUES ('Originate')", "denied"),
    ("INSERT INTO vicidial_live_agents (user) VALUES ('somebody')", "denied"),
    ("DELETE FROM phones", "denied"),
    ("DELETE FROM vicidial_confbridges", "denied"),
    ("DELETE FROM evenfloor_daemons", "denied"),
    ("DELETE FROM server_updater", "denied"),
    # passwords
    ("SELECT pass FROM phones", "Unknown column|denied"),
    ("SELECT conf_secret FROM phones", "Unknown column|denied"),
    # who is which dialer
    (f"INSERT INTO {DATABASE}.evenfloor_hosts VALUES ('{FIRST}', '{SECOND}')", "denied"),
    (f"UPDATE {DATABASE}.evenfloor_hosts SET server_ip = '{FIRST}'", "denied"),
    # the views themselves
    ("CREATE OR REPLACE VIEW phones AS SELECT 1", "denied"),
    ("DROP VIEW phones", "denied"),
    ("SHOW CREATE VIEW phones", "denied"),
    # the tables
    *((f"SELECT 1 FROM {DATABASE}.{table}", "denied") for table in TABLES),
    *((f"DELETE FROM {DATABASE}.{table}", "denied") for table in TABLES),
    (f"SELECT pass FROM {DATABASE}.phones", "denied"),
    (f"SELECT user FROM {DATABASE}.evenfloor_decisions", "denied"),
    (f"SELECT row_there FROM {DATABASE}.evenfloor_removed", "denied"),
    (f"SELECT lock_secret FROM {DATABASE}.evenfloor_cluster", "denied"),
    (f"UPDATE {DATABASE}.phones_alias SET logins_list = ''", "denied"),
]


@pytest.mark.parametrize(("statement", "words"), REFUSED)
def test_a_dialer_is_refused(floor, server, certificate, statement, words):
    before = [rows_of(floor, server_ip) for server_ip in (FIRST, SECOND)]
    with (
        connected(server, certificate, FIRST) as cursor,
        pytest.raises(pymysql.err.Error, match=words),
    ):
        cursor.execute(statement)
    assert [rows_of(floor, server_ip) for server_ip in (FIRST, SECOND)] == before


def test_what_a_daemon_asks_finds_the_indexes(floor):
    """Also where one dialer of many has few of the rows."""
    for number in range(100, 200):
        ip = f"10.2.0.{number}"
        floor.add_dialer(ip, free_rooms=ROOMS)
        floor.add_agent(ip)
        floor.run(
            "INSERT INTO phones (extension, server_ip, login) SELECT extension, %s,"
            f" CONCAT(extension, '-{number}') FROM phones WHERE server_ip = %s",
            (ip, FIRST),
        )
        floor.run(
            "INSERT INTO vicidial_manager (server_ip, status, callerid, entry_date)"
            " VALUES (%s, 'NEW', %s, NOW())",
            (ip, f"S{number}"),
        )
    floor.run("INSERT INTO evenfloor_hosts VALUES ('localhost', %s)", (SECOND,))
    floor.run(f"USE {VIEWS}")
    asked = [
        *sql.take_charge("name", SECOND, "token", "host", 5)[3:],
        *sql.beat(SECOND, "token", IDLE, 1),
        sql.note_kept(SECOND, 1),
        sql.any_action(SECOND, "token"),
        *sql.claim_actions(SECOND, "token"),
        sql.finish_actions("S1", "DEAD"),
        sql.forget_actions(SECOND, 5),
        sql.name_channel(SECOND, "S1", "PJSIP/101"),
        sql.sessions_on(SECOND),
        sql.end_session(SECOND, "S1"),
        sql.taken_rooms(SECOND),
        sql.hold_room(SECOND, "8600051", "PJSIP/101"),
        sql.free_room(SECOND, "8600051"),
        sql.peer_states(SECOND),
        sql.set_peer_state(SECOND, ["101"], "REACHABLE"),
        # what names no dialer
        *(Statement(f"SELECT server_ip FROM {table}") for table in TABLES),
    ]
    for statement in asked:
        with floor.connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"EXPLAIN {statement.text}", statement.values)
            for row in cursor.fetchall():
                # More than the dialer's rows would be read without an index, or with a wrong one.
                assert row["type"] != "ALL" and int(row["rows"] or 0) <= ROOMS + 1, (
                    statement,
                    row,
                )


# -- TLS ----------------------------------------------------------------------------------


def store_of(server, tls_ca: str, host: str = HERE) -> DaemonStore:
    config = DatabaseConfig(
        host=host, port=server.port, user=USER, password=PASSWORD, name=VIEWS, tls_ca=tls_ca
    )
    return DaemonStore(config, new_token())


def test_a_daemon_works_over_tls_with_the_clusters_authority(floor, server, certificate):
    dialers.admit(floor, HERE, SECOND, tls=True)
    store = store_of(server, str(certificate / "ca.pem"))
    assert store.take_charge(SECOND, lease=10).is_ours
    floor.run("UPDATE server_updater SET last_update = NULL")
    store.beat(SECOND, IDLE)
    beats = dict(floor.run("SELECT server_ip, last_update IS NOT NULL FROM server_updater"))
    assert beats == {FIRST: 0, SECOND: 1}
    ((_name, cipher),) = store._connection.run("SHOW SESSION STATUS LIKE 'Ssl_cipher'").rows
    assert cipher
    store.close()


def test_who_has_to_use_tls_does_not_come_in_without_it(floor, server):
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(
            host=HERE, port=server.port, bind_address=FIRST, user=USER, password=PASSWORD,
            database=VIEWS, ssl_disabled=True,
        )  # fmt: skip


def test_no_password_goes_to_who_only_says_that_it_is_the_database(
    floor, server, certificate, tmp_path
):
    make_certificate(tmp_path)
    for tls_ca, host in (
        (tmp_path / "made/ca.pem", HERE),  # another cluster's
        # of this cluster, but another host's
        (certificate / "ca.pem", "0.0.0.0"),  # noqa: S104
    ):
        with pytest.raises(DatabaseUnreachable, match="certificate verify failed"):
            store_of(server, str(tls_ca), host).beat(SECOND, IDLE)


@pytest.mark.parametrize("content", [None, "", "garbage"])
def test_an_authority_that_cannot_be_read_is_named(floor, server, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DatabaseUnreachable, match=f"tls_ca {path} can't be used"):
        store_of(server, str(path)).beat(SECOND, IDLE)


def test_a_server_without_tls_is_not_spoken_to(certificate):
    with mariadb.running("--skip-ssl") as open_server:
        config = DatabaseConfig(
            host=HERE, port=open_server.port, user="root", tls_ca=str(certificate / "ca.pem")
        )
        with pytest.raises(DatabaseUnreachable, match="SSL is required"):
            Connection(config).run("SELECT 1")


# -- what the roles do --------------------------------------------------------------------


@pytest.fixture
def play(server, tmp_path):
    return Play(server, tmp_path)


def user_task(changes: bool, tls: bool = True) -> dict:
    return role(
        "database", "user", database_user=USER, database_user_address=HERE,
        database_user_password=PASSWORD, database_user_tables=TABLES,
        database_user_database=VIEWS, database_user_tls=tls, database_user_changes=changes,
    )  # fmt: skip


def comes_in(server, **how) -> bool:
    """Whether the user of the role gets in."""
    with contextlib.suppress(pymysql.err.OperationalError):
        pymysql.connect(
            host=HERE, port=server.port, user=USER, password=PASSWORD, database=VIEWS, **how
        ).close()
        return True
    return False


def test_a_host_changes_over_to_tls_and_views_while_it_always_gets_in(views, server, play):
    """From what an earlier release has granted, step by step, and back without TLS."""
    old = f"{USER}@'{HERE}'"
    views.run(f"CREATE USER {old} IDENTIFIED BY '{PASSWORD}'")
    views.run(f"GRANT SELECT, UPDATE ON {DATABASE}.server_updater TO {old}")

    def grants() -> str:
        return " ".join(row[0] for row in views.run(f"SHOW GRANTS FOR {old}"))

    assert "changed=0" not in play(user_task(True))
    assert f"`{DATABASE}`.`server_updater`" in grants() and f"`{VIEWS}`.`phones`" in grants()
    assert comes_in(server, ssl_disabled=True)
    assert "changed=0" not in play(user_task(False))
    assert f"`{DATABASE}`" not in grants() and f"`{VIEWS}`.`phones`" in grants()
    assert not comes_in(server, ssl_disabled=True) and comes_in(server)
    assert "changed=0" in play(user_task(True), user_task(False))
    # Who is to use it no more is let in without it before the host has changed over.
    play(user_task(True, tls=False))
    assert comes_in(server, ssl_disabled=True)


def test_a_new_certificate_ends_no_connection(views, server, certificate, play, tmp_path):
    dialers.admit(views, HERE, SECOND, tls=True)
    task = role(
        "database", "encrypt", database_started=f"{server.directory}/pid",
        database_certificate=str(certificate / "database.pem"),
        database_certificate_loaded=str(tmp_path / "loaded"),
        database_socket_path=server.socket,
    )  # fmt: skip

    def shown() -> bytes:
        with connected(server, certificate, HERE) as cursor:
            return cursor.connection._sock.getpeercert(binary_form=True)

    assert "changed=0" in play(task)  # MariaDB was started after its certificate was made
    before = shown()
    with connected(server, certificate, HERE) as cursor:
        (certificate / "database.names").unlink()
        make_certificate(certificate.parent)
        assert shown() == before
        assert "changed=1" in play(task)
        cursor.execute("SELECT 1")
    assert shown() != before
    assert "changed=0" in play(task)


def test_views_are_made_once_and_again_where_they_are_lost(cluster, server, play):
    tasks = (role("database", "socket"), role("database", "views"))

    def there() -> set[str]:
        rows = cluster.run(
            "SELECT table_name FROM information_schema.views WHERE table_schema = %s", (VIEWS,)
        )
        return {row[0] for row in rows}

    cluster.run(f"CREATE USER {dialers.PROVISION}@localhost")
    try:
        play(*tasks, words=["--check"])
        assert there() == set()
        assert "changed=0" not in play(*tasks)
        assert there() == {*TABLES, "evenfloor_views"}
        assert "changed=0" in play(*tasks)
        cluster.run(f"DROP DATABASE {VIEWS}")
        play(*tasks)
        assert there() == {*TABLES, "evenfloor_views"}
    finally:
        dialers.dismiss(cluster)


def test_a_dialer_that_connects_from_another_address_is_noted_with_it(views, server, play):
    def task(address: str) -> dict:
        return role(
            "database", "dialer", database_dialer_address=address,
            database_dialer_server_ip=SECOND,
        )  # fmt: skip

    def noted() -> tuple:
        return views.run("SELECT address, server_ip FROM evenfloor_hosts")

    play(task(SECONDS_ADDRESS), words=["--check"])
    assert noted() == ()
    play(task(SECONDS_ADDRESS))
    assert noted() == ((SECONDS_ADDRESS, SECOND),)
    assert "changed=0" in play(task(SECONDS_ADDRESS))
    # An address that was another's is its own dialer's again.
    views.run("REPLACE INTO evenfloor_hosts VALUES (%s, %s)", (SECOND, FIRST))
    play(task(SECOND))
    assert noted() == ((SECONDS_ADDRESS, SECOND),)
    assert "changed=0" in play(task(SECOND))


def test_a_user_has_to_use_tls_from_when_it_is_told_to(views, server, tmp_path):
    dialers.admit(views, HERE, SECOND)
    modules = DatabaseRunner(tmp_path / "none.cnf", DATABASE)
    who = {
        "login_unix_socket": server.socket, "name": USER, "address": HERE, "password": PASSWORD,
    }  # fmt: skip
    assert not modules.run("database_user", **who)["changed"]
    assert modules.run("database_user", check=True, require_tls=True, **who)["changed"]
    assert comes_in(server, ssl_disabled=True)
    done = modules.run("database_user", require_tls=True, **who)
    assert done["changed"] and done["requires_tls"]
    assert not comes_in(server, ssl_disabled=True) and comes_in(server)
    assert not modules.run("database_user", require_tls=True, **who)["changed"]
    # What says nothing about it changes nothing about it.
    assert modules.run("database_user", **who)["requires_tls"]
    modules.run("database_user", require_tls=False, **who)
    assert comes_in(server, ssl_disabled=True)


def test_a_dialer_that_is_taken_over_does_not_use_up_the_connections(
    floor, server, certificate, tmp_path
):
    most = dialers.granted("dialer", "dialer_database_connections")
    assert most >= 2 * 2  # a daemon's, twice over
    modules = DatabaseRunner(tmp_path / "none.cnf", DATABASE)
    who = {
        "login_unix_socket": server.socket, "name": USER, "address": FIRST, "password": PASSWORD,
    }  # fmt: skip
    assert modules.run("database_user", check=True, max_connections=most, **who)["changed"]
    assert modules.run("database_user", **who)["max_connections"] == 0
    done = modules.run("database_user", max_connections=most, **who)
    assert done["changed"] and done["max_connections"] == most
    assert not modules.run("database_user", max_connections=most, **who)["changed"]
    # What says nothing about it changes nothing about it.
    modules.run("database_user", require_tls=True, **who)
    with contextlib.ExitStack() as stack:
        for _number in range(most):
            stack.enter_context(connected(server, certificate, FIRST))
        with pytest.raises(pymysql.err.OperationalError, match="max_user_connections"):
            stack.enter_context(connected(server, certificate, FIRST))
        # The others' are their own.
        stack.enter_context(connected(server, certificate, SECONDS_ADDRESS))
    modules.run("database_user", max_connections=0, **who)
    assert modules.run("database_user", **who)["max_connections"] == 0


def test_the_role_limits_the_connections_and_a_second_run_changes_nothing(views, play):
    task = user_task(False)
    task["vars"]["database_user_connections"] = 8
    limit = "SELECT max_user_connections FROM mysql.user WHERE user = %s AND host = %s"
    play(task, words=["--check"])
    assert views.run(limit, (USER, HERE)) == ()
    play(task)
    assert views.run(limit, (USER, HERE)) == ((8,),)
    assert "changed=0" in play(task)
