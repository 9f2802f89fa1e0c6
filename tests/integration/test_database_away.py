"""The real service under load while its database goes away and comes back, again and again."""

import concurrent.futures
import threading

import pymysql
import pytest
from pymysql.constants.ER import LOCK_DEADLOCK as DEADLOCK

from evenfloor.pool import BALANCERS
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.service import HANG, running
from tests.waiting import wait_until

WORKERS = 2
CLIENTS = 8
RESTARTS = 10


@pytest.fixture
def floor(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=CLIENTS)
        cluster.keep_alive()
        cluster.run("CREATE OR REPLACE USER login@localhost IDENTIFIED BY 'let me in'")
        cluster.run(f"GRANT ALL ON {DATABASE}.* TO login@localhost")


@pytest.fixture
def service(server, floor, monkeypatch):
    # Nobody sends heartbeats while the database is away.
    monkeypatch.setenv("EVENFLOOR_BALANCER_HEARTBEAT_TIMEOUT", "3600")
    where = {"host": "127.0.0.1", "port": server.port, "name": DATABASE}
    with running({**where, "user": "login", "password": "let me in"}, WORKERS) as service:
        yield service


def connections(server) -> int:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'login'")
        return cursor.fetchone()[0]


def free_the_rooms(server) -> None:
    """Do what the dialers' daemons do, which aren't there: or else the rooms run out."""

    def freed() -> bool:
        try:
            cursor.execute("UPDATE vicidial_confbridges SET extension = ''")
        except pymysql.err.OperationalError as error:
            # Logins take rooms meanwhile: one of the two has to give way.
            if error.args[0] != DEADLOCK:
                raise
            return False
        return True

    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        wait_until(freed, 20, "the rooms are free")


def test_ten_restarts_in_a_burst_give_clean_errors_and_recovery_and_leak_nothing(server, service):
    workers = service.workers()
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def agent(number: int) -> None:
        body = {
            "alias": f"{1001 + number}x",
            "password": "secret",
            "user": f"agent{number}",
            "campaign": "TEST",
        }
        while not over.is_set():
            status, answer = service.ask("POST", "/api/v1/login", body)
            answers.append((status, answer.get("error", "")))

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        agents = [pool.submit(agent, number) for number in range(CLIENTS)]
        try:
            for _restart in range(RESTARTS):
                free_the_rooms(server)
                before = len(answers)
                wait_until(lambda before=before: (200, "") in answers[before:], 20, "a login")
                server.stop()
                assert service.ask("GET", "/healthz")[0] == 503
                server.start()
                wait_until(service.healthy, 20, "the service is well")
        finally:
            over.set()
        for future in agents:
            future.result(HANG)
    assert set(answers) == {(200, ""), (503, "database_unreachable")}
    assert service.workers() == workers
    # One more asks for /healthz, and one watches heartbeats.
    # The database notices a moment later that one was closed.
    most = WORKERS * (BALANCERS + 2)
    wait_until(lambda: connections(server) <= most, 20, "no connection is left over")
    assert "Traceback" not in service.log.read_text()
