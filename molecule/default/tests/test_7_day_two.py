"""The doctor, drain and remove, on a cluster at work."""

import contextlib
import csv
import json
import time
from pathlib import Path

import pytest

from tests.grow import Watcher
from tests.killed_run import run_and_kill_at

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

LEAVING = "dialer4"
#: An agent's call, and a live-agent row, are compared when they are older than 20 s.
OLD_ENOUGH = 21
POINTING_AT_NOTHING = (
    "SELECT COUNT(*) FROM phones_alias a WHERE logins_list = '' OR 1 + LENGTH(logins_list) -"
    " LENGTH(REPLACE(logins_list, ',', '')) <>"
    " (SELECT COUNT(*) FROM phones p WHERE FIND_IN_SET(p.login, a.logins_list))"
)


def doctor(cluster, *words: str) -> set[tuple[str, str, str]]:
    """Run the doctor; returns its findings' kind, alias and dialer."""
    done = cluster.playbook("playbooks/check.yml", "-e", "output=json", *words, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith('{"findings"'))
    findings = json.loads(line)["findings"]
    assert done.returncode == (2 if findings else 0), done.stdout[-3000:]
    return {(row["finding"], row["alias"], row["dialer"]) for row in findings}


def nobodys_address(cluster) -> str:
    """Return an address of the cluster's network that no host has."""
    return cluster.address("login1").rpartition(".")[0] + ".99"


def nobody_there(cluster, folder, group: str, name: str) -> str:
    """Write an inventory of a host that can't be reached; returns its path."""
    path = folder / "more.yml"
    hosts = {name: {"ansible_host": nobodys_address(cluster)}}
    path.write_text(json.dumps({group: {"hosts": hosts}}))
    return str(path)


def settle(cluster) -> None:
    """Wait until every dialer takes logins and has all registrations."""
    cluster.wait_until(
        lambda: all(
            entry["takes_logins"] and entry["registered"] == entry["phones"]
            for entry in cluster.floor().values()
        ),
        60,
        "every dialer takes logins and has all registrations",
        every=0.5,
    )


@contextlib.contextmanager
def stopped(cluster, host, *services):
    for service in services:
        cluster.run(host, f"systemctl stop {service}")
    try:
        yield
    finally:
        for service in services:
            cluster.run(host, f"systemctl start {service}")
        settle(cluster)


def test_a_healthy_cluster_is_all_well(cluster):
    done = cluster.playbook("playbooks/check.yml")
    assert "All is well." in done.stdout
    assert doctor(cluster) == set()


def test_an_endpoint_that_asterisk_lacks_is_found(cluster):
    path = "/etc/asterisk/evenfloor/endpoints.conf"
    cluster.run("dialer2", f"cp -p {path} /run/kept && sed -i '/^\\[101\\]/,/^$/d' {path}")
    cluster.asterisk("dialer2", "module reload res_pjsip.so")
    try:
        kinds = doctor(cluster)
        assert {("endpoint_missing", "101x", "dialer2"), ("not_registered", "101x", "dialer2")} <= (
            kinds
        )
        assert {kind for kind, _alias, _dialer in kinds} <= {
            "endpoint_missing", "not_registered", "registration_drift",
        }  # fmt: skip
        assert {(alias, dialer) for _kind, alias, dialer in kinds} == {("101x", "dialer2")}
    finally:
        cluster.run("dialer2", f"cp -p /run/kept {path}")
        cluster.asterisk("dialer2", "module reload res_pjsip.so")
        # A softphone that was refused tries again after minutes only.
        cluster.run("seat1", "systemctl restart evenfloor-softphone")
        settle(cluster)


def test_an_account_that_a_softphone_lacks_is_found(cluster):
    address = cluster.address("dialer2")
    path = "/etc/baresip/accounts"
    cluster.run("seat1", f"cp -p {path} /run/kept && sed -i '/sip:102@{address}>/d' {path}")
    try:
        assert doctor(cluster) == {("account_missing", "", "dialer2")}
    finally:
        cluster.run("seat1", f"cp -p /run/kept {path}")


def test_a_softphone_that_is_off_is_found(cluster):
    extension = cluster.hostvars["seat2"]["softphone_extensions"][0].partition("-")[0]
    with stopped(cluster, "seat2", "evenfloor-softphone"):
        cluster.wait_until(
            lambda: extension not in cluster.registered("dialer1"),
            60,
            f"{extension} is gone",
            every=0.5,
        )
        time.sleep(16)  # the daemon compares registrations every fifteen seconds
        kinds = doctor(cluster)
        assert {kind for kind, _alias, _dialer in kinds} == {"softphone_off"}
        assert ("softphone_off", f"{extension}x", "") in kinds


def test_calls_and_rows_that_do_not_belong_together_are_found(cluster):
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    cluster.wait_until(lambda: "101" in cluster.calls(dialer), 5, "the agent's call")
    time.sleep(OLD_ENOUGH)
    with stopped(cluster, dialer, "evenfloor-dialer"):
        rename = "UPDATE vicidial_live_agents SET callerid = '{}' WHERE user = 'agent101x'"
        cluster.sql(rename.format("S000000000000aaaaaaa"))
        time.sleep(5)
        assert doctor(cluster) == {
            ("heartbeat_stale", "", dialer),
            ("row_without_call", "", dialer),
            ("call_without_row", "", dialer),
        }
        cluster.sql(rename.format(session["tag"]))
    assert doctor(cluster) == set()


def test_a_clock_that_is_off_is_found(cluster):
    cluster.run(
        "login1",
        "printf '#!/bin/sh\\necho 1000000000.5\\n' > /usr/local/bin/date"
        " && chmod +x /usr/local/bin/date",
    )
    try:
        assert doctor(cluster) == {("clock_skew", "", "login1")}
    finally:
        cluster.run("login1", "rm /usr/local/bin/date")


def test_a_host_that_does_not_answer_is_found(cluster, tmp_path):
    more = nobody_there(cluster, tmp_path, "login", "login9")
    assert doctor(cluster, "-i", more) == {("host_unreachable", "", "login9")}


def test_an_asterisk_that_does_not_answer_is_found(cluster):
    with stopped(cluster, "dialer2", "asterisk"):
        time.sleep(6)
        assert doctor(cluster) == {
            ("heartbeat_stale", "", "dialer2"), ("asterisk_silent", "", "dialer2"),
        }  # fmt: skip


def test_the_floor_is_shown(cluster):
    session = cluster.login("101x")
    shown = cluster.playbook("playbooks/status.yml").stdout
    assert all(name in shown for name in cluster.dialers)
    assert cluster.dialer_of(session["server_ip"]) in shown
    assert "█" in shown and "spread 1" in shown


def test_credentials_are_written_for_their_owner_only_and_printed_nowhere(cluster, tmp_path):
    folder = tmp_path / "credentials"
    words = ("playbooks/credentials.yml", "--diff", "-e", f"folder={folder}")
    printed = cluster.playbook(*words).stdout
    files = {path.name: path for path in folder.rglob("*.csv")}
    assert sorted(files) == ["agents.csv", "others.csv", "seat1.csv", "seat2.csv"]
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "seats")} == {0o700}
    agents = {row["alias"]: row for row in csv.DictReader(files["agents.csv"].open())}
    assert agents["101x"]["login_password"] == cluster.password("101x")
    registrations = list(csv.DictReader(files["seat1.csv"].open()))
    assert {row["dialer"] for row in registrations} == set(cluster.dialers)
    query = "SELECT conf_secret FROM phones WHERE login = '101a'"
    assert registrations[0]["registration_password"] == cluster.sql(query)[0][0]
    secrets = [row["login_password"] for row in agents.values()]
    secrets += [row["registration_password"] for row in registrations]
    assert not [secret for secret in secrets if secret in printed]
    recap = cluster.playbook(*words).stdout.partition("PLAY RECAP")[2]
    assert "changed=0" in recap


def test_a_dialer_that_cannot_be_reached_is_named_and_holds_nobody_up(cluster, tmp_path):
    more = nobody_there(cluster, tmp_path, "dialers", "dialer9")
    cluster.playbook("playbooks/drain-dialer.yml", "-e", f"dialer={LEAVING}")
    never = "UPDATE evenfloor_dialers SET opened = NULL WHERE server_ip = '{}'"
    cluster.sql(never.format(cluster.address(LEAVING)))
    done = cluster.playbook("add-dialer.yml", "-i", more, check=False)
    assert done.returncode != 0
    assert "New: dialer9, dialer4" in done.stdout or "New: dialer4, dialer9" in done.stdout
    assert "Not reached, and left as they were: dialer9." in " ".join(done.stdout.split())
    assert cluster.floor()[LEAVING]["takes_logins"]
    assert not [row for row in cluster.sql("SELECT logins_list FROM phones_alias") if "e" in row[0]]
    # Nobody asked for it after all.
    cluster.playbook("playbooks/aliases.yml")
    assert cluster.sql(
        f"SELECT COUNT(*) FROM phones WHERE server_ip = '{nobodys_address(cluster)}'"
    ) == [["0"]]


@pytest.mark.parametrize(
    ("tags", "roles"),
    [
        ("login", {"balancer", "database"}),
        ("phones", {"dialer", "softphone", "phone_aliases"}),
    ],
)
def test_a_part_is_run_alone_by_its_tag(cluster, tags, roles):
    done = cluster.playbook("playbooks/site.yml", "--tags", tags)
    lines = done.stdout.partition("TASKS RECAP")[0].splitlines()
    tasks = [line for line in lines if line.startswith("TASK [") and " : " in line]
    ran = {line[6:].partition(" :")[0] for line in tasks if "Validating arguments" not in line}
    # The checks before a run, and the package for all hosts, are always there.
    assert roles <= ran <= roles | {"balancer", "dialer"}
    assert "changed=1" not in done.stdout


def test_a_drained_dialer_gets_no_login_until_it_is_opened_again(cluster):
    drained = cluster.playbook("playbooks/drain-dialer.yml", "-e", f"dialer={LEAVING}").stdout
    assert f"{LEAVING} is empty" in drained
    assert LEAVING not in {cluster.dialer_of(cluster.login(f"10{n}x")["server_ip"]) for n in
                           range(1, 8)}  # fmt: skip
    # Neither a whole run nor one for new dialers opens it.
    cluster.playbook("add-dialer.yml")
    assert not cluster.floor()[LEAVING]["takes_logins"]
    again = cluster.playbook("playbooks/drain-dialer.yml", "-e", f"dialer={LEAVING}").stdout
    assert "changed=0" in again
    cluster.playbook("playbooks/drain-dialer.yml", "-e", f"dialer={LEAVING}", "-e", "undo=true")
    assert cluster.login("109x")["server_ip"] == cluster.address(LEAVING)


def test_a_dialer_that_is_not_empty_is_waited_for_and_said_so(cluster):
    sessions = [cluster.login(f"10{n}x") for n in range(1, 5)]
    staying = next(s for s in sessions if cluster.dialer_of(s["server_ip"]) == LEAVING)
    done = cluster.playbook(
        "playbooks/drain-dialer.yml",
        "-e",
        f"dialer={LEAVING}",
        "-e",
        "drain_timeout=3",
        check=False,
    )
    assert done.returncode == 2
    assert f"{LEAVING}: 1 agent ({staying['user']}) left after 0 s of 3 s" in done.stdout
    assert "It takes no new logins" in done.stdout
    cluster.playbook("playbooks/drain-dialer.yml", "-e", f"dialer={LEAVING}", "-e", "undo=true")


def test_nothing_is_removed_that_nobody_confirmed(cluster):
    done = cluster.playbook("playbooks/remove-dialer.yml", "-e", f"dialer={LEAVING}", check=False)
    assert done.returncode == 2 and "Nothing has been changed" in done.stdout
    assert cluster.floor()[LEAVING]["takes_logins"]


def test_a_dead_dialer_that_cannot_be_reached_is_removed_with_its_agents(cluster, tmp_path):
    more = nobody_there(cluster, tmp_path, "dialers", "dialer9")
    dead = nobodys_address(cluster)
    lists = cluster.sql("SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id")
    for statement in (
        "INSERT INTO servers (server_id, server_ip, active, active_asterisk_server,"
        f" active_agent_login_server) VALUES ('dialer9', '{dead}', 'Y', 'Y', 'Y')",
        f"INSERT INTO evenfloor_dialers (server_ip, opened) VALUES ('{dead}', NOW())",
        "INSERT INTO server_updater (server_ip, last_update)"
        f" VALUES ('{dead}', NOW() - INTERVAL 1 HOUR)",
        "INSERT INTO phones (extension, server_ip, login, pass, conf_secret, active, template_id)"
        f" SELECT extension, '{dead}', '101z', pass, conf_secret, 'Y', '' FROM phones"
        " WHERE login = '101a'",
        "UPDATE phones_alias SET logins_list = CONCAT(logins_list, ',101z')"
        " WHERE alias_id = '101x'",
        "INSERT INTO vicidial_live_agents (user, server_ip, extension, lead_id)"
        f" VALUES ('stranded', '{dead}', 'PJSIP/101', 0)",
    ):
        cluster.sql(statement)
    done = cluster.playbook(
        "playbooks/remove-dialer.yml", "-i", more, "-e", "dialer=dialer9 confirmed=true"
    )
    assert "dialer9 is out of service (1 phones went)" in " ".join(done.stdout.split())
    for table in ("servers", "phones", "server_updater", "vicidial_live_agents"):
        assert cluster.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{dead}'") == [["0"]]
    assert lists == cluster.sql("SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id")


def test_a_dialer_is_removed_while_the_others_talk_however_often_it_is_killed(cluster):
    others = [name for name in cluster.dialers if name != LEAVING]
    for alias in ("101x", "102x", "103x"):
        cluster.login(alias)
    for session in cluster.sql("SELECT user, server_ip FROM vicidial_live_agents"):
        if session[1] == cluster.address(LEAVING):
            cluster.logout(session[0])
    cluster.wait_until(lambda: sum(map(len, cluster.all_calls().values())) == 2, 10, "two talk")
    address = cluster.address(LEAVING)
    watcher = Watcher(cluster, others, cluster.registered("dialer1"))
    watcher.start()
    words = ("-e", f"dialer={LEAVING}", "-e", "confirmed=true")
    cluster.playbook("playbooks/remove-dialer.yml", *words, "--check", "--diff")
    assert cluster.floor()[LEAVING]["takes_logins"]
    for step in ("Take its phones out", "Register each phone", "Remove its rows"):
        assert run_and_kill_at(cluster, "playbooks/remove-dialer.yml", step, *words) == ""
        assert cluster.sql(POINTING_AT_NOTHING) == [["0"]]
    cluster.playbook("playbooks/remove-dialer.yml", *words)
    again = cluster.playbook("playbooks/remove-dialer.yml", *words).stdout
    watcher.stop()
    assert watcher.lapses == [] and watcher.looks > 5
    for table in ("servers", "phones", "vicidial_confbridges", "server_updater"):
        assert cluster.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{address}'") == [["0"]]
    assert cluster.sql(f"SELECT COUNT(*) FROM mysql.user WHERE host = '{address}'") == [["0"]]
    lists = [row[0] for row in cluster.sql("SELECT logins_list FROM phones_alias")]
    assert all(text.count(",") == 2 for text in lists)
    for seat in ("seat1", "seat2"):
        assert f"@{address}>" not in cluster.run(seat, "cat /etc/baresip/accounts")
    recap = again.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    assert "changed=0" in recap and recap.count("changed=0") == recap.count("ok=")

    Path(cluster.inventory, f"{LEAVING}.yml").unlink()
    cluster.reload()
    assert doctor(cluster) == set()
