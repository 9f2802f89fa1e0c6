"""nginx in front of the login service: TLS, who may do what, and clients that hold others up."""

import contextlib
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

from lab.cluster import HttpRefusal
from tests.waiting import Limit

LOGIN_SECONDS = 2


def test_the_login_page_is_served_with_the_clusters_certificate(cluster):
    assert 'id="login"' in cluster.get_text("/")


def test_who_does_not_trust_the_cluster_does_not_get_through(cluster):
    url = f"https://{cluster.address('login1')}/healthz"
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen(url, timeout=10)
    assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)


def test_nothing_but_nginx_listens_on_the_clusters_address(cluster):
    listening = cluster.run("login1", "ss -Hltn").splitlines()
    ports = {line.split()[3].rpartition(":") for line in listening}
    assert {port for address, _colon, port in ports if not address.startswith("127.")} <= {
        "443", "22",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/api/v1/floor", "/api/v1/explain?alias=101x", "/metrics"])
def test_the_floor_is_for_operators(cluster, path):
    with pytest.raises(HttpRefusal) as refusal:
        cluster.request("GET", path)
    assert (refusal.value.status, refusal.value.body["error"]) == (403, "not_allowed")
    assert cluster.get_text(path)
    ask = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080{path}').status)"
    assert cluster.run("login1", f'python3 -c "{ask}"').strip() == "200"


def test_the_page_of_a_day_is_drawn_by_a_library_from_the_login_host(cluster):
    assert 'src="/day/chart.js"' in cluster.get_text("/day")
    assert "Chart.js v3" in cluster.get_text("/day/chart.js")


def test_an_agent_logs_out_with_the_session_and_nobody_else_does(cluster):
    session = cluster.login("101x")
    with pytest.raises(HttpRefusal) as refusal:
        cluster.request("POST", "/api/v1/logout", {"user": session["user"]})
    assert refusal.value.status == 403
    proof = {"session": session["session"]}
    assert cluster.request("POST", "/api/v1/logout", proof) == {"sessions": 1}


def test_a_refusal_is_in_the_log_with_the_clients_address(cluster):
    with pytest.raises(HttpRefusal):
        cluster.login("104x", password="wrong")
    log = cluster.run("login1", "journalctl --unit=evenfloor-login --no-pager")
    line = [line for line in log.splitlines() if "reason=bad_credentials" in line][-1]
    assert 'alias="104x"' in line and "address=127." not in line and "address=-" not in line


def test_idle_and_slow_clients_hold_nobody_up(cluster):
    where = (cluster.address("login1"), 443)
    password, limit = cluster.password("101x"), Limit(LOGIN_SECONDS)
    with contextlib.ExitStack() as stack:
        for _number in range(240):
            stack.enter_context(socket.create_connection(where))
        started = time.monotonic()
        session = cluster.login("101x", password=password)
        limit.check(time.monotonic() - started, "a login beside 240 idle connections")
    cluster.logout(session["user"])


@pytest.mark.parametrize(
    ("host", "name"),
    [("login1", "operator.secret"), ("login1", "session.secret"), ("login1", "login.key"),
     ("db1", "ca.key")],
)  # fmt: skip
def test_secrets_are_roots_alone(on, host, name):
    file = on(host).file(f"/etc/evenfloor/{name}")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_an_address_that_the_host_does_not_have_is_refused_in_words(cluster):
    words = ("--tags", "login", "--check", "-e", "login_address=10.99.99.99")
    refused = cluster.playbook("playbooks/site.yml", *words, check=False)
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "login_address 10.99.99.99 is none of its addresses" in said
