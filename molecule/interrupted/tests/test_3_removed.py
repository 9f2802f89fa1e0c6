"""A dialer is taken out of service while the others talk, by a run that is killed."""

from pathlib import Path

import pytest

from tests.doctor import doctor
from tests.killed_run import run_and_kill_at
from tests.watcher import Watcher

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

LEAVING = "dialer3"
#: Where the run is killed, in the order of the steps: a part of the task's headline.
STEPS = ["Take its phones out", "Register each phone", "Remove its rows"]
POINTING_AT_NOTHING = (
    "SELECT COUNT(*) FROM phones_alias a WHERE logins_list = '' OR 1 + LENGTH(logins_list) -"
    " LENGTH(REPLACE(logins_list, ',', '')) <>"
    " (SELECT COUNT(*) FROM phones p WHERE FIND_IN_SET(p.login, a.logins_list))"
)


def test_a_dialer_is_removed_while_the_others_talk_however_often_it_is_killed(cluster):
    others = [name for name in cluster.dialers if name != LEAVING]
    for alias in ("101x", "102x", "103x"):
        cluster.login(alias)
    for session in cluster.sql("SELECT user, server_ip FROM vicidial_live_agents"):
        if session[1] == cluster.address(LEAVING):
            cluster.logout(session[0])
    cluster.wait_for_calls(2)
    address = cluster.address(LEAVING)
    watcher = Watcher(cluster, others, cluster.registered("dialer1"))
    watcher.start()
    words = ("-e", f"dialer={LEAVING}", "-e", "confirmed=true")
    cluster.playbook("playbooks/remove_dialer.yml", *words, "--check", "--diff")
    assert cluster.floor()[LEAVING]["takes_logins"]
    for step in STEPS:
        assert run_and_kill_at(cluster, "playbooks/remove_dialer.yml", step, *words) == ""
        assert cluster.sql(POINTING_AT_NOTHING) == [["0"]]
    cluster.playbook("playbooks/remove_dialer.yml", *words)
    again = cluster.playbook("playbooks/remove_dialer.yml", *words).stdout
    watcher.stop()
    assert watcher.lapses == [] and watcher.looks > 5
    for table in ("servers", "phones", "vicidial_confbridges", "server_updater"):
        assert cluster.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{address}'") == [["0"]]
    assert cluster.sql(f"SELECT COUNT(*) FROM mysql.user WHERE host = '{address}'") == [["0"]]
    lists = [row[0] for row in cluster.sql("SELECT logins_list FROM phones_alias")]
    assert all(text.count(",") == 1 for text in lists)
    for seat in cluster.groups["seats"]:
        assert f"@{address}>" not in cluster.run(seat, "cat /etc/baresip/accounts")
    recap = again.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    assert "changed=0" in recap and recap.count("changed=0") == recap.count("ok=")

    Path(cluster.inventory, f"{LEAVING}.yml").unlink()
    cluster.reload()
    assert doctor(cluster) == set()
