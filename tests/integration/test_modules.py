"""The Ansible modules as Ansible runs them: a process each, on a real MariaDB."""

import time
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

from tests import mariadb
from tests.integration.conftest import DATABASE
from tests.modules import Runner

DIALERS = [
    {"name": f"dialer{number}", "server_ip": f"10.0.0.1{number}", "server_id": f"dialer{number}"}
    for number in (1, 2, 3)
]
FIRST, SECOND, THIRD = (dialer["server_ip"] for dialer in DIALERS)
ROOMS = 249


class Modules(Runner):
    """Runs modules with the test's option file and database."""

    def __init__(self, config_file):
        super().__init__(config_file, DATABASE)

    def aliases(self, entries="101-103", dialers=DIALERS[:2], check=False, **arguments) -> dict:
        """Run aliases; entries may be a range alone."""
        entries = [{"extensions": entries}] if isinstance(entries, str) else entries
        named = [{"name": d["name"], "server_ip": d["server_ip"]} for d in dialers]
        return self.run(
            "aliases", check, phone_aliases=entries, dialers=named, **arguments
        )

    def server(self, number=1, check=False, **arguments) -> dict:
        """Run server for the n-th dialer."""
        given = {"server_ip": DIALERS[number - 1]["server_ip"], "server_id": f"dialer{number}"}
        return self.run("server", check, **{**given, **arguments})

    def info(self, check=False, **arguments) -> dict:
        """Run phones_info."""
        return self.run("phones_info", check, **arguments)


@pytest.fixture
def modules(cluster, server, tmp_path):
    option_file = tmp_path / "provisioning.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    return Modules(option_file)


@pytest.fixture
def nowhere(tmp_path):
    """Run modules where there is no database yet."""
    option_file = tmp_path / "nowhere.cnf"
    option_file.write_text(f"[client]\nsocket={tmp_path / 'no-socket'}\nuser=root\n")
    return Modules(option_file)


def everything(cluster) -> dict:
    """Read every row of every table."""
    tables = [row[0] for row in cluster.run("SHOW TABLES")]
    return {table: sorted(cluster.run(f"SELECT * FROM {table}"), key=repr) for table in tables}


def lists(cluster) -> dict:
    return dict(cluster.run("SELECT alias_id, logins_list FROM phones_alias"))


def places(cluster) -> dict:
    rows = cluster.run("SELECT login, extension, server_ip FROM phones")
    return {login: (extension, server_ip) for login, extension, server_ip in rows}


def passwords(cluster) -> set:
    rows = cluster.run("SELECT pass, conf_secret FROM phones")
    return {word for row in rows for word in row}


#: A plain cluster has the first. The second is common under VICIdial, and nothing rolls back there.
ENGINES = pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])


def use_engine(cluster, server, engine):
    """Make the test's database afresh with another engine."""
    mariadb.create_database(server, DATABASE, engine)
    cluster.run(f"USE {DATABASE}")


def register(cluster, *logins):
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE login IN %s", (logins,))


def takes_logins(cluster, server_ip) -> str:
    ((switch,),) = cluster.run(
        "SELECT active_agent_login_server FROM servers WHERE server_ip = %s", (server_ip,)
    )
    return switch


# evenfloor_aliases


def test_aliases_are_created_with_a_phone_on_every_dialer(modules, cluster):
    result = modules.aliases(serving=[FIRST, SECOND])
    assert result["changed"]
    assert result["counts"] == {
        "phones_added": 6,
        "phones_changed": 0,
        "phones_removed": 0,
        "aliases_added": 3,
        "aliases_changed": 0,
        "aliases_removed": 0,
    }
    assert result["letters"] == {FIRST: "a", SECOND: "b"}
    assert lists(cluster) == {"101x": "101a,101b", "102x": "102a,102b", "103x": "103a,103b"}
    assert places(cluster) == {
        f"{extension}{letter}": (extension, server_ip)
        for extension in ("101", "102", "103")
        for letter, server_ip in (("a", FIRST), ("b", SECOND))
    }


def test_phones_are_active_pjsip_phones_that_share_their_aliass_passwords(modules, cluster):
    modules.aliases(serving=[FIRST, SECOND])
    rows = cluster.run(
        "SELECT extension, COUNT(*), COUNT(DISTINCT pass), COUNT(DISTINCT conf_secret),"
        " MIN(LENGTH(pass)), MIN(LENGTH(conf_secret)) FROM phones"
        " WHERE active = 'Y' AND protocol = 'PJSIP' AND dialplan_number = extension"
        " GROUP BY extension ORDER BY extension"
    )
    assert [row[:4] for row in rows] == [
        (extension, 2, 1, 1) for extension in ("101", "102", "103")
    ]
    assert all(row[4] >= 10 and row[5] >= 20 for row in rows)
    assert len(passwords(cluster)) == 6


def test_a_second_run_of_aliases_changes_nothing(modules, cluster):
    entries = [
        {"extensions": "101-102", "login_password": "typed-by-hand"},
        {"extensions": ["201", "0301-0302"], "suffix": "z", "dialers": ["dialer2"], "name": "S"},
    ]
    modules.aliases(entries, serving=[FIRST, SECOND], purge=True)
    before = everything(cluster)
    result = modules.aliases(entries, serving=[FIRST, SECOND], purge=True)
    assert not result["changed"]
    assert result["changes"] == []
    assert everything(cluster) == before


@ENGINES
def test_check_mode_of_aliases_changes_nothing_and_says_what_a_run_would(
    modules, cluster, server, engine
):
    use_engine(cluster, server, engine)
    modules.aliases("101-102", serving=[FIRST, SECOND])
    before = everything(cluster)
    how = {"dialers": DIALERS[1:], "serving": [SECOND, THIRD], "purge": True}
    checked = modules.aliases("102-103", check=True, **how)
    assert everything(cluster) == before
    assert checked["changed"]
    assert "phone 103c on 10.0.0.13: added" in checked["changes"]
    assert "alias 102x: 102a,102b becomes 102b,102c" in checked["changes"]
    assert "alias 101x: removed" in checked["changes"]
    run = modules.aliases("102-103", **how)
    assert {key: run[key] for key in ("changes", "counts", "letters", "diff")} == {
        key: checked[key] for key in ("changes", "counts", "letters", "diff")
    }


def test_a_diff_of_aliases_shows_before_and_after(modules):
    modules.aliases("101", serving=[FIRST, SECOND])
    diff = modules.aliases("101", DIALERS, serving=[THIRD, FIRST, SECOND])["diff"]
    assert diff["before"] == "alias 101x (Agent 101): 101a,101b\n"
    assert diff["after"].splitlines() == [
        "alias 101x (Agent 101): 101a,101b,101c",
        "phone 101c on 10.0.0.13",
    ]


def test_no_output_of_aliases_holds_a_password(modules, cluster):
    given = {"login_password": "Typed-4711", "registration_password": "Spoken-4711"}
    secrets, outputs = set(given.values()), []
    for check in (True, False):
        modules.aliases(serving=[FIRST, SECOND], check=check)
        outputs.append(modules.output)
    secrets |= passwords(cluster)
    for check in (True, False):
        modules.aliases([{"extensions": "101-103", **given}], check=check)
        outputs.append(modules.output)
    modules.aliases("101", purge=True)
    outputs.append(modules.output)
    assert set(given.values()) <= passwords(cluster)
    assert [word for word in secrets for output in outputs if word in output] == []


def test_passwords_stay_until_the_inventory_gives_others(modules, cluster):
    modules.aliases("101", serving=[FIRST, SECOND])
    made = cluster.run("SELECT DISTINCT pass, conf_secret FROM phones")
    modules.aliases("101", DIALERS, serving=[FIRST, SECOND, THIRD])
    assert cluster.run("SELECT DISTINCT pass, conf_secret FROM phones") == made
    result = modules.aliases([{"extensions": "101", "login_password": "typed"}], DIALERS)
    assert result["counts"]["phones_changed"] == 3
    expected = (("typed", made[0][1]),)
    assert cluster.run("SELECT DISTINCT pass, conf_secret FROM phones") == expected


def test_without_purge_strangers_stay_and_with_purge_they_go(modules, cluster):
    cluster.add_phone("900a", FIRST, extension="900")
    cluster.add_alias("900x", "900a")
    modules.aliases("101", serving=[FIRST, SECOND])
    assert {"900a", "101a"} <= places(cluster).keys()
    assert lists(cluster)["900x"] == "900a"
    result = modules.aliases("101", purge=True)
    assert result["counts"]["phones_removed"] == result["counts"]["aliases_removed"] == 1
    assert places(cluster).keys() == {"101a", "101b"}
    assert lists(cluster) == {"101x": "101a,101b"}


def test_more_aliases_than_fit_one_statement_are_all_written_and_removed(modules, cluster):
    result = modules.aliases("1001-2200", serving=[FIRST, SECOND])
    assert result["counts"]["phones_added"] == 2400
    assert len(lists(cluster)) == 1200
    assert len(places(cluster)) == 2400
    assert not modules.aliases("1001-2200")["changed"]
    result = modules.aliases("1001", purge=True)
    assert result["counts"]["aliases_removed"] == 1199
    assert places(cluster).keys() == {"1001a", "1001b"}
    assert lists(cluster) == {"1001x": "1001a,1001b"}


def test_a_wrong_entry_fails_with_the_mend_and_writes_nothing(modules, cluster):
    before = everything(cluster)
    message = modules.fail(
        "aliases",
        phone_aliases=[{"extensions": "101"}, {"extensions": "102", "dialers": ["dialer7"]}],
        dialers=DIALERS,
        serving=[FIRST],
    )
    assert "extensions 102" in message
    assert "'dialer7'" in message
    assert "known are dialer1, dialer2" in message
    assert everything(cluster) == before


# Adding a dialer, step by step


def test_a_first_setup_makes_phones_first_and_aliases_when_dialers_serve(modules, cluster):
    result = modules.aliases(grow=False)
    assert result["counts"]["phones_added"] == 6
    assert lists(cluster) == {}
    assert not modules.aliases(grow=False)["changed"]
    assert not modules.aliases()["changed"]  # nobody serves yet
    modules.aliases(serving=[SECOND])
    assert lists(cluster) == {"101x": "101b", "102x": "102b", "103x": "103b"}
    modules.aliases(serving=[FIRST, SECOND])
    assert lists(cluster)["101x"] == "101b,101a"


def test_a_new_dialer_gets_phones_first_and_entries_when_it_serves(modules, cluster):
    for number in (1, 2):
        modules.server(number, opened=True)
    modules.aliases("101-102")  # dialers that have been open serve
    old = {"101x": "101a,101b", "102x": "102a,102b"}
    assert lists(cluster) == old

    modules.server(3)
    modules.aliases("101-102", DIALERS, grow=False)
    assert places(cluster)["101c"] == ("101", THIRD)
    assert lists(cluster) == old
    # Interrupted and run again, it is as before; even a whole run adds nobody who isn't ready.
    assert not modules.aliases("101-102", DIALERS, grow=False)["changed"]
    assert not modules.aliases("101-102", DIALERS)["changed"]
    assert takes_logins(cluster, THIRD) == "N"

    result = modules.aliases("101-102", DIALERS, serving=[THIRD])
    assert result["counts"]["aliases_changed"] == 2
    assert lists(cluster) == {"101x": "101a,101b,101c", "102x": "102a,102b,102c"}
    modules.server(3, opened=True)
    assert not modules.aliases("101-102", DIALERS)["changed"]


def test_a_dialer_that_goes_leaves_lists_and_phones_at_once(modules, cluster):
    modules.aliases("101-102", DIALERS, serving=[FIRST, SECOND, THIRD])
    kept = cluster.run("SELECT * FROM phones WHERE server_ip <> %s ORDER BY login", (SECOND,))
    modules.aliases("101-102", [DIALERS[0], DIALERS[2]], grow=False)
    assert lists(cluster) == {"101x": "101a,101c", "102x": "102a,102c"}
    assert cluster.run("SELECT * FROM phones ORDER BY login") == kept


# evenfloor_server


def test_a_new_dialer_takes_no_logins_and_has_rooms_and_a_heartbeat_row(modules, cluster):
    result = modules.server(1, description="Lyon", asterisk_version="20.9.3", max_agents=40)
    assert result["changed"]
    assert result["in_service"] is False
    assert result["rooms_added"] == ROOMS
    assert cluster.run(
        "SELECT server_id, server_description, server_ip, active, active_agent_login_server,"
        " asterisk_version, conf_engine, active_asterisk_server FROM servers"
    ) == (("dialer1", "Lyon", FIRST, "Y", "N", "20.9.3", "CONFBRIDGE", "Y"),)
    assert cluster.run(
        "SELECT MIN(conf_exten), MAX(conf_exten), COUNT(*), SUM(extension = '')"
        " FROM vicidial_confbridges WHERE server_ip = %s",
        (FIRST,),
    ) == ((8600051, 8600299, ROOMS, ROOMS),)
    assert cluster.run("SELECT server_ip, last_update FROM server_updater") == ((FIRST, None),)
    assert cluster.run("SELECT server_ip, max_agents, opened FROM evenfloor_dialers") == (
        (FIRST, 40, None),
    )


def test_a_second_run_of_a_server_changes_nothing(modules, cluster):
    for how in ({}, {"opened": True, "max_agents": 5, "description": "Lyon"}):
        modules.server(1, **how)
        before = everything(cluster)
        result = modules.server(1, **how)
        assert not result["changed"]
        assert result["diff"]["before"] == result["diff"]["after"]
        assert everything(cluster) == before


@ENGINES
def test_check_mode_of_a_server_changes_nothing_and_says_what_a_run_would(
    modules, cluster, server, engine
):
    use_engine(cluster, server, engine)
    empty = everything(cluster)
    checked = modules.server(1, check=True, max_agents=5)
    assert everything(cluster) == empty
    assert checked["changed"]
    assert checked["rooms_added"] == ROOMS
    assert checked["diff"]["before"] == ""
    assert "max_agents: 5" in checked["diff"]["after"].splitlines()
    assert "has been opened for logins: not yet" in checked["diff"]["after"].splitlines()
    assert modules.server(1, max_agents=5)["diff"] == checked["diff"]

    there = everything(cluster)
    for change in ({"opened": True, "max_agents": 5}, {"max_agents": 6}, {"state": "absent"}):
        assert modules.server(1, check=True, **change)["changed"]
        assert everything(cluster) == there


def test_opened_opens_a_dialer_once(modules, cluster):
    modules.server(1)
    result = modules.server(1, opened=True)
    assert result["changed"]
    assert result["in_service"] is True
    assert "has been opened for logins: yes" in result["diff"]["after"]
    assert takes_logins(cluster, FIRST) == "Y"
    assert cluster.run("SELECT opened IS NOT NULL FROM evenfloor_dialers") == ((1,),)


def test_a_dialer_is_closed_and_opened_again_and_nothing_else_changes(modules, cluster):
    modules.server(1, opened=True, max_agents=5, description="the first")
    before = everything(cluster)
    closed = modules.server(1, takes_logins=False, max_agents=5)
    assert closed["changed"] and takes_logins(cluster, FIRST) == "N"
    assert "takes logins: no" in closed["diff"]["after"].splitlines()
    # Neither another run nor the opening of new dialers opens it.
    assert not modules.server(1, takes_logins=False, max_agents=5)["changed"]
    assert not modules.server(1, opened=True, max_agents=5)["changed"]
    assert takes_logins(cluster, FIRST) == "N"
    assert modules.server(1, check=True, takes_logins=True, max_agents=5)["changed"]
    assert modules.server(1, takes_logins=True, max_agents=5)["changed"]
    ((moves,),) = cluster.run("SELECT moves FROM evenfloor_moves")
    assert everything(cluster) == {**before, "evenfloor_moves": [(1, moves)]}


@pytest.mark.parametrize("takes", [True, False])
def test_a_dialer_that_has_never_been_open_is_not_opened_so(modules, cluster, takes):
    for _made in range(2):
        words = modules.fail(
            "server", server_ip=FIRST, server_id="dialer1", takes_logins=takes
        )
        assert "dialer1 has never been open" in words
        modules.server(1)
    assert takes_logins(cluster, FIRST) == "N"


def test_from_the_moment_a_dialer_is_closed_no_login_goes_there(
    modules, cluster, make_balancer, monkeypatch
):
    monkeypatch.setattr("evenfloor.balancer.STALE_AFTER", 60)  # else it would count again anyway
    cluster.add_even_floor(dialers=3, aliases=1)
    closing = {"server_ip": "10.1.0.3", "server_id": "d3", "takes_logins": False}
    waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"

    def wait_for(number):
        while cluster.run(waiting) != ((number,),):
            time.sleep(0.005)

    with ThreadPoolExecutor() as pool:
        with cluster.lock_held(f"evenfloor.{DATABASE}"):
            process = modules.start("server", **closing)
            wait_for(1)
            # It has seen the dialer open, and counted; the tie would be that dialer's.
            login = pool.submit(make_balancer().login, "1001x", "secret", "agent7", "TEST")
            wait_for(2)
        assert modules.finish(process)["changed"]
        assert login.result().server_ip == "10.1.0.2"


def test_who_is_on_a_dialer_is_told_without_remote_agents(modules, cluster):
    look = {"server_ip": FIRST}
    assert modules.run("agents_info", **look)["takes_logins"] is None
    modules.server(1, opened=True)
    cluster.add_agent(FIRST, user="live")
    cluster.add_agent(FIRST, "R/7001", user="remote")
    cluster.add_agent(SECOND, user="elsewhere")
    cluster.run(
        "INSERT INTO evenfloor_reservations VALUES"
        " ('soon', %s, '', 0, 0, UTC_TIMESTAMP() + INTERVAL 9 SECOND),"
        " ('late', %s, '', 0, 0, UTC_TIMESTAMP() - INTERVAL 1 SECOND)", (FIRST, FIRST)
    )  # fmt: skip
    found = modules.run("agents_info", **look)
    assert (found["agents"], found["takes_logins"]) == (["live", "soon"], True)
    assert found["heartbeat_age"] is None
    cluster.run("UPDATE server_updater SET last_update = NOW() - INTERVAL 40 SECOND")
    assert modules.run("agents_info", **look)["heartbeat_age"] in (40, 41)


def test_credentials_are_read_for_aliases_and_active_phones(modules, cluster):
    modules.server(1, opened=True)
    entries = [{"extensions": "101-102", "login_password": "given1", "registration_password": "g2"}]
    modules.aliases(entries, DIALERS[:2], serving=[SECOND])
    cluster.run("UPDATE phones SET active = 'N' WHERE login = '102b'")
    cluster.add_alias("empty", "")
    read = modules.run("credentials_info")
    assert [(row["alias"], row["extension"], row["login_password"]) for row in read["agents"]] == [
        ("101x", "101", "given1"), ("102x", "102", "given1"),
    ]  # fmt: skip
    assert [(r["extension"], r["dialer"], r["server_ip"]) for r in read["registrations"]] == [
        ("101", "dialer1", FIRST), ("101", SECOND, SECOND), ("102", "dialer1", FIRST),
    ]  # fmt: skip
    assert {row["registration_password"] for row in read["registrations"]} == {"g2"}


def test_a_logins_list_is_as_long_as_its_column(modules, cluster, make_balancer):
    dialers = [{"name": f"d{n}", "server_ip": f"10.1.0.{n}"} for n in range(1, 61)]
    given = {"dialers": dialers, "phone_aliases": [{"extensions": "1001"}]}
    serving = [dialer["server_ip"] for dialer in dialers]
    words = modules.fail("aliases", serving=serving, **given)
    assert "255 fit" in words and "phone_aliases_widen_logins_list" in words
    assert lists(cluster) == {}
    cluster.run("ALTER TABLE phones_alias MODIFY logins_list VARCHAR(4096)")
    modules.run("aliases", serving=serving, **given)
    assert lists(cluster)["1001x"].count(",") == 59
    for server_ip in serving:
        cluster.add_dialer(server_ip, free_rooms=1)
    ((password,),) = cluster.run("SELECT DISTINCT pass FROM phones")
    assert len(make_balancer().choose("1001x", password).counts) == 60


def test_a_dialer_that_leaves_takes_its_phones_and_list_entries_along(modules, cluster):
    for number in (1, 2, 3):
        modules.server(number, opened=True)
    modules.aliases(dialers=DIALERS)
    cluster.add_phone("777b", SECOND, extension="777")
    cluster.add_phone("777c", THIRD, extension="777")
    cluster.add_alias("byhand", "777b,777c")
    gone = modules.aliases(dialers=DIALERS, leaving=[SECOND], grow=False)
    assert (gone["counts"]["phones_removed"], gone["counts"]["aliases_changed"]) == (4, 4)
    assert lists(cluster) == {
        "101x": "101a,101c", "102x": "102a,102c", "103x": "103a,103c", "byhand": "777c",
    }  # fmt: skip
    assert SECOND not in {row[0] for row in cluster.run("SELECT server_ip FROM phones")}
    assert not modules.aliases(dialers=DIALERS, leaving=[SECOND], grow=False)["changed"]


def test_the_last_dialer_of_an_alias_does_not_leave(modules, cluster):
    modules.server(1, opened=True)
    entries = [{"extensions": "101"}, {"extensions": "201", "dialers": ["dialer1"]}]
    modules.aliases(entries, serving=[SECOND])
    before = everything(cluster)
    given = {"dialers": DIALERS[:2], "leaving": [FIRST], "grow": False}
    words = modules.fail("aliases", phone_aliases=entries, **given)
    assert f"alias 201x has no dialer but {FIRST}" in words
    cluster.add_phone("777a", FIRST, extension="777")
    cluster.add_alias("byhand", "777a")
    words = modules.fail("aliases", phone_aliases=entries[:1], **given)
    assert "alias byhand has no phone but 777a" in words or "alias 201x" in words
    cluster.run("DELETE FROM phones_alias WHERE alias_id = 'byhand'")
    cluster.run("DELETE FROM phones WHERE login = '777a'")
    assert everything(cluster) == before


def test_a_dialer_may_be_opened_as_it_is_made(modules, cluster):
    assert modules.server(1, opened=True)["in_service"] is True
    assert takes_logins(cluster, FIRST) == "Y"


def test_a_dialer_that_an_operator_closed_stays_closed(modules, cluster):
    modules.server(1, opened=True)
    cluster.run("UPDATE servers SET active_agent_login_server = 'N'")
    assert not modules.server(1, opened=True)["changed"]
    assert takes_logins(cluster, FIRST) == "N"
    assert modules.server(1, opened=True, max_agents=7)["changed"]
    assert takes_logins(cluster, FIRST) == "N"


def test_a_run_without_opened_closes_nobody(modules, cluster):
    modules.server(1, opened=True)
    result = modules.server(1, max_agents=7)
    assert result["changed"]
    assert result["in_service"] is True
    assert takes_logins(cluster, FIRST) == "Y"


def test_max_agents_follows_the_inventory_to_no_limit(modules, cluster):
    for limit in (40, 20, None):
        assert modules.server(1, max_agents=limit)["changed"]
        assert cluster.run("SELECT max_agents FROM evenfloor_dialers") == ((limit,),)


def test_names_follow_the_inventory_and_a_version_that_is_not_given_stays(modules, cluster):
    modules.server(1, asterisk_version="20.9.3")
    assert modules.server(1, server_id="lyon", description="Lyon")["changed"]
    assert cluster.run("SELECT server_id, server_description, asterisk_version FROM servers") == (
        ("lyon", "Lyon", "20.9.3"),
    )


def test_only_missing_rooms_are_added_and_an_agents_room_is_left_alone(modules, cluster):
    modules.server(1)
    cluster.run(
        "UPDATE vicidial_confbridges SET extension = 'PJSIP/101' WHERE conf_exten = 8600051"
    )
    cluster.run("DELETE FROM vicidial_confbridges WHERE conf_exten >= 8600290")
    assert modules.server(1)["rooms_added"] == 10
    rooms = cluster.run("SELECT conf_exten FROM vicidial_confbridges WHERE extension <> ''")
    assert rooms == ((8600051,),)
    assert cluster.run("SELECT COUNT(*) FROM vicidial_confbridges") == ((ROOMS,),)


def test_a_heartbeat_is_never_touched(modules, cluster):
    modules.server(1)
    cluster.run("UPDATE server_updater SET last_update = '2026-01-02 03:04:05'")
    modules.server(1, max_agents=7, opened=True)
    ((beat,),) = cluster.run("SELECT last_update FROM server_updater")
    assert str(beat) == "2026-01-02 03:04:05"


def test_a_dialer_that_vicidial_made_keeps_its_columns_and_gets_what_is_missing(modules, cluster):
    cluster.add_dialer(FIRST, free_rooms=0, conf_engine="MEETME")
    cluster.run("DELETE FROM evenfloor_dialers")
    modules.server(1, server_id="d11")
    assert takes_logins(cluster, FIRST) == "Y"
    assert cluster.run("SELECT conf_engine FROM servers") == (("MEETME",),)
    assert cluster.run("SELECT server_ip, opened FROM evenfloor_dialers") == ((FIRST, None),)


def test_dialers_may_be_written_all_at_once(modules, cluster):
    started = [
        modules.start("server", server_ip=f"10.0.1.{number}", server_id=f"d{number}")
        for number in range(1, 9)
    ]
    results = [modules.finish(process) for process in started]
    assert [result.get("msg") for result in results if result.get("failed")] == []
    assert cluster.run("SELECT COUNT(*) FROM servers") == ((8,),)
    assert cluster.run("SELECT COUNT(*) FROM vicidial_confbridges") == ((8 * ROOMS,),)


def test_a_server_id_that_another_address_has_fails_naming_both_and_writes_nothing(
    modules, cluster
):
    """As when a dialer's address is changed in the inventory."""
    modules.server(1)
    before = everything(cluster)
    message = modules.fail("server", server_ip="10.0.0.99", server_id="dialer1")
    assert "dialer1" in message
    assert FIRST in message
    assert everything(cluster) == before


OF_A_DIALER = [
    "servers",
    "phones",
    "vicidial_confbridges",
    "vicidial_live_agents",
    "evenfloor_reservations",
    "server_updater",
    "evenfloor_dialers",
]


def _with_two_dialers(modules, cluster):
    for number in (1, 2):
        modules.server(number, opened=True)
    modules.aliases(serving=[FIRST, SECOND])
    for server_ip in (FIRST, SECOND):
        cluster.add_agent(server_ip)
        cluster.run(
            "INSERT INTO evenfloor_reservations (user, server_ip, campaign_id, newest_id, expires)"
            " VALUES (%s, %s, 'TEST', 0, NOW())",
            (f"agent on {server_ip}", server_ip),
        )


def rows_of(cluster, server_ip) -> dict:
    return {
        table: sorted(
            cluster.run(f"SELECT * FROM {table} WHERE server_ip = %s", (server_ip,)), key=repr
        )
        for table in OF_A_DIALER
    }


def test_absent_removes_the_rows_of_that_dialer_and_no_others(modules, cluster):
    _with_two_dialers(modules, cluster)
    kept = rows_of(cluster, SECOND)
    assert all(rows_of(cluster, FIRST).values())
    assert all(kept.values())
    arguments = {"server_ip": FIRST, "state": "absent"}  # needs no server_id
    result = modules.run("server", **arguments)
    assert result["changed"]
    assert f"server_ip: {FIRST}" in result["diff"]["before"]
    assert result["diff"]["after"] == ""
    assert not any(rows_of(cluster, FIRST).values())
    assert rows_of(cluster, SECOND) == kept
    assert not modules.run("server", **arguments)["changed"]


def test_a_dialer_that_comes_back_starts_closed(modules, cluster):
    modules.server(1, opened=True)
    modules.server(1, state="absent")
    assert modules.server(1)["in_service"] is False
    assert takes_logins(cluster, FIRST) == "N"


# evenfloor_phones_info


@pytest.fixture
def phones(modules, cluster):
    """Phones of 101 to 103 on two dialers, neither of them opened."""
    modules.server(1)
    modules.server(2)
    modules.aliases(serving=[FIRST, SECOND])


def test_phones_are_read_in_order_and_say_whether_they_are_registered(phones, modules, cluster):
    register(cluster, "102a")
    cluster.run("UPDATE phones SET active = 'N' WHERE login = '103a'")
    result = modules.info(server_ips=[FIRST])
    assert not result["changed"]
    assert result["phones"] == [
        {
            "extension": extension,
            "server_ip": FIRST,
            "login": f"{extension}a",
            "name": f"Agent {extension}",
            "registered": extension == "102",
        }
        for extension in ("101", "102")
    ]


@pytest.mark.parametrize(
    ("asked", "logins"),
    [
        ({}, ["101a", "101b", "102a", "102b", "103a", "103b"]),
        ({"extensions": ["101", "103"]}, ["101a", "101b", "103a", "103b"]),
        ({"extensions": ["102-103"], "server_ips": [SECOND]}, ["102b", "103b"]),
        ({"extensions": []}, []),
        ({"server_ips": []}, []),
        ({"server_ips": [THIRD]}, []),
    ],
)
def test_only_the_phones_that_were_asked_for_are_read(phones, modules, asked, logins):
    assert [phone["login"] for phone in modules.info(**asked)["phones"]] == logins


def test_before_any_dialer_is_opened_the_managed_extensions_are_awaited(phones, modules, cluster):
    register(cluster, "101a", "103b")
    result = modules.info(managed_extensions=["101-102"])
    assert result["opened"] == []
    assert result["awaited"] == ["101b", "102a", "102b"]
    assert modules.info(managed_extensions=["101-102"], server_ips=[SECOND])["awaited"] == [
        "101b",
        "102b",
    ]
    assert modules.info()["awaited"] == []


def test_later_what_is_registered_on_an_opened_dialer_is_awaited(phones, modules, cluster):
    modules.server(1, opened=True)
    register(cluster, "101a", "103b")
    result = modules.info(managed_extensions=["102"], server_ips=[SECOND])
    assert result["opened"] == [FIRST]
    assert result["awaited"] == ["101b"]
    register(cluster, "101b")
    assert modules.info(managed_extensions=["102"], server_ips=[SECOND])["awaited"] == []


def test_a_dialer_that_an_operator_closed_has_been_opened_all_the_same(phones, modules, cluster):
    modules.server(2, opened=True)
    cluster.run("UPDATE servers SET active_agent_login_server = 'N'")
    assert modules.info()["opened"] == [SECOND]


@pytest.mark.parametrize(
    ("state", "registered"),
    [
        ("REGISTERED", True),
        ("REACHABLE", True),
        ("LAGGED", True),
        ("UNKNOWN", False),
        ("UNREGISTERED", False),
        ("UNREACHABLE", False),
        (None, False),
    ],
)
def test_a_state_means_registered_or_not(phones, modules, cluster, state, registered):
    cluster.run("UPDATE phones SET peer_status = %s WHERE login = '101a'", (state,))
    (phone,) = modules.info(extensions=["101"], server_ips=[FIRST])["phones"]
    assert phone["registered"] is registered


def test_registration_passwords_come_on_request_only_and_login_passwords_never(
    phones, modules, cluster
):
    secrets = dict(cluster.run("SELECT login, conf_secret FROM phones"))
    typed = {row[0] for row in cluster.run("SELECT pass FROM phones")}
    modules.info()
    assert [word for word in passwords(cluster) if word in modules.output] == []
    result = modules.info(with_passwords=True)
    told = {phone["login"]: phone["registration_password"] for phone in result["phones"]}
    assert told == secrets
    assert [word for word in typed if word in modules.output] == []


@pytest.mark.parametrize("argument", ["extensions", "managed_extensions"])
def test_a_range_that_cannot_be_read_fails_with_the_mend(phones, modules, argument):
    message = modules.fail("phones_info", **{argument: ["103-101"]})
    assert "'103-101'" in message
    assert 'write "101-103"' in message


def test_reading_phones_writes_nothing(phones, modules, cluster):
    before = everything(cluster)
    modules.info(with_passwords=True, managed_extensions=["101-103"])
    assert everything(cluster) == before


# No database


CALLS = [
    ("aliases", {"phone_aliases": [{"extensions": "101"}], "dialers": DIALERS}),
    ("server", {"server_ip": FIRST, "server_id": "dialer1"}),
    ("phones_info", {}),
]


@pytest.mark.parametrize(("module", "arguments"), CALLS, ids=[call[0] for call in CALLS])
def test_without_a_database_a_module_fails_naming_the_mend(nowhere, module, arguments):
    message = nowhere.fail(module, **arguments)
    assert "the database can't be used" in message
    assert "run site.yml" in message


@pytest.mark.parametrize(
    ("module", "arguments", "result"),
    [
        (*CALLS[0], {"changed": True, "changes": [], "letters": {}, "counts": {}}),
        (*CALLS[1], {"changed": True, "in_service": False, "rooms_added": 0}),
        (*CALLS[2], {"changed": False, "phones": [], "awaited": [], "opened": []}),
    ],
    ids=[call[0] for call in CALLS],
)
def test_without_a_database_check_mode_says_so_and_goes_on(nowhere, module, arguments, result):
    checked = nowhere.run(module, check=True, **arguments)
    assert {key: checked[key] for key in result} == result
    assert "once the database is there" in checked["msg"]


@pytest.mark.parametrize(("module", "arguments"), CALLS, ids=[call[0] for call in CALLS])
def test_a_database_without_evenfloors_tables_is_not_there_yet_to_check_mode(
    modules, cluster, module, arguments
):
    """As in the first check of site.yml on a cluster that runs VICIdial."""
    for (table,) in cluster.run("SHOW TABLES LIKE 'evenfloor%'"):
        cluster.run(f"DROP TABLE {table}")
    checked = modules.run(module, check=True, **arguments)
    assert "once the database is there" in checked["msg"]


def test_a_database_that_refuses_the_user_fails_naming_the_mend(modules, server, tmp_path):
    option_file = tmp_path / "wrong.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=nobody\npassword=guessed\n")
    message = modules.fail("phones_info", config_file=str(option_file))
    assert "nobody" in message
    assert "run site.yml" in message
    assert "guessed" not in modules.output


def test_the_option_file_is_what_connects(modules, cluster, server):
    """Guards the tests above: the socket of the option file leads to this test's database."""
    modules.server(1)
    with (
        pymysql.connect(read_default_file=modules.config_file, database=DATABASE) as connection,
        connection.cursor() as cursor,
    ):
        assert cursor.execute("SELECT 1 FROM servers") == 1
