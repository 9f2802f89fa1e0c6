"""Agents' own passwords on a running login service: gunicorn as the role runs it, and MariaDB.

Strangers come as the front server passes them on, each with an address of its own.
"""

import concurrent.futures
import threading
import time

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.hashing import hash_password

from evenfloor import LoginRefused, agents, attempts
from evenfloor.callers import Caller
from evenfloor.pool import BALANCERS
from evenfloor.request import AgentProof, KnownAgent
from evenfloor.web import create_app
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.strangers import (
    CHOOSE,
    LOGIN,
    LOGOUT,
    OFFICE,
    STRANGER,
    credentials,
    label,
    live,
    post,
)
from tests.modules import DatabaseRunner
from tests.service import OPERATOR_TOKEN, Service, running
from tests.waiting import PATIENCE, wait_until

WORKERS = 2
AGENTS = 4
TOKEN = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


def own(extension: int) -> str:
    return f"own password of {extension}"


def request_of(extension: int) -> dict:
    return {**label(extension), "user_password": own(extension)}


@pytest.fixture(scope="module", params=["InnoDB", "MyISAM"])
def database(server, request):
    """Three dialers, an alias with a password of its own for each agent, and the agents."""
    mariadb.create_database(server, DATABASE, request.param)
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


@pytest.fixture(scope="module")
def hashes() -> list[tuple]:
    numbers = range(1001, 1001 + AGENTS)
    return [(f"agent{number}", hash_password(own(number))) for number in numbers]


@pytest.fixture
def service(running_service, database, hashes):
    """A service whose agents have passwords; nobody is logged in or has tried anything."""
    for table in ("vicidial_live_agents", "vicidial_manager"):
        database.run(f"DELETE FROM {table}")
    for name in ("agents", "attempts", "reservations", "decisions"):
        database.run(f"DELETE FROM evenfloor_{name}")
    database.run("UPDATE vicidial_confbridges SET extension = ''")
    for row in hashes:
        database.run("INSERT INTO evenfloor_agents VALUES (%s, %s)", row)
    return running_service


class _Held:
    """Looks at passwords when it is told to."""

    def __init__(self, really):
        self.really, self.go = really, threading.Event()
        self.waiting, self._lock = 0, threading.Lock()

    def __call__(self, *asked):
        with self._lock:
            self.waiting += 1
        assert self.go.wait(PATIENCE)
        return self.really(*asked)


def failures(database, subject: str) -> int:
    rows = database.run("SELECT failures FROM evenfloor_attempts WHERE subject = %s", (subject,))
    return rows[0][0] if rows else 0


# -- who gets in --------------------------------------------------------------------------


def test_an_agent_gets_in_with_the_password_and_nobody_without(service, database):
    assert post(service, LOGIN, label(1001))[0] == 401
    assert post(service, LOGIN, {**label(1001), "user_password": own(1002)})[0] == 401
    assert post(service, LOGIN, {**request_of(1001), "user": "nobody"})[0] == 401
    assert live(database) == set()
    assert post(service, LOGIN, request_of(1001))[0] == 200
    assert live(database) == {"agent1001"}


def test_every_wrong_part_gets_the_same_answer(service):
    wrong = [
        {**request_of(1001), "alias": "9999x"},
        {**request_of(1001), "password": "wrong"},
        {**request_of(1001), "user": "nobody"},
        {**request_of(1001), "user_password": "wrong"},
        label(1001),
        # Whoever doesn't get in learns nothing of campaigns, either.
        {**label(1001), "campaign": "NONE"},
    ]
    for path in (LOGIN, CHOOSE):
        answers = [
            post(service, path, body, f"10.8.{len(path)}.{n}") for n, body in enumerate(wrong)
        ]
        assert answers[0][0] == 401 and answers[0][1]["error"] == "bad_credentials"
        assert answers == [answers[0]] * len(wrong)


def test_no_wrong_part_is_answered_before_its_time(service):
    for number, body in enumerate((label(1001), {**request_of(1001), "password": "wrong"})):
        started = time.monotonic()
        assert post(service, LOGIN, body, f"10.7.0.{number}")[0] == 401
        assert time.monotonic() - started >= attempts.FIRST_PAUSE


def test_a_place_is_reserved_only_in_ones_own_name(service, database):
    assert post(service, CHOOSE, label(1001))[0] == 401
    assert database.run("SELECT * FROM evenfloor_reservations") == ()
    assert post(service, CHOOSE, request_of(1001))[0] == 200
    assert database.run("SELECT user FROM evenfloor_reservations") == (("agent1001",),)


def test_what_needs_no_agent_does_not_tell_that_a_phones_password_is_right(service, database):
    for number, path in enumerate((CHOOSE, LOGOUT)):
        wrong = {**credentials(1001), "password": "wrong"}
        address = f"10.6.{number}.1"
        assert post(service, path, credentials(1001), address) == post(service, path, wrong)
        assert failures(database, attempts.address_subject(address)) == 1
    # On the host itself a choice for nobody is one, and whoever is there can be logged out.
    assert service.ask("POST", CHOOSE, credentials(1001))[0] == 200
    assert post(service, LOGIN, request_of(1001), OFFICE)[0] == 200
    assert post(service, LOGOUT, credentials(1001), OFFICE) == (200, {"sessions": 1})


def test_operators_and_the_host_itself_need_no_agents_password(service, database):
    assert post(service, LOGIN, label(1001), **TOKEN)[0] == 200
    assert service.ask("POST", LOGIN, label(1002))[0] == 200
    assert live(database) == {"agent1001", "agent1002"}


def test_a_password_that_an_operator_sends_is_looked_at(service):
    """A page of the operator's own that passes it on relies on it."""
    assert service.ask("POST", LOGIN, {**label(1001), "user_password": "wrong"})[0] == 401
    assert service.ask("POST", LOGIN, request_of(1001))[0] == 200


@pytest.mark.parametrize("password", [None, 7, ["x"], {}, True, "x" * 101])
def test_what_is_no_password_is_malformed_and_lets_nobody_in(service, database, password):
    body = {**label(1001), "user_password": password}
    assert post(service, LOGIN, body)[0] == 400
    assert live(database) == set()


@pytest.mark.parametrize("made", ["", "x", "scrypt:1:1:1$x$y", "plain$x$y", "scrypt:16384:8:1$$"])
def test_a_hash_that_is_none_lets_nobody_in(service, database, made):
    database.run("UPDATE evenfloor_agents SET password_hash = %s", (made,))
    assert post(service, LOGIN, request_of(1001))[0] == 401
    assert post(service, LOGIN, label(1001))[0] == 401


def test_without_the_table_nobody_is_let_in_as_a_label(service, database):
    """Limits may be lost; who an agent is may not."""
    database.run("RENAME TABLE evenfloor_agents TO evenfloor_gone")
    try:
        assert post(service, LOGIN, label(1001))[0] == 503
    finally:
        database.run("RENAME TABLE evenfloor_gone TO evenfloor_agents")
    assert live(database) == set()


# -- sessions -----------------------------------------------------------------------------


def test_an_agent_moves_to_another_alias_with_its_own_password(service, database):
    assert post(service, LOGIN, request_of(1001), OFFICE)[0] == 200
    elsewhere = {**request_of(1001), **credentials(1002)}
    assert post(service, LOGIN, {**elsewhere, "user_password": "wrong"})[0] == 401
    ((tag,),) = database.run("SELECT callerid FROM vicidial_live_agents")
    assert post(service, LOGIN, elsewhere, OFFICE)[0] == 200
    ((moved,),) = database.run("SELECT callerid FROM vicidial_live_agents")
    assert moved != tag
    hung_up = "SELECT callerid FROM vicidial_manager WHERE action = 'Hangup'"
    assert database.run(hung_up) == ((tag,),)


def test_nobody_takes_an_alias_over_without_being_an_agent(service, database):
    assert post(service, LOGIN, request_of(1001), OFFICE)[0] == 200
    body = {**label(1002), **credentials(1001), "take_over": True}
    assert post(service, LOGIN, body)[0] == 401
    assert live(database) == {"agent1001"}
    assert post(service, LOGIN, {**body, "user_password": own(1002)})[0] == 200
    assert live(database) == {"agent1002"}


# -- guessing -----------------------------------------------------------------------------


def test_wrong_user_passwords_are_counted_and_then_refused(service, database):
    body = {**label(1001), "user_password": "guess"}
    assert post(service, LOGIN, body)[0] == 401
    for subject in (
        attempts.address_subject(STRANGER),
        attempts.alias_subject("1001x"),
        attempts.user_subject("agent1001"),
    ):
        assert failures(database, subject) == 1
    database.run("UPDATE evenfloor_attempts SET failures = %s", (attempts.ADDRESS_LIMIT,))
    # Even the right one, from there; and from elsewhere the agent gets in.
    assert post(service, LOGIN, request_of(1001))[0] == 429
    assert post(service, LOGIN, request_of(1001), OFFICE)[0] == 200


def test_an_agent_who_is_attacked_on_many_aliases_gives_each_address_fewer_tries(service, database):
    subject = attempts.user_subject("agent1001")
    database.run(
        "INSERT INTO evenfloor_attempts VALUES (%s, %s, UTC_TIMESTAMP() + INTERVAL 60 SECOND)",
        (subject, attempts.ALIAS_LIMIT + 1),
    )
    tries = 0
    while post(service, LOGIN, {**label(1001), **credentials(1001 + tries % AGENTS)})[0] == 401:
        tries += 1
    assert tries == attempts.ADDRESS_LIMIT // attempts.ATTACKED_WEIGHT
    assert post(service, LOGIN, request_of(1001), OFFICE)[0] == 200


def test_a_wrong_phone_password_is_no_guess_at_an_agents(service, database):
    body = {**label(1001), "password": "wrong", "user_password": "wrong"}
    assert post(service, LOGIN, body)[0] == 401
    assert failures(database, attempts.user_subject("agent1001")) == 0
    assert failures(database, attempts.alias_subject("1001x")) == 1


def test_no_password_is_in_the_log_or_in_the_decisions(service, database):
    post(service, LOGIN, {**label(1001), "user_password": "a wrong guess"})
    assert post(service, LOGIN, request_of(1001))[0] == 200
    kept = repr(database.run("SELECT * FROM evenfloor_decisions"))
    for word in ("a wrong guess", own(1001), "scrypt"):
        assert word not in service.log.read_text() and word not in kept


def test_a_guess_at_a_phones_password_costs_no_hash(database, service, server, monkeypatch):
    asked = []
    monkeypatch.setattr(agents, "is_right", lambda *given: asked.append(given))
    balancer = mariadb.balancer(server.root, DATABASE)
    stranger = Caller(address=STRANGER, user_password="guess")
    with pytest.raises(LoginRefused, match="wrong password"):
        balancer.login("1001x", "wrong", "agent1001", "TEST", caller=stranger)
    assert asked == []
    with pytest.raises(LoginRefused, match="wrong password"):
        balancer.login("1001x", "secret1001", "agent1001", "TEST", caller=stranger)
    assert len(asked) == 1
    balancer.close()


def test_a_password_is_looked_at_while_nobody_waits_for_a_balancer(service, monkeypatch):
    monkeypatch.setattr(agents, "is_right", _Held(agents.is_right))
    client_of = create_app(str(service.config)).test_client
    numbers = [1001 + number % AGENTS for number in range(2 * BALANCERS)]
    stranger = {"REMOTE_ADDR": STRANGER}
    with concurrent.futures.ThreadPoolExecutor(len(numbers)) as threads:
        asked = [
            threads.submit(
                client_of().post, LOGIN, json=request_of(number), environ_overrides=stranger
            )
            for number in numbers
        ]
        try:
            wait_until(lambda: agents.is_right.waiting == len(numbers), PATIENCE, "all wait")
            done = client_of().post(LOGIN, json=label(1001), headers=TOKEN)
            assert done.status_code == 200 and not any(other.done() for other in asked)
        finally:
            agents.is_right.go.set()
        assert {other.result().status_code for other in asked} <= {200, 403, 409}
        assert 200 in {other.result().status_code for other in asked}


def test_a_password_that_changes_meanwhile_is_looked_at_again(database, service, server, hashes):
    balancer = mariadb.balancer(server.root, DATABASE)
    (_user, made), (_other, others) = hashes[:2]
    for found, is_right in ((made, True), (others, True)):
        proof = AgentProof(KnownAgent(True, "agent1001", found), is_right)
        caller = Caller(address=STRANGER, user_password="guess", proof=proof)
        values = ("1001x", "secret1001", "agent1001", "TEST")
        if found == made:  # what was found holds as long as the agent's hash is the same
            assert balancer.login(*values, caller=caller).room
        else:
            with pytest.raises(LoginRefused, match="wrong password"):
                balancer.login(*values, caller=caller)
    balancer.close()


# -- the page, and clusters without agents ------------------------------------------------


def field(service: Service) -> str:
    """Return the page's line with the field for an agent's own password; empty without one."""
    _answer, text = service.ask_from(STRANGER, "GET", "/")
    return next((line for line in text.splitlines() if 'name="user_password"' in line), "")


def test_the_page_asks_for_it_only_where_agents_have_passwords(service, database):
    assert field(service).endswith(" required>")
    database.run("DELETE FROM evenfloor_agents")
    assert field(service) == ""
    # Where nobody knows whether they have, it may stay empty.
    database.run("RENAME TABLE evenfloor_agents TO evenfloor_gone")
    try:
        assert field(service) and "required" not in field(service)
    finally:
        database.run("RENAME TABLE evenfloor_gone TO evenfloor_agents")


def test_without_agents_a_user_is_a_label(service, database):
    database.run("DELETE FROM evenfloor_agents")
    assert post(service, LOGIN, label(1001))[0] == 200
    assert post(service, LOGIN, {**label(1002), "user_password": "whatever"})[0] == 200
    assert live(database) == {"agent1001", "agent1002"}
    # And moves only with the session, as ever.
    elsewhere = {**label(1001), **credentials(1003), "user_password": "whatever"}
    assert post(service, LOGIN, elsewhere)[1]["error"] == "not_allowed"


def test_what_the_module_writes_the_service_takes(service, database, server, tmp_path):
    option_file = tmp_path / "provisioning.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    modules = DatabaseRunner(option_file, DATABASE)
    asked = [{"user": "agent1001", "password": "of the inventory"}]
    modules.run("agents", agents=asked)
    assert post(service, LOGIN, request_of(1001))[0] == 401
    body = {**label(1001), "user_password": "of the inventory"}
    assert post(service, LOGIN, body, OFFICE)[0] == 200
    # Who was taken off the list is no agent.
    assert post(service, LOGIN, request_of(1002), OFFICE)[0] == 401


def test_the_services_database_user_reads_what_it_needs_and_writes_no_agent(
    service, database, server
):
    """With the role's grants, so that neither a hash is changed nor an agent made."""
    from tests.integration.test_grants import GRANTED, PASSWORD, denied  # noqa: PLC0415

    user = "evenfloor_login"
    database.run(f"CREATE OR REPLACE USER {user}@localhost IDENTIFIED BY '{PASSWORD}'")
    try:
        for table, privileges in GRANTED[user].items():
            database.run(f"GRANT {privileges} ON {DATABASE}.{table} TO {user}@localhost")
        where = {"unix_socket": server.socket, "user": user, "password": PASSWORD}
        balancer = mariadb.balancer(where, DATABASE)
        caller = Caller(address=OFFICE, user_password=own(1001))
        assert balancer.has_agents()
        assert balancer.login("1001x", "secret1001", "agent1001", "TEST", caller=caller).room
        balancer.close()
        assert denied(where, "DELETE FROM evenfloor_agents")
        assert denied(where, "UPDATE evenfloor_agents SET password_hash = ''")
    finally:
        database.run(f"DROP USER {user}@localhost")
