"""What breaks, and how it mends itself."""

import time

import pytest

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

ALIASES = ["101x", "102x", "103x", "104x", "105x", "106x"]
HEARTBEAT_TIMEOUT = 5
NO_RESTART = "/run/systemd/system/asterisk.service.d/no-restart.conf"


def all_in_calls(cluster, number):
    def count():
        return sum(map(len, cluster.all_calls().values()))

    cluster.wait_until(lambda: count() == number, 10, f"{number} agents in calls")


def test_a_dead_asterisk_gets_no_logins_and_comes_back_by_itself(cluster):
    sessions = {alias: cluster.login(alias) for alias in ALIASES}
    all_in_calls(cluster, len(ALIASES))
    dead = cluster.address("dialer1")
    stranded = [alias for alias, session in sessions.items() if session["server_ip"] == dead]
    assert len(stranded) == 2
    cluster.run(
        "dialer1",
        f"mkdir -p $(dirname {NO_RESTART}) && printf '[Service]\\nRestart=no\\n' > {NO_RESTART}"
        " && systemctl daemon-reload && systemctl kill --signal=KILL asterisk",
    )
    time.sleep(HEARTBEAT_TIMEOUT)
    again = [cluster.login(alias) for alias in stranded]
    assert dead not in [session["server_ip"] for session in again]
    counts = cluster.counts()
    assert (counts["dialer2"], counts["dialer3"]) == (3, 3)
    assert not cluster.floor()["dialer1"]["takes_logins"]

    cluster.run(
        "dialer1", f"rm {NO_RESTART} && systemctl daemon-reload && systemctl start asterisk"
    )
    cluster.wait_until(
        lambda: (
            cluster.floor()["dialer1"]["takes_logins"]
            and cluster.floor()["dialer1"]["registered"] > 0
        ),
        40,
        "dialer1 takes logins again",
        every=0.5,
    )
    alias = "107x"
    states = "'REGISTERED', 'REACHABLE'"
    rows = f"SELECT COUNT(*) FROM phones WHERE login = '107a' AND peer_status IN ({states})"
    cluster.wait_until(lambda: cluster.sql(rows) == [["1"]], 60, "107 is registered there again")
    assert cluster.login(alias)["server_ip"] == dead
    assert cluster.counts() == {"dialer1": 1, "dialer2": 3, "dialer3": 3}


def test_a_daemon_that_is_killed_finds_its_sessions_again(cluster):
    session = next(
        found
        for found in (cluster.login(alias) for alias in ALIASES)
        if cluster.dialer_of(found["server_ip"]) == "dialer2"
    )
    extension = session["extension"]
    cluster.wait_until(lambda: extension in cluster.calls("dialer2"), 5, "the agent's call")
    channel = cluster.calls("dialer2")[extension].channel
    cluster.run("dialer2", "systemctl kill --signal=KILL evenfloor-dialer")
    cluster.wait_until(
        lambda: cluster.floor()["dialer2"]["takes_logins"], 10, "the heartbeat is back"
    )
    time.sleep(6)  # one comparison of sessions and channels at least
    assert cluster.calls("dialer2")[extension].channel == channel
    row = f"SELECT COUNT(*) FROM vicidial_live_agents WHERE user = '{session['user']}'"
    assert cluster.sql(row) == [["1"]]
    cluster.asterisk("dialer2", f"channel request hangup {channel}")
    cluster.wait_until(lambda: cluster.sql(row) == [["0"]], 2, "the session ends with its call")


def test_a_call_that_ended_while_the_daemon_was_away_is_noticed(cluster):
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    cluster.wait_until(lambda: "101" in cluster.calls(dialer), 5, "the agent's call")
    cluster.run(dialer, "systemctl stop evenfloor-dialer")
    cluster.asterisk(dialer, f"channel request hangup {cluster.calls(dialer)['101'].channel}")
    time.sleep(5)
    cluster.run(dialer, "systemctl start evenfloor-dialer")
    cluster.wait_until(lambda: sum(cluster.counts().values()) == 0, 10, "the session is gone")
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension <> ''"
    cluster.wait_until(lambda: cluster.sql(taken) == [["0"]], 15, "the room is free")


def test_the_database_restarted_is_an_error_and_then_none(cluster):
    cluster.run("db1", "systemctl restart mariadb")
    cluster.wait_until(
        lambda: all(entry["takes_logins"] for entry in cluster.floor().values()),
        15,
        "every dialer takes logins again",
        every=0.5,
    )
    session = cluster.login("101x")
    cluster.wait_until(
        lambda: "101" in cluster.calls(cluster.dialer_of(session["server_ip"])), 5, "the call"
    )


KILLED_LOGIN = """
import os, sys
from evenfloor import Balancer
from evenfloor.connection import Connection

trips_left = int(sys.argv[1])
trip = Connection._trip

def counted(self, *arguments):
    global trips_left
    result = trip(self, *arguments)
    trips_left -= 1
    if trips_left == 0:
        os.kill(os.getpid(), 9)
    return result

balancer = Balancer.from_config()
phones, _floor = balancer._database.phones(["101a"], "")
password = phones["101a"][0].password
Connection._trip = counted
balancer.login("101x", password, "killed", "SALES")
print("done")
"""
#: More trips to the database than a login makes.
MOST_TRIPS = 20


def test_a_login_killed_after_any_trip_to_the_database_leaves_nothing_behind(cluster):
    cluster.run("login1", f"cat > /run/killed.py <<'END'\n{KILLED_LOGIN}\nEND")
    outcomes = []
    for trip in range(1, MOST_TRIPS):
        done = "done" in cluster.run(
            "login1",
            f"cd /run && /opt/evenfloor/venv/bin/python /run/killed.py {trip}",
            check=False,
        )
        outcomes.append(done)
        if done:
            break
    assert len(outcomes) > 4 and outcomes[-1]
    cluster.logout("killed")
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension <> ''"
    cluster.wait_until(lambda: cluster.sql(taken) == [["0"]], 30, "every room is free")
    cluster.wait_until(lambda: not any(cluster.all_calls().values()), 30, "every call has ended")
    assert cluster.sql("SELECT COUNT(*) FROM vicidial_live_agents") == [["0"]]
    assert cluster.sql("SELECT IS_FREE_LOCK('evenfloor.asterisk')") == [["1"]]


def test_a_room_that_nobody_lives_in_is_freed(cluster):
    room = "server_ip = '{}' AND conf_exten = 8600099".format(cluster.address("dialer2"))
    cluster.sql(f"UPDATE vicidial_confbridges SET extension = 'PJSIP/101' WHERE {room}")
    state = f"SELECT extension FROM vicidial_confbridges WHERE {room}"
    cluster.wait_until(lambda: cluster.sql(state) == [[""]], 15, "the room is free")
