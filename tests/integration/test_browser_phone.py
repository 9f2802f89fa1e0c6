"""The login page as a phone: who gets which accounts, and whom the page may ask."""

import concurrent.futures
import json

import pymysql
import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.hashing import hash_password
from playwright.sync_api import expect

from evenfloor.attempts import ADDRESS_LIMIT
from tests.browser import CHROMIUM, browsing, front, visiting
from tests.integration.conftest import DATABASE
from tests.integration.dialers import PASSWORD
from tests.integration.phone_tokens import USER, give_token, secret, where, with_phones
from tests.integration.strangers import OFFICE, STRANGER, label, live, post
from tests.service import running

PHONE = "/api/v1/phone"
#: Whose phone is the page; the others' is another.
BROWSERS = (1001, 1002)


@pytest.fixture(scope="module")
def phones(server):
    """A cluster of three dialers and four aliases, two of them with browser phones."""
    with with_phones(server, aliases=4) as cluster:
        for extension in range(1001, 1005):
            cluster.run(
                "UPDATE phones SET phone_type = %s WHERE extension = %s",
                ("BROWSER" if extension in BROWSERS else "PJSIP", str(extension)),
            )
        yield cluster


@pytest.fixture(scope="module")
def service(server, phones, tmp_path_factory):
    script = tmp_path_factory.mktemp("library") / "jssip.js"
    script.write_text("// a library\n")
    more = f"[provisioning]\ntransport = udp\n[browser_phone]\nscript = {script}\nport = 8089\n"
    with running(where(server), workers=2, more=more) as service:
        yield service


@pytest.fixture(autouse=True)
def nobody_has_tried(phones):
    phones.run("DELETE FROM evenfloor_attempts")


def token_of(service, extension: int) -> str:
    status, answer = post(service, PHONE, label(extension), OFFICE)
    assert status == 200
    return answer["phone"]


def fetch(service, token: str, **headers: str):
    """Fetch the accounts as a page does; returns the response and the accounts."""
    answer, text = service.ask_from(OFFICE, "GET", PHONE, Evenfloor_Phone=token, **headers)
    return answer, json.loads(text)["accounts"] if answer.status == 200 else text


def dialers(accounts: list[dict]) -> list[str]:
    return [account["server_ip"] for account in accounts]


def test_who_proves_an_alias_gets_its_accounts_and_nobody_elses(service):
    for extension in BROWSERS:
        answer, accounts = fetch(service, token_of(service, extension))
        assert answer.headers["Cache-Control"] == "no-store"
        assert dialers(accounts) == ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
        assert {a["password"] for a in accounts} == {secret(extension)}
        assert {a["extension"] for a in accounts} == {str(extension)}


def test_an_alias_with_another_phone_gets_none(service, phones):
    assert token_of(service, 1003) == ""
    asked = {"X_Forwarded_Proto": "https"}
    path = f"/provision/{give_token(phones, '1001x')}/zoiper.xml"
    answer, text = service.ask_from(OFFICE, "GET", path, **asked)
    assert answer.status == 200 and "1001" not in text


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"alias": "1009x"}, {"alias": "1002x"}])
def test_nobody_gets_them_without_the_password(service, wrong):
    status, answer = post(service, PHONE, {**label(1001), **wrong}, STRANGER)
    assert (status, answer["error"]) == (401, "bad_credentials")


@pytest.mark.parametrize("missing", ["alias", "password", "user", "campaign"])
def test_a_value_that_is_missing_is_said(service, missing):
    body = {name: value for name, value in label(1001).items() if name != missing}
    assert post(service, PHONE, body, OFFICE)[0] == 400


def test_a_token_that_was_changed_or_is_older_than_the_password_gets_none(service, phones):
    token = token_of(service, 1001)
    for wrong in ("", "guess", token[:-1], token_of(service, 1002)[:20] + token[20:]):
        answer, text = fetch(service, wrong)
        assert answer.status == 401 and "sip&" not in text
    phones.run("UPDATE phones SET pass = 'new' WHERE extension = '1001'")
    try:
        assert fetch(service, token)[0].status == 401
    finally:
        phones.run("UPDATE phones SET pass = 'secret1001' WHERE extension = '1001'")
    assert fetch(service, token)[0].status == 200


def test_guesses_are_counted_and_refused_as_at_a_login(service, phones):
    guesses = [{**label(1001), "alias": f"{number}x"} for number in range(ADDRESS_LIMIT)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda guess: post(service, PHONE, guess)[0], guesses)) == {401}
    phones.run("UPDATE evenfloor_attempts SET ends = UTC_TIMESTAMP() + INTERVAL 1 HOUR")
    assert post(service, PHONE, label(1001), STRANGER)[0] == 429
    assert post(service, "/api/v1/choose", label(1001), STRANGER)[0] == 429
    assert post(service, PHONE, label(1001), OFFICE)[0] == 200


def test_where_agents_have_passwords_theirs_is_needed_too(service, phones):
    phones.run(
        "INSERT INTO evenfloor_agents (user, password_hash) VALUES ('agent1001', %s)",
        (hash_password("my own password"),),
    )
    try:
        assert post(service, PHONE, label(1001), OFFICE)[0] == 401
        asked = {**label(1001), "user_password": "my own password"}
        status, answer = post(service, PHONE, asked, OFFICE)
        assert status == 200 and answer["phone"]
    finally:
        phones.run("DELETE FROM evenfloor_agents")


def test_the_page_learns_of_a_dialer_and_of_registrations_when_it_asks_again(service, phones):
    token = token_of(service, 1001)
    first, accounts = fetch(service, token)
    assert not any(account["registered"] for account in accounts[1:])
    same, nothing = fetch(service, token, If_None_Match=first.headers["ETag"])
    assert (same.status, nothing) == (304, "")
    phones.add_dialer("10.1.0.9", active_agent_login_server="N")
    phones.add_phone("1001d9", "10.1.0.9", extension="1001", peer_status="REACHABLE")
    phones.run(
        "UPDATE phones SET conf_secret = %s, phone_type = 'BROWSER' WHERE login = '1001d9'",
        (secret(1001),),
    )
    try:
        answer, accounts = fetch(service, token, If_None_Match=first.headers["ETag"])
        assert answer.status == 200
        assert dialers(accounts)[3:] == ["10.1.0.9"] and accounts[3]["registered"] is True
    finally:
        phones.run("DELETE FROM phones WHERE login = '1001d9'")
        phones.run("DELETE FROM servers WHERE server_ip = '10.1.0.9'")


def policy(answer) -> dict[str, list[str]]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {words[0]: words[1:] for words in map(str.split, parts)}


def test_the_page_asks_only_its_site_and_a_frame_only_its_dialer(service):
    page, text = service.ask_from(OFFICE, "GET", "/")
    assert page.status == 200 and "/static/phone.js" in text
    asks = {"script-src": ["'self'"], "connect-src": ["'self'"], "frame-src": ["'self'"]}
    assert asks.items() <= policy(page).items()
    frame, text = service.ask_from(OFFICE, "GET", "/phone/10.1.0.2")
    assert policy(frame)["connect-src"] == ["wss://10.1.0.2:8089"]
    assert policy(frame)["script-src"] == policy(frame)["frame-ancestors"] == ["'self'"]
    assert "<script>" not in text and "10.1." not in text
    for nobody in ("10.1.0.99", "evil.example", "10.1.0.2;", "*"):
        assert service.ask_from(OFFICE, "GET", f"/phone/{nobody}")[0].status == 404


def test_a_frame_keeps_the_library_until_it_changes(service):
    first, text = service.ask_from(OFFICE, "GET", "/phone/jssip.js")
    assert (first.status, text) == (200, "// a library\n")
    tag = first.headers["ETag"]
    again, _nothing = service.ask_from(OFFICE, "GET", "/phone/jssip.js", If_None_Match=tag)
    assert again.status == 304


def test_no_password_and_no_token_is_in_the_log(service):
    token = token_of(service, 1001)
    fetch(service, token)
    fetch(service, f"{token}x")
    post(service, PHONE, {**label(1001), "password": "a wrong one"}, OFFICE)
    text = service.log.read_text()
    assert f'request="POST {PHONE}"' in text
    assert token not in text and "sip&" not in text and "a wrong one" not in text


def test_the_services_user_learns_the_passwords_of_browser_phones_only(server, phones):
    with (
        pymysql.connect(
            unix_socket=server.socket, user=USER, password=PASSWORD, database=DATABASE
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT evenfloor_browser_phones_of('1001x')")
        assert {phone[3] for phone in json.loads(cursor.fetchone()[0])[1]} == {secret(1001)}
        cursor.execute("SELECT evenfloor_browser_phones_of('1003x')")
        assert json.loads(cursor.fetchone()[0])[1] == []
        for nobody in ("", None, "%", "1001", "1001d1"):
            cursor.execute("SELECT evenfloor_browser_phones_of(%s)", (nobody,))
            assert cursor.fetchone() == (None,)
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            cursor.execute("SELECT conf_secret FROM phones")


def test_a_service_without_browser_phones_has_none_of_it(server, phones):
    with running(where(server), workers=1) as quiet:
        assert post(quiet, PHONE, label(1001), OFFICE)[0] in (404, 405)
        page, text = quiet.ask_from(OFFICE, "GET", "/")
        assert "phone.js" not in text and "frame-src" not in policy(page)
        assert quiet.ask_from(OFFICE, "GET", "/phone/10.1.0.2")[0].status == 404


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium isn't installed")
def test_an_agent_with_another_phone_logs_in_as_before(service, phones):
    with browsing() as browser, front(service, OFFICE) as site, visiting(browser, site) as page:
        page.goto("/")
        for name, value in {**label(1003), "campaign": "TEST"}.items():
            page.locator(f"#{name}").fill(value)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#answer")).to_contain_text("Your phone rings now")
        expect(page.locator("#phone")).to_be_empty()
    assert "agent1003" in live(phones)
