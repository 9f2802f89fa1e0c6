"""Clocks that step: the hour that comes twice, the one that is left out, and a clock set back.

A dead dialer never looks alive, and a live one is dead at most until its next heartbeat.
"""

import contextlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from evenfloor import daemon_statements, floor_statements, login_statements
from evenfloor.floor import Floor
from evenfloor.login_statements import Claim
from evenfloor.policy import Dialer, Phone
from evenfloor.request import Request
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE

VICIDIAL = Path(__file__).parents[1] / "vicidial.sql"
IP, TOKEN = "10.1.0.1", "token"
ZONE = "Europe/Berlin"
#: The hour before this moment comes twice there, and the hour after the other is left out.
BACK = datetime(2026, 10, 25, 1, tzinfo=timezone.utc)
FORTH = datetime(2026, 3, 29, 1, tzinfo=timezone.utc)
#: A moment like any other.
NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
NEVER_TOO_LATE = datetime(2100, 1, 1)  # noqa: DTZ001 - by the database's clock


class Clock:
    """A database whose clock the test sets, for one connection."""

    def __init__(self, connection, own_heartbeat: bool):
        self.cluster = Cluster(connection)
        self._own = own_heartbeat
        self.cluster.run(
            "INSERT INTO servers (server_id, server_ip, active, active_asterisk_server,"
            " active_agent_login_server, conf_engine)"
            " VALUES ('d1', %s, 'Y', 'Y', 'Y', 'CONFBRIDGE')",
            (IP,),
        )
        self.cluster.run("INSERT INTO server_updater (server_ip) VALUES (%s)", (IP,))
        if own_heartbeat:
            self.cluster.run(
                "INSERT INTO evenfloor_daemons (server_ip, token, host, started)"
                " VALUES (%s, %s, '', UTC_TIMESTAMP())",
                (IP, TOKEN),
            )

    def set(self, moment: datetime, seconds: float) -> None:
        """Set the clock to some seconds after a moment."""
        when = moment + timedelta(seconds=seconds)
        self.cluster.run("SET timestamp = %s", (when.timestamp(),))

    def read(self, statement) -> tuple:
        """Run a statement of the package."""
        return self.cluster.run(statement.text, statement.values)

    def beat(self) -> None:
        """Send a heartbeat, as the daemon or as VICIdial's process does."""
        if self._own:
            for statement in daemon_statements.beat(IP, TOKEN, daemon_statements.Work(0, 0, 0), 1):
                self.read(statement)
        else:
            self.cluster.run("UPDATE server_updater SET last_update = NOW()")

    def age(self) -> int | None:
        """Return the heartbeat's age as the balancer sees it."""
        columns = floor_statements.dialer_state(True, False)
        ((_about, state),) = self.read(floor_statements.every_dialer(columns))
        return columns.decode(state).heartbeat_age


@pytest.fixture(scope="module")
def zoned():
    """A server whose local time has summer time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", ZONE)
        with mariadb.running() as running:
            yield running


@pytest.fixture(params=["plain", "vicidial", "plain, former daemon"])
def clock(request, zoned):
    mariadb.create_database(zoned, DATABASE)
    with contextlib.closing(zoned.connect(DATABASE)) as connection:
        if request.param == "vicidial":
            for table in ("servers", "phones", "server_updater", "vicidial_live_agents"):
                Cluster(connection).run(f"DROP TABLE {table}")
            connection.cursor().execute("SET sql_mode = ''")
            for statement in mariadb.statements(VICIDIAL.read_text()):
                if statement.split("(")[0].split()[-1] in ("servers", "phones", "server_updater",
                                                           "vicidial_live_agents"):  # fmt: skip
                    Cluster(connection).run(statement)
        yield Clock(connection, own_heartbeat=request.param == "plain")


@pytest.fixture
def utc(clock, request):
    """Skip where only the local time of a heartbeat is known."""
    if "former" in request.node.callspec.id:
        pytest.skip("a former daemon's heartbeat has no UTC")
    return clock


def test_a_dialer_that_died_in_the_hour_that_comes_twice_stays_dead(utc):
    utc.set(BACK, -1800)
    utc.beat()
    for seconds in (-1790, -1, 0, 600, 1799, 1800, 1801, 1805, 3600):
        utc.set(BACK, seconds)
        assert utc.age() == 1800 + seconds


def test_the_hour_really_comes_twice_here(clock):
    for seconds in (-1800, 1800):
        clock.set(BACK, seconds)
        assert clock.cluster.run("SELECT TIME_FORMAT(NOW(), '%%H:%%i')", ()) == (("02:30",),)


def test_a_live_dialer_stays_alive_while_clocks_are_set_back_and_forth(utc):
    for moment in (BACK, FORTH):
        utc.set(moment, -1)
        utc.beat()
        utc.set(moment, 1)
        assert utc.age() == 2


def test_a_heartbeat_that_only_local_time_dates_is_unknown_in_the_hour_that_comes_twice(clock):
    clock.set(BACK, -10)
    clock.cluster.run("UPDATE server_updater SET last_update = NOW()")
    clock.cluster.run("DELETE FROM evenfloor_daemons")
    clock.cluster.run("UPDATE server_updater SET db_time = '2001-01-01'")
    for seconds in (0, 1800, 3000):
        clock.set(BACK, seconds)
        assert clock.age() is None


def test_a_heartbeat_is_unknown_as_long_as_it_is_from_the_future(clock):
    clock.set(NOON, 0)
    clock.beat()
    clock.set(NOON, -3600)
    assert clock.age() is None
    clock.beat()
    assert clock.age() == 0


def test_a_heartbeat_that_came_while_the_statement_waited_is_fresh(clock):
    clock.set(NOON, 3)
    clock.beat()
    clock.set(NOON, 0)
    assert clock.age() == 0


def test_a_dialer_is_as_old_as_its_heartbeat(clock):
    assert clock.age() is None
    clock.set(NOON, 7200)
    clock.beat()
    for seconds in (0, 1, 5, 500):
        clock.set(NOON, 7200 + seconds)
        assert clock.age() == seconds


def test_a_reservation_does_not_outlive_a_clock_that_was_set_back_an_hour(clock):
    clock.set(NOON, 0)
    claim = Claim(
        Request("101x", "secret", "agent7", "TEST"),
        Phone("101a", IP),
        Dialer(IP, True, True, 0, 1, 0),
        Floor({}),
    )
    clock.read(login_statements.reserve(claim, 10, NEVER_TOO_LATE))
    _oldest, changes = floor_statements.changes("another")
    assert [row[0] for row in clock.read(changes)] == [IP]
    clock.set(NOON, -3600)
    assert clock.read(changes) == ()
    clock.set(NOON, 10)
    assert clock.read(changes) == ()


def test_a_session_is_as_old_as_its_row_in_any_hour(clock):
    clock.set(BACK, -10)
    clock.cluster.run(
        "INSERT INTO vicidial_live_agents (user, server_ip, extension, callerid, lead_id,"
        " last_call_time) VALUES ('agent7', %s, 'PJSIP/1', 'S1', 0, NOW())",
        (IP,),
    )
    for seconds, age in ((-10, 0), (0, 10), (5, 15), (-60, 0)):
        clock.set(BACK, seconds)
        (row,) = clock.read(daemon_statements.sessions_on(IP))
        assert floor_statements.SESSION.made_of(row).age == age
