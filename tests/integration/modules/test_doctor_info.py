"""The alias doctor on a real database: each thing that is broken is found, and nothing else."""

import re

import pytest

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import DIALERS, FIRST, SECOND, THIRD
from tests.integration.modules.guest import DIALERS as GUESTS

BEAT = "UPDATE server_updater SET last_update"


@pytest.fixture
def healthy(cluster, modules):
    """Three dialers, three aliases, everything as it should be; a function that examines it."""
    for number in (1, 2, 3):
        modules.server(number, opened=True)
    modules.aliases(dialers=DIALERS)
    cluster.keep_alive()

    def examine(entries="101-103", dialers=DIALERS, **more) -> dict:
        return modules.run(
            "doctor_info",
            phone_aliases=[{"extensions": entries}],
            dialers=[{"name": d["name"], "server_ip": d["server_ip"]} for d in dialers],
            **more,
        )

    return examine


def kinds(result) -> set[tuple[str, str, str]]:
    return {(row["finding"], row["alias"], row["dialer"]) for row in result["findings"]}


def test_what_is_as_it_should_be_gives_no_finding(healthy, cluster):
    cluster.run(
        "INSERT INTO evenfloor_phone_tokens (alias_id, token_hash, model)"
        " VALUES ('101x', 'a', 'yealink'), ('102x', 'b', '')"
    )
    found = healthy()
    assert found["findings"] == [] and found["models"] == {"101x": "yealink"}
    assert sorted(found["dialers"]) == [FIRST, SECOND, THIRD]
    assert found["aliases"] == {"101": "101x", "102": "102x", "103": "103x"}


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        ("UPDATE phones_alias SET logins_list = '101a,101b,101c,999z' WHERE alias_id = '101x'",
         {("listed_phone_missing", "101x", "")}),
        ("DELETE FROM phones WHERE login = '101b'",
         {("listed_phone_missing", "101x", ""), ("phone_missing", "101x", "dialer2")}),
        ("UPDATE phones SET active = 'N' WHERE login = '102c'",
         {("listed_phone_inactive", "102x", "dialer3")}),
        ("UPDATE phones SET pass = 'other' WHERE login = '102c'",
         {("login_passwords_differ", "102x", "")}),
        ("UPDATE phones SET conf_secret = 'other' WHERE login = '102c'",
         {("registration_passwords_differ", "102x", "")}),
        ("UPDATE phones_alias SET logins_list = '101a,101b,101c,102b' WHERE alias_id = '101x'",
         {("two_phones_on_one_dialer", "101x", "dialer2"), ("login_passwords_differ", "101x", ""),
          ("registration_passwords_differ", "101x", "")}),
        ("UPDATE phones_alias SET logins_list = '101a,101c' WHERE alias_id = '101x'",
         {("not_listed", "101x", "dialer2")}),
        ("DELETE FROM phones_alias WHERE alias_id = '103x'", {("alias_missing", "103x", "")}),
        ("INSERT INTO phones_alias (alias_id, logins_list) VALUES ('7x', '')",
         {("alias_unknown", "7x", "")}),
        (f"{BEAT} = NOW() - INTERVAL 5 SECOND WHERE server_ip = '{SECOND}'",
         {("heartbeat_stale", "", "dialer2")}),
        (f"{BEAT} = NULL WHERE server_ip = '{SECOND}'",
         {("heartbeat_stale", "", "dialer2")}),
        (f"{BEAT} = NOW() + INTERVAL 1 HOUR WHERE server_ip = '{SECOND}'",
         {("heartbeat_stale", "", "dialer2")}),
        ("INSERT INTO evenfloor_daemons (server_ip, token, host, started, calls_kept)"
         f" VALUES ('{SECOND}', '', '', UTC_TIMESTAMP(), 50)",
         {("calls_kept", "", "dialer2")}),
        (f"UPDATE vicidial_confbridges SET extension = 'SIP/1' WHERE server_ip = '{THIRD}'",
         {("no_free_room", "", "dialer3")}),
    ],
)  # fmt: skip
def test_what_is_broken_is_found_and_nothing_else(healthy, cluster, broken, finding):
    if BEAT in broken:
        cluster.die(SECOND)
    cluster.run(broken)
    assert kinds(healthy()) == finding


def test_dialers_that_only_one_side_has_are_found(healthy):
    assert kinds(healthy(dialers=DIALERS[:2])) == {("dialer_unknown", "", "dialer3")}
    fourth = {"name": "dialer4", "server_ip": "10.0.0.14"}
    assert ("dialer_missing", "", "dialer4") in kinds(healthy(dialers=[*DIALERS, fourth]))


def test_a_heartbeat_is_stale_when_the_balancer_says_so(healthy, cluster):
    cluster.die(SECOND)
    cluster.run(f"{BEAT} = NOW() - INTERVAL 7 SECOND WHERE server_ip = '{SECOND}'")
    assert kinds(healthy()) == {("heartbeat_stale", "", "dialer2")}
    assert kinds(healthy(heartbeat_timeout=3600)) == set()


def test_where_others_make_aliases_too_theirs_are_no_finding(healthy, cluster):
    cluster.run("INSERT INTO phones_alias (alias_id, logins_list) VALUES ('7x', '101a')")
    assert kinds(healthy(cluster_flavor="vicidial")) == set()


def test_a_dialer_that_alone_notes_no_registration_is_found_beside_vicidial(healthy, cluster):
    noted = "UPDATE phones SET peer_status = 'REACHABLE' WHERE server_ip = %s"
    for server_ip, found in ((FIRST, {"dialer2", "dialer3"}), (SECOND, {"dialer3"}), (THIRD, ())):
        cluster.run(noted, (server_ip,))
        expected = {("registrations_unknown", "", name) for name in found}
        assert kinds(healthy(cluster_flavor="vicidial")) == expected
        assert kinds(healthy()) == set()


def test_what_web_phones_need_is_looked_at_beside_vicidial(healthy, cluster):
    cluster.run("ALTER TABLE servers ADD web_socket_url VARCHAR(255) DEFAULT ''")
    cluster.run("UPDATE servers SET web_socket_url = CONCAT('wss://', server_ip, ':8089/ws')")
    cluster.run("UPDATE phones SET is_webphone = 'Y' WHERE extension = '101'")
    assert kinds(healthy(cluster_flavor="vicidial")) == set()
    cluster.run("UPDATE phones SET is_webphone = 'N' WHERE login = '101c'")
    cluster.run(
        "UPDATE servers SET web_socket_url = %s WHERE server_ip = %s", (f"wss://{FIRST}/ws", SECOND)
    )
    cluster.run("UPDATE servers SET web_socket_url = '' WHERE server_ip = %s", (THIRD,))
    assert kinds(healthy(cluster_flavor="vicidial")) == {
        ("webphones_mixed", "101x", ""),
        ("web_socket_elsewhere", "", "dialer1"),
        ("web_socket_elsewhere", "", "dialer2"),
    }


def test_an_alias_that_is_named_like_a_phone_is_found_beside_vicidial(healthy, cluster):
    cluster.run("INSERT INTO phones_alias (alias_id, logins_list) VALUES ('101B', '101a,101b')")
    found = {("alias_named_like_phone", "101B", "")}
    assert kinds(healthy(cluster_flavor="vicidial")) == found


def test_passwords_stay_where_they_are(healthy, cluster):
    cluster.run(
        "UPDATE phones SET pass = 'hushhush', conf_secret = 'hushhush' WHERE login = '101a'"
    )
    assert "hushhush" not in repr(healthy())


def test_spaces_in_a_logins_list_are_no_finding(healthy, cluster):
    cluster.run("UPDATE phones_alias SET logins_list = ' 101a, 101b ,101c' WHERE alias_id = '101x'")
    found = healthy()
    assert kinds(found) == set()
    assert found["aliases"]["101"] == "101x"


def test_a_list_with_spaces_still_names_a_phone_that_is_missing(healthy, cluster):
    cluster.run("UPDATE phones_alias SET logins_list = '101a, 101b, 101c, 999z'")
    cluster.run("DELETE FROM phones_alias WHERE alias_id <> '101x'")
    found = healthy(entries="101")
    assert kinds(found) == {("listed_phone_missing", "101x", "")}
    assert "999z is in the logins list" in found["findings"][0]["what"]


def test_a_login_that_two_phones_have_is_found_in_whatever_case(healthy, cluster):
    cluster.run("ALTER TABLE phones DROP INDEX login, ADD INDEX login (login)")
    cluster.run(
        f"INSERT INTO phones (extension, server_ip, login) VALUES ('900', '{THIRD}', '102A')"
    )
    (found,) = [row for row in healthy()["findings"] if row["finding"] == "login_not_unique"]
    assert "102a is the login of 2 phones: 102 on dialer1, 900 on dialer3" in found["what"]


def test_phones_without_a_login_share_none(healthy, cluster):
    cluster.run("ALTER TABLE phones DROP INDEX login, ADD INDEX login (login)")
    for extension in ("900", "901"):
        cluster.run(
            "INSERT INTO phones (extension, server_ip, login) VALUES (%s, %s, '')",
            (extension, THIRD),
        )
    assert kinds(healthy()) == set()


def test_beside_vicidial_a_login_that_two_phones_have_is_found_too(vicidial):
    vicidial.adopt()
    entries, dialers = [{"extensions": "101-102"}], GUESTS[:2]
    given = {"phone_aliases": entries, "dialers": dialers, "heartbeat_timeout": 1000}
    assert vicidial.modules.run("doctor_info", **given)["findings"] == []
    vicidial.sql("UPDATE phones SET login = '101A' WHERE login = '102b'")
    found = {row["finding"] for row in vicidial.modules.run("doctor_info", **given)["findings"]}
    assert "login_not_unique" in found


def test_a_transaction_that_was_prepared_and_left_is_found_and_can_be_ended(
    healthy, cluster, server
):
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("XA START X'6c65ff27'")
        cursor.execute("UPDATE servers SET server_id = CONCAT(server_id, 'x')")
        cursor.execute("XA END X'6c65ff27'")
        cursor.execute("XA PREPARE X'6c65ff27'")
    (found,) = [row for row in healthy()["findings"] if row["finding"] == "transaction_prepared"]
    statement = re.search("run (XA ROLLBACK .*) as the database's root", found["fix"])[1]
    cluster.run(statement)
    assert cluster.run("XA RECOVER") == ()
    assert "transaction_prepared" not in {row["finding"] for row in healthy()["findings"]}
