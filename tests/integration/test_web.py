"""The HTTP API on a real database: answers, status codes, metrics, and what the log says."""

import html
import json
import logging
import re

import pytest

from evenfloor import languages
from evenfloor.web import create_app
from tests.integration.conftest import DATABASE

LOGIN = {"alias": "1001x", "password": "secret", "user": "agent7", "campaign": "TEST"}


@pytest.fixture
def client(server, cluster, tmp_path):
    cluster.add_even_floor(dialers=3, aliases=6)
    config = tmp_path / "evenfloor.ini"
    config.write_text(
        f"[database]\nunix_socket = {server.socket}\nname = {DATABASE}\nuser = root\n"
        "[balancer]\nlock_timeout = 1\n"
    )
    return create_app(str(config)).test_client()


def sample(client, name: str) -> float:
    """Read one value from /metrics; 0 where it isn't there yet."""
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


def test_a_login_answers_with_the_session_and_a_logout_ends_it(client):
    session = client.post("/api/v1/login", json=LOGIN).get_json()
    assert session["server_ip"] == "10.1.0.3" and session["phone_login"] == "1001d3"
    assert session["dialer"] == "d3"
    assert session["counts"] == {"10.1.0.1": 0, "10.1.0.2": 0, "10.1.0.3": 0}
    assert client.get("/api/v1/floor").get_json()["spread"] == 1
    assert client.post("/api/v1/logout", json={"user": "agent7"}).get_json() == {"sessions": 1}
    assert client.get("/api/v1/floor").get_json()["spread"] == 0


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"password": "wrong"}, 401, "bad_credentials"),
        ({"campaign": "NONE"}, 400, "unknown_campaign"),
        ({"alias": None}, 400, "malformed"),
        ({"user": ""}, 400, "malformed"),
        ({"user": "x" * 21}, 400, "malformed"),
        ({"take_over": "yes"}, 400, "malformed"),
    ],
)
def test_a_refusal_says_why(client, change, status, error):
    answer = client.post("/api/v1/login", json={**LOGIN, **change})
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/api/v1/login", None, 405, "method_not_allowed"),
        ("POST", "/api/v1/login", "[]", 400, "malformed"),
        ("POST", "/api/v1/logout", "{", 400, "malformed"),
        ("POST", "/api/v1/logout", "{}", 400, "malformed"),
        ("GET", "/api/v1/explain", None, 400, "malformed"),
    ],
)
def test_every_answer_is_json(client, method, path, body, status, error):
    answer = client.open(path, method=method, data=body)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert answer.get_json()["detail"]


def test_an_error_nobody_foresaw_is_told_to_the_log_and_not_to_the_client(
    client, monkeypatch, caplog
):
    def broken(*_values):
        raise RuntimeError("the inside of it")

    monkeypatch.setattr("evenfloor.claims.Claims.sessions_of", broken)
    answer = client.post("/api/v1/logout", json={"user": "agent7"})
    assert (answer.status_code, answer.get_json()["error"]) == (500, "internal_server_error")
    assert "the inside of it" in caplog.text and "the inside" not in answer.text


def test_an_alias_in_use_is_refused_with_who_and_where(client):
    client.post("/api/v1/login", json=LOGIN)
    answer = client.post("/api/v1/login", json={**LOGIN, "user": "agent8"})
    assert (answer.status_code, answer.get_json()["error"]) == (409, "alias_in_use")
    assert "agent7 on 10.1.0.3" in answer.get_json()["detail"]
    taken = client.post("/api/v1/login", json={**LOGIN, "user": "agent8", "take_over": True})
    # The session that was ended doesn't count any more.
    assert taken.status_code == 200 and set(taken.get_json()["counts"].values()) == {0}


def test_nobody_eligible_is_503_with_the_reason_of_each_dialer(client, cluster):
    cluster.run("UPDATE servers SET active = 'N'")
    answer = client.post("/api/v1/choose", json=LOGIN)
    assert (answer.status_code, answer.get_json()["error"]) == (503, "no_dialer_available")
    assert set(answer.get_json()["dialers"].values()) == {"the dialer is not active"}


def test_explain_tells_everything_but_the_password(client):
    answer = client.get("/api/v1/explain?alias=1001x&campaign=TEST")
    assert answer.get_json()["winner"] == "1001d3"
    assert "secret" not in answer.text


def test_the_metrics_have_choices_times_locks_and_the_floor(client, cluster):
    chosen = 'evenfloor_choices_total{dialer="10.1.0.3",outcome="chosen"}'
    refused = 'evenfloor_choices_total{dialer="",outcome="bad_credentials"}'
    before = {name: sample(client, name) for name in (chosen, refused)}
    times = sample(client, "evenfloor_choice_seconds_count")
    locks = sample(client, "evenfloor_lock_seconds_count")
    client.post("/api/v1/login", json=LOGIN)
    client.post("/api/v1/choose", json={**LOGIN, "password": "wrong"})
    cluster.run("UPDATE servers SET active_agent_login_server = 'N' WHERE server_ip = '10.1.0.1'")
    assert sample(client, chosen) == before[chosen] + 1
    assert sample(client, refused) == before[refused] + 1
    assert sample(client, "evenfloor_choice_seconds_count") == times + 2
    assert sample(client, "evenfloor_lock_seconds_count") == locks + 1
    assert sample(client, 'evenfloor_local_agents{dialer="10.1.0.3"}') == 1
    assert sample(client, 'evenfloor_dialer_takes_logins{dialer="10.1.0.1"}') == 0
    assert sample(client, 'evenfloor_dialer_takes_logins{dialer="10.1.0.3"}') == 1
    assert sample(client, "evenfloor_spread_agents") == 1


def test_a_login_without_the_lock_is_counted_and_the_log_says_so(client, cluster, caplog):
    caplog.set_level(logging.INFO, "evenfloor")
    name = "evenfloor_logins_without_lock_total"
    before = sample(client, name)
    with cluster.lock_held(f"evenfloor.{DATABASE}"):
        assert client.post("/api/v1/login", json=LOGIN).status_code == 200
    assert sample(client, name) == before + 1
    assert "the lock could not be acquired" in caplog.text


def test_the_log_and_the_table_have_every_dialers_count_and_state(client, cluster, caplog):
    caplog.set_level(logging.INFO, "evenfloor")
    cluster.run("UPDATE servers SET active = 'N' WHERE server_ip = '10.1.0.2'")
    cluster.add_agent("10.1.0.1")
    client.post("/api/v1/login", json=LOGIN)
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["event"], line["user"], line["alias"], line["campaign"]) == (
        "login", "agent7", "1001x", "TEST",
    )  # fmt: skip
    assert (line["outcome"], line["dialer"], line["phone_login"]) == (
        "chosen", "10.1.0.3", "1001d3",
    )  # fmt: skip
    assert 0 < line["lock_seconds"] < line["seconds"] and line["without_lock"] is False
    states = [(entry["local_agents"], entry["why_not"]) for entry in line["dialers"]]
    assert states == [(1, None), (0, "the dialer is not active"), (0, None)]
    ((winner, outcome, detail),) = cluster.run(
        "SELECT server_ip, outcome, detail FROM evenfloor_decisions"
    )
    assert (winner, outcome, json.loads(detail)) == ("10.1.0.3", "chosen", line["dialers"])
    assert "secret" not in caplog.text + detail


def test_healthz_follows_the_database(client, server):
    assert client.get("/healthz").status_code == 200
    server.stop()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "database_unreachable")
    assert sample(client, "evenfloor_up") == 0
    server.start()
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("asked", "language"),
    [("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr", "en"), ("es", "es"), ("", "en")],
)
def test_the_login_page_is_in_the_browsers_language(client, asked, language):
    answer = client.get("/", headers={"Accept-Language": asked})
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers.get("Set-Cookie") is None


def test_a_language_that_was_clicked_is_kept_and_none_is_made_up(client):
    german = {"Accept-Language": "de"}
    answer = client.get("/?lang=es", headers=german)
    assert '<html lang="es">' in answer.text
    assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert '<html lang="es">' in client.get("/", headers=german).text
    answer = client.get("/?lang=<b>", headers=german)
    assert "<b>" not in answer.text and answer.headers.get("Set-Cookie") is None


def test_the_texts_of_the_page_cannot_leave_their_attribute(client):
    page = client.get("/?lang=en").text
    found = re.search(r"<body data-words='([^']*)' ", page)[1]
    assert json.loads(html.unescape(found)) == languages.words("en")
