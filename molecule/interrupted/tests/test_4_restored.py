"""The database is lost while agents talk, and built again of a backup by a run that is killed."""

import re
from pathlib import Path

import pytest

from tests.doctor import doctor
from tests.killed_run import run_and_kill_at
from tests.waiting import PATIENCE

DATABASE, FOLDER = "db1", "/var/backups/evenfloor"
#: What phones and agents know.
KNOWN = (
    "SELECT login, extension, server_ip, pass, conf_secret FROM phones ORDER BY login",
    "SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id",
)
#: An order to call the phone 103 that nobody has carried out when the backup is made.
STALE = (
    "INSERT INTO vicidial_manager (entry_date, status, response, server_ip, action, callerid,"
    " cmd_line_b, cmd_line_c, cmd_line_d) SELECT NOW(), 'NEW', 'N', '{ip}',"
    " 'Originate', 'S261130000000restore', 'Channel: PJSIP/103', 'Context: default',"
    " 'Exten: 8600290'"
)
STEP = "backup : Put the backup in the place"


def backups(cluster) -> list[str]:
    """The complete backups on the database host, the oldest first."""
    return cluster.run(DATABASE, f"ls {FOLDER}").split()


def restore(cluster, file, *words) -> str:
    """Try to restore a file; returns what the playbook printed, on one line."""
    done = cluster.playbook(
        "playbooks/restore.yml", "-e", f"backup={file}", "-e", "confirmed=true", *words, check=False
    )
    return " ".join((done.stdout + done.stderr).split())


def refusal(cluster, file, *words) -> str:
    """Try to restore a file, which fails and leaves the folder empty; returns why."""
    said = restore(cluster, file, *words)
    assert "failed=1" in said
    assert cluster.run(DATABASE, "ls -A /var/lib/mysql") == ""
    return said


def new_key(cluster, path: Path) -> str:
    """Make a key for backups in a file here; returns the public one."""
    path.write_text(cluster.run(DATABASE, "age-keygen 2> /dev/null"))
    return re.search("public key: (age1[0-9a-z]+)", path.read_text()).group(1)


@pytest.fixture(scope="module")
def lost(cluster, tmp_path_factory):
    """Lose the database after backups, with a call that is in the backup and one that isn't."""
    here = tmp_path_factory.mktemp("backup")
    cluster.run(DATABASE, "apt-get install --yes --quiet age")
    public = new_key(cluster, here / "key")
    new_key(cluster, here / "wrong")
    cluster.logout_everybody()
    known = [cluster.sql(query) for query in KNOWN]
    early = cluster.login("101x")
    calls = {early["server_ip"]: cluster.wait_for_call(early)}

    other = next(name for name in cluster.dialers if cluster.address(name) not in calls)
    cluster.run(other, "systemctl stop evenfloor-dialer")
    cluster.sql(STALE.format(ip=cluster.address(other)))
    settings = ("-e", f"backup_key={public}", "-e", "backup_keep=2", "-e", f"backup_fetch={here}")
    made = cluster.playbook("playbooks/backup.yml", *settings).stdout
    (file,) = here.glob("evenfloor-*")
    cluster.sql("DELETE FROM vicidial_manager WHERE callerid LIKE '%restore'")
    cluster.run(other, "systemctl start evenfloor-dialer")

    cluster.wait_until(
        lambda: cluster.floor()[other]["takes_logins"], PATIENCE, "the other dialer is back"
    )
    late = cluster.login("102x")
    assert late["server_ip"] == cluster.address(other)
    calls[late["server_ip"]] = cluster.wait_for_call(late)
    refused = restore(cluster, file)
    for _again in range(2):
        cluster.run(DATABASE, "sleep 1; systemctl start evenfloor-backup")
    kept = backups(cluster)
    # What the hosts have is newer than what the backup knows.
    cluster.playbook("playbooks/rotate_secrets.yml", "--tags", "database,login")
    cluster.run(DATABASE, "systemctl stop mariadb; find /var/lib/mysql -mindepth 1 -delete")
    return {"here": here, "file": file, "known": known, "calls": calls, "late": other,
            "made": made, "refused": refused, "kept": kept}  # fmt: skip


def test_a_backup_says_what_it_is_and_the_oldest_make_room(lost):
    assert re.search(rf"db1: backup: {FOLDER}/{lost['file'].name}, .*, encrypted, made in \d+ s",
                     " ".join(lost["made"].split()))  # fmt: skip
    assert lost["file"].stat().st_mode & 0o777 == 0o600
    assert len(lost["kept"]) == 2 and lost["kept"] == sorted(lost["kept"])
    assert lost["file"].name < lost["kept"][0]


def test_nothing_is_restored_where_there_is_a_database(lost):
    assert "db1 isn't empty: it has a database asterisk" in lost["refused"]
    assert "8 phones, 2 agents logged in" in lost["refused"]


def test_what_cannot_be_read_is_refused_before_anything_is_touched(cluster, lost):
    file, key = lost["file"], f"backup_identity={lost['here'] / 'key'}"
    assert "it is encrypted; say with -e backup_identity" in refusal(cluster, file)
    wrong = refusal(cluster, file, "-e", f"backup_identity={lost['here'] / 'wrong'}")
    assert "the key that backup_identity names doesn't open it" in wrong
    half = lost["here"] / "half"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert "half: it is damaged or incomplete" in refusal(cluster, half, "-e", key)


def test_after_a_restore_phones_are_as_they_were_and_every_call_goes_on(cluster, lost):
    words = ("-e", f"backup={lost['file']}", "-e", "confirmed=true",
             "-e", f"backup_identity={lost['here'] / 'key'}")  # fmt: skip
    assert run_and_kill_at(cluster, "playbooks/restore.yml", STEP, *words) == ""
    cluster.playbook("playbooks/restore.yml", *words)
    cluster.playbook("playbooks/site.yml")
    assert [cluster.sql(query) for query in KNOWN] == lost["known"]
    assert cluster.sql("SELECT user FROM vicidial_live_agents") == [["agent101x"]]
    cluster.wait_until(
        lambda: doctor(cluster) == {("calls_kept", "", lost["late"])},
        PATIENCE, "only the call that the backup lacks is without a row",
    )  # fmt: skip
    for address, before in lost["calls"].items():
        now = cluster.calls(cluster.dialer_of(address))
        (call,) = now.values()
        assert call.channel == before.channel and call.seconds > before.seconds
    # The room of the call that has no row is not free.
    session = cluster.login("103x")
    assert session["server_ip"] == cluster.address(lost["late"])
    cluster.wait_for_call(session)
    rooms = {call.room for call in cluster.calls(lost["late"]).values()}
    assert len(rooms) == 2


def test_a_call_whose_row_is_lost_ends_when_a_person_says_so(cluster, lost):
    cluster.run(lost["late"], "systemctl kill --kill-who=main --signal=USR1 evenfloor-dialer")
    cluster.wait_until(lambda: doctor(cluster) == set(), PATIENCE, "nothing is wrong")
    assert list(cluster.calls(lost["late"])) == ["103"]
    files = cluster.run(DATABASE, "ls -A /var/tmp /run | grep evenfloor-restore || true")
    assert files.split() == ["evenfloor-restore.lock"]


def test_a_backup_that_nobody_made_is_found(cluster, lost):
    cluster.playbook("playbooks/backup.yml", "-e", "backup_time=daily")
    assert cluster.run(DATABASE, "systemctl is-active evenfloor-backup.timer").strip() == "active"
    assert doctor(cluster) == set()
    timer = "/etc/systemd/system/evenfloor-backup.timer"
    cluster.run(DATABASE, f"touch --date='2 days ago' {FOLDER}/evenfloor-*")
    # The first backup of a new timer isn't due yet.
    assert doctor(cluster) == set()
    cluster.run(DATABASE, f"touch --date='2 days ago' {timer}")
    assert doctor(cluster) == {("backup_overdue", "", DATABASE)}
    # Without a time, nothing is due.
    cluster.playbook("playbooks/backup.yml")
    assert doctor(cluster) == set()
