"""The floor page on running login services: gunicorn as the role runs it, and MariaDB.

Strangers come as the front server passes them on, each with an address of its own.
"""

import concurrent.futures
import json
import re
import time

import pytest

from evenfloor import attempts, event_statements, operator_cookie
from evenfloor.config import DatabaseConfig
from evenfloor.connection import ANSWER_TIMEOUT
from evenfloor.events import Event
from evenfloor.page_store import PageStore
from evenfloor.watch import MOST_TOKENS
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.service import OPERATOR_TOKEN, SESSION_SECRET, Service, running
from tests.waiting import PATIENCE, Limit, wait_until

WORKERS = 2
SNAPSHOT, SESSION, EXPLAIN = "/floor/snapshot", "/floor/session", "/floor/explain?alias=1001x"
OFFICE, STRANGER = "10.9.0.1", "10.9.0.66"
#: The name of a kind of picture; nobody asks for it.
SVG = "http://www.w3.org/2000/svg"
HOSTILE = "<img src=x>'\"&`{}"


@pytest.fixture(scope="module")
def database(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=4)
        cluster.keep_alive()
        # One row for each snapshot that is written.
        cluster.run("CREATE TABLE written (id INT AUTO_INCREMENT PRIMARY KEY, made DATETIME(6))")
        cluster.run(
            "CREATE TRIGGER counted AFTER UPDATE ON evenfloor_snapshot FOR EACH ROW"
            " INSERT INTO written (made) SELECT NEW.made FROM DUAL WHERE NOT NEW.made <=> OLD.made"
        )
        yield cluster


@pytest.fixture(scope="module")
def hosts(server, database):
    """Two login hosts of one cluster."""
    where = {**server.root, "name": DATABASE}
    with running(where, WORKERS) as one, running(where, WORKERS) as other:
        yield one, other


@pytest.fixture
def service(hosts, database):
    """A login host on which nobody is logged in, and nobody has tried anything."""
    for table in ("vicidial_live_agents", "vicidial_manager", "written"):
        database.run(f"DELETE FROM {table}")
    for name in ("attempts", "events", "decisions", "reservations"):
        database.run(f"DELETE FROM evenfloor_{name}")
    database.run("UPDATE vicidial_confbridges SET extension = ''")
    return hosts[0]


def ask(service: Service, method: str, path: str, body=None, address: str = STRANGER, **headers):
    """Send a request from the network; returns the response and its JSON."""
    answer, text = service.ask_from(address, method, path, body, **headers)
    return answer, json.loads(text)


def cookie_of(answer) -> str:
    """Return the header with which a browser sends back what it was told to keep."""
    return answer.getheader("Set-Cookie").partition(";")[0]


def enter(service: Service, address: str = OFFICE) -> dict:
    """Show the operator token; returns the headers of further requests."""
    answer, _body = ask(service, "POST", SESSION, {"token": OPERATOR_TOKEN}, address)
    assert answer.status == 200
    return {"Cookie": cookie_of(answer)}


def look(service: Service) -> dict:
    """Return the floor as the page on the host itself has it."""
    status, body = service.ask("GET", SNAPSHOT)
    assert status == 200
    return body["floor"]


def seen(service: Service, condition, what: str) -> dict:
    """Wait until a snapshot meets a condition; returns it."""
    found = []

    def met() -> bool:
        found.append(look(service))
        return condition(found[-1])

    wait_until(met, PATIENCE, what)
    return found[-1]


def log_in(service: Service, extension: int, **more) -> dict:
    body = {"alias": f"{extension}x", "password": "secret", "user": f"agent{extension}"}
    return ask(service, "POST", "/api/v1/login", {**body, "campaign": "TEST", **more})[1]


# -- who may look -------------------------------------------------------------------------


def test_a_stranger_gets_the_empty_page_and_nothing_of_the_floor(service):
    answer, text = service.ask_from(STRANGER, "GET", "/floor")
    assert answer.status == 200 and "dialer1" not in text and "10.1.0." not in text
    for path in (SNAPSHOT, EXPLAIN):
        answer, body = ask(service, "GET", path)
        assert (answer.status, body["error"]) == (403, "not_allowed")


def test_the_page_has_no_inline_script_or_style_and_asks_no_other_host(service):
    _answer, page = service.ask_from(STRANGER, "GET", "/floor")
    assert "style=" not in page and "<style" not in page and "<script>" not in page
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) == 3 and "://" not in page
    for path in files:
        answer, text = service.ask_from(STRANGER, "GET", path)
        assert answer.status == 200 and "://" not in text.replace(SVG, "")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text)


def test_who_has_shown_the_token_may_look_on_every_login_host(service, hosts):
    cookie = enter(service)
    for host in hosts:
        assert ask(host, "GET", SNAPSHOT, **cookie)[0].status == 200
        assert ask(host, "GET", EXPLAIN, **cookie)[1]["winner"] == "1001d3"


def test_an_operators_program_and_the_host_itself_need_no_cookie(service):
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert ask(service, "GET", SNAPSHOT, **token)[0].status == 200
    assert service.ask("GET", SNAPSHOT)[0] == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(service, scheme):
    headers = {"X-Forwarded-Proto": scheme}
    answer, _body = ask(service, "POST", SESSION, {"token": OPERATOR_TOKEN}, **headers)
    kept = [part.strip() for part in answer.getheader("Set-Cookie").split(";")]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(kept)
    assert f"Max-Age={operator_cookie.LIFETIME}" in kept
    assert ("Secure" in kept) == (scheme == "https")
    assert OPERATOR_TOKEN not in answer.getheader("Set-Cookie")


def test_a_cookie_that_has_expired_or_was_changed_shows_nothing(service):
    def status(cookie: str) -> int:
        header = f"{operator_cookie.NAME}={cookie}"
        return ask(service, "GET", SNAPSHOT, Cookie=header)[0].status

    now = time.time()
    good = operator_cookie.make(SESSION_SECRET, OPERATOR_TOKEN, now)
    assert status(good) == 200
    old = operator_cookie.make(SESSION_SECRET, OPERATOR_TOKEN, now - operator_cookie.LIFETIME)
    for cookie in (old, "x" + good[1:], "", operator_cookie.make("another", OPERATOR_TOKEN, now)):
        assert status(cookie) == 403


def test_the_cookie_changes_nothing(service, database):
    cookie = enter(service)
    log_in(service, 1001)
    answer, body = ask(service, "POST", "/api/v1/logout", {"user": "agent1001"}, **cookie)
    assert (answer.status, body["error"]) == (403, "not_allowed")
    for path in ("/api/v1/floor", "/metrics"):
        assert ask(service, "GET", path, **cookie)[0].status == 403
    assert database.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((1,),)


def test_a_logout_takes_the_cookie_away(service):
    answer, _body = ask(service, "DELETE", SESSION, **enter(service))
    assert answer.status == 200 and cookie_of(answer) == f"{operator_cookie.NAME}="
    assert "Max-Age=0" in answer.getheader("Set-Cookie")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_post_from_another_site_does_not_work(service, headers):
    answer, _body = ask(service, "POST", SESSION, {"token": OPERATOR_TOKEN}, **headers)
    assert answer.status in (400, 403) and answer.getheader("Set-Cookie") is None
    if "Content-Type" not in headers:
        answer, _body = ask(service, "DELETE", SESSION, **headers)
        assert answer.status == 403 and answer.getheader("Set-Cookie") is None


def test_a_post_from_the_page_itself_works(service):
    headers = {"Origin": "https://login.example", "Sec-Fetch-Site": "same-origin"}
    answer, _body = ask(service, "POST", SESSION, {"token": OPERATOR_TOKEN}, **headers)
    assert answer.status == 200


@pytest.mark.parametrize("body", [None, [], {}, {"token": 7}, {"token": "\ud800"}])
def test_what_is_no_token_gets_no_cookie(service, body):
    answer, _body = ask(service, "POST", SESSION, body)
    assert answer.status in (400, 401) and answer.getheader("Set-Cookie") is None


def test_wrong_tokens_count_against_the_limits(service):
    def guess(address: str) -> int:
        return ask(service, "POST", SESSION, {"token": "a guess"}, address)[0].status

    for number in range(attempts.ALIAS_LIMIT + 1):
        assert guess(f"10.7.0.{number}") == 401
    with concurrent.futures.ThreadPoolExecutor(MOST_TOKENS) as pool:
        answers = list(pool.map(guess, [STRANGER] * (attempts.ADDRESS_LIMIT + 10)))
    # However many others guess, each try counts once; a few are under way when the limit is met.
    assert 0 <= answers.count(401) - attempts.ADDRESS_LIMIT < MOST_TOKENS
    assert set(answers) == {401, 429}
    answer, body = ask(service, "POST", SESSION, {"token": OPERATOR_TOKEN})
    assert (answer.status, body["error"]) == (429, "too_many_attempts")
    assert int(answer.getheader("Retry-After")) >= 1
    # Neither may that address log in, and others may do both.
    assert log_in(service, 1001)["error"] == "too_many_attempts"
    enter(service)
    log = service.log.read_text()
    assert f'refused: address={STRANGER} reason=bad_credentials request="POST {SESSION}"' in log
    assert "a guess" not in log and OPERATOR_TOKEN not in log


# -- what it shows ------------------------------------------------------------------------


def test_the_floor_is_shown_with_who_is_where(service):
    session = log_in(service, 1001)
    floor = seen(service, lambda floor: floor["agents"], "the agent is shown")
    (agent,) = floor["agents"]
    assert session["server_ip"] == "10.1.0.3"
    assert agent[:4] == ["agent1001", "d3", "PJSIP/1001", "TEST"]
    assert 0 <= agent[4] < PATIENCE
    counts = {dialer["server_ip"]: dialer["local_agents"] for dialer in floor["dialers"]}
    assert counts == {"10.1.0.1": 0, "10.1.0.2": 0, "10.1.0.3": 1} and floor["spread"] == 1
    assert {dialer["condition"] for dialer in floor["dialers"]} == {"open"}


def test_logins_and_refusals_are_shown_with_who_where_and_why(service, database):
    log_in(service, 1001)
    log_in(service, 1002, password="wrong")
    log_in(service, 1001, user="other")
    log_in(service, 1003, campaign="NONE")
    database.run("UPDATE servers SET active_agent_login_server = 'N'")
    try:
        log_in(service, 1004)
    finally:
        database.run("UPDATE servers SET active_agent_login_server = 'Y'")
    floor = seen(service, lambda floor: len(floor["events"]) >= 5, "all are shown")
    shown = {(event["kind"], event["user"]): event for event in floor["events"] if event["user"]}
    login = shown["login", "agent1001"]
    assert (login["alias"], login["dialer"]) == ("1001x", "d3")
    assert login["detail"] == "0 agents there before, 0 on the others"
    assert shown["refused", "agent1002"]["address"] == STRANGER
    assert "wrong password" in shown["refused", "agent1002"]["detail"]
    assert "in use by agent1001" in shown["refused", "other"]["detail"]
    assert "no active campaign" in shown["refused", "agent1003"]["detail"]
    assert "takes no logins (3)" in shown["refused", "agent1004"]["detail"]


def test_what_becomes_of_dialers_is_shown(service, database):
    def kinds() -> list[tuple]:
        look(service)
        return list(database.run("SELECT kind, dialer FROM evenfloor_events WHERE dialer <> ''"))

    def happens(kind: str, dialer: str) -> None:
        wait_until(lambda: (kind, dialer) in kinds(), PATIENCE, f"{dialer}: {kind}")

    look(service)
    try:
        database.run("UPDATE servers SET active_agent_login_server = 'N' WHERE server_id = 'd1'")
        happens("dialer_closed", "d1")
        database.run("UPDATE servers SET active_agent_login_server = 'Y' WHERE server_id = 'd1'")
        happens("dialer_opened", "d1")
        database.die("10.1.0.2")
        happens("dialer_dead", "d2")
        database.run("DELETE FROM dead")
        happens("dialer_back", "d2")
        database.add_dialer("10.1.0.9", active="N")
        happens("dialer_added", "d9")
    finally:
        database.run("DELETE FROM dead")
        for table in ("servers", "server_updater", "evenfloor_dialers", "vicidial_confbridges"):
            database.run(f"DELETE FROM {table} WHERE server_ip = '10.1.0.9'")
    happens("dialer_removed", "d9")
    # Each once, whoever looked.
    assert len(kinds()) == 6
    floor = seen(service, lambda floor: len(floor["events"]) == 6, "all are shown")
    assert floor["events"][0]["kind"] in ("dialer_removed", "dialer_added")


def test_names_from_the_database_stay_text(service, database):
    """They are JSON in an answer that no browser takes for a page; the script writes text."""
    database.add_agent("10.1.0.1", extension=HOSTILE, campaign_id="<b>", user=HOSTILE)
    log_in(service, 1001, alias=HOSTILE, user=HOSTILE)
    floor = seen(service, lambda floor: floor["agents"] and floor["events"], "both are shown")
    assert floor["agents"][0][:3] == [HOSTILE, "d1", HOSTILE]
    assert floor["events"][0]["alias"] == HOSTILE
    answer, _text = service.ask_from(STRANGER, "GET", SNAPSHOT, **enter(service))
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


def test_the_table_of_events_stays_small(service, database):
    kept = event_statements.KEPT
    database.run(
        "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
        " SELECT UTC_TIMESTAMP(), 'refused', '', '', '', '', ''"
        f" FROM seq_1_to_{kept + 2 * event_statements.PRUNED_AT_ONCE}"
    )

    def few() -> bool:
        service.ask("GET", SNAPSHOT)  # whoever looks next removes what is too much
        return database.run("SELECT COUNT(*) FROM evenfloor_events")[0][0] <= kept

    wait_until(few, PATIENCE, "the older events are gone")


def test_without_the_tables_agents_get_in_and_refusals_are_counted(service, database):
    database.run("RENAME TABLE evenfloor_events TO events_gone")
    try:
        assert log_in(service, 1001)["room"]
        assert log_in(service, 1002, password="wrong")["error"] == "bad_credentials"
        assert log_in(service, 1001, user="other")["error"] == "alias_in_use"
    finally:
        database.run("RENAME TABLE events_gone TO evenfloor_events")
    subject = attempts.address_subject(STRANGER)
    counted = "SELECT failures FROM evenfloor_attempts WHERE subject = %s"
    assert database.run(counted, (subject,)) == ((1,),)


# -- what it costs ------------------------------------------------------------------------


def test_however_many_look_the_floor_is_read_once_a_second(hosts, service, database):
    """Twenty who look ten times a second, on two login hosts of two processes each."""
    started = time.monotonic()

    def watch(number: int) -> int:
        looked = 0
        while time.monotonic() - started < 4:
            assert hosts[number % 2].ask("GET", SNAPSHOT)[0] == 200
            looked += 1
        return looked

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        looked = sum(pool.map(watch, range(20)))
    seconds = time.monotonic() - started
    written = database.run("SELECT COUNT(*) FROM written")[0][0]
    assert looked > 3 * written
    # The first is at once.
    assert 1 <= written <= seconds + 1


def test_a_snapshot_is_no_older_than_a_few_seconds(service):
    limit = Limit(4)
    for _number in range(10):
        status, body = service.ask("GET", SNAPSHOT)
        assert status == 200
        limit.check(body["age"], "the snapshot's age")


def test_the_page_goes_on_after_a_restart_of_the_service(server, database):
    where = {**server.root, "name": DATABASE}
    with running(where, 1) as before:
        cookie = enter(before)
    with running(where, 1) as after:
        assert ask(after, "GET", SNAPSHOT, **cookie)[0].status == 200


def test_a_database_that_hangs_is_said_soon_and_holds_no_thread(server, service):
    limit = Limit(3 * ANSWER_TIMEOUT)
    with mariadb.hanging(server):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _n: service.ask("GET", SNAPSHOT), range(60)))
        taken = time.monotonic() - started
    # A process may have one from before.
    assert {status for status, _body in answers} <= {200, 503}
    assert [body for status, body in answers if status == 503]
    limit.check(taken, "60 answers")
    wait_until(service.healthy, 30, "the service is well")
    wait_until(lambda: service.ask("GET", SNAPSHOT)[0] == 200, PATIENCE, "the page goes on")


def test_a_process_that_was_frozen_writes_no_old_snapshot_over_a_newer_one(
    server, database, service
):
    store = PageStore(DatabaseConfig(**server.root, name=DATABASE))
    database.run("UPDATE evenfloor_snapshot SET claimed = claimed - INTERVAL 1 MINUTE")
    ours = store.claim()
    assert ours.is_ours
    # Then it froze, and the next one was claimed.
    database.run("UPDATE evenfloor_snapshot SET claimed = claimed + INTERVAL 1 MICROSECOND")
    kept = "SELECT COUNT(*) FROM evenfloor_events"
    event = event_statements.keep(Event("dead", dialer="dialer1"))
    store.write("{}", ours.claimed, [event])
    assert database.run(kept) == ((0,),)
    assert database.run("SELECT content FROM evenfloor_snapshot") != (("{}",),)
