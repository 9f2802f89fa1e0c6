"""Logins and the daemon go on while a host changes its secrets: real processes, a real MariaDB."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.integration.conftest import DATABASE
from tests.integration.rotation import (
    ADDRESS,
    FIRST_PASSWORD,
    USER,
    Host,
    kill_connections,
)
from tests.mariadb import free_port
from tests.service import PACKAGE, running
from tests.waiting import PATIENCE, wait_until

ALIASES = 6
DIALER = "10.1.0.1"


@pytest.fixture
def host_user(cluster, server, tmp_path):
    """A host's files, and its user in the database, who may do everything there."""
    cluster.add_even_floor(dialers=3, aliases=ALIASES)
    # They stay alive, however long a test takes.
    cluster.keep_alive()
    made = Host(server, tmp_path)
    made.site()
    cluster.run(f"GRANT ALL ON {DATABASE}.* TO {USER}@'{ADDRESS}'")
    yield made
    cluster.run(f"DROP USER {USER}@'{ADDRESS}'")


def database_lines(server) -> dict:
    return {"host": ADDRESS, "port": server.port, "name": DATABASE, "user": USER,
            "password": FIRST_PASSWORD}  # fmt: skip


class Agents(threading.Thread):
    """Agents who log in one after the other until told to stop.

    Attributes:
        answers: the status of every login.
    """

    def __init__(self, service):
        super().__init__(daemon=True)
        self._service, self._enough = service, threading.Event()
        self.answers: list = []

    def run(self):
        number = 0
        while not self._enough.is_set():
            number += 1
            alias = f"{1001 + number % ALIASES}x"
            body = {"alias": alias, "password": "secret", "user": f"agent{number % ALIASES}",
                    "campaign": "TEST"}  # fmt: skip
            try:
                self.answers.append(self._service.ask("POST", "/api/v1/choose", body)[0])
            except OSError as error:
                self.answers.append(repr(error))

    def stop(self):
        self._enough.set()
        self.join(PATIENCE)

    def wait_for_more(self, more=4):
        """Wait until some more logins have been answered."""
        wanted = len(self.answers) + more
        wait_until(lambda: len(self.answers) >= wanted, PATIENCE, "agents log in", every=0.05)


def reload_gracefully(service):
    """Do what the unit's reload does, and wait until the processes of before have ended."""
    before = service.workers()
    service.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: service.workers() and not service.workers() & before,
        PATIENCE,
        "new processes serve",
        every=0.1,
    )


def test_no_login_fails_while_the_login_service_changes_over(host_user, server, tmp_path, cluster):
    with running(database_lines(server), workers=2) as service:
        folder = tmp_path / "host"
        folder.mkdir()
        host = Host(server, folder, service.config)
        agents = Agents(service)
        agents.start()
        begin, add, use, only, end = host.steps()
        for step in (begin, add, use, lambda: reload_gracefully(service), only, end):
            step()
            agents.wait_for_more()
        agents.stop()
        assert set(agents.answers) == {200}, service.log.read_text()[-2000:]
        assert not host.lets_in(FIRST_PASSWORD)
        # What has to connect anew does so with the new password.
        kill_connections(cluster)
        assert wait_until(service.healthy, PATIENCE, "the service has come in again") >= 0


@pytest.mark.parametrize("steps", range(4))
def test_whoever_has_to_connect_anew_gets_in_at_every_step(
    host_user, server, tmp_path, cluster, steps
):
    """The processes still know the old password alone: none of these steps is the reload."""
    with running(database_lines(server), workers=1) as service:
        folder = tmp_path / "host"
        folder.mkdir()
        host = Host(server, folder, service.config)
        for step in host.steps()[: min(steps, 3)]:
            step()
        if steps > 2:
            host.site()
        kill_connections(cluster)
        body = {"alias": "1001x", "password": "secret", "user": "agent7", "campaign": "TEST"}
        assert service.ask("POST", "/api/v1/choose", body)[0] == 200


class Asterisk:
    """Answers on a manager interface, as far as a daemon without calls asks.

    Attributes:
        secret: the secret that it accepts.
        logins: the secrets with which somebody has come in.
        refused: how often somebody hasn't.
    """

    def __init__(self, secret):
        self.secret, self.logins, self.refused = secret, [], 0
        self._writers: set = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = free_port()
        self._call(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = [line.partition(": ")[::2] for line in text.split("\r\n") if line]
                action = {name.lower(): value for name, value in lines}
                for answer in self._answers(action):
                    token = {"ActionID": action["actionid"], **answer}
                    said = "".join(f"{name}: {value}\r\n" for name, value in token.items())
                    writer.write(f"{said}\r\n".encode())

    def _answers(self, action):
        if action["action"] == "Login":
            if action["secret"] != self.secret:
                self.refused += 1
                return [{"Response": "Error", "Message": "Authentication failed"}]
            self.logins.append(action["secret"])
            return [{"Response": "Success", "Message": "Authentication accepted"}]
        done = {"Response": "Success"}
        if action["action"] in ("CoreShowChannels", "DeviceStateList"):
            end = {"Event": f"{action['action']}Complete", "EventList": "Complete"}
            return [{**done, "EventList": "start"}, end]
        return [done]

    async def _hang_up(self):
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def hang_up(self):
        """End every connection."""
        self._call(self._hang_up())

    def stop(self):
        """Stop answering."""
        self.hang_up()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)


@pytest.fixture
def asterisk():
    running_one = Asterisk("first")
    yield running_one
    running_one.stop()


@pytest.fixture
def daemon(host_user, server, cluster, asterisk):
    """A daemon on the host, which alone sends its dialer's heartbeats."""
    cluster.die(DIALER)
    lines = [f"{key} = {value}" for key, value in database_lines(server).items()]
    more = [
        "[dialer]",
        f"server_ip = {DIALER}",
        f"ami_port = {asterisk.port}",
        "ami_secret = first",
    ]
    host_user.config.write_text("\n".join(["[database]", *lines, *more, ""]))
    process = subprocess.Popen(
        [sys.executable, "-m", "evenfloor.dialer", "--config", host_user.config],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    yield process
    process.terminate()
    process.wait(PATIENCE)


@pytest.fixture
def beats_again(cluster):
    """A function that waits until the daemon has sent another heartbeat."""

    def wait():
        cluster.run("UPDATE server_updater SET last_update = '2000-01-01'")
        beat = f"SELECT last_update > '2000-01-02' FROM server_updater WHERE server_ip = '{DIALER}'"
        wait_until(lambda: cluster.run(beat) == ((1,),), PATIENCE, "the heartbeat goes on")

    return wait


def test_a_daemon_uses_new_secrets_without_a_restart(
    daemon, host_user, cluster, asterisk, beats_again
):
    beats_again()
    begin, add, use, only, end = host_user.steps()
    for step in (begin, add, use):
        step()
        beats_again()
    text = host_user.config.read_text()
    host_user.config.write_text(text.replace("ami_secret = first", "ami_secret = second"))
    asterisk.secret = "second"
    daemon.send_signal(signal.SIGHUP)
    beats_again()
    for step in (only, end):
        step()
    # The connection to Asterisk has stayed.
    assert asterisk.logins == ["first"]
    kill_connections(cluster)
    beats_again()
    asterisk.hang_up()
    wait_until(lambda: asterisk.logins == ["first", "second"], PATIENCE, "the daemon has come back")
    beats_again()
    assert asterisk.refused == 0 and daemon.poll() is None


def test_a_daemon_keeps_what_it_has_when_its_file_is_garbage(daemon, host_user, beats_again):
    beats_again()
    host_user.config.write_text("garbage")
    daemon.send_signal(signal.SIGHUP)
    beats_again()
    beats_again()
    assert daemon.poll() is None
