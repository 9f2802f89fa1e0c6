"""What strangers do to a running login service: gunicorn as the role runs it, and MariaDB.

Strangers come as the front server passes them on, each with an address of its own.
"""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import statistics
import time

import pytest

from evenfloor import attempts
from evenfloor.config import DatabaseConfig
from evenfloor.connection import ANSWER_TIMEOUT
from evenfloor.deadline import Deadline
from evenfloor.login_store import LoginStore
from evenfloor.request import Request
from evenfloor.web import LONGEST_BODY
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.strangers import (
    LOGIN,
    LOGOUT,
    OFFICE,
    STRANGER,
    credentials,
    label,
    live,
    post,
)
from tests.service import METRICS_TOKENS, OPERATOR_TOKEN, Service, running
from tests.waiting import wait_until

WORKERS = 2
AGENTS = 13


@pytest.fixture(scope="module")
def database(server):
    """Three dialers, and an alias with a password of its own for each agent."""
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=AGENTS)
        cluster.keep_alive()
        cluster.run("UPDATE phones SET pass = CONCAT('secret', extension)")
        yield cluster


@pytest.fixture(scope="module")
def running_service(server, database):
    with running({**server.root, "name": DATABASE}, WORKERS) as service:
        yield service


@pytest.fixture
def service(running_service, database):
    """A service on which nobody is logged in, and nobody has tried anything."""
    for table in ("vicidial_live_agents", "vicidial_manager", "evenfloor_attempts"):
        database.run(f"DELETE FROM {table}")
    database.run("UPDATE vicidial_confbridges SET extension = ''")
    return running_service


def logged_in(service: Service, extensions) -> list[dict]:
    """Log agents in; returns their sessions."""
    found = [post(service, LOGIN, label(number), OFFICE) for number in extensions]
    assert {status for status, _session in found} == {200}
    return [session for _status, session in found]


# -- sessions -----------------------------------------------------------------------------


def test_a_session_ends_by_its_own_token_and_not_by_its_users_name(service, database):
    mine, theirs = logged_in(service, [1001, 1002])
    assert post(service, LOGOUT, {"user": theirs["user"]})[1]["error"] == "not_allowed"
    forged = theirs["session"].replace(".", "x.", 1)
    assert post(service, LOGOUT, {"session": forged})[0] == 401
    assert post(service, LOGOUT, {"session": mine["session"]}) == (200, {"sessions": 1})
    assert live(database) == {theirs["user"]}


def test_forty_logouts_of_others_end_nobodys_session(service, database):
    logged_in(service, range(1001, 1011))
    for number in range(40):
        status, answer = post(service, LOGOUT, {"user": f"agent{1001 + number % 10}"})
        assert (status, answer["error"]) == (403, "not_allowed")
    assert len(live(database)) == 10


def test_a_session_ends_by_the_aliass_password(service, database):
    logged_in(service, [1001, 1002])
    assert post(service, LOGOUT, {**credentials(1001), "password": "wrong"})[0] == 401
    assert post(service, LOGOUT, credentials(1001)) == (200, {"sessions": 1})
    assert live(database) == {"agent1002"}


def test_an_old_token_does_not_end_a_newer_session(service, database):
    (old,) = logged_in(service, [1001])
    logged_in(service, [1001])
    assert post(service, LOGOUT, {"session": old["session"]}) == (200, {"sessions": 0})
    assert live(database) == {"agent1001"}


@pytest.mark.parametrize("token", ["", 7, [], "x", "W10.x", "x" * 5000, "ü", None])
def test_what_is_no_token_ends_nothing(service, database, token):
    logged_in(service, [1001])
    assert post(service, LOGOUT, {"session": token})[0] in (400, 401)
    assert live(database) == {"agent1001"}


def test_one_password_does_not_take_over_twelve_others(service, database):
    others = range(1002, 1002 + 12)
    logged_in(service, others)
    typed = ",".join(f"{number}d1" for number in [1001, *others])
    body = {**label(1001), "alias": typed, "user": "stranger", "take_over": True}
    assert post(service, LOGIN, body)[0] == 200
    assert live(database) == {"stranger", *(f"agent{number}" for number in others)}


def test_a_typed_list_is_one_aliass_even_where_all_have_one_password(service, database):
    others = range(1002, 1006)
    logged_in(service, others)
    typed = ",".join(f"{number}d1" for number in [1001, *others])
    database.run("UPDATE phones SET pass = 'same'")
    try:
        body = {"alias": typed, "password": "same", "user": "stranger", "campaign": "TEST"}
        assert post(service, LOGIN, {**body, "take_over": True})[0] == 200
        assert post(service, LOGOUT, {"alias": typed, "password": "same"})[1] == {"sessions": 1}
    finally:
        database.run("UPDATE phones SET pass = CONCAT('secret', extension)")
    assert live(database) == {f"agent{number}" for number in others}


def test_a_login_under_anothers_name_does_not_move_that_agent(service, database):
    (theirs,) = logged_in(service, [1002])
    body = {**label(1001), "user": "agent1002"}
    assert post(service, LOGIN, body)[1]["error"] == "not_allowed"
    assert post(service, LOGIN, {**body, "take_over": True})[0] == 403
    tag = "SELECT callerid FROM vicidial_live_agents"
    assert database.run(tag) == ((theirs["tag"],),)
    # The agent can: the old session's token is the proof.
    assert post(service, LOGIN, {**body, "session": theirs["session"]})[0] == 200
    assert database.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((1,),)


# -- what strangers learn -----------------------------------------------------------------


def test_an_unknown_alias_and_a_wrong_password_are_one_answer(service):
    logged_in(service, [1001])
    wrong = {"password": "wrong", "user": "u", "campaign": "TEST"}
    for path in (LOGIN, "/api/v1/choose", LOGOUT):
        known = post(service, path, {**wrong, "alias": "1001x"})
        assert known[0] == 401
        assert post(service, path, {**wrong, "alias": "9999x"}) == known


def test_an_unknown_alias_and_a_wrong_password_take_the_same_time(service):
    def seconds(number: int, alias: str) -> float:
        body = {"alias": alias, "password": "wrong", "user": "u", "campaign": "TEST"}
        started = time.monotonic()
        assert post(service, LOGIN, body, f"10.8.0.{number}")[0] == 401
        return time.monotonic() - started

    known = [seconds(number, "1001x") for number in range(1, 6)]
    unknown = [seconds(number, "9999x") for number in range(6, 11)]
    # Both wait until the same time: no answer comes before it.
    assert min(known + unknown) >= attempts.FIRST_PAUSE


def test_a_typed_list_does_not_tell_which_phones_there_are(service, database):
    database.run("UPDATE servers SET active = 'N'")
    try:
        body = {**label(1001), "alias": "1001d1,1002d1,9999d1"}
        status, answer = post(service, "/api/v1/choose", body)
    finally:
        database.run("UPDATE servers SET active = 'Y'")
    # It is the one alias's that the first belongs to.
    assert (status, set(answer["dialers"])) == (503, {"1001d1"})


@pytest.mark.parametrize("typed", ["1002d1,1001d1", "9999d1,1001d1", "1002d1, 1001x"])
def test_a_typed_list_tries_one_aliass_phones_at_a_time(service, typed):
    for path in (LOGIN, "/api/v1/choose"):
        assert post(service, path, {**label(1001), "alias": typed})[0] == 401
    # Operators may have any list.
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    body = {**label(1001), "alias": "1002d1,1001d1"}
    assert post(service, "/api/v1/choose", body, **token)[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/floor", "/api/v1/explain?alias=1001x", "/metrics"])
def test_the_floor_is_for_operators(service, path):
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": OPERATOR_TOKEN},
        {"Authorization": "Bearer "},
        {"X_Forwarded_For": "127.0.0.1"},
    ):
        answer, text = service.ask_from(STRANGER, "GET", path, **headers)
        assert answer.status == 403 and json.loads(text)["error"] == "not_allowed"
    # The front server runs on the host itself: loopback behind it is nobody in particular.
    assert service.ask_from("127.0.0.1", "GET", path)[0].status == 403
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert service.ask_from(STRANGER, "GET", path, **token)[0].status == 200


def test_a_metrics_token_opens_the_metrics_alone(service):
    for token in METRICS_TOKENS:
        shown = {"Authorization": f"Bearer {token}"}
        assert service.ask_from(STRANGER, "GET", "/metrics", **shown)[0].status == 200
        for path in ("/api/v1/floor", "/api/v1/explain?alias=1001x", "/floor/snapshot"):
            assert service.ask_from(STRANGER, "GET", path, **shown)[0].status == 403
        assert post(service, LOGOUT, {"user": "agent1001"}, **shown)[0] == 403


def test_operators_and_the_host_itself_log_anybody_out(service, database):
    logged_in(service, [1001, 1002])
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert post(service, LOGOUT, {"user": "agent1001"}, **token) == (200, {"sessions": 1})
    assert service.ask("POST", LOGOUT, {"user": "agent1002"}) == (200, {"sessions": 1})
    assert live(database) == set()


def test_healthz_says_no_more_than_that_all_is_well(service):
    answer, text = service.ask_from(STRANGER, "GET", "/healthz")
    assert (answer.status, json.loads(text)) == (200, {"status": "ok"})


def test_the_page_runs_no_script_but_its_own_and_in_no_frame(service):
    answer, text = service.ask_from(STRANGER, "GET", "/")
    policy = answer.getheader("Content-Security-Policy")
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert "<style" not in text and "<script>" not in text and "style=" not in text
    for path in ("/static/login.js", "/static/login.css"):
        assert path in text and service.ask_from(STRANGER, "GET", path)[0].status == 200


# -- guessing -----------------------------------------------------------------------------


def guess(service: Service, number: int, address: str) -> tuple:
    body = {**label(1001), "password": f"guess{number}"}
    answer, text = service.ask_from(address, "POST", LOGIN, body)
    return answer.status, answer.getheader("Retry-After"), json.loads(text)["error"]


def test_123_passwords_are_refused_and_the_agent_gets_in(service, database):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: guess(service, n, STRANGER), range(123)))
    refused = [answer for answer in answers if answer[0] == 429]
    assert len(answers) - len(refused) <= attempts.ADDRESS_LIMIT + 16  # those under way at once
    assert {status for status, *_more in answers} == {401, 429}
    assert all(1 <= int(seconds) <= attempts.WINDOW for _status, seconds, _error in refused)
    assert {error for *_more, error in refused} == {"too_many_attempts"}
    # Even the right password, from there; and from elsewhere it gets in, now as ever.
    assert post(service, LOGIN, label(1001))[0] == 429
    assert post(service, LOGIN, label(1001), OFFICE)[0] == 200
    log = service.log.read_text()
    assert f'refused: address={STRANGER} reason=too_many_attempts request="POST {LOGIN}"' in log
    assert "guess7" not in log


def test_all_processes_count_together(service, database):
    answers = [guess(service, number, STRANGER)[0] for number in range(4)]
    assert answers == [401] * 4
    subject = attempts.address_subject(STRANGER)
    counted = "SELECT failures FROM evenfloor_attempts WHERE subject = %s"
    assert database.run(counted, (subject,)) == ((4,),)


def test_an_attacked_alias_gives_each_address_fewer_tries(service):
    tries = 0
    for number in range(attempts.ALIAS_LIMIT + 1):
        assert guess(service, number, f"10.7.0.{number}")[0] == 401
    while guess(service, tries, STRANGER)[0] == 401:
        tries += 1
    assert tries == attempts.ADDRESS_LIMIT // attempts.ATTACKED_WEIGHT
    assert post(service, LOGIN, label(1001), OFFICE)[0] == 200


@pytest.mark.parametrize("path", [LOGIN, "/api/v1/choose", LOGOUT])
def test_a_guess_counts_for_the_phones_that_it_means_however_they_are_typed(
    service, database, path
):
    def wrong(typed: str, address: str) -> int:
        body = {**label(1001), "alias": typed, "password": "guess"}
        return post(service, path, body, address)[0]

    for number in range(attempts.ALIAS_LIMIT + 1):
        assert wrong(f"1001d{1 + number % 3},q{number}", f"10.7.0.{number}") == 401
    counted = "SELECT failures FROM evenfloor_attempts WHERE subject = %s"
    subject = attempts.phone_subject("1001")
    assert database.run(counted, (subject,)) == ((attempts.ALIAS_LIMIT + 1,),)
    tries = 0
    while wrong(("1001x", " 1001D2", f"1001d1,z{tries}")[tries % 3], STRANGER) == 401:
        tries += 1
    assert tries == attempts.ADDRESS_LIMIT // attempts.ATTACKED_WEIGHT
    assert post(service, LOGIN, label(1001), OFFICE)[0] == 200


def test_what_was_counted_is_forgotten_after_its_time(service, database):
    database.run(
        "INSERT INTO evenfloor_attempts VALUES (%s, 99, UTC_TIMESTAMP() - INTERVAL 1 SECOND)",
        (attempts.address_subject(STRANGER),),
    )
    assert post(service, LOGIN, label(1001))[0] == 200


def test_without_the_table_agents_get_in(service, database):
    database.run("RENAME TABLE evenfloor_attempts TO evenfloor_gone")
    try:
        assert post(service, LOGIN, label(1001))[0] == 200
        assert guess(service, 1, STRANGER)[0] == 401
    finally:
        database.run("RENAME TABLE evenfloor_gone TO evenfloor_attempts")


def test_what_was_typed_cannot_forge_a_line_of_the_log(service):
    forged = "1\nrefused: address=10.1.1.1 reason=bad_credentials"
    body = {"alias": forged, "password": "wrong", "user": "u", "campaign": "TEST"}
    assert post(service, LOGIN, body)[0] == 401
    lines = service.log.read_text().splitlines()
    assert not any(line.startswith("refused: address=10.1.1.1") for line in lines)


def test_refusals_are_counted_by_reason(service):
    post(service, LOGOUT, {"user": "agent1001"})
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    _answer, text = service.ask_from(STRANGER, "GET", "/metrics", **token)
    assert 'evenfloor_refusals_total{reason="not_allowed"}' in text


def test_a_database_that_hangs_does_not_hang_the_metrics(server, service):
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    with mariadb.hanging(server):
        started = time.monotonic()
        texts = [service.ask_from(STRANGER, "GET", "/metrics", **token)[1] for _scrape in range(2)]
        waited = time.monotonic() - started
    assert all("evenfloor_up 0.0" in text for text in texts)
    # The answer itself is waited for far longer.
    assert waited < 2 * ANSWER_TIMEOUT
    wait_until(service.healthy, 30, "the service is well")


# -- time ---------------------------------------------------------------------------------

TIMEOUT = "Evenfloor-Timeout"


@pytest.mark.parametrize("said", ["0.000001", "1e-300", "0.1", "soon", "-1", "nan"])
def test_a_stranger_does_not_say_how_long_a_login_may_take(service, said):
    assert post(service, LOGIN, label(1001), **{TIMEOUT: said})[0] == 200
    assert guess(service, 1, STRANGER)[0] == 401


def test_who_asks_on_the_host_is_believed_within_bounds(server, service):
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert post(service, LOGIN, label(1001), **token, **{TIMEOUT: "soon"})[0] == 400
    with mariadb.hanging(server):
        started = time.monotonic()
        answer = post(service, LOGIN, label(1001), **token, **{TIMEOUT: "0.000001"})
        waited = time.monotonic() - started
    assert answer[0] == 503 and 0.1 <= waited < ANSWER_TIMEOUT
    wait_until(service.healthy, 30, "the service is well")
    assert "Traceback" not in service.log.read_text()


# -- size and slowness --------------------------------------------------------------------


def test_a_body_of_more_than_16_kib_is_refused(service):
    body = {**label(1001), "more": "x" * LONGEST_BODY}
    status, answer = post(service, LOGIN, body)
    assert (status, answer["error"]) == (413, "request_entity_too_large")


@contextlib.contextmanager
def connections(service: Service, number: int, sent: bytes):
    """Keep connections open on which a request was begun, or nothing was said."""
    with contextlib.ExitStack() as stack:
        for _number in range(number):
            opened = stack.enter_context(socket.socket(socket.AF_UNIX))
            opened.connect(str(service.socket))
            opened.sendall(sent)
        yield


def p99(service: Service) -> float:
    seconds = []
    for number in range(100):
        started = time.monotonic()
        assert post(service, LOGIN, label(1001 + number % AGENTS), OFFICE)[0] == 200
        seconds.append(time.monotonic() - started)
    return statistics.quantiles(seconds, n=100)[98]


def test_idle_and_slow_clients_hold_nobody_up(service):
    p99(service)  # every process has connected
    without = min(p99(service) for _round in range(3))
    begun = b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Le"
    with connections(service, 200, b""), connections(service, 40, begun):
        # A login that waits for a client takes as long as that client likes, in every round. Other
        # work on the machine slows some rounds.
        assert any(p99(service) < 2 * without + 0.1 for _round in range(10))


def test_a_worker_that_is_killed_leaves_no_file_and_its_counts_go_on(service):
    def count() -> float:
        token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        _answer, text = service.ask_from(STRANGER, "GET", "/metrics", **token)
        name = 'evenfloor_refusals_total{reason="not_allowed"}'
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))

    for _number in range(20):
        post(service, LOGOUT, {"user": "agent1001"})
    before, files = count(), len(list(service.metrics.iterdir()))
    for _round in range(3):
        pids = service.workers()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        wait_until(
            lambda pids=pids: len(service.workers() - pids) == WORKERS and service.healthy(),
            30,
            "new workers answer",
        )
        for _number in range(20):
            post(service, LOGOUT, {"user": "agent1001"})
    assert count() == before + 60
    assert len(list(service.metrics.iterdir())) <= max(files, 2 * WORKERS)


def test_a_wrong_password_is_counted_whatever_time_is_left(server, service):
    config = DatabaseConfig(unix_socket=server.socket, user="root", name=DATABASE)
    store = LoginStore(config)
    wrong = Request("1001x", "agent1001", "TEST", "wrong", STRANGER)
    with store.within(Deadline(0)):
        assert store.count_wrong_password(wrong, is_users=False).failures == 1
        assert store.count_wrong_password(wrong, is_users=False).failures == 2
    store.close()
