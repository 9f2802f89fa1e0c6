"""New secrets for every host, and new passwords for agents, while agents talk and log in."""

from __future__ import annotations

import pytest

from lab.cluster import HttpRefusal
from tests.killed_run import run_and_kill_at, some_of
from tests.logins import Logins
from tests.state import STAYS, wait_until_settled
from tests.waiting import PATIENCE
from tests.watcher import Watcher

TALKING = ["101x", "102x", "103x"]
#: On the other seat, so that its softphone has other calls.
LOGGING_IN = ["105x", "106x"]
DATABASE, AMI = "/etc/evenfloor/database.secret", "/etc/evenfloor/ami.secret"
PROVISIONING = "/etc/evenfloor/provisioning.secret"
OPERATOR, SESSION = "/etc/evenfloor/operator.secret", "/etc/evenfloor/session.secret"
METRICS = "/etc/evenfloor/metrics.secret"
SERVICES = {
    "login": ["evenfloor-login"],
    "dialers": ["evenfloor-dialer", "asterisk"],
    "seats": ["evenfloor-softphone"],
}
#: Where a run can be killed: a part of the task's headline.
STEPS = [
    "rotation : Make the new secret",
    "rotation : Let the database accept it too",
    "rotation : Write it into the files",
    "login_service : Reload the login service",
    "dialer : Let Asterisk read the manager interface",
    "dialer : Let the daemon read both",
    "rotation : Let the database accept nothing else",
    "rotation : Note that the rotation is finished",
]
#: Tries a password from the host itself, with its own configuration; it is read from the input.
TRY_DATABASE = """{home}/venv/bin/python -c '
import sys, pymysql
from evenfloor.config import load
where = load().database
try:
    pymysql.connect(host=where.host, port=where.port, user=where.user,
                    password=sys.stdin.readline().strip()).close()
    print("in")
except pymysql.err.OperationalError as error:
    print("denied" if error.args[0] == 1045 else error)
'"""
TRY_PROVISIONING = """python3 -c '
import sys, pymysql
try:
    pymysql.connect(read_default_file="/etc/evenfloor/provisioning.cnf",
                    password=sys.stdin.readline().strip()).close()
    print("in")
except pymysql.err.OperationalError as error:
    print("denied" if error.args[0] == 1045 else error)
'"""
TRY_AMI = """python3 -c '
import socket, sys
secret = sys.stdin.readline().strip()
connection = socket.create_connection(("127.0.0.1", 5038), 60)
for line in ("Action: Login", "Username: evenfloor", f"Secret: {secret}", ""):
    connection.sendall(f"{line}\\r\\n".encode())
answer = b""
while b"Message: Auth" not in answer:
    part = connection.recv(1000)
    if not part:
        break
    answer += part
print("in" if b"Authentication accepted" in answer else "denied")
'"""

TRY_OPERATOR = """python3 -c '
import sys, urllib.error, urllib.request
token = sys.stdin.readline().strip()
# Through a proxy, it is not the host itself.
headers = {"Authorization": f"Bearer {token}", "X-Real-IP": "192.0.2.1"}
try:
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/metrics", headers=headers))
    print("in")
except urllib.error.HTTPError as error:
    print("denied" if error.code == 403 else error)
'"""


def secrets_of(cluster) -> dict[tuple[str, str], str]:
    """Read every secret, by host and file."""
    places = [(host, PROVISIONING) for host in cluster.groups["database"]]
    places += [(host, DATABASE) for host in [*cluster.groups["login"], *cluster.dialers]]
    places += [(host, AMI) for host in cluster.dialers]
    places += [(host, path) for host in cluster.groups["login"]
               for path in (OPERATOR, SESSION, METRICS)]  # fmt: skip
    return {(host, path): cluster.run(host, f"cat {path}").strip() for host, path in places}


def tried(secrets: dict) -> list:
    """List what lets somebody in by itself; what sessions are signed with doesn't."""
    return [(place, secret) for place, secret in secrets.items() if place[1] != SESSION]


def lets_in(cluster, host: str, path: str, secret: str) -> str:
    """Try a secret where it belongs; returns `in` or `denied`."""
    ways = {DATABASE: TRY_DATABASE.replace("{home}", "/opt/evenfloor"), AMI: TRY_AMI,
            PROVISIONING: TRY_PROVISIONING, OPERATOR: TRY_OPERATOR,
            METRICS: TRY_OPERATOR}  # fmt: skip
    return cluster.run(host, f"echo {secret} | {ways[path]}").strip()


def processes(cluster) -> dict[tuple[str, str], str]:
    """Return the main process of every service."""
    return {
        (host, name): cluster.run(host, f"systemctl show --property MainPID --value {name}").strip()
        for group, names in SERVICES.items()
        for host in cluster.groups[group]
        for name in names
    }


def unchanged(output: str) -> bool:
    """Whether a run has changed nothing on any host."""
    recap = output.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    return recap.count("changed=0") == recap.count("ok=") > 0


@pytest.fixture(scope="module")
def rotated(cluster):
    """Rotate every secret, killed at some steps, while agents talk and log in."""
    cluster.logout_everybody()
    cluster.playbook("playbooks/site.yml")
    for alias in TALKING:
        cluster.wait_for_call(cluster.login(alias))
    seen = {"old": secrets_of(cluster), "processes": processes(cluster)}
    dialers = list(cluster.dialers)
    watcher = Watcher(cluster, dialers, cluster.registered(dialers[0]))
    # Their calls come and go, so only those of before are watched.
    logins = Logins(cluster, LOGGING_IN)
    watcher.start()
    logins.start()
    seen["ended"] = [
        run_and_kill_at(cluster, "playbooks/rotate_secrets.yml", step) for step in some_of(STEPS, 2)
    ]
    seen["output"] = cluster.playbook("playbooks/rotate_secrets.yml", "--diff").stdout
    logins.stop()
    watcher.stop()
    yield {**seen, "new": secrets_of(cluster), "logins": logins, "watcher": watcher}
    cluster.logout_everybody()


def test_every_run_but_the_last_was_killed(rotated):
    assert [ended for ended in rotated["ended"] if ended] == []


def test_no_login_failed_meanwhile(rotated):
    assert rotated["logins"].done > 20
    assert rotated["logins"].failures == []


def test_no_call_ended_and_no_registration_lapsed_meanwhile(rotated):
    assert rotated["watcher"].looks > 10
    assert rotated["watcher"].lapses == []


def test_nothing_was_restarted(cluster, rotated):
    assert processes(cluster) == rotated["processes"]


def test_every_secret_is_new_and_works(cluster, rotated):
    old, new = rotated["old"], rotated["new"]
    assert [place for place in old if old[place] == new[place]] == []
    assert len(set(new.values())) == len(new)
    assert {lets_in(cluster, *place, secret) for place, secret in tried(new)} == {"in"}


def test_every_secret_of_before_is_refused(cluster, rotated):
    assert {lets_in(cluster, *place, secret) for place, secret in tried(rotated["old"])} == {
        "denied"
    }


def test_no_rotation_is_left_unfinished(cluster, rotated):
    for host in {host for host, _path in rotated["new"]}:
        assert cluster.run(host, "find /etc/evenfloor -name '*.next'") == ""


def test_no_secret_was_printed(rotated):
    secrets = {*rotated["old"].values(), *rotated["new"].values()}
    assert [secret for secret in secrets if secret in rotated["output"]] == []


def test_site_yml_changes_nothing_afterwards_and_restarts_nothing(cluster, rotated):
    assert unchanged(cluster.playbook("playbooks/site.yml").stdout)
    assert processes(cluster) == rotated["processes"]


def test_every_part_comes_in_again_with_its_new_secret(cluster, rotated):
    cluster.logout_everybody()
    cluster.run("db1", "systemctl restart mariadb")
    for dialer in cluster.dialers:
        cluster.run(dialer, "systemctl restart asterisk")
    wait_until_settled(cluster, STAYS)
    cluster.wait_for_call(cluster.login(TALKING[0]))


def test_one_host_can_be_done_alone(cluster, rotated):
    before = secrets_of(cluster)
    cluster.playbook("playbooks/rotate_secrets.yml", "--limit", "dialer2")
    after = secrets_of(cluster)
    assert {host for host, path in before if before[host, path] != after[host, path]} == {"dialer2"}


def test_a_check_changes_no_secret(cluster, rotated):
    before = secrets_of(cluster)
    cluster.playbook("playbooks/rotate_secrets.yml", "--check", "--diff")
    assert secrets_of(cluster) == before


# Agents' passwords


def passwords_of(cluster) -> dict[str, list[str]]:
    rows = cluster.sql("SELECT login, pass, conf_secret FROM phones")
    return {login: words for login, *words in rows}


@pytest.fixture(scope="module")
def renewed(cluster, rotated):
    """Give two aliases new passwords, one of them in a call."""
    cluster.logout_everybody()
    wait_until_settled(cluster)
    session = cluster.login("101x")
    call = cluster.wait_for_call(session)
    before = passwords_of(cluster)
    done = cluster.playbook(
        "playbooks/rotate_passwords.yml", "--diff", "-e", "aliases=101x,105", "-e", "confirmed=true"
    )
    yield {"session": session, "call": call, "before": before, "after": passwords_of(cluster),
           "output": done.stdout}  # fmt: skip
    cluster.logout_everybody()


def test_all_phones_of_these_aliases_and_no_others_have_new_passwords(renewed):
    before, after = renewed["before"], renewed["after"]
    changed = {login for login in before if before[login] != after[login]}
    assert changed == {login for login in before if login.startswith(("101", "105"))}
    for extension in ("101", "105"):
        assert len({tuple(after[login]) for login in changed if login.startswith(extension)}) == 1


def test_the_call_goes_on_and_its_phone_is_named(cluster, renewed):
    dialer = cluster.dialer_of(renewed["session"]["server_ip"])
    now = cluster.calls(dialer)["101"]
    assert now.channel == renewed["call"].channel and now.seconds >= renewed["call"].seconds
    said = " ".join(renewed["output"].split())
    assert f"until it ends: sip:101@{renewed['session']['server_ip']}." in said


def test_the_other_phones_register_with_their_new_passwords(cluster, renewed):
    there = renewed["session"]["server_ip"]
    for dialer in cluster.dialers:
        wanted = {"105"} if cluster.address(dialer) == there else {"101", "105"}
        cluster.wait_until(
            lambda dialer=dialer, wanted=wanted: wanted <= set(cluster.registered(dialer)),
            PATIENCE,
            f"{wanted} are registered on {dialer}",
        )


def test_the_old_login_password_is_refused_and_the_new_one_is_not(cluster, renewed):
    with pytest.raises(HttpRefusal, match="401"):
        cluster.login("105x", password=renewed["before"]["105a"][0])
    cluster.wait_for_call(cluster.login("105x", password=renewed["after"]["105a"][0]))


def test_no_password_was_printed(renewed):
    words = {word for kept in (renewed["before"], renewed["after"]) for both in kept.values()
             for word in both}  # fmt: skip
    assert [word for word in words if word in renewed["output"]] == []


def test_the_phone_in_the_call_follows_when_the_call_has_ended(cluster, renewed):
    cluster.logout_everybody()
    cluster.playbook("playbooks/aliases.yml")
    wait_until_settled(cluster)
    assert cluster.run("seat1", "find /etc/baresip -name '*.waiting'") == ""
    # What a softphone has now is what it would have after a start.
    cluster.run("seat1", "systemctl restart evenfloor-softphone")
    wait_until_settled(cluster)
    assert unchanged(cluster.playbook("playbooks/aliases.yml").stdout)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-e", "aliases=101y"], "'101y' is neither an alias nor an extension"),
        (["-e", "aliases=101x"], "Nothing has been changed. Type yes when asked"),
        ([], "names no alias"),
    ],
)
def test_what_nobody_named_or_confirmed_stays(cluster, renewed, words, message):
    before = passwords_of(cluster)
    done = cluster.playbook("playbooks/rotate_passwords.yml", *words, check=False)
    assert done.returncode == 2 and message in " ".join(done.stdout.split())
    assert passwords_of(cluster) == before
