"""The modules beside VICIdial: its engines and tables, whole rows, nobody else's touched."""

import pymysql
import pytest
import yaml

from tests import mariadb
from tests.modules import DatabaseRunner

DATABASE = "vicidial"
ROLE = mariadb.OWN_SCHEMA.parents[1]
OWN = yaml.safe_load((ROLE / "vars/main.yml").read_text())
SHAPE = mariadb.OWN_SCHEMA.parents[3] / "tests/vicidial.sql"
DIALERS = [{"name": f"d{n}", "server_ip": f"10.0.0.{n}", "server_id": f"D{n}"} for n in (1, 2, 3)]
FIRST, SECOND, THIRD = (dialer["server_ip"] for dialer in DIALERS)
PASSWORD = "let me in"
SHARED = ["servers", "phones", "phones_alias", "server_updater", "vicidial_conferences"]
OWN_TABLES = ["evenfloor_dialers", "evenfloor_reservations", "evenfloor_moves"]


class Vicidial:
    """A small cluster of VICIdial's, and the modules as the provisioning user."""

    def __init__(self, server, folder):
        self.connection = server.connect(DATABASE)
        self.socket = server.socket
        self.option_file = folder / "provisioning.cnf"
        self.option_file.write_text(
            f"[client]\nsocket={server.socket}\nuser=evenfloor_provision\npassword={PASSWORD}\n"
        )
        self.modules = DatabaseRunner(self.option_file, DATABASE, flavor="vicidial")

    def sql(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def rows(self, *tables):
        return {table: sorted(map(str, self.sql(f"SELECT * FROM {table}"))) for table in tables}

    def add_dialer(self, number, engine="CONFBRIDGE"):
        ip = f"10.0.0.{number}"
        self.sql(
            "INSERT INTO servers (server_id, server_ip, active, conf_engine, rebuild_conf_files,"
            " ASTmgrSECRET, custom_dialplan_entry, external_server_ip, web_socket_url, sysload)"
            " VALUES (%s, %s, 'Y', %s, 'N', 'own secret', 'exten => 9', %s, %s, 7)",
            f"D{number}", ip, engine, ip, f"wss://{ip}:8089/ws",
        )  # fmt: skip
        self.sql("INSERT INTO server_updater (server_ip, last_update) VALUES (%s, NOW())", ip)
        for table in ("vicidial_conferences", "vicidial_confbridges", "conferences"):
            for room in (8600051, 8600052):
                self.sql(f"INSERT INTO {table} (conf_exten, server_ip) VALUES (%s, %s)", room, ip)

    def add_phones(self, extension, dialers=(1, 2), **more):
        for number in dialers:
            columns = {
                "extension": extension,
                "server_ip": f"10.0.0.{number}",
                "login": extension + "abc"[number - 1],
                "pass": "typed",
                "conf_secret": "registered",
                "fullname": f"station {extension}",
                "active": "Y",
                "status": "ACTIVE",
                "template_id": "",
                "outbound_cid": "5551234",
                "dialplan_number": extension,
                "voicemail_id": extension,
                **more,
            }
            marks = ", ".join(["%s"] * len(columns))
            self.sql(
                f"INSERT INTO phones ({', '.join(columns)}) VALUES ({marks})", *columns.values()
            )
        logins = ",".join(extension + "abc"[number - 1] for number in dialers)
        self.sql(
            "INSERT INTO phones_alias (alias_id, alias_name, logins_list) VALUES (%s, %s, %s)",
            f"{extension}x", f"Desk {extension}", logins,
        )  # fmt: skip

    def adopt(self, dialers=DIALERS[:2]):
        """Put Evenfloor's own into the database, as the role does."""
        for statement in mariadb.statements(mariadb.OWN_SCHEMA.read_text()):
            self.sql(statement)
        for dialer in dialers:
            self.sql("INSERT INTO evenfloor_dialers VALUES (%s, NULL, NOW())", dialer["server_ip"])
        self.sql(f"CREATE OR REPLACE USER evenfloor_provision@localhost IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in OWN["database_provisioning_tables"]["vicidial"].items():
            self.sql(f"GRANT {privileges} ON {DATABASE}.{table} TO evenfloor_provision@localhost")

    def info(self, **arguments):
        return self.modules.run("vicidial_info", login_unix_socket=self.socket, **arguments)

    def aliases(self, entries, dialers=DIALERS[:2], check=False, **arguments):
        named = [
            {"name": d["name"], "server_ip": d["server_ip"], "protocol": d.get("protocol")}
            for d in dialers
        ]
        return self.modules.run("aliases", check, phone_aliases=entries, dialers=named, **arguments)

    def server(self, number, **arguments):
        given = {"server_ip": f"10.0.0.{number}", "server_id": f"D{number}"}
        return self.modules.run("server", cluster_flavor="vicidial", **{**given, **arguments})

    def flagged(self):
        """Return the dialers whose files VICIdial is to write, and forget it, as VICIdial does."""
        flagged = {row[0] for row in self.sql(
            "SELECT server_ip FROM servers WHERE rebuild_conf_files = 'Y'")}  # fmt: skip
        self.sql("UPDATE servers SET rebuild_conf_files = 'N'")
        return flagged


@pytest.fixture
def vicidial(server, tmp_path):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL sql_mode = ''")
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8 COLLATE utf8_general_ci")
    made = Vicidial(server, tmp_path)
    for statement in mariadb.statements(SHAPE.read_text()):
        made.sql(statement)
    made.sql("INSERT INTO system_settings (version, db_schema_version) VALUES ('2.14', 1726)")
    made.add_dialer(1)
    made.add_dialer(2, engine="MEETME")
    made.add_phones("101")
    made.add_phones("102")
    yield made
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL sql_mode = DEFAULT")


# Preflight and adoption


def test_the_preflight_says_what_it_found_and_what_is_missing(vicidial):
    found = vicidial.info(
        tables=["evenfloor_dialers"], indexes=[{"table": "phones", "name": "evenfloor_login"}]
    )
    assert found["problems"] == []
    text = "\n".join(found["report"])
    assert "VICIdial's schema 1726" in text
    assert "MEMORY: vicidial_live_agents" in text
    assert "2 dialers, 4 phones, 2 aliases" in text
    assert found["missing"] == {
        "tables": ["evenfloor_dialers"],
        "indexes": [{"table": "phones", "name": "evenfloor_login"}],
    }


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DROP TABLE vicidial_confbridges", "table vicidial_confbridges is missing"),
        ("ALTER TABLE servers DROP conf_engine", "column servers.conf_engine is missing"),
        (
            "ALTER TABLE phones_alias MODIFY logins_list VARCHAR(100)",
            "column phones_alias.logins_list is varchar(100); needed is 255 characters",
        ),
        (
            "ALTER TABLE phones MODIFY protocol ENUM('SIP','IAX2')",
            "column phones.protocol is enum('SIP','IAX2'); needed is the values SIP, PJSIP",
        ),
        ("ALTER TABLE server_updater MODIFY last_update INT", "needed is a time"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused_with_all_that_is_wrong(vicidial, statement, problem):
    vicidial.sql("UPDATE system_settings SET db_schema_version = 1400")
    vicidial.sql(statement)
    first, *wrong = vicidial.info()["problems"]
    assert first.startswith("the database has schema 1400; Evenfloor needs VICIdial 2.14")
    assert len(wrong) == 1
    assert problem in wrong[0]


def test_a_database_that_is_not_vicidials_is_named(vicidial):
    for table in SHARED:
        vicidial.sql(f"DROP TABLE {table}")
    assert len(vicidial.info()["problems"]) == 1 + len(SHARED)
    vicidial.modules.defaults["database"] = "information_schema"
    assert "set database_name" in vicidial.info()["problems"][0]


def test_a_dialer_that_is_called_like_another_host_is_named_after_its_address(vicidial):
    vicidial.sql("UPDATE servers SET server_id = 'D 2' WHERE server_ip = %s", SECOND)
    hosts = {"d1": "10.0.0.99", "d-2": SECOND}
    names = {d["server_ip"]: d["name"] for d in vicidial.info(hosts=hosts)["dialers"]}
    assert names == {FIRST: FIRST, SECOND: "d-2"}


def test_looking_changes_nothing_and_says_no_password(vicidial):
    before = vicidial.rows(*SHARED)
    vicidial.info()
    assert vicidial.rows(*SHARED) == before
    assert "typed" not in vicidial.modules.output
    assert "registered" not in vicidial.modules.output


def test_a_run_on_what_was_adopted_changes_nothing(vicidial):
    vicidial.sql("UPDATE phones SET pass = 'another' WHERE login = '102b'")
    vicidial.sql("INSERT INTO phones_alias VALUES ('team', 'Team', '101a,102a', '---ALL---')")
    vicidial.add_dialer(3)
    found = vicidial.info()
    assert found["phone_aliases"] == [{"extensions": ["101-102"]}]
    assert found["left_alone"] == [
        {"what": "server D3", "why": "no phone is on it"},
        {"what": "alias team", "why": "it mixes the extensions 101, 102"},
    ]
    assert [d["server_ip"] for d in found["dialers"]] == [FIRST, SECOND]
    vicidial.adopt()
    before = vicidial.rows(*SHARED)
    done = vicidial.aliases(found["phone_aliases"], found["dialers"], serving=[FIRST, SECOND])
    assert not done["changed"] and done["rebuilt"] == []
    assert vicidial.rows(*SHARED) == before


# Phones and aliases


def test_a_new_dialers_phones_are_like_the_others_of_their_extension(vicidial):
    vicidial.adopt()
    vicidial.sql("UPDATE phones SET codecs_list = 'ulaw', is_webphone = 'Y', phone_ip = '1.2.3.4'")
    vicidial.add_dialer(3)
    done = vicidial.aliases([{"extensions": "101-102"}], DIALERS, serving=[THIRD])
    assert done["rebuilt"] == [THIRD] == sorted(vicidial.flagged())
    columns = (
        "login, pass, conf_secret, fullname, codecs_list, is_webphone, outbound_cid, template_id,"
        " status, active, phone_ip, protocol, peer_status, dialplan_number, voicemail_id"
    )
    (row,) = vicidial.sql(f"SELECT {columns} FROM phones WHERE login = '101c'")
    assert row == (
        "101c", "typed", "registered", "station 101", "ulaw", "Y", "5551234", "", "ACTIVE", "Y",
        "", "SIP", "UNKNOWN", "101", "101",
    )  # fmt: skip
    assert vicidial.sql("SELECT logins_list, alias_name FROM phones_alias") == (
        ("101a,101b,101c", "Desk 101"),
        ("102a,102b,102c", "Desk 102"),
    )


def test_a_new_alias_has_whole_rows_as_vicidials_form_writes_them(vicidial):
    vicidial.adopt()
    vicidial.sql("UPDATE phones SET protocol = 'PJSIP' WHERE server_ip = %s", FIRST)
    vicidial.sql("UPDATE phones SET protocol = 'PJSIP' WHERE login = '101b'")
    vicidial.sql("UPDATE system_settings SET default_local_gmt = '1.00'")
    dialers = [DIALERS[0], {**DIALERS[1], "protocol": "SIP"}]
    done = vicidial.aliases([{"extensions": "201"}], dialers, serving=[FIRST, SECOND])
    assert done["counts"]["phones_added"] == 2
    assert vicidial.flagged() == {FIRST, SECOND}
    columns = (
        "server_ip, dialplan_number, voicemail_id, status, active, phone_type, fullname, protocol,"
        " local_gmt, outbound_cid, template_id, phone_context, user_group, recording_exten"
    )
    rest = ("1.00", "0000000000", "", "default", "---ALL---", "8309")
    made = ("201", "201", "ACTIVE", "Y", "CCagent", "Agent 201")
    assert vicidial.sql(f"SELECT {columns} FROM phones WHERE extension = '201'") == (
        (FIRST, *made, "PJSIP", *rest),
        (SECOND, *made, "SIP", *rest),
    )
    # The others of the cluster are not the inventory's business.
    assert vicidial.sql("SELECT COUNT(*) FROM phones_alias") == ((3,),)


def test_only_what_the_inventory_says_is_changed(vicidial):
    vicidial.adopt()
    vicidial.add_phones("301", dialers=(1,))
    before = vicidial.rows("phones")
    entries = [
        {"extensions": "101", "dialers": ["d1"]},
        {"extensions": "102", "name": "Sales {extension}"},
    ]
    done = vicidial.aliases(entries)
    # The list is the inventory's; the phone that it no longer names may be somebody's.
    assert dict(vicidial.sql("SELECT alias_id, logins_list FROM phones_alias")) == {
        "101x": "101a",
        "102x": "102a,102b",
        "301x": "301a",
    }
    assert done["counts"]["phones_removed"] == done["counts"]["aliases_removed"] == 0
    names = "SELECT DISTINCT fullname FROM phones WHERE extension = '102'"
    assert vicidial.sql(names) == (("Sales 102",),)
    unchanged = set(before["phones"]) & set(vicidial.rows("phones")["phones"])
    assert len(unchanged) == 3
    assert not vicidial.aliases(entries)["changed"]


def test_nothing_is_purged_beside_vicidial(vicidial):
    vicidial.adopt()
    message = vicidial.modules.fail("aliases", phone_aliases=[], dialers=DIALERS[:2], purge=True)
    assert "aren't Evenfloor's" in message


def test_a_check_writes_nothing(vicidial):
    vicidial.adopt()
    before = vicidial.rows(*SHARED)
    assert vicidial.aliases([{"extensions": "101-110"}], check=True)["changed"]
    given = {"check": True, "clone_from": FIRST}
    assert vicidial.server(3, **given)["changed"]
    assert vicidial.rows(*SHARED) == before


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
        ({"clone_from": "10.9.9.9"}, "10.9.9.9, which it is to be cloned from, is no server here"),
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
    vicidial.server(2, state="absent")
    assert vicidial.flagged() == {FIRST}
    tables = [*SHARED, "vicidial_confbridges", "conferences", "evenfloor_dialers"]
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
        ("UPDATE server_updater SET last_update = NOW() - INTERVAL 9 SECOND", False),
        ("UPDATE server_updater SET last_update = NULL", False),
        ("DELETE FROM server_updater", False),
    ],
)
def test_a_dialer_serves_when_its_heart_beats_and_its_files_are_written(vicidial, change, serves):
    vicidial.adopt()
    vicidial.sql(change)
    assert vicidial.modules.run("agents_info", server_ip=FIRST)["serves"] is serves


def test_the_provisioning_user_has_no_business_in_other_tables(vicidial):
    vicidial.adopt()
    with (
        pymysql.connect(read_default_file=str(vicidial.option_file), database=DATABASE) as other,
        other.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError, match="denied"),
    ):
        cursor.execute("SELECT pass FROM vicidial_users")
