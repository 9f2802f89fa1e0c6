"""The module server: a dialer's rows, and when it takes logins."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import (
    ENGINES,
    FIRST,
    ROOMS,
    SECOND,
    everything,
    takes_logins,
    use_engine,
)
from tests.waiting import PATIENCE, wait_until


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


def test_a_heartbeat_at_the_same_moment_does_not_fail_a_server(modules, cluster, server):
    modules.server(1)
    with server.connect(DATABASE) as dialer, ThreadPoolExecutor() as pool:
        heartbeat = dialer.cursor()
        # As MariaDB 11.8 of Debian 13 is by itself.
        heartbeat.execute("SET GLOBAL innodb_snapshot_isolation = ON")
        dialer.begin()
        heartbeat.execute("UPDATE server_updater SET last_update = NOW()")
        running = pool.submit(modules.server, 1, max_agents=6)
        waiting = (
            "SELECT COUNT(*) FROM information_schema.processlist"
            " WHERE info LIKE 'INSERT IGNORE INTO server_updater%'"
        )
        wait_until(lambda: cluster.run(waiting) == ((1,),), PATIENCE, "the module waits for it")
        dialer.commit()
        result = running.result()
        heartbeat.execute("SET GLOBAL innodb_snapshot_isolation = DEFAULT")
        assert result["changed"]
    assert cluster.run("SELECT max_agents FROM evenfloor_dialers") == ((6,),)


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
    assert everything(cluster) == before


@pytest.mark.parametrize("takes", [True, False])
def test_a_dialer_that_has_never_been_open_is_not_opened_so(modules, cluster, takes):
    for _made in range(2):
        words = modules.fail("server", server_ip=FIRST, server_id="dialer1", takes_logins=takes)
        assert "dialer1 has never been open" in words
        modules.server(1)
    assert takes_logins(cluster, FIRST) == "N"


def test_from_the_moment_a_dialer_is_closed_no_login_goes_there(modules, cluster, make_balancer):
    cluster.add_even_floor(dialers=3, aliases=1)
    closing = {"server_ip": "10.1.0.3", "server_id": "d3", "takes_logins": False}
    waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"

    def wait_for(number):
        wait_until(lambda: cluster.run(waiting) == ((number,),), 60, f"{number} wait", every=0.005)

    with ThreadPoolExecutor() as pool:
        with cluster.lock_held(lock_name(DATABASE)):
            process = modules.start("server", **closing)
            wait_for(1)
            # It has seen the dialer open, and counted; the tie would be that dialer's.
            login = pool.submit(make_balancer().login, "1001x", "secret", "agent7", "TEST")
            wait_for(2)
        assert modules.finish(process)["changed"]
        assert login.result().server_ip == "10.1.0.2"


@ENGINES
def test_without_the_balancers_lock_a_dialer_is_not_closed_and_nothing_changes(
    modules, cluster, server, engine
):
    use_engine(cluster, server, engine)
    modules.server(1, opened=True)
    before = everything(cluster)
    closing = {"server_ip": FIRST, "server_id": "renamed", "max_agents": 9, "takes_logins": False}
    with cluster.lock_held(lock_name(DATABASE)):
        message = modules.fail("server", **closing)
    assert "the balancer's lock (evenfloor.evenfloor_test) could not be acquired" in message
    assert "Nothing has been changed" in message
    assert everything(cluster) == before
    assert modules.run("server", **closing)["changed"]
    assert takes_logins(cluster, FIRST) == "N"


def test_a_change_that_no_login_has_to_notice_needs_no_lock(modules, cluster):
    modules.server(1, opened=True)
    with cluster.lock_held(lock_name(DATABASE)):
        assert modules.server(1, opened=True, max_agents=7)["changed"]
        assert modules.server(2)["changed"]


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


def test_a_weight_follows_the_inventory_and_is_1_without_one(modules, cluster):
    weight = "SELECT weight FROM evenfloor_weights WHERE server_ip = %s"
    for given, kept in ((2.5, "2.50"), (0.29, "0.29"), (100, "100.00"), (None, "1.00")):
        arguments = {} if given is None else {"weight": given}
        result = modules.server(1, **arguments)
        assert result["changed"]
        assert f"weight: {given or 1}\n" in result["diff"]["after"]
        assert str(cluster.run(weight, (FIRST,))[0][0]) == kept
        assert not modules.server(1, **arguments)["changed"]


@pytest.mark.parametrize("weight", [0, 0.09, -1, 100.5])
def test_a_weight_out_of_bounds_is_refused(modules, cluster, weight):
    before = everything(cluster)
    message = modules.fail("server", server_ip=FIRST, server_id="dialer1", weight=weight)
    assert "weight" in message and "0.1 to 100" in message
    assert everything(cluster) == before


def test_a_dialer_of_an_earlier_release_has_the_weight_1(modules, cluster):
    modules.server(1)
    cluster.run("DELETE FROM evenfloor_weights")
    assert not modules.server(1)["changed"]
    assert modules.server(1, weight=2)["changed"]


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
    "evenfloor_weights",
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
