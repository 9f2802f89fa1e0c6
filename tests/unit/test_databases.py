"""Several databases: how they are is read from what Galera and HAProxy print."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.databases import (
    LAG,
    databases,
    node_of,
    proxy_of,
)

#: Printed by MariaDB 10.11 with Galera 26.4.23, one of three members; more is left out.
MEMBER = """\
wsrep_received\t10
wsrep_local_send_queue\t0
wsrep_local_recv_queue\t0
wsrep_local_recv_queue_max\t2
wsrep_flow_control_paused\t0
wsrep_flow_control_active\tfalse
wsrep_flow_control_requested\tfalse
wsrep_local_state\t4
wsrep_local_state_comment\tSynced
wsrep_incoming_addresses\tAUTO,AUTO,AUTO
wsrep_evs_evict_list\t
wsrep_cluster_size\t3
wsrep_cluster_status\tPrimary
wsrep_connected\tON
wsrep_ready\tON
read_only\tOFF
"""
#: Printed by MariaDB 10.11 that is no member of a cluster.
NO_MEMBER = """\
wsrep_cluster_size\t0
wsrep_cluster_status\tDisconnected
wsrep_connected\tOFF
wsrep_ready\tOFF
read_only\tOFF
"""
#: Printed by HAProxy 2.6 after ``show stat``: the first server is down. Columns are cut off.
HAPROXY = """\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,\
status,weight,act,bck,chkfail
database,FRONTEND,,,1,1,9983,1,0,0,0,0,0,,,,,OPEN,,,,
database,db1,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,1,1,0,1
database,db2,0,0,1,1,,1,0,0,,0,,0,0,0,0,UP,1,0,1,0
database,db3,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1,0,1,0
database,BACKEND,0,0,1,1,999,1,0,0,0,0,,0,0,0,0,UP,1,0,2,

"""
ON_DB2 = {"stdout": HAPROXY}
ON_DB1 = {
    "stdout": HAPROXY.replace(",DOWN,", ",UP,")
    .replace("db1,0,0,0,", "db1,0,0,4,")
    .replace("db2,0,0,1,", "db2,0,0,0,")
}
GROUPS = {"database": ["db1", "db2", "db3"], "login": ["login1", "login2"], "dialers": ["dialer1"]}
WELL = {
    **{name: {"databases_node": {"stdout": MEMBER}} for name in GROUPS["database"]},
    **{name: {"databases_proxy": ON_DB1} for name in ("login1", "login2", "dialer1")},
}


def found(**changed) -> list[tuple[str, str]]:
    """Find what is wrong where these hosts said something else; kinds and hosts."""
    said = databases({**WELL, **changed}, GROUPS)
    return [(row["finding"], row["dialer"]) for row in said["findings"]]


def node(old: str, new: str) -> dict:
    assert old in MEMBER
    return {"databases_node": {"stdout": MEMBER.replace(old, new)}}


AWAY = {"databases_node": {"stdout": "", "rc": 1}}


def test_where_all_is_well_nothing_is_found_and_the_table_shows_each_database():
    said = databases(WELL, GROUPS)
    assert said["findings"] == [] and said["asked"] == "db1"
    lines = [line.split() for line in said["table"].splitlines()]
    assert lines[1] == ["db1", "3", "of", "3", "0", "3", "of", "3", "synced"]
    assert lines[2] == ["db2", "3", "of", "3", "0", "0", "of", "3", "synced"]


def test_with_one_database_there_is_nothing_to_look_at():
    assert databases({"db1": {}}, {"database": ["db1"], "login": ["login1"]}) == {
        "asked": "db1", "findings": [], "table": "",
    }  # fmt: skip
    assert databases({}, {})["asked"] == ""


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (AWAY, "database_away"),
        ({"doctor_clock": {}}, "database_away"),
        (node("wsrep_cluster_status\tPrimary", "wsrep_cluster_status\tnon-Primary"),
         "database_cut_off"),
        (node("wsrep_ready\tON", "wsrep_ready\tOFF"), "database_cut_off"),
        ({"databases_node": {"stdout": NO_MEMBER}}, "database_cut_off"),
        (node("wsrep_local_state\t4", "wsrep_local_state\t2"), "database_not_synced"),
        (node("wsrep_local_state\t4", "wsrep_local_state\t3"), "database_not_synced"),
        (node("read_only\tOFF", "read_only\tON"), "database_not_synced"),
        (node("recv_queue\t0", f"recv_queue\t{LAG + 1}"), "database_lags"),
        (node("requested\tfalse", "requested\ttrue"), "database_lags"),
    ],
)  # fmt: skip
def test_a_database_that_is_not_well_is_named(changed, expected):
    assert found(db2=changed) == [(expected, "db2")]


def test_of_hosts_that_nobody_has_asked_nothing_is_said():
    """A run that is limited to some hosts."""
    assert found(db2={}, login1={}, dialer1={}) == []


def test_a_few_writes_that_wait_are_no_finding():
    assert found(db2=node("recv_queue\t0", f"recv_queue\t{LAG}")) == []


def test_a_host_that_does_not_answer_at_all_is_no_finding_of_its_own_here():
    silent = {"doctor_clock": {"unreachable": True}}
    assert found(db2=silent, dialer1=silent) == []
    unreachable = {"unreachable": True, "msg": "no route"}
    assert found(db2={"databases_node": unreachable}, login2={"databases_proxy": unreachable}) == []


TWO = {**GROUPS, "database": ["db1", "db2"], "database_arbitrator": ["login2"]}
VOTES = {**WELL, "login2": {**WELL["login2"], "databases_arbitrator": {"stdout": "active"}}}


def test_an_arbitrator_is_a_member_that_has_no_row_of_its_own():
    said = databases(VOTES, TWO)
    assert said["findings"] == []
    lines = [line.split() for line in said["table"].splitlines()]
    assert [line[:4] for line in lines[1:]] == [[name, "3", "of", "3"] for name in ("db1", "db2")]


def test_an_arbitrator_that_does_not_run_or_does_not_count_is_said():
    failed = {**WELL["login2"], "databases_arbitrator": {"stdout": "failed", "rc": 3}}
    smaller = node("wsrep_cluster_size\t3", "wsrep_cluster_size\t2")
    away = {**VOTES, "db1": smaller, "db2": smaller}
    kinds = [row["finding"] for row in databases({**away, "login2": failed}, TWO)["findings"]]
    assert kinds == ["databases_differ", "arbitrator_away"]
    assert [row["finding"] for row in databases(away, TWO)["findings"]] == ["databases_differ"]
    # A host that doesn't answer at all is a finding of its own.
    unreachable = {"databases_arbitrator": {"unreachable": True}}
    assert databases({**VOTES, "login2": unreachable}, TWO)["findings"] == []


def test_a_cluster_of_another_size_than_the_inventorys_is_said_once():
    smaller = node("wsrep_cluster_size\t3", "wsrep_cluster_size\t2")
    expected = [("database_away", "db3"), ("databases_differ", "")]
    assert found(db1=smaller, db2=smaller, db3=AWAY) == expected
    (row,) = databases(
        {**WELL, **dict.fromkeys(GROUPS["database"], node("size\t3", "size\t4"))}, GROUPS
    )["findings"]
    assert row["what"] == "the cluster of databases has 4 members, and the inventory has 3"


def test_haproxies_that_disagree_are_named_with_where_they_lead():
    (row,) = databases({**WELL, "login2": {"databases_proxy": ON_DB2}}, GROUPS)["findings"]
    assert row["finding"] == "writers_differ"
    assert "db1 (login1, dialer1), db2 (login2)" in row["what"]


def test_of_many_haproxies_that_disagree_a_few_are_named():
    dialers = [f"dialer{number}" for number in range(300)]
    hostvars = {**WELL, **{name: {"databases_proxy": ON_DB2} for name in dialers}}
    (row,) = databases(hostvars, {**GROUPS, "dialers": dialers})["findings"]
    assert "db2 (dialer0, dialer1, dialer2 and 297 more)" in row["what"]


def test_sessions_that_stay_on_another_database_count_as_a_way_to_it():
    # After `set server database/db1 state maint`, which leaves them.
    text = ON_DB1["stdout"].replace(",UP,1,1,0,", ",MAINT,1,1,0,")
    assert proxy_of("login1", {"stdout": text}).leads_to == ("db1", "db2")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"stdout": "", "rc": 1}, "proxy_silent"),
        ({"stdout": HAPROXY.replace(",UP,", ",DOWN,").replace("db2,0,0,1", "db2,0,0,0")},
         "proxy_finds_none"),
    ],
)  # fmt: skip
def test_a_haproxy_that_leads_nowhere_is_named(said, kind):
    assert found(login2={"databases_proxy": said}) == [(kind, "login2")]


def test_playbooks_read_from_the_first_database_of_the_majority():
    assert databases({**WELL, "db1": AWAY}, GROUPS)["asked"] == "db2"
    assert databases(dict.fromkeys(WELL, AWAY), GROUPS)["asked"] == ""


def test_a_server_that_is_about_to_be_up_or_down_is_read():
    assert proxy_of("x", {"stdout": HAPROXY.replace(",DOWN,", ",UP 1/2,")}).leads_to == (
        "db1", "db2",
    )  # fmt: skip
    assert proxy_of("x", {"stdout": HAPROXY.replace(",DOWN,", ",DOWN 1/2,")}).leads_to == ("db2",)


def test_a_database_that_gives_its_data_to_another_is_said_to():
    giving = node_of("db1", node("wsrep_local_state\t4", "wsrep_local_state\t2")["databases_node"])
    assert giving.state == "gives its data to another" and giving.in_majority
