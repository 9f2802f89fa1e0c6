"""Other databases lost, all of them off and on, and two that are written to at once."""

import contextlib
import re
import time

from lab.cluster import HttpRefusal
from tests.databases import Burst, keep, lost, members, talking, wait_until_whole
from tests.state import STAYS, mismatch, podman, wait_until_settled
from tests.waiting import PATIENCE

ALL = ("db1", "db2", "db3")
#: Logins in a burst.
SOME, MANY = 40, 200


def logs_in(cluster, password: str) -> bool:
    with contextlib.suppress(HttpRefusal):
        return bool(cluster.login("101x", password=password))
    return False


def refused_clearly(cluster, password: str) -> bool:
    try:
        cluster.login("101x", password=password)
    except HttpRefusal as refusal:
        assert (refusal.status, refusal.body["error"]) == (503, "database_unreachable")
        return True
    return False


def test_a_database_that_is_not_written_to_is_lost_and_comes_back(cluster):
    with talking(cluster), Burst(cluster) as burst:
        burst.wait_for(SOME)
        podman(cluster, "db3", "stop", "--time=0")
        before = len(burst.logins)
        try:
            burst.wait_for(before + SOME)
            burst.stop()
        finally:
            podman(cluster, "db3", "start")
    assert lost(cluster, burst) == {}
    waited = max(login.waited for login in burst.logins)
    keep(
        "another database is lost",
        {
            "longest until a login succeeded": round(waited, 1),
            "refused at first": sum(1 for login in burst.logins if login.refusals),
            "three again after": round(wait_until_whole(cluster), 1),
        },
    )
    wait_until_settled(cluster, STAYS)


def test_with_two_of_three_lost_logins_are_refused_and_calls_go_on(cluster):
    password = cluster.password("101x")
    session = cluster.login("102x")
    cluster.wait_for_call(session)
    before = cluster.all_calls()
    for host in ALL[1:]:
        podman(cluster, host, "stop", "--time=0")
    try:
        refused = cluster.wait_until(
            lambda: refused_clearly(cluster, password), PATIENCE, "logins are refused"
        )
        assert {dialer: set(calls) for dialer, calls in cluster.all_calls().items()} == {
            dialer: set(calls) for dialer, calls in before.items()
        }
    finally:
        for host in ALL[1:]:
            podman(cluster, host, "start")
    again = cluster.wait_until(lambda: logs_in(cluster, password), PATIENCE, "logins work again")
    keep(
        "two of three are lost",
        {"refused after": round(refused, 1), "logins again after": round(again, 1)},
    )
    wait_until_whole(cluster)
    wait_until_settled(cluster, STAYS)


def test_after_all_were_off_one_verb_starts_the_most_advanced_first(cluster):
    password = cluster.password("101x")
    for host in ALL:
        cluster.run(host, "systemctl stop mariadb")
        if host == ALL[0]:
            # Only the others have it.
            cluster.reading("db2").sql(
                "INSERT INTO vicidial_campaigns (campaign_id) VALUES ('NEW')"
            )
    assert refused_clearly(cluster, password)
    began = time.monotonic()
    cluster.playbook("playbooks/start_database.yml")
    started = time.monotonic() - began
    for host in ALL:
        rows = cluster.reading(host).sql(
            "SELECT COUNT(*) FROM vicidial_campaigns WHERE campaign_id = 'NEW'"
        )
        assert rows == [["1"]]
    cluster.sql("DELETE FROM vicidial_campaigns WHERE campaign_id = 'NEW'")
    cluster.wait_until(lambda: logs_in(cluster, password), PATIENCE, "logins work again")
    keep(
        "all were stopped",
        {
            "start_database.yml took": round(started),
            "logins again after": round(time.monotonic() - began),
        },
    )
    assert members(cluster, "db1") == len(ALL)
    # Whoever runs it again changes nothing.
    assert not re.search("changed=[1-9]", cluster.playbook("playbooks/start_database.yml").stdout)
    wait_until_settled(cluster, STAYS)


def test_after_all_were_off_without_notice_they_find_each_other_when_all_are_on(cluster):
    password = cluster.password("101x")
    with talking(cluster):
        for host in ALL:
            podman(cluster, host, "stop", "--time=0")
        assert refused_clearly(cluster, password)
        for host in ALL:
            podman(cluster, host, "start")
        again = cluster.wait_until(lambda: logs_in(cluster, password), PATIENCE, "logins work")
    keep("all are off without notice, and on", {"logins again after": round(again, 1)})
    wait_until_whole(cluster)
    wait_until_settled(cluster, STAYS)


def test_where_one_may_have_the_newest_data_none_is_started_without_it_unasked(cluster):
    for host in ALL:
        cluster.run(host, "systemctl stop mariadb")
    podman(cluster, "db3", "stop", "--time=0")
    try:
        refused = cluster.playbook("playbooks/start_database.yml", check=False)
        assert "db3 can't be reached and may have the newest data" in refused.stdout
        assert members(cluster, "db1") == 0
        cluster.playbook(
            "playbooks/start_database.yml", "-e", "database_cluster_lost=db3", check=False
        )
        assert members(cluster, "db1") == members(cluster, "db2") == len(ALL) - 1
    finally:
        podman(cluster, "db3", "start")
    wait_until_whole(cluster)
    wait_until_settled(cluster, STAYS)


def tell_haproxy(cluster, host: str, order: str) -> None:
    program = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock');"
        f" s.send(b'{order}\\n'); print(s.recv(999).decode())"
    )
    assert cluster.run(host, f'python3 -c "{program}"').strip() == ""


def test_two_databases_that_are_written_to_at_once_give_nothing_twice(cluster):
    tell_haproxy(cluster, "login2", "set server database/db1 state maint")
    tell_haproxy(cluster, "login2", "shutdown sessions server database/db1")
    try:
        with talking(cluster), Burst(cluster) as burst:
            burst.wait_for(MANY)
            burst.stop()
        assert lost(cluster, burst) == {}
        epochs = {tuple(cluster.reading(host).sql("SELECT epoch FROM evenfloor_epoch")[0])
                  for host in ALL}  # fmt: skip
        assert len(epochs) == 1
        cluster.wait_until(lambda: not mismatch(cluster), PATIENCE, "rows, rooms and calls agree")
        users = cluster.sql("SELECT user, COUNT(*) FROM vicidial_live_agents GROUP BY user")
        assert [count for _user, count in users] == ["1"] * len(users)
        rooms = cluster.sql("SELECT server_ip, conf_exten FROM vicidial_live_agents")
        assert len({tuple(row) for row in rooms}) == len(rooms)
        counts = cluster.counts().values()
        assert max(counts) - min(counts) <= 2
        keep(
            "two are written to",
            {
                "logins": len(burst.logins),
                "refused at first": sum(1 for login in burst.logins if login.refusals),
                "spread": max(counts) - min(counts),
            },
        )
    finally:
        tell_haproxy(cluster, "login2", "set server database/db1 state ready")
    wait_until_settled(cluster, STAYS)
