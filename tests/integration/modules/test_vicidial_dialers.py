"""Dialers beside VICIdial: closed clones, opened last."""

import pymysql
import pytest

from tests.integration.modules.guest import DATABASE, FIRST, SECOND, SHARED, THIRD

# Dialers


def test_a_new_dialer_is_a_closed_clone_and_every_dialer_writes_its_files(vicidial):
    vicidial.adopt()
    done = vicidial.server(3, clone_from=FIRST, description="the third")
    assert done["changed"] and done["rooms_added"] == 6
    columns = (
        "server_id, server_description, active, active_asterisk_server, active_agent_login_server,"
        " ASTmgrSECRET, custom_dialplan_entry, external_server_ip, web_socket_url, sysload,"
        " conf_engine, rebuild_conf_files"
    )
    assert vicidial.sql(f"SELECT {columns} FROM servers WHERE server_ip = %s", THIRD) == (
        ("D3", "the third", "Y", "Y", "N", "own secret", "exten => 9", THIRD,
         f"wss://{THIRD}:8089/ws", 0, "CONFBRIDGE", "Y"),
    )  # fmt: skip
    assert vicidial.flagged() == {FIRST, SECOND, THIRD}
    for table in ("vicidial_conferences", "vicidial_confbridges", "conferences"):
        assert vicidial.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = %s", THIRD) == ((2,),)
    assert vicidial.sql("SELECT COUNT(*) FROM server_updater") == ((3,),)
    assert not vicidial.server(3, clone_from=FIRST)["changed"]
    assert vicidial.flagged() == set()


def test_an_address_that_is_only_the_others_is_not_cloned(vicidial):
    vicidial.adopt()
    vicidial.sql(
        "UPDATE servers SET external_server_ip = '203.0.113.7', web_socket_url = 'wss://d1'"
    )
    vicidial.server(3, clone_from=FIRST)
    addresses = "SELECT external_server_ip, web_socket_url FROM servers WHERE server_ip = %s"
    assert vicidial.sql(addresses, THIRD) == (("", ""),)


def test_a_dialer_that_is_there_keeps_its_row(vicidial):
    vicidial.adopt()
    before = vicidial.rows("servers", "conferences")
    assert not vicidial.server(1, description="other words", asterisk_version="22")["changed"]
    assert vicidial.server(1, max_agents=20)["changed"]
    assert vicidial.server(1, max_agents=20, weight=1.5)["changed"]
    assert vicidial.rows("servers", "conferences") == before


def test_a_new_dialer_is_opened_last_and_closed_and_opened_like_any(vicidial):
    vicidial.adopt()
    vicidial.server(3, clone_from=FIRST)
    switch = "SELECT active_agent_login_server FROM servers WHERE server_ip = %s"
    assert vicidial.server(3, opened=True)["in_service"]
    assert vicidial.sql(switch, THIRD) == (("Y",),)
    vicidial.server(3, takes_logins=False)
    assert vicidial.sql(switch, THIRD) == (("N",),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "there is no dialer to clone it from; set dialer_clone_from"),
        ({"clone_from": "10.9.9.9"}, "there is no server 10.9.9.9 to clone it from; set dialer"),
    ],
)
def test_a_dialer_without_one_to_be_like_is_refused(vicidial, arguments, words):
    vicidial.adopt()
    message = vicidial.modules.fail("server", server_ip=THIRD, server_id="D3", **arguments)
    assert words in message
    assert vicidial.sql("SELECT COUNT(*) FROM servers") == ((2,),)


def test_a_dialer_that_goes_leaves_nothing(vicidial):
    vicidial.adopt()
    vicidial.aliases([{"extensions": "101-102"}], leaving=[SECOND])
    assert SECOND in vicidial.flagged()
    vicidial.server(2, weight=2)
    vicidial.server(2, state="absent")
    assert vicidial.flagged() == {FIRST}
    tables = [*SHARED, "vicidial_confbridges", "conferences", "evenfloor_dialers",
              "evenfloor_weights"]  # fmt: skip
    for table in set(tables) - {"phones_alias"}:
        assert vicidial.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = %s", SECOND) == ((0,),)
    assert vicidial.sql("SELECT logins_list FROM phones_alias") == (("101a",), ("102a",))


@pytest.mark.parametrize(
    ("change", "serves"),
    [
        ("UPDATE servers SET rebuild_conf_files = 'N'", True),
        ("UPDATE servers SET rebuild_conf_files = 'Y'", False),
        (
            "UPDATE servers SET rebuild_conf_files = 'Y', generate_vicidial_conf = 'N'",
            True,
        ),
        ("UPDATE server_updater SET last_update = NOW() - INTERVAL 2 HOUR", False),
        ("UPDATE server_updater SET last_update = NULL", False),
        ("DELETE FROM server_updater", False),
    ],
)
def test_a_dialer_serves_when_its_heart_beats_and_its_files_are_written(vicidial, change, serves):
    vicidial.adopt()
    vicidial.sql(change)
    # A busy machine must not make the heart stop.
    found = vicidial.modules.run("agents_info", server_ip=FIRST, heartbeat_timeout=3600)
    assert found["serves"] is serves


def test_the_provisioning_user_has_no_business_in_other_tables(vicidial):
    vicidial.adopt()
    with (
        pymysql.connect(read_default_file=str(vicidial.option_file), database=DATABASE) as other,
        other.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError, match="denied"),
    ):
        cursor.execute("SELECT pass FROM vicidial_users")
