"""What breaks, and how it comes back by itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.cluster import CHANNELS
from tests.state import NO_RESTART, STAYS, wait_until_closed, wait_until_settled
from tests.waiting import PATIENCE

ALIASES = ["101x", "102x", "103x", "104x", "105x", "106x"]
#: A room that no login has taken; the highest of a dialer's.
EMPTY_ROOM = "8600099"


def wait_for_comparison(cluster, dialer):
    """Wait until the dialer's daemon has compared sessions, rooms and channels again.

    It frees a room in which nobody is, if it was like that at two comparisons.
    """
    room = f"server_ip = '{cluster.address(dialer)}' AND conf_exten = {EMPTY_ROOM}"
    cluster.sql(f"UPDATE vicidial_confbridges SET extension = 'PJSIP/999' WHERE {room}")
    state = f"SELECT extension FROM vicidial_confbridges WHERE {room}"
    cluster.wait_until(lambda: cluster.sql(state) == [[""]], PATIENCE, "the empty room is free")


@pytest.fixture(autouse=True)
def every_dialer_takes_logins(cluster, nobody_logged_in):
    wait_until_settled(cluster)


def test_a_dead_asterisk_gets_no_logins_and_comes_back_by_itself(cluster):
    sessions = {alias: cluster.login(alias) for alias in ALIASES}
    cluster.wait_for_calls(len(ALIASES))
    dead = cluster.address("dialer1")
    stranded = [alias for alias, session in sessions.items() if session["server_ip"] == dead]
    assert len(stranded) == 2
    cluster.run(
        "dialer1",
        f"mkdir -p $(dirname {NO_RESTART}) && printf '[Service]\\nRestart=no\\n' > {NO_RESTART}"
        " && systemctl daemon-reload && systemctl kill --signal=KILL asterisk",
    )
    wait_until_closed(cluster, "dialer1")
    again = [cluster.login(alias) for alias in stranded]
    assert dead not in [session["server_ip"] for session in again]
    counts = cluster.counts()
    assert (counts["dialer2"], counts["dialer3"]) == (3, 3)
    assert not cluster.floor()["dialer1"]["takes_logins"]

    cluster.run(
        "dialer1", f"rm {NO_RESTART} && systemctl daemon-reload && systemctl start asterisk"
    )
    wait_until_settled(cluster, STAYS)
    assert cluster.login("107x")["server_ip"] == dead
    assert cluster.counts() == {"dialer1": 1, "dialer2": 3, "dialer3": 3}


def test_a_daemon_that_is_killed_finds_its_sessions_again(cluster):
    session = next(
        found
        for found in (cluster.login(alias) for alias in ALIASES)
        if cluster.dialer_of(found["server_ip"]) == "dialer2"
    )
    extension = session["extension"]
    channel = cluster.wait_for_call(session).channel
    daemon = "systemctl show --property=MainPID --value evenfloor-dialer"
    before = cluster.run("dialer2", daemon)
    cluster.run("dialer2", "systemctl kill --signal=KILL evenfloor-dialer")
    cluster.wait_until(
        lambda: cluster.run("dialer2", daemon) not in (before, "0\n"), PATIENCE, "systemd starts it"
    )
    wait_for_comparison(cluster, "dialer2")
    assert cluster.calls("dialer2")[extension].channel == channel
    row = f"SELECT COUNT(*) FROM vicidial_live_agents WHERE user = '{session['user']}'"
    assert cluster.sql(row) == [["1"]]
    cluster.asterisk("dialer2", f"channel request hangup {channel}")
    cluster.wait_until(
        lambda: cluster.sql(row) == [["0"]], PATIENCE, "the session ends with its call"
    )
    # By Asterisk's event, not because a comparison missed the channel.
    journal = cluster.run("dialer2", "journalctl --unit=evenfloor-dialer --no-pager")
    assert f'"event": "hangup", "session": "{session["tag"]}"' in journal


def test_a_call_that_ended_while_the_daemon_was_away_is_noticed(cluster):
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    channel = cluster.wait_for_call(session).channel
    cluster.run(dialer, "systemctl stop evenfloor-dialer")
    cluster.asterisk(dialer, f"channel request hangup {channel}")
    cluster.wait_until(lambda: not cluster.calls(dialer), PATIENCE, "the call has ended")
    assert sum(cluster.counts().values()) == 1
    cluster.run(dialer, "systemctl start evenfloor-dialer")
    cluster.wait_until(lambda: sum(cluster.counts().values()) == 0, PATIENCE, "the session ends")
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension <> ''"
    cluster.wait_until(lambda: cluster.sql(taken) == [["0"]], PATIENCE, "the room is free")


def test_an_agent_who_logs_in_over_and_over_leaves_one_call(cluster):
    password = cluster.password("101x")
    with ThreadPoolExecutor(2) as agents:
        logins = [agents.submit(cluster.login, "101x", password=password) for _time in range(60)]
    assert all(login.result()["user"] == "agent101x" for login in logins)

    def channels() -> int:
        lists = [cluster.asterisk(dialer, CHANNELS) for dialer in cluster.dialers]
        return sum(line.startswith("PJSIP/") for text in lists for line in text.splitlines())

    cluster.wait_until(lambda: channels() == 1, PATIENCE, "one call is left")
    wait_until_settled(cluster)
    assert not any(entry["calls_kept"] for entry in cluster.floor().values())


def test_the_database_restarted_is_an_error_and_then_none(cluster):
    cluster.run("db1", "systemctl restart mariadb")
    wait_until_settled(cluster)
    cluster.wait_for_call(cluster.login("101x"))


KILLED_LOGIN = """
import os, sys
from evenfloor import Balancer, config
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
stored = "SELECT pass FROM phones WHERE login = '101a'"
password = Connection(config.load().database).run(stored).rows[0][0]
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
    cluster.wait_until(lambda: cluster.sql(taken) == [["0"]], PATIENCE, "every room is free")
    cluster.wait_for_calls(0)
    assert cluster.sql("SELECT COUNT(*) FROM vicidial_live_agents") == [["0"]]
    assert cluster.sql("SELECT IS_FREE_LOCK('evenfloor.asterisk')") == [["1"]]


def test_a_room_that_nobody_is_in_is_freed(cluster):
    wait_for_comparison(cluster, "dialer2")
