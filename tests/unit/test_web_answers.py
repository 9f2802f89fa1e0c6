"""What the HTTP API reads from a request and makes of an answer, without a request."""

import math
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.exceptions import InternalServerError, MethodNotAllowed, NotFound

from evenfloor import errors, floor_metrics, refusals, web
from evenfloor.answers import FloorEntry
from evenfloor.body import (
    json_body,
    read_body,
    read_choose,
    read_explain,
    read_login,
    read_logout,
    read_timeout,
    read_user_password,
)
from evenfloor.errors import LoginRefused, Malformed

LOGIN = {"alias": "101x", "password": "secret", "user": "agent7", "campaign": "TEST"}


def entry(number: int, agents: int, takes_logins: bool = True) -> FloorEntry:
    return FloorEntry(
        server_id=f"dialer{number}",
        server_ip=f"10.0.0.{number}",
        takes_logins=takes_logins,
        state="takes logins" if takes_logins else "the dialer is not active",
        local_agents=agents,
        remote_agents=0,
        free_rooms=9,
        phones=3,
        registered=2,
        heartbeat_age=1,
        max_agents=None,
    )


FLOOR = [entry(1, 4), entry(2, 3), entry(3, 0, takes_logins=False)]


def test_a_login_is_read_with_what_it_needs_and_nothing_else():
    assert read_login({**LOGIN, "more": 1}) == {**LOGIN, "take_over": False}
    assert read_login({**LOGIN, "take_over": True})["take_over"] is True
    assert read_choose({**LOGIN, "take_over": True}) == LOGIN


def test_an_agents_own_password_is_read_beside_the_rest():
    assert read_user_password({**LOGIN, "user_password": "my own"}) == "my own"
    assert read_user_password(LOGIN) == ""
    with pytest.raises(Malformed):
        read_user_password(["user_password"])


def test_what_is_not_in_a_request_is_empty():
    empty = dict.fromkeys(LOGIN, "")
    assert read_login({}) == {**empty, "take_over": False}
    assert read_body({}, "user") == {"user": ""}
    assert read_explain({"alias": "101x"}) == {"alias": "101x", "user": "", "campaign": ""}


@pytest.mark.parametrize(
    ("body", "proof"),
    [
        ({"session": "token", "user": "agent7"}, {"session": "token"}),
        ({"session": None, "user": "agent7"}, {"session": None}),
        (LOGIN, {"alias": "101x", "password": "secret"}),
        ({"password": "secret"}, {"alias": "", "password": "secret"}),
        ({"user": "agent7"}, {"user": "agent7"}),
    ],
)
def test_a_logout_is_read_with_its_strongest_proof_alone(body, proof):
    assert read_logout(body) == proof


def test_a_logout_without_any_proof_is_malformed():
    with pytest.raises(Malformed, match="'session', or 'alias' and 'password'"):
        read_logout({})


def test_the_log_has_one_line_a_refusal_whatever_was_typed():
    typed = "1\nrefused: x" * 99
    line = refusals.refusal_line("10.0.0.9", "bad_credentials", ("POST", "/\n"), typed)
    assert line.startswith("refused: address=10.0.0.9 reason=bad_credentials request=")
    assert "\n" not in line and len(line) < 500
    assert "address=- " in refusals.refusal_line("", "malformed", ("GET", "/"), None)


@pytest.mark.parametrize("body", [None, [], "text", 7])
@pytest.mark.parametrize("read", [read_login, read_choose, read_body, read_logout])
def test_a_body_that_is_no_object_is_malformed(read, body):
    with pytest.raises(Malformed, match="JSON object"):
        read(body)


@pytest.mark.parametrize("take_over", ["yes", 1, None])
def test_take_over_is_true_or_false(take_over):
    with pytest.raises(Malformed, match="take_over"):
        read_login({**LOGIN, "take_over": take_over})


def test_every_reason_of_a_refusal_has_its_status():
    reasons = {
        value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)
    }
    assert set(refusals.STATUS) == reasons


@pytest.mark.parametrize(("reason", "status"), refusals.STATUS.items())
def test_a_refusal_says_its_reason_in_one_word_and_in_many(reason, status):
    assert refusals.refusal_answer(LoginRefused(reason, "why")) == (
        {"error": reason, "detail": "why"}, status,
    )  # fmt: skip


def test_a_refusal_by_every_dialer_has_the_reason_of_each():
    refusal = LoginRefused("no_dialer_available", "why", {"101a": "the dialer is not active"})
    assert refusals.refusal_answer(refusal)[0]["dialers"] == {"101a": "the dialer is not active"}


def test_what_is_malformed_is_400_whatever_its_reason():
    body, status = refusals.refusal_answer(Malformed("bad_credentials", "'user' is required"))
    assert (body, status) == ({"error": "malformed", "detail": "'user' is required"}, 400)


@pytest.mark.parametrize(
    ("error", "word", "status"),
    [(NotFound(), "not_found", 404), (MethodNotAllowed(), "method_not_allowed", 405)],
)
def test_what_is_no_request_of_the_api_is_answered_like_the_others(error, word, status):
    body, code = refusals.http_error_answer(error)
    assert (body["error"], code) == (word, status) and body["detail"]


def test_the_inside_of_an_unforeseen_error_is_not_told():
    error = InternalServerError("the inside", original_exception=RuntimeError("the inside"))
    body, status = refusals.http_error_answer(error)
    assert status == 500 and "inside" not in str(body)


def test_a_floor_has_its_dialers_and_the_spread_of_those_that_take_logins():
    answer = web.floor_answer(FLOOR)
    assert [dialer["server_ip"] for dialer in answer["dialers"]] == [
        "10.0.0.1", "10.0.0.2", "10.0.0.3",
    ]  # fmt: skip
    assert answer["spread"] == 1
    assert web.floor_answer([]) == {"dialers": [], "spread": 0}


def samples(floor) -> dict:
    return {
        (sample.name, sample.labels.get("dialer")): sample.value
        for family in floor_metrics.floor_gauges(floor)
        for sample in family.samples
    }


def test_the_gauges_have_every_dialer():
    found = samples(FLOOR)
    assert found["evenfloor_up", None] == 1 and found["evenfloor_spread_agents", None] == 1
    assert found["evenfloor_local_agents", "10.0.0.1"] == 4
    assert found["evenfloor_dialer_takes_logins", "10.0.0.3"] == 0
    assert found["evenfloor_calls_kept", "10.0.0.1"] == 0


def test_calls_that_are_kept_without_a_row_are_a_gauge():
    found = samples([replace(FLOOR[0], calls_kept=50)])
    assert found["evenfloor_calls_kept", "10.0.0.1"] == 50


def test_what_a_daemon_says_is_there_only_where_there_is_one():
    work = {"calls": 3, "findings": 2, "asterisk_connections": 1, "database_connections": 4}
    found = samples([FLOOR[0], replace(FLOOR[1], heartbeat_age=None, **work)])
    silent, working = FLOOR[0].server_ip, FLOOR[1].server_ip
    assert found["evenfloor_calls", working] == 3
    assert found["evenfloor_findings_total", working] == 2
    assert found["evenfloor_asterisk_connections_total", working] == 1
    assert found["evenfloor_database_connections_total", working] == 4
    assert found["evenfloor_heartbeat_age_seconds", working] == math.inf
    assert found["evenfloor_heartbeat_age_seconds", silent] == FLOOR[0].heartbeat_age
    assert ("evenfloor_calls", silent) not in found


def test_weights_are_gauges_only_where_a_dialer_has_one():
    assert not [name for name, _dialer in samples(FLOOR) if name == "evenfloor_dialer_weight"]
    found = samples([FLOOR[0], replace(FLOOR[1], weight=0.5)])
    assert found["evenfloor_dialer_weight", "10.0.0.1"] == 1
    assert found["evenfloor_dialer_weight", "10.0.0.2"] == 0.5
    assert found["evenfloor_spread_agents", None] == 2


def test_without_the_database_nothing_is_said_but_that_it_is_away():
    assert samples(None) == {("evenfloor_up", None): 0}


def test_lists_in_lists_are_no_json():
    request = Flask("x").test_request_context(
        "/", method="POST", data="[" * 16_000, content_type="application/json"
    )
    with request:
        assert json_body() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, 10), ("3", 3), ("99", 10), ("inf", 10), ("1e-9", 0.1), ("0.001", 0.1)],
)
def test_a_client_waits_for_as_long_as_it_says_within_bounds(text, seconds):
    assert read_timeout(text, 10) == seconds


@pytest.mark.parametrize("text", ["", "soon", "nan", "0", "-1", "-inf", "1,5"])
def test_a_time_that_is_none_is_malformed(text):
    with pytest.raises(Malformed):
        read_timeout(text, 10)
