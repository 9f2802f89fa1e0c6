"""What agents do, and what becomes of it."""

import time

import pytest

from lab.cluster import HttpRefusal
from tests.waiting import PATIENCE, Limit

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

#: Seconds from the phone's hanging up until nothing of the session is left.
HANG_UP_SECONDS = 2
#: Has the phone hang up, and prints when, in seconds since the epoch.
HANG_UP = """python3 - <<'END'
import json, socket, time
message = json.dumps({"command": "hangupall", "params": "", "token": "1"}).encode()
control = socket.create_connection(("127.0.0.1", 4444), 60)
control.sendall(b"%d:%s," % (len(message), message))
print(time.time())
control.recv(1000)
END"""


def room_is_free(cluster, session) -> bool:
    return cluster.sql(
        "SELECT extension FROM vicidial_confbridges WHERE"
        f" server_ip = '{session['server_ip']}' AND conf_exten = {session['room']}"
    ) == [[""]]


def in_call(cluster, session) -> bool:
    return session["extension"] in cluster.calls(cluster.dialer_of(session["server_ip"]))


def logged_in(cluster, alias, **more):
    session = cluster.login(alias, **more)
    cluster.wait_for_call(session)
    return session


def test_when_an_agent_hangs_up_the_count_falls_and_the_room_is_free_within_two_seconds(cluster):
    session = logged_in(cluster, "105x")
    assert sum(cluster.counts().values()) == 1
    limit = Limit(HANG_UP_SECONDS)
    # The machine's clock is that of all its containers.
    hung_up = float(cluster.run("seat2", HANG_UP).split()[0])
    cluster.wait_until(
        lambda: sum(cluster.counts().values()) == 0 and room_is_free(cluster, session),
        PATIENCE,
        "nobody is counted and the room is free",
    )
    limit.check(time.time() - hung_up, "from the hanging up to the free room")
    # By Asterisk's event, not because a comparison missed the channel.
    dialer = cluster.dialer_of(session["server_ip"])
    journal = cluster.run(dialer, "journalctl --unit=evenfloor-dialer --no-pager")
    assert f'"event": "hangup", "session": "{session["tag"]}"' in journal


def test_logging_out_stops_the_count_at_once_and_ends_the_call(cluster):
    session = logged_in(cluster, "101x")
    assert cluster.logout(session["user"]) == {"sessions": 1}
    assert sum(cluster.counts().values()) == 0
    cluster.wait_until(lambda: not in_call(cluster, session), PATIENCE, "the call ends")
    cluster.wait_until(lambda: room_is_free(cluster, session), PATIENCE, "the room is free")


def test_an_agent_who_logs_in_again_is_moved_and_counted_once(cluster):
    first = logged_in(cluster, "101x", user="mover")
    second = logged_in(cluster, "101x", user="mover")
    assert cluster.sql("SELECT COUNT(*) FROM vicidial_live_agents WHERE user = 'mover'") == [["1"]]
    cluster.wait_until(lambda: room_is_free(cluster, first), PATIENCE, "the old room is free")
    cluster.wait_for_calls(1)
    assert in_call(cluster, second)


def test_an_alias_in_use_is_refused_with_who_and_where_and_can_be_taken_over(cluster):
    session = logged_in(cluster, "101x", user="first")
    with pytest.raises(HttpRefusal) as refusal:
        cluster.login("101x", user="second")
    assert refusal.value.status == 409
    assert refusal.value.body["error"] == "alias_in_use"
    assert "first" in refusal.value.body["detail"]
    assert session["server_ip"] in refusal.value.body["detail"]
    logged_in(cluster, "101x", user="second", take_over=True)
    users = cluster.sql("SELECT user FROM vicidial_live_agents")
    assert users == [["second"]]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"password": "wrong"}, 401, "bad_credentials"),
        ({"alias": "999x", "password": "wrong"}, 401, "bad_credentials"),
        ({"campaign": "NONE"}, 400, "unknown_campaign"),
        ({"campaign": ""}, 400, "malformed"),
        ({"user": 7}, 400, "malformed"),
        ({"user": "u" * 21}, 400, "malformed"),
    ],
)
def test_a_wrong_login_gets_its_reason(cluster, body, status, error):
    with pytest.raises(HttpRefusal) as refusal:
        cluster.login(**{"alias": "101x", "password": cluster.password("101x"), **body})
    assert (refusal.value.status, refusal.value.body["error"]) == (status, error)
    assert sum(cluster.counts().values()) == 0


def test_a_phone_that_does_not_answer_leaves_nothing_behind(cluster):
    cluster.run("seat2", "systemctl kill --signal=KILL evenfloor-softphone; "
                         "systemctl stop evenfloor-softphone")  # fmt: skip
    try:
        session = cluster.login("105x")
        ended = "SELECT COUNT(*) FROM vicidial_live_agents"
        # Asterisk doesn't know yet that the phone is gone: it rings in vain for its time.
        cluster.wait_until(lambda: cluster.sql(ended) == [["0"]], PATIENCE, "the session ends")
        cluster.wait_until(lambda: room_is_free(cluster, session), PATIENCE, "the room is free")
    finally:
        cluster.run("seat2", "systemctl start evenfloor-softphone")
    for dialer in cluster.dialers:
        cluster.wait_until(
            lambda d=dialer: "105" in cluster.registered(d), PATIENCE, f"105 registers on {dialer}"
        )


def test_the_command_on_the_login_host_shows_and_explains(cluster):
    floor = cluster.run("login1", "evenfloor floor")
    assert "dialer3" in floor and "takes logins" in floor and "spread 0" in floor
    explained = cluster.run("login1", "evenfloor explain 101x")
    assert "→ 101c" in explained and "101c would win" in explained
    assert cluster.password("101x") not in explained


def test_metrics_tell_counts_and_choices(cluster):
    text = cluster.get_text("/metrics")
    address = cluster.address("dialer1")
    assert f'evenfloor_local_agents{{dialer="{address}"}} 0.0' in text
    assert 'evenfloor_choices_total{dialer="",outcome="bad_credentials"}' in text
    assert "evenfloor_choice_seconds_bucket" in text
