"""The module agents_info: who is on a dialer."""

from tests.integration.modules.floor import FIRST, SECOND


def test_who_is_on_a_dialer_is_told_without_remote_agents(modules, cluster):
    look = {"server_ip": FIRST}
    assert modules.run("agents_info", **look)["takes_logins"] is None
    modules.server(1, opened=True)
    cluster.add_agent(FIRST, user="live")
    cluster.add_agent(FIRST, "R/7001", user="remote")
    cluster.add_agent(SECOND, user="elsewhere")
    cluster.run(
        "INSERT INTO evenfloor_reservations VALUES"
        " ('soon', %s, '', 0, 0, UTC_TIMESTAMP() + INTERVAL 1 HOUR),"
        " ('late', %s, '', 0, 0, UTC_TIMESTAMP() - INTERVAL 1 SECOND)", (FIRST, FIRST)
    )  # fmt: skip
    found = modules.run("agents_info", **look)
    assert (found["agents"], found["takes_logins"]) == (["live", "soon"], True)
    assert found["heartbeat_age"] is None
    cluster.run("UPDATE server_updater SET last_update = NOW() - INTERVAL 40 SECOND")
    age = modules.run("agents_info", **look)["heartbeat_age"]
    ((later,),) = cluster.run(
        "SELECT TIMESTAMPDIFF(SECOND, last_update, NOW()) FROM server_updater"
    )
    assert 40 <= age <= later
