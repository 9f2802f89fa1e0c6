"""The doctor, drain and remove, on a cluster at work."""

import contextlib
import csv
import json
import re

import pytest

from tests.doctor import doctor
from tests.state import wait_until_closed, wait_until_settled
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

LEAVING = "dialer3"
#: The doctor compares a call and a live-agent row once they are older than this, in seconds.
OLD_ENOUGH = 20
#: The tags of site.yml that are run alone, and the roles that must have run then.
PARTS = [
    ("login", {"login_service", "login_front", "certificate", "package", "database", "service"}),
    (
        "phones",
        {"dialer", "dialer_firewall", "softphone", "service", "flavor_plain", "phone_aliases"},
    ),
]


def nobodys_address(cluster) -> str:
    """Return an address of the cluster's network that no host has."""
    return cluster.address("login1").rpartition(".")[0] + ".99"


def nobody_there(cluster, folder, group: str, name: str) -> str:
    """Write an inventory of a host that can't be reached; returns its path."""
    path = folder / "more.yml"
    hosts = {name: {"ansible_host": nobodys_address(cluster)}}
    path.write_text(json.dumps({group: {"hosts": hosts}}))
    return str(path)


def accounts(text: str, extension: str = "") -> set[tuple[str, ...]]:
    """Read a softphone's accounts: extension, address and password of each; of one or of all."""
    found = re.findall(r"<sip:(\w+)@([\d.]+)>.*?auth_pass=([^;]+)", text)
    return {account for account in found if extension in ("", account[0])}


@contextlib.contextmanager
def stopped(cluster, host, *services):
    for service in services:
        cluster.run(host, f"systemctl stop {service}")
    try:
        yield
    finally:
        for service in services:
            cluster.run(host, f"systemctl start {service}")
        wait_until_settled(cluster)


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
        wait_until_settled(cluster)


def test_an_account_that_a_softphone_lacks_is_found(cluster):
    address = cluster.address("dialer2")
    path = "/etc/baresip/accounts"
    cluster.run("seat1", f"cp -p {path} /run/kept && sed -i '/sip:102@{address}>/d' {path}")
    try:
        assert doctor(cluster) == {("account_missing", "", "dialer2")}
    finally:
        cluster.run("seat1", f"cp -p /run/kept {path}")


def registrations(cluster, extensions) -> int:
    """Count the registrations of some extensions, by Asterisk and by what the database knows."""
    names = ", ".join(f"'{extension}'" for extension in extensions)
    rows = (
        f"SELECT COUNT(*) FROM phones WHERE extension IN ({names})"
        " AND peer_status IN ('REGISTERED', 'REACHABLE')"
    )
    there = [set(cluster.registered(dialer)) & set(extensions) for dialer in cluster.dialers]
    return sum(map(len, there)) + int(cluster.sql(rows)[0][0])


def test_a_softphone_that_is_off_is_found(cluster):
    accounts = cluster.run("seat2", "cat /etc/baresip/accounts").splitlines()
    extensions = {
        line.partition("sip:")[2].partition("@")[0] for line in accounts if "sip:" in line
    }
    assert len(extensions) > 1
    with stopped(cluster, "seat2", "evenfloor-softphone"):
        cluster.wait_until(
            lambda: registrations(cluster, extensions) == 0,
            PATIENCE,
            "nothing of the seat is registered, and the database knows",
            every=0.5,
        )
        kinds = doctor(cluster)
        assert kinds == {("softphone_off", f"{extension}x", "") for extension in extensions}


def test_calls_and_rows_that_do_not_belong_together_are_found(cluster):
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    cluster.wait_for_call(session)
    age = (
        "SELECT TIMESTAMPDIFF(SECOND, last_call_time, NOW()) FROM vicidial_live_agents"
        " WHERE user = 'agent101x'"
    )
    cluster.wait_until(
        lambda: (
            cluster.calls(dialer)["101"].seconds > OLD_ENOUGH
            and int(cluster.sql(age)[0][0]) > OLD_ENOUGH
        ),
        PATIENCE,
        "the call and its row are old enough",
        every=1,
    )
    with stopped(cluster, dialer, "evenfloor-dialer"):
        rename = "UPDATE vicidial_live_agents SET callerid = '{}' WHERE user = 'agent101x'"
        cluster.sql(rename.format("S000000000000aaaaaaa"))
        wait_until_closed(cluster, dialer)
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
        wait_until_closed(cluster, "dialer2")
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
    token = folder / "operator.token"
    assert token.stat().st_mode & 0o777 == 0o600
    secrets.append(token.read_text().strip())
    assert len(secrets[-1]) >= 32
    tokens = json.loads((folder / "phones/tokens.json").read_text())
    assert set(tokens) == set(agents)
    secrets += tokens.values()
    assert not [secret for secret in secrets if secret in printed]
    assert accounts(cluster.get_text(f"/provision/{tokens['105x']}/baresip-accounts")) == accounts(
        cluster.run("seat2", "cat /etc/baresip/accounts"), "105"
    )
    assert "BEGIN CERTIFICATE" in (folder / "ca.pem").read_text()
    recap = cluster.playbook(*words).stdout.partition("PLAY RECAP")[2]
    assert "changed=0" in recap


def test_a_dialer_that_cannot_be_reached_is_named_and_holds_nobody_up(cluster, tmp_path):
    more = nobody_there(cluster, tmp_path, "dialers", "dialer9")
    cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={LEAVING}")
    never = "UPDATE evenfloor_dialers SET opened = NULL WHERE server_ip = '{}'"
    cluster.sql(never.format(cluster.address(LEAVING)))
    done = cluster.playbook("add-dialer.yml", "-i", more, check=False)
    assert done.returncode != 0
    assert any(
        f"New: {names}" in done.stdout for names in (f"dialer9, {LEAVING}", f"{LEAVING}, dialer9")
    )
    assert "Not reached, and left as they were: dialer9." in " ".join(done.stdout.split())
    assert cluster.floor()[LEAVING]["takes_logins"]
    # The letter of a fourth dialer's phones.
    assert not [row for row in cluster.sql("SELECT logins_list FROM phones_alias") if "d" in row[0]]
    # Nobody asked for it after all.
    cluster.playbook("playbooks/aliases.yml", "-e", "phone_aliases_confirmed=true")
    assert cluster.sql(
        f"SELECT COUNT(*) FROM phones WHERE server_ip = '{nobodys_address(cluster)}'"
    ) == [["0"]]


@pytest.mark.parametrize(("tags", "roles"), PARTS)
def test_a_part_is_run_alone_by_its_tag(cluster, tags, roles):
    done = cluster.playbook("playbooks/site.yml", "--tags", tags)
    lines = done.stdout.partition("TASKS RECAP")[0].splitlines()
    tasks = [line for line in lines if line.startswith("TASK [") and " : " in line]
    named = [line for line in tasks if "Validating arguments" not in line]
    ran = {line.partition("[")[2].partition(" :")[0].rpartition(".")[2] for line in named}
    # The checks before a run, and the package for all hosts, are always there.
    always = {"package", "dialer", "flavor_plain", "database", "database_proxy", "agents"}
    assert roles <= ran <= roles | always
    assert "changed=1" not in done.stdout


def test_a_drained_dialer_gets_no_login_until_it_is_opened_again(cluster):
    drained = cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={LEAVING}").stdout
    assert f"{LEAVING} is empty" in drained
    assert LEAVING not in {cluster.dialer_of(cluster.login(f"10{n}x")["server_ip"]) for n in
                           range(1, 8)}  # fmt: skip
    # Neither a whole run nor one for new dialers opens it.
    cluster.playbook("add-dialer.yml")
    assert not cluster.floor()[LEAVING]["takes_logins"]
    again = cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={LEAVING}").stdout
    assert "changed=0" in again
    cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={LEAVING}", "-e", "undo=true")
    assert cluster.login("109x")["server_ip"] == cluster.address(LEAVING)


def test_a_dialer_that_is_not_empty_is_waited_for_and_said_so(cluster):
    sessions = [cluster.login(f"10{n}x") for n in range(1, 4)]
    staying = next(s for s in sessions if cluster.dialer_of(s["server_ip"]) == LEAVING)
    done = cluster.playbook(
        "playbooks/drain_dialer.yml",
        "-e",
        f"dialer={LEAVING}",
        "-e",
        "drain_timeout=3",
        check=False,
    )
    assert done.returncode == 2
    left = rf"{LEAVING}: 1 agent \({staying['user']}\) left after \d+ s of 3 s"
    assert re.search(left, done.stdout), done.stdout[-3000:]
    assert "It takes no new logins" in done.stdout
    cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={LEAVING}", "-e", "undo=true")


def test_nothing_is_removed_that_nobody_confirmed(cluster):
    done = cluster.playbook("playbooks/remove_dialer.yml", "-e", f"dialer={LEAVING}", check=False)
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
        "playbooks/remove_dialer.yml", "-i", more, "-e", "dialer=dialer9 confirmed=true"
    )
    assert "dialer9 is out of service (1 phones were removed)" in " ".join(done.stdout.split())
    for table in ("servers", "phones", "server_updater", "vicidial_live_agents"):
        assert cluster.sql(f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{dead}'") == [["0"]]
    assert lists == cluster.sql("SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id")
