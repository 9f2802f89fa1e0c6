"""nginx in front of the login service, with the certificate and the configuration of the role."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import jinja2
import pytest
import yaml

from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.modules import COLLECTIONS
from tests.service import HANG, OPERATOR_TOKEN, running
from tests.waiting import PATIENCE, wait_until

ROLE = Path(__file__).parents[2] / "roles/login_front"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
TIMEOUT = 120
LOGIN = {"alias": "1001x", "password": "secret", "user": "agent7", "campaign": "TEST"}
BEGUN = b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Le"

needs_nginx = pytest.mark.skipif(NGINX is None, reason="the scenario default has nginx")


class Certificates:
    """Runs the role's steps that make a certificate, for this machine."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.book = folder / "play.yml"
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {
                "ansible_python_interpreter": sys.executable,
                "login_address": "127.0.0.1",
            },
            "tasks": [
                {
                    "ansible.builtin.include_role": {
                        "name": "evenfloor.cluster.login_front",
                        "tasks_from": "certificate",
                    },
                    "vars": {"login_front_folder": str(folder)},
                }
            ],
        }
        self.book.write_text(yaml.safe_dump([play]))
        self.inventory = folder / "hosts.ini"
        self.inventory.write_text("[login]\nlocalhost\n[database]\nlocalhost\n")

    def __call__(self, *words: str, **environment: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory),
             str(self.book), *words],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def context(self) -> ssl.SSLContext:
        """What a client trusts that has the authority's certificate."""
        found = ssl.create_default_context(cafile=self.folder / "ca.pem")
        found.verify_flags |= ssl.VERIFY_X509_STRICT
        return found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made()
    return made


@pytest.fixture(scope="module")
def service(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=6)
        cluster.keep_alive()
    with running({**server.root, "name": DATABASE}, workers=2) as service:
        yield service


class Front:
    """A running nginx."""

    def __init__(self, folder: Path, context: ssl.SSLContext | None, port: int):
        self.folder, self.context, self.port = folder, context, port
        self.config = folder / "nginx.conf"

    def ask(self, method: str, path: str, body: str | None = None, **headers: str):
        """Send a request; returns the response and what its JSON says."""
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=HANG, context=self.context)
            if self.context
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        )
        with contextlib.closing(connection):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer, json.loads(answer.read())

    def answers(self) -> bool:
        """Whether it takes connections and finds the service."""
        with contextlib.suppress(OSError):
            return self.ask("GET", "/healthz")[0].status == 200
        return False


def _temporary(folder: Path) -> str:
    """Say where nginx keeps bodies; Debian's package has folders for them."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


@contextlib.contextmanager
def front(service, certificates, folder, encrypts: bool):
    """Run nginx with the role's configuration, on a port of this machine."""
    port = mariadb.free_port()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701
    text = environment.from_string((ROLE / "templates/nginx.conf.j2").read_text()).render(
        ansible_managed="a test's",
        login_front_listens="127.0.0.1",
        login_port=port,
        login_front_encrypts=encrypts,
        login_front_certificate=certificates.folder / "login.pem",
        login_front_key=certificates.folder / "login.key",
    )
    for path, ours in (
        ("/run/evenfloor/login.sock", service.socket),
        ("/run/nginx.pid", folder / "pid"),
        ("/var/log/nginx", folder),
        ("user www-data", "user root"),  # the folders of tests are root's
        ("server_tokens off;", f"server_tokens off; {_temporary(folder)}"),
    ):
        text = text.replace(path, str(ours))
    made = Front(folder, certificates.context() if encrypts else None, port)
    made.config.write_text(text)
    process = subprocess.Popen([NGINX, "-c", str(made.config), "-g", "daemon off;"])
    try:
        wait_until(lambda: process.poll() is not None or made.answers(), PATIENCE, "nginx answers")
        assert process.poll() is None
        yield made
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(params=["on", "off"])
def nginx(request, service, certificates, tmp_path):
    with front(service, certificates, tmp_path, request.param == "on") as running:
        yield running


@needs_nginx
def test_a_phones_token_is_in_no_log_of_the_front(nginx):
    token = "a-token-that-nobody-may-see"
    for path in (f"/provision/{token}/x.cfg", f"/%70rovision/{token}/", f"/x/../provision/{token}"):
        assert nginx.ask("GET", path)[0].status in (400, 404)
    nginx.ask("GET", "/healthz", Referer=f"https://login/provision/{token}/")
    logged = nginx.folder / "access.log"
    wait_until(lambda: logged.read_text().count("***") == 4, PATIENCE, "all is logged")
    for path in nginx.folder.glob("*.log"):
        assert token not in path.read_text()


# -- the certificate ----------------------------------------------------------------------


def test_a_certificate_is_made_once_and_keys_are_their_owners(certificates):
    before = {path.name: path.read_bytes() for path in certificates.folder.iterdir()}
    assert "changed=0 " in certificates()
    assert {path.name: path.read_bytes() for path in certificates.folder.iterdir()} == before
    for name in ("ca.key", "login.key"):
        assert (certificates.folder / name).stat().st_mode & 0o7777 == 0o600
        assert b"PRIVATE KEY" in before[name]


def test_a_check_on_a_fresh_host_makes_nothing(tmp_path):
    certificates = Certificates(tmp_path)
    before = set(tmp_path.iterdir())
    certificates("--check", "--diff")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "lost", [["ca.pem"], ["ca.key", "ca.pem"], ["login.pem"], ["login.key"], ["login.names"]]
)
def test_whatever_an_interrupted_run_left_the_next_one_ends_with_a_good_certificate(
    certificates, tmp_path, lost
):
    for name in ("ca.key", "ca.pem", "login.key", "login.pem", "login.names"):
        if name not in lost:
            shutil.copy(certificates.folder / name, tmp_path)
    again = Certificates(tmp_path)
    again()
    check = ["openssl", "verify", "-CAfile", str(tmp_path / "ca.pem"),
             "-verify_ip", "127.0.0.1", "-verify_hostname", "localhost", "-x509_strict",
             str(tmp_path / "login.pem")]  # fmt: skip
    assert subprocess.run(check, capture_output=True).returncode == 0
    assert "changed=0 " in again()


def test_a_host_that_is_taken_over_gets_no_certificate_for_anothers_name(tmp_path):
    """Of its request only the key counts."""
    certificates = Certificates(tmp_path)
    certificates()
    bad = tmp_path / "bin"
    bad.mkdir()
    really = shutil.which("openssl")
    ask = 'case "$1 $2" in "req -new") case "$*" in *login.key*)'
    subject = "-subj /CN=database.example -addext subjectAltName=DNS:database.example"
    (bad / "openssl").write_text(
        f"#!/bin/sh\n{ask} exec {really} req -new -key '{tmp_path}/login.key' {subject}"
        ";; esac;; esac\n"
        f'exec {really} "$@"\n'
    )
    (bad / "openssl").chmod(0o755)
    (tmp_path / "login.names").unlink()
    certificates("-e", json.dumps({"login_names": ["more"]}), PATH=f"{bad}:{os.environ['PATH']}")
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(tmp_path / "login.pem"), "-noout", "-subject", "-ext",
         "subjectAltName,basicConstraints"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "CN = localhost" in shown.replace("CN=", "CN = ") and "DNS:more" in shown
    assert "database.example" not in shown and "CA:FALSE" in shown


def test_nobody_else_can_hold_up_the_authority(certificates):
    lock = certificates.folder / "authority.lock"
    assert lock.stat().st_mode & 0o777 == 0o600


def test_another_name_makes_another_certificate(certificates, tmp_path):
    for path in certificates.folder.glob("*.[pkn]*"):
        shutil.copy(path, tmp_path)
    more = Certificates(tmp_path)
    before = (tmp_path / "login.pem").read_text()
    more("-e", json.dumps({"login_names": ["login.example.org"]}))
    assert (tmp_path / "login.pem").read_text() != before


@pytest.mark.parametrize("given", [True, False, "no"])
def test_whether_to_encrypt_has_to_be_said_in_words(tmp_path, given):
    book = tmp_path / "play.yml"
    role = {"ansible.builtin.include_role": {"name": "evenfloor.cluster.login_front"}}
    book.write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": "localhost",
                    "connection": "local",
                    "gather_facts": False,
                    "vars": {"login_tls": given, "login_address": "127.0.0.1"},
                    "tasks": [role],
                }
            ]
        )
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "--check", "-i", "localhost,",
         str(book)],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode != 0
    assert "in quotes" in done.stdout or "must be one of: on, off" in done.stdout


# -- nginx --------------------------------------------------------------------------------


@needs_nginx
def test_agents_log_in_and_out_through_it(nginx):
    answer, session = nginx.ask("POST", "/api/v1/login", json.dumps(LOGIN))
    assert answer.status == 200 and answer.version == 11
    proof = json.dumps({"session": session["session"]})
    assert nginx.ask("POST", "/api/v1/logout", proof)[1] == {"sessions": 1}


@needs_nginx
@pytest.mark.parametrize("header", ["X_Real_IP", "X_Forwarded_For", "Forwarded"])
def test_nobody_is_the_host_itself_by_a_header_or_through_loopback(nginx, header):
    for headers in ({}, {header: "127.0.0.1"}, {header: ""}):
        answer, refusal = nginx.ask("GET", "/api/v1/floor", **headers)
        assert (answer.status, refusal["error"]) == (403, "not_allowed")


@needs_nginx
@pytest.mark.parametrize("encrypts", [True, False])
def test_an_operators_cookie_goes_back_only_encrypted_where_nginx_encrypts(
    service, certificates, tmp_path, encrypts
):
    with front(service, certificates, tmp_path, encrypts=encrypts) as nginx:
        token = json.dumps({"token": OPERATOR_TOKEN})
        answer, _body = nginx.ask("POST", "/floor/session", token, X_Forwarded_Proto="https")
    assert answer.status == 200
    assert ("Secure" in answer.getheader("Set-Cookie")) == encrypts


@needs_nginx
def test_the_log_has_the_address_that_nginx_saw(nginx, service):
    wrong = json.dumps({**LOGIN, "password": "wrong", "alias": f"port{nginx.port}"})
    nginx.ask("POST", "/api/v1/login", wrong, X_Real_IP="192.0.2.7")
    (line,) = [line for line in service.log.read_text().splitlines() if f"port{nginx.port}" in line
               and line.startswith("refused")]  # fmt: skip
    assert "address=127.0.0.1 reason=bad_credentials" in line


@needs_nginx
def test_a_big_body_and_a_broken_request_are_refused_as_the_api_refuses(nginx):
    answer, refusal = nginx.ask("POST", "/api/v1/login", "x" * 17_000)
    assert (answer.status, refusal["error"]) == (413, "request_entity_too_large")
    answer, refusal = nginx.ask("GET", "/", X_Long="x" * 9_000)
    assert (answer.status, refusal["error"]) == (400, "malformed")


@needs_nginx
def test_without_the_service_the_answer_is_503(service, certificates, tmp_path):
    with front(service, certificates, tmp_path, encrypts=True) as nginx:
        text = nginx.config.read_text().replace(str(service.socket), str(tmp_path / "nothing"))
        nginx.config.write_text(text)
        subprocess.run([NGINX, "-c", str(nginx.config), "-s", "reload"], check=True)

        def away() -> bool:
            answer, refusal = nginx.ask("GET", "/healthz")
            return (answer.status, refusal.get("error")) == (503, "service_unavailable")

        wait_until(away, PATIENCE, "nginx says that the service is away")


@pytest.fixture
def narrow(service, certificates, tmp_path):
    """An nginx that takes the client's address from a header, and two requests of each client."""
    with front(service, certificates, tmp_path, encrypts=False) as nginx:
        text = nginx.config.read_text().replace("rate=100r/s", "rate=1r/m")
        text = text.replace("burst=400", "burst=1").replace(
            "server_tokens off;",
            "server_tokens off; set_real_ip_from 127.0.0.1; real_ip_header X-Client;",
        )
        nginx.config.write_text(text)
        subprocess.run([NGINX, "-c", str(nginx.config), "-s", "reload"], check=True)
        seen = iter(range(1, 255))

        def reloaded() -> bool:
            asked = nginx.ask("GET", "/healthz", X_Client=f"10.66.0.{next(seen)}")
            again = nginx.ask("GET", "/healthz", X_Client="10.66.1.1")
            return asked[0].status == 200 and again[0].status == 429

        wait_until(reloaded, PATIENCE, "nginx counts")
        yield nginx


@needs_nginx
@pytest.mark.parametrize(
    ("addresses", "refused"),
    [
        ([f"2001:db8:1:1::{number}" for number in range(1, 6)], 3),
        ([f"2001:db8:1:2:{number}:a:b:c" for number in range(1, 6)], 3),
        ([f"2001:db8:2:{number}::1" for number in range(1, 6)], 0),
        ([f"10.77.0.{number}" for number in range(1, 6)], 0),
        (["10.78.0.1"] * 5, 3),
        # A byte of the address that is a line's end.
        ([f"2001:db8:0a0a:1::{number}" for number in range(1, 6)], 3),
    ],
)
def test_an_office_with_an_ipv6_network_is_one_client(narrow, addresses, refused):
    found = [narrow.ask("GET", "/healthz", X_Client=address)[0].status for address in addresses]
    assert found.count(429) == refused and found.count(200) == len(addresses) - refused


@needs_nginx
def test_no_request_is_lost_while_the_service_is_reloaded(service, certificates, tmp_path):
    """And none is sent twice: nginx would have to, on a connection that the service closes."""
    with (
        front(service, certificates, tmp_path, encrypts=False) as nginx,
        concurrent.futures.ThreadPoolExecutor(4) as clients,
    ):
        body = json.dumps({"alias": "1002x", "password": "secret"})

        def asks(_client: int) -> set[int]:
            return {nginx.ask("POST", "/api/v1/choose", body)[0].status for _number in range(60)}

        asked = [clients.submit(asks, number) for number in range(4)]
        while not all(client.done() for client in asked):
            before = service.workers()
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not before & service.workers(), PATIENCE, "new workers")  # noqa: B023
        assert [client.result() for client in asked] == [{200}] * 4
    assert "proxy_next_upstream off;" in nginx.config.read_text()


@needs_nginx
def test_idle_and_slow_clients_hold_nobody_up(nginx):
    def slowest() -> float:
        seconds = []
        for _number in range(50):
            started = time.monotonic()
            assert nginx.ask("GET", "/healthz")[0].status == 200
            seconds.append(time.monotonic() - started)
        return max(seconds)

    without = min(slowest() for _round in range(3))
    with contextlib.ExitStack() as stack:
        for sent in [b""] * 200 + [BEGUN] * 40:
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port)))
            opened.sendall(sent)
        beside = min(slowest() for _round in range(3))
    # Whoever waits for such a client waits ten seconds.
    assert beside < 2 * without + 0.1
