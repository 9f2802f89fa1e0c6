"""The module vicidial_info: whether Evenfloor can work here, and what it would adopt."""

import pytest

from tests.integration.modules.guest import FIRST, SECOND, SHARED

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
    assert "phones with a peer_status: on no dialer; balancer_registration: auto" in text
    assert found["missing"] == {
        "tables": ["evenfloor_dialers"],
        "indexes": [{"table": "phones", "name": "evenfloor_login"}],
    }


def test_the_preflight_says_where_vicidial_notes_registrations(vicidial):
    vicidial.sql("UPDATE phones SET peer_status = 'REACHABLE' WHERE server_ip = %s", SECOND)
    text = "\n".join(vicidial.info()["report"])
    assert "phones with a peer_status: on d2 and none on d1; balancer_registration" in text


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DROP TABLE vicidial_confbridges", "table vicidial_confbridges is missing"),
        ("ALTER TABLE servers DROP conf_engine", "column servers.conf_engine is missing"),
        (
            "ALTER TABLE phones_alias MODIFY logins_list VARCHAR(100)",
            "column phones_alias.logins_list is varchar(100); Evenfloor needs 255 characters",
        ),
        (
            "ALTER TABLE phones MODIFY protocol ENUM('SIP','IAX2')",
            "column phones.protocol is enum('SIP','IAX2'); Evenfloor needs the values SIP, PJSIP",
        ),
        ("ALTER TABLE server_updater MODIFY last_update INT", "Evenfloor needs a time"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused_with_all_that_is_wrong(vicidial, statement, problem):
    vicidial.sql("UPDATE system_settings SET db_schema_version = 1400")
    vicidial.sql(statement)
    first, *wrong = vicidial.info()["problems"]
    assert first.startswith("the database has schema 1400; Evenfloor needs VICIdial 2.14")
    assert len(wrong) == 1
    assert problem in wrong[0]


def test_a_database_that_takes_no_writes_is_refused(vicidial):
    vicidial.sql("SET GLOBAL read_only = ON")
    try:
        (problem,) = vicidial.info()["problems"]
    finally:
        vicidial.sql("SET GLOBAL read_only = OFF")
    assert problem.startswith("the database is read-only; put the host that VICIdial writes to")


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


def test_an_alias_whose_list_was_typed_with_spaces_is_adopted_like_any(vicidial):
    vicidial.sql("UPDATE phones_alias SET logins_list = '101a, 101b' WHERE alias_id = '101x'")
    found = vicidial.info()
    assert found["phone_aliases"] == [{"extensions": ["101-102"]}]
    assert found["left_alone"] == []
