"""A database that hangs, a network that swallows packets, and callers who don't wait for ever."""

import collections
import concurrent.futures
import contextlib
import io
import json
import os
import signal
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from evenfloor import LoginRefused
from evenfloor import server as server_module
from evenfloor.callers import Caller
from evenfloor.cli import UNREACHABLE, main
from evenfloor.connection import Connection
from evenfloor.deadline import Deadline
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.mariadb import hang, hanging
from tests.service import running
from tests.waiting import PATIENCE, Limit, wait_until

AGENTS = 8
#: What a database that hangs costs a caller at most, in seconds.
REFUSED_WITHIN, UNWELL_WITHIN = 5, 2
WRITES = ("vicidial_live_agents", "vicidial_manager", "evenfloor_reservations")


@pytest.fixture(params=["InnoDB", "MyISAM"])
def floor(request, server):
    mariadb.create_database(server, DATABASE, request.param)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=AGENTS)
        cluster.keep_alive()
        yield cluster


def login(number: int) -> dict:
    return {
        "alias": f"{1001 + number}x",
        "password": "secret",
        "user": f"agent{number}",
        "campaign": "TEST",
    }


def waiting(seconds: float, left=lambda: False) -> Caller:
    """Return a caller who waits so many seconds, unless it leaves before."""
    return Caller(is_host=True, deadline=Deadline(seconds, left))


def take_logins(service) -> bool:
    """Whether every dialer takes logins."""
    _status, answer = service.ask("GET", "/api/v1/floor")
    return all(dialer["takes_logins"] for dialer in answer["dialers"])


def test_the_service_says_so_in_time_and_is_well_again_by_itself(server, floor):
    where = {"unix_socket": server.socket, "name": DATABASE, "user": "root"}
    requests = [
        ("POST", "/api/v1/login", login(0)),
        ("POST", "/api/v1/choose", login(0)),
        ("POST", "/api/v1/logout", {"user": "agent0"}),
        ("GET", "/api/v1/floor", None),
        ("GET", "/api/v1/explain?alias=1001x", None),
    ]
    with running(where, workers=1) as service:
        with hanging(server):
            for request in requests:
                limit, started = Limit(REFUSED_WITHIN), time.monotonic()
                status, answer = service.ask(*request)
                limit.check(time.monotonic() - started, request[1])
                assert (status, answer["error"]) == (503, "database_unreachable")
                limit, started = Limit(UNWELL_WITHIN), time.monotonic()
                assert service.ask("GET", "/healthz")[0] == 503
                limit.check(time.monotonic() - started, "/healthz")
        wait_until(service.healthy, PATIENCE, "the service is well")
        # The dialers couldn't send heartbeats either.
        wait_until(lambda: take_logins(service), PATIENCE, "the dialers are alive")
        assert service.ask(*requests[0])[0] == 200


@pytest.mark.parametrize("logins", [24, 120], ids=["fewer than threads", "more than threads"])
def test_with_logins_that_all_hang_the_service_still_says_that_it_is_not_well(
    server, floor, logins
):
    where = {"unix_socket": server.socket, "name": DATABASE, "user": "root"}
    with running(where, workers=1) as service, ThreadPoolExecutor(logins + 1) as pool:
        for number in range(AGENTS):
            service.ask("POST", "/api/v1/choose", login(number))

        def timed(*request) -> tuple[float, int]:
            started = time.monotonic()
            status = service.ask(*request)[0]
            return time.monotonic() - started, status

        limit, unwell = Limit(REFUSED_WITHIN), Limit(UNWELL_WITHIN)
        with hanging(server):
            asked = [
                pool.submit(timed, "POST", "/api/v1/login", login(number % AGENTS))
                for number in range(logins)
            ]
            scrape = pool.submit(scraped, service)
            answers = []
            while logins < server_module.threads and not all(future.done() for future in asked):
                answers.append(timed("GET", "/healthz"))
            answered = [future.result(PATIENCE) for future in asked]
            assert "evenfloor_up 0.0" in scrape.result(PATIENCE)
        assert {status for _seconds, status in answered + answers} == {503}
        limit.check(max(answered)[0], "a login")
        if logins < server_module.threads:
            unwell.check(max(answers)[0], "/healthz")
        wait_until(service.healthy, PATIENCE, "the service is well")


def scraped(service) -> str:
    """Return the metrics."""
    url = f"http://127.0.0.1:{service.port}/metrics"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


def test_a_command_says_so_in_time(server, floor, tmp_path, monkeypatch, capsys):
    config = tmp_path / "evenfloor.ini"
    config.write_text(
        f"[database]\nunix_socket = {server.socket}\nname = {DATABASE}\nuser = root\n"
    )
    for words in (["floor"], ["login", "1001x", "--user", "a", "--campaign", "TEST"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
        with hanging(server):
            limit, started = Limit(REFUSED_WITHIN), time.monotonic()
            assert main([*words, "--config", str(config)]) == UNREACHABLE
            limit.check(time.monotonic() - started, words[0])
        assert "database_unreachable" in capsys.readouterr().err


def test_logins_in_which_the_database_hung_leave_sessions_only_for_who_was_told(server, floor):
    """It stops at whatever it is doing, and does the rest when it goes on."""
    balancers = [mariadb.balancer(server.root, DATABASE) for _number in range(AGENTS)]
    for balancer in balancers:
        balancer.floor()
    told: dict[str, str] = {}
    known: dict[str, set[str]] = collections.defaultdict(set)
    over = threading.Event()

    def agent(number: int) -> None:
        user = f"agent{number}"
        while not over.is_set():
            told.pop(user, None)
            with contextlib.suppress(LoginRefused):
                told[user] = balancers[number].login(**login(number)).tag
                known[user].add(told[user])
            if user not in told:
                return

    with concurrent.futures.ThreadPoolExecutor(AGENTS) as pool:
        agents = [pool.submit(agent, number) for number in range(AGENTS)]
        wait_until(lambda: len(known) == AGENTS, PATIENCE, "everybody has logged in")
        with hanging(server):
            wait_until(lambda: len(told) < AGENTS, PATIENCE, "somebody waits")
            concurrent.futures.wait(agents, timeout=2 * REFUSED_WITHIN)
        over.set()
        for future in agents:
            future.result(PATIENCE)
    # What hung half-way is done by now, or never.
    wait_until(lambda: busy(floor) == 0, PATIENCE, "the database has done what it was asked for")
    # A session that was written before the database hung, and of which nobody was told, is ended
    # by the next request.
    for number, balancer in enumerate(balancers):
        balancer.choose(f"{1001 + number}x", "secret")
    found = dict(floor.run("SELECT user, callerid FROM vicidial_live_agents"))
    assert {user: tag for user, tag in found.items() if user in told} == told
    # Who was refused has the session of the time before, if any, and none that nobody knows of.
    assert all(found[user] in known[user] for user in found.keys() - told.keys())
    for balancer in balancers:
        balancer.close()


def busy(cluster) -> int:
    return cluster.run(
        "SELECT COUNT(*) FROM information_schema.processlist"
        " WHERE command <> 'Sleep' AND id <> CONNECTION_ID() AND user = 'root'"
    )[0][0]


@pytest.mark.parametrize("use_case", ["login", "choose"])
def test_what_the_database_reads_too_late_is_not_done(server, floor, use_case, monkeypatch):
    balancer = mariadb.balancer(server.root, DATABASE)
    balancer.floor()
    whole, trips = Connection._trip, []

    def counted(connection, statements, most=None):
        trips.append(1)
        if len(trips) == 3:  # the claim
            hang(server)
        return whole(connection, statements, most)

    monkeypatch.setattr(Connection, "_trip", counted)
    try:
        with pytest.raises(LoginRefused, match="database_unreachable"):
            getattr(balancer, use_case)("1001x", "secret", "late", "TEST")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert len(trips) >= 3
    wait_until(lambda: busy(floor) == 0, PATIENCE, "the database has done what it was asked for")
    for table in WRITES:
        assert floor.run(f"SELECT * FROM {table}") == ()
    assert floor.run("SELECT * FROM vicidial_confbridges WHERE extension <> ''") == ()
    assert getattr(balancer, use_case)("1001x", "secret", "late", "TEST").server_ip
    balancer.close()


class Proxy:
    """Forwards TCP to the database until it is told to swallow everything.

    Args:
        port: the database's.
    """

    def __init__(self, port: int):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        #: Which way still forwards: to the database, and back.
        self.open = {"there": threading.Event(), "back": threading.Event()}
        self._sockets: list[socket.socket] = [self._listener]
        for event in self.open.values():
            event.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                database = socket.create_connection(self._target)
                self._sockets += [client, database]
                for source, sink, way in ((client, database, "there"), (database, client, "back")):
                    threading.Thread(
                        target=self._forward, args=(source, sink, self.open[way]), daemon=True
                    ).start()

    def _forward(self, source, sink, is_open: threading.Event) -> None:
        # A socket that ended is left open on the other side: its FIN is swallowed, too.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_open.is_set():
                    sink.sendall(data)

    def close(self) -> None:
        """End all connections."""
        for part in self._sockets:
            part.close()


@pytest.mark.parametrize("cut", ["there", "back"])
@pytest.mark.parametrize("use_case", ["login", "choose"])
def test_a_holder_whose_packets_are_swallowed_loses_the_lock(
    server, floor, use_case, cut, monkeypatch
):
    """The database can't see that it is gone."""
    floor.run("CREATE OR REPLACE USER far@'127.0.0.1' IDENTIFIED BY 'far away'")
    floor.run(f"GRANT ALL ON {DATABASE}.* TO far@'127.0.0.1'")
    proxy = Proxy(server.port)
    where = {"host": "127.0.0.1", "port": proxy.port, "user": "far", "password": "far away"}
    far = mariadb.balancer(where, DATABASE, reservation_ttl=1)
    far.floor()
    near = mariadb.balancer(server.root, DATABASE)
    near.floor()
    whole, trips = Connection._trip, []

    def cut_at_the_claim(connection, statements, most=None):
        if connection is far._store._connection:
            trips.append(1)
            if len(trips) == 3:
                proxy.open[cut].clear()
        return whole(connection, statements, most)

    monkeypatch.setattr(Connection, "_trip", cut_at_the_claim)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(getattr(far, use_case), "1001x", "secret", "far", "TEST")
        wait_until(lambda: not proxy.open[cut].is_set(), PATIENCE, "the network is cut")
        for longest in (3, 1):
            limit, started = Limit(longest), time.monotonic()
            near.login("1002x", "secret", "near", "TEST")
            limit.check(time.monotonic() - started, "a login elsewhere")
        with pytest.raises(LoginRefused, match="database_unreachable"):
            lost.result(PATIENCE)
    # The network is back: what was begun for somebody who was told that it failed is undone.
    proxy.open[cut].set()
    assert far.login("1003x", "secret", "far2", "TEST").server_ip
    assert floor.run("SELECT * FROM vicidial_live_agents WHERE user = 'far'") == ()
    far.close()
    near.close()
    proxy.close()


def test_a_caller_who_has_left_gets_no_reservation_and_no_session(server, floor):
    with server.connect(DATABASE) as connection:
        holder = Cluster(connection)
        balancer = mariadb.balancer(server.root, DATABASE)
        left = threading.Event()
        for use_case in (balancer.choose, balancer.login):
            left.clear()
            with (
                concurrent.futures.ThreadPoolExecutor(1) as pool,
                holder.lock_held(f"evenfloor.{DATABASE}"),
            ):
                answer = pool.submit(
                    use_case,
                    "1001x", "secret", "gone", "TEST",
                    caller=waiting(PATIENCE, left.is_set),
                )  # fmt: skip
                wait_until(lambda: busy(floor) > 0, PATIENCE, "it waits for the lock")
                left.set()
                with pytest.raises(LoginRefused, match="longer than is waited for"):
                    answer.result(PATIENCE)
        balancer.close()
    for table in WRITES:
        assert floor.run(f"SELECT * FROM {table}") == ()


@pytest.mark.parametrize("seconds", [0.6, 1])
def test_with_the_lock_stuck_a_choice_comes_before_the_caller_leaves(server, floor, seconds):
    balancer = mariadb.balancer(server.root, DATABASE)
    balancer.floor()
    with floor_lock(server):
        limit, started = Limit(seconds), time.monotonic()
        assert balancer.choose(**login(0), caller=waiting(seconds)).server_ip
        limit.check(time.monotonic() - started, "the choice")
    balancer.close()


@contextlib.contextmanager
def floor_lock(server):
    with (
        server.connect(DATABASE) as connection,
        Cluster(connection).lock_held(f"evenfloor.{DATABASE}"),
    ):
        yield


def test_a_client_who_closes_the_connection_has_left(server, floor):
    where = {"unix_socket": server.socket, "name": DATABASE, "user": "root"}
    with running(where, workers=1) as service, floor_lock(server):
        body = json.dumps(login(0))
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(
                b"POST /api/v1/choose HTTP/1.0\r\nContent-Type: application/json\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            wait_until(lambda: busy(floor) > 0, PATIENCE, "it waits for the lock")
        wait_until(lambda: busy(floor) == 0, PATIENCE, "it has waited long enough")
        # The one worker answers when it is done with the request before.
        assert service.ask("GET", "/healthz")[0] == 200
        assert floor.run("SELECT * FROM evenfloor_reservations") == ()


def test_the_next_host_is_asked_where_one_hangs(server, floor):
    floor.run("CREATE OR REPLACE USER far@'127.0.0.1' IDENTIFIED BY 'far away'")
    floor.run(f"GRANT ALL ON {DATABASE}.* TO far@'127.0.0.1'")
    # It accepts connections and never says a word.
    with socket.create_server(("127.0.0.2", server.port)):
        where = {"host": "127.0.0.2, 127.0.0.1", "port": server.port, "user": "far"}
        balancer = mariadb.balancer({**where, "password": "far away"}, DATABASE)
        limit, started = Limit(UNWELL_WITHIN), time.monotonic()
        balancer.floor()
        limit.check(time.monotonic() - started, "an answer of the second host")
        assert balancer.login(**login(0)).server_ip
        balancer.close()
