"""Phones fetch their accounts: each its own, and the service learns no others."""

import concurrent.futures
from xml.etree import ElementTree

import pymysql
import pytest

from evenfloor.attempts import ADDRESS_LIMIT
from evenfloor.provision_page import MASK
from evenfloor.provision_store import proof_of
from tests.integration.conftest import DATABASE
from tests.integration.dialers import PASSWORD
from tests.integration.phone_tokens import EDGES, USER, give_token, secret, where, with_phones
from tests.integration.strangers import OFFICE, STRANGER, credentials, post
from tests.service import OPERATOR_TOKEN, running

MAC, OTHER_MAC = "001565112233", "001565445566"
SECTION = "[provisioning]\ntransport = udp\n"


@pytest.fixture(scope="module")
def phones(server):
    """A cluster of three dialers and six aliases whose phones have passwords, and its service."""
    with with_phones(server, aliases=6) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def service(server, phones):
    with running(where(server), workers=2, more=SECTION) as service:
        yield service


@pytest.fixture(autouse=True)
def nobody_has_tried(phones):
    phones.run("DELETE FROM evenfloor_attempts")


def fetch(service, token: str, name: str = "linphone.xml", address: str = OFFICE, **headers: str):
    """Ask for a file as a phone does, over TLS; returns the response and the text."""
    path = f"/provision/{token}/{name}"
    return service.ask_from(address, "GET", path, X_Forwarded_Proto="https", **headers)


def parsed(text: str) -> ElementTree.Element:
    """Read a file that this test has asked for."""
    return ElementTree.fromstring(text)  # noqa: S314


def accounts(text: str) -> set[tuple]:
    """The accounts in a file for Zoiper: extension, dialer and password."""
    return {
        tuple(account.find(tag).text for tag in ("username", "SIP_domain", "password"))
        for account in parsed(text).iter("account")
    }


def wanted(extension: int, *dialers: int) -> set[tuple]:
    """The accounts of an extension on these dialers."""
    return {(str(extension), f"10.1.0.{n}:5060", secret(extension)) for n in dialers}


def test_a_phone_gets_its_own_accounts_and_nobody_elses(service, phones):
    for extension in (1001, 1002):
        answer, text = fetch(service, give_token(phones, f"{extension}x"), "zoiper.xml")
        assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
        assert accounts(text) == wanted(extension, 1, 2, 3)


def test_a_dialer_that_is_added_or_removed_is_in_the_next_answer(service, phones):
    token = give_token(phones, "1001x")
    phones.add_dialer("10.1.0.9", active_agent_login_server="N")
    phones.add_phone("1001d9", "10.1.0.9", extension="1001")
    # Somebody else's password on that dialer is nobody else's business.
    phones.run("UPDATE phones SET conf_secret = 'other' WHERE login = '1001d9'")
    assert accounts(fetch(service, token, "zoiper.xml")[1]) == wanted(1001, 1, 2, 3)
    phones.run("UPDATE phones SET conf_secret = %s WHERE login = '1001d9'", (secret(1001),))
    assert accounts(fetch(service, token, "zoiper.xml")[1]) == wanted(1001, 1, 2, 3, 9)
    # Another alias's phone, even with the same password.
    phones.add_alias("1001z", "1001d9")
    assert accounts(fetch(service, token, "zoiper.xml")[1]) == wanted(1001, 1, 2, 3)
    phones.run("DELETE FROM phones_alias WHERE alias_id = '1001z'")
    phones.run("DELETE FROM phones WHERE login = '1001d9'")
    phones.run("DELETE FROM servers WHERE server_ip = '10.1.0.9'")
    assert accounts(fetch(service, token, "zoiper.xml")[1]) == wanted(1001, 1, 2, 3)


def test_a_phone_of_the_edge_has_accounts_there_and_none_with_a_dialer(service, phones):
    token = give_token(phones, "1001x")
    phones.run("UPDATE phones SET phone_type = 'EDGE' WHERE extension = '1001'")
    try:
        all_of_them = accounts(fetch(service, token, "zoiper.xml")[1])
        _answer, single = fetch(service, token, "groundwire.xml")
        phones.run("UPDATE phones SET active = 'N' WHERE extension = '1001'")
        none = accounts(fetch(service, token, "zoiper.xml")[1])
    finally:
        phones.run("UPDATE phones SET phone_type = 'PJSIP', active = 'Y' WHERE extension = '1001'")
    assert all_of_them == {("1001", f"{edge['address']}:5060", secret(1001)) for edge in EDGES}
    (host,) = parsed(single).iter("host")
    assert host.text in {edge["address"] for edge in EDGES} and none == set()


def test_a_phone_with_one_account_gets_a_dialer_that_takes_logins(service, phones):
    token = give_token(phones, "1001x")
    phones.run("UPDATE servers SET active_agent_login_server = 'N' WHERE server_ip <> '10.1.0.2'")
    try:
        answer, text = fetch(service, token, "groundwire.xml")
    finally:
        phones.run("UPDATE servers SET active_agent_login_server = 'Y'")
    assert answer.status == 200
    (host,) = parsed(text).iter("host")
    assert host.text == "10.1.0.2" and "d1, d3" in text
    line = f"address={OFFICE} alias=1001x model=groundwire accounts=1 without=d1,d3"
    assert f"provisioned: {line}" in service.log.read_text()


def test_a_desk_phone_has_its_token_for_itself(service, phones):
    token = give_token(phones, "1003x")
    # What every Yealink of a model asks for says nothing, and binds nobody.
    assert fetch(service, token, "y000000000044.cfg")[1] == "#!version:1.0.0.1\n"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        macs = [MAC, OTHER_MAC] * 2
        found = list(pool.map(lambda mac: fetch(service, token, f"{mac}.cfg")[0].status, macs))
    ((bound,),) = phones.run("SELECT device FROM evenfloor_phone_tokens WHERE alias_id = '1003x'")
    assert found == [200 if mac == bound else 403 for mac in macs]
    other = OTHER_MAC if bound == MAC else MAC
    for name in (f"{other}.cfg", f"cfg{other}.xml", "linphone.xml", f"{other}-user.cfg"):
        answer, text = fetch(service, token, name, STRANGER)
        assert answer.status == 403 and secret(1003) not in text and "sip&" not in text
    assert fetch(service, token, f"{bound.upper()}.cfg")[0].status == 200
    said = phones.run(
        "SELECT alias_id, address, detail FROM evenfloor_events WHERE address = %s"
        " ORDER BY event_id DESC LIMIT 1",
        (STRANGER,),
    )
    assert said == (("1003x", STRANGER, f"another device asks with the phone's token: {other}"),)
    seen = phones.run("SELECT model, fetched IS NOT NULL FROM evenfloor_phone_tokens"
                      " WHERE alias_id = '1003x'")  # fmt: skip
    assert seen == (("yealink", 1),)


def test_a_snom_and_a_polycom_find_their_own_file_first(service, phones):
    token = give_token(phones, "1004x")
    answer, text = fetch(service, token, f"snom760-{MAC}.htm", Host="login.example")
    (file,) = parsed(text).iter("file")
    assert file.get("url") == f"https://login.example/provision/{token}/{MAC.upper()}.xml"
    assert "sip&amp;1004" in fetch(service, token, f"{MAC.upper()}.xml")[1]
    text = fetch(service, token, f"{MAC}.cfg", User_Agent="FileTransport PolycomVVX-VVX_400-UA/5")[
        1
    ]
    assert f'CONFIG_FILES="{MAC}-user.cfg"' in text
    assert "reg.3.auth.password" in fetch(service, token, f"{MAC}-user.cfg")[1]


def test_a_phone_that_asks_again_is_told_that_nothing_has_changed(service, phones):
    token = give_token(phones, "1001x")
    first, text = fetch(service, token)
    again, nothing = fetch(service, token, If_None_Match=first.headers["ETag"])
    assert (again.status, nothing) == (304, "")
    # It says nothing of the content to whoever doesn't know the cluster's secret.
    assert len(first.headers["ETag"]) == 34
    phones.run("UPDATE phones SET conf_secret = 'changed' WHERE login = '1001d2'")
    try:
        changed, text = fetch(service, token, If_None_Match=first.headers["ETag"])
        assert changed.status == 200 and "changed" in text
    finally:
        phones.run("UPDATE phones SET conf_secret = %s WHERE login = '1001d2'", (secret(1001),))


def test_unknown_tokens_are_delayed_counted_logged_and_refused(service, phones):
    def wrong() -> int:
        token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        _answer, text = service.ask_from(STRANGER, "GET", "/metrics", **token)
        name = 'evenfloor_refusals_total{reason="bad_credentials"}'
        return sum(float(n.split()[1]) for n in text.splitlines() if n.startswith(name))

    before = wrong()
    assert fetch(service, "guess", address=STRANGER)[0].status == 401
    # However slow this machine is, the minute isn't over before the last try.
    phones.run("UPDATE evenfloor_attempts SET ends = UTC_TIMESTAMP() + INTERVAL 1 HOUR")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        tries = [f"guess{number}" for number in range(ADDRESS_LIMIT + 20)]
        found = list(pool.map(lambda guess: fetch(service, guess, address=STRANGER), tries))
    statuses = [answer.status for answer, _text in found]
    assert set(statuses) == {401, 429}
    assert ADDRESS_LIMIT - 1 <= statuses.count(401) <= ADDRESS_LIMIT + 5
    assert wrong() == before + 1 + statuses.count(401)
    limited = next(answer for answer, _text in found if answer.status == 429)
    assert 1 <= int(limited.headers["Retry-After"]) <= 3600
    # A right one is refused too, and nothing is bound by it.
    token = give_token(phones, "1005x")
    assert fetch(service, token, f"{MAC}.cfg", STRANGER)[0].status == 429
    bound = phones.run("SELECT device FROM evenfloor_phone_tokens WHERE alias_id = '1005x'")
    assert bound == (("",),)
    # Whoever else asks isn't, and agents at that address log in as before.
    assert fetch(service, token)[0].status == 200
    status, _answer = post(service, "/api/v1/choose", {**credentials(1005), "user": "a",
                                                       "campaign": "TEST"}, STRANGER)  # fmt: skip
    assert status == 200
    kept = phones.run("SELECT COUNT(*) FROM evenfloor_events WHERE detail = 'wrong phone token'")
    assert kept[0][0] >= ADDRESS_LIMIT
    text = service.log.read_text()
    assert f'address={STRANGER} reason=bad_credentials request="GET /provision/{MASK}/' in text


def test_no_token_and_no_password_is_in_a_log(service, phones):
    token = give_token(phones, "1006x")
    fetch(service, token)
    fetch(service, token, "nothing.txt")
    fetch(service, token + "x")
    service.ask_from(OFFICE, "GET", f"/provision/{token}/linphone.xml")
    service.ask_from(OFFICE, "PUT", f"/provision/{token}/log", {}, X_Forwarded_Proto="https")
    service.ask_from(OFFICE, "GET", f"/%70rovision/{token}/no", X_Forwarded_Proto="https")
    text = service.log.read_text()
    assert text.count(f"/provision/{MASK}/") >= 4
    assert token not in text and "sip&" not in text


def test_a_revoked_token_is_worth_nothing_at_once(service, phones):
    token = give_token(phones, "1006x")
    assert fetch(service, token)[0].status == 200
    new = give_token(phones, "1006x")
    assert fetch(service, token)[0].status == 401
    assert fetch(service, new)[0].status == 200
    phones.run("DELETE FROM phones_alias WHERE alias_id = '1006x'")
    assert fetch(service, new)[0].status == 401
    phones.add_alias("1006x", "1006d1,1006d2,1006d3")


def test_a_request_without_tls_gets_nothing(service, phones):
    answer, text = service.ask_from(
        OFFICE, "GET", f"/provision/{give_token(phones, '1001x')}/linphone.xml"
    )
    assert answer.status == 403 and "TLS" in text and "sip&" not in text


def test_a_password_that_a_file_cannot_hold_is_refused_in_words(service, phones):
    phones.run("UPDATE phones SET conf_secret = 'two\nlines' WHERE extension = '1002'")
    try:
        answer, text = fetch(service, give_token(phones, "1002x"))
        assert answer.status == 409 and "isn't printable" in text and "lines" not in text
    finally:
        phones.run("UPDATE phones SET conf_secret = %s WHERE extension = '1002'", (secret(1002),))


@pytest.mark.parametrize("collation", ["utf8mb4_unicode_ci", "latin1_bin", "utf8mb4_general_ci"])
def test_tables_may_have_any_collation(service, phones, collation):
    """A newer MariaDB has another default than the one that made the tables."""
    charset = collation.partition("_")[0]
    for table in ("phones", "phones_alias", "servers"):
        phones.run(f"ALTER TABLE {table} CONVERT TO CHARACTER SET {charset} COLLATE {collation}")
    token = give_token(phones, "1001x")
    assert accounts(fetch(service, token, "zoiper.xml")[1]) == wanted(1001, 1, 2, 3)


def test_a_service_that_provisions_nobody_has_no_such_file(server, phones):
    with running(where(server), workers=1) as quiet:
        assert fetch(quiet, give_token(phones, "1001x"))[0].status == 404


def test_the_services_user_learns_passwords_by_a_token_only(server, phones):
    token = give_token(phones, "1001x")
    with (
        pymysql.connect(
            unix_socket=server.socket, user=USER, password=PASSWORD, database=DATABASE
        ) as connection,
        connection.cursor() as cursor,
    ):
        for asked in (
            "SELECT conf_secret FROM phones",
            "SELECT * FROM evenfloor_phone_tokens",
            "UPDATE evenfloor_phone_tokens SET device = ''",
            "DELETE FROM evenfloor_phone_tokens",
            "SHOW CREATE FUNCTION evenfloor_phones_of",
        ):
            try:
                cursor.execute(asked)
                assert asked.startswith("SHOW") and cursor.fetchall()[0][2] is None
            except pymysql.err.OperationalError as error:
                assert "denied" in str(error)
        ask = "SELECT evenfloor_phones_of(%s, '', 'x')"
        cursor.execute(ask, (proof_of(token),))
        assert "1001" in cursor.fetchone()[0]
        # Not by what the table has, nor by the token itself, nor by nothing.
        ((hashed,),) = phones.run(
            "SELECT token_hash FROM evenfloor_phone_tokens WHERE alias_id = '1001x'"
        )
        for wrong in (hashed, token, "", None, "%", proof_of("")):
            cursor.execute(ask, (wrong,))
            assert cursor.fetchone() == (None,)
