"""A bare host becomes a dialer by the role, and a login there rings, whatever has just happened.

Asterisk and the softphone are real. VICIdial's duties on the dialer are done by the programs in
``files/source``.
"""

import subprocess

import pytest

from lab.cluster import PLAIN, ROOT
from tests.killed_run import run_and_kill_at
from tests.waiting import PATIENCE

NEW, NEW_IP = "dialer6", "10.95.0.36"
SEATED, WITHOUT_A_SEAT = 1001, 1100
INVENTORY = f"""---
dialers:
  hosts:
    dialer1:
      vicidial_keepalives: "12345679C"
    {NEW}:
      vicidial_source: {ROOT}/molecule/vicidial/files/source
      phone_networks: [10.95.0.51/32]
seats:
  hosts:
    seat1:
      softphone_extensions: ["{SEATED}"]
"""
#: The run is killed in the middle of the role, and when it has done all that it can do.
ENDPOINTS = "vicidial_dialer : Wait until Asterisk has the endpoint of every phone"
KILLED_AT = ["vicidial_dialer : Run the installer", ENDPOINTS]
HOLD = "/run/keepalive.hold"
KEEPALIVE = (
    "PERL5LIB=/usr/share/astguiclient/libs"
    " setsid /usr/share/astguiclient/ADMIN_keepalive_ALL.pl > /dev/null 2>&1 < /dev/null &"
)
#: Who is answered on which TCP port of the dialer.
ANSWERED = [("seat1", 5060), (NEW, 4577)]
OF_THE_DIALER = f"WHERE server_ip = '{NEW_IP}'"
STATE = (
    "SELECT s.rebuild_conf_files, u.last_update > NOW() - INTERVAL 15 SECOND,"
    " d.opened IS NOT NULL, s.active_agent_login_server FROM servers s"
    " JOIN server_updater u USING (server_ip)"
    " LEFT JOIN evenfloor_dialers d ON CONVERT(d.server_ip USING utf8) = s.server_ip"
    f" WHERE s.server_ip = '{NEW_IP}'"
)
WRITTEN_BUT_NOT_READY = [["N", "1", "0", "N"]]


def landed(page: str) -> str:
    """Return the address of the dialer on which a page has logged somebody in."""
    return page.partition("logged in on [")[2].partition("]")[0]


class Added:
    """Adds the dialer, interrupted twice.

    Attributes:
        killed: at which steps the run was killed.
        landed: where agents were logged in after each kill.
        waited: what the database said of the dialer while the last run waited for its endpoints.
        output: what the last run printed.
    """

    def __init__(self, cluster):
        self._cluster = cluster
        self.killed, self.landed, self.waited, self.output = [], [], [], ""

    def interrupted(self) -> None:
        """Add it, killed at each step."""
        for step in KILLED_AT:
            ended = run_and_kill_at(self._cluster, "add-dialer.yml", step)
            self.killed.append(f"{step}: {ended}" if ended else step)
            self.landed.append(landed(self._cluster.log_in(SEATED)))

    def finished(self) -> None:
        """Run it again; VICIdial's files come only when the run waits for them."""
        words = ["ansible-playbook", "-i", str(self._cluster.inventory), "add-dialer.yml"]
        with subprocess.Popen(
            words,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=PLAIN,
        ) as process:
            step = ""
            for line in process.stdout:
                self.output += line
                step = line if line.startswith("TASK [") else step
                if ENDPOINTS in step and "RETRYING" in line and not self.waited:
                    self.waited = self._cluster.sql(STATE)
                    self._cluster.run(NEW, f"rm {HOLD}")


@pytest.fixture(scope="module")
def added(cluster):
    file = cluster.inventory / "new.yml"
    file.write_text(INVENTORY)
    cluster.reload()
    cluster.run(NEW, f"touch {HOLD}")
    # Its softphone is registered elsewhere, so it is awaited on the new dialer.
    registered = f"SET peer_status = '%s' WHERE extension = {SEATED} AND server_ip = '10.95.0.31'"
    cluster.sql(f"UPDATE phones {registered % 'REACHABLE'}")
    adding = Added(cluster)
    adding.interrupted()
    # Without waiting for cron: the flag falls, the heartbeats begin, and files are still missing.
    cluster.run(NEW, KEEPALIVE)
    fallen = f"SELECT rebuild_conf_files FROM servers {OF_THE_DIALER}"
    cluster.wait_until(lambda: cluster.sql(fallen) == [["N"]], PATIENCE, "the flag falls")
    adding.finished()
    yield adding
    cluster.sql(f"UPDATE phones {registered % 'UNKNOWN'}")
    file.unlink()
    cluster.reload()


def ring(cluster) -> None:
    """Log the seated agent in, and see the phone talk in the room of the live-agent row."""
    assert landed(cluster.log_in(SEATED)) == NEW_IP
    ((room,),) = cluster.sql("SELECT conf_exten FROM vicidial_live_agents")

    def talks() -> bool:
        call = cluster.calls(NEW).get(str(SEATED))
        return call is not None and call.room == room

    cluster.wait_until(talks, PATIENCE, f"{SEATED} talks in {room}")
    cluster.asterisk(NEW, "channel request hangup all")
    cluster.wait_until(lambda: not cluster.calls(NEW), PATIENCE, "the call ends")


def test_it_was_killed_and_no_login_landed_on_what_was_half_made(added):
    assert added.killed == KILLED_AT
    assert NEW_IP not in added.landed and "" not in added.landed


def test_it_stays_closed_until_its_endpoints_are_there(cluster, added):
    """VICIdial clears the rebuild flag before it writes the files, and heartbeats come by then."""
    assert added.waited == WRITTEN_BUT_NOT_READY
    assert cluster.sql(STATE) == [["N", "1", "1", "Y"]], added.output[-3000:]


def test_the_run_that_finishes_it_changes_nothing_that_was_done(added):
    recap = added.output.partition("PLAY RECAP")[2]
    (line,) = [line for line in recap.splitlines() if line.startswith(NEW)]
    assert "changed=0 " in line
    assert "registration1001" not in added.output


def test_its_manager_interface_is_its_own(cluster, added):
    assert cluster.run(NEW, "ss -ltnH 'sport = 5038'").split()[3] == "127.0.0.1:5038"
    ((secret,),) = cluster.sql(f"SELECT ASTmgrSECRET FROM servers {OF_THE_DIALER}")
    assert len(secret) == 20
    assert cluster.run(NEW, "grep -c 1234 /etc/asterisk/manager.conf", check=False) == "0\n"
    assert cluster.run(NEW, "stat -c '%a %U' /etc/asterisk") == "750 asterisk\n"


def test_its_filter_guards_the_ports_that_vicidial_opens_to_everybody(cluster, added):
    def answers(host, port):
        """Whether a host gets an answer, if only that nobody listens."""
        knock = f"timeout {{}} bash -c '< /dev/tcp/{NEW_IP}/{port}' 2> /dev/null; echo $?"
        patience = PATIENCE if (host, port) in ANSWERED else 2
        return cluster.run(host, knock.format(patience)) == "1\n"

    asked = [("seat1", 5060), ("web1", 5060), ("seat1", 4577), (NEW, 4577)]
    assert [place for place in asked if answers(*place)] == ANSWERED


def test_it_sees_which_of_its_programs_run_where_ps_cuts_their_names_off(cluster, added):
    programs = "/usr/share/astguiclient/*.pl"
    assert cluster.run(NEW, f"grep -l '%p %a' {programs}", check=False) == ""
    assert cluster.run(NEW, f"grep -l 'ps -o pid,args --no-headers' {programs}") != ""


def test_a_login_right_after_it_was_added_rings(cluster, added):
    ring(cluster)


def test_the_dialer_notes_registrations_so_they_are_looked_at_and_a_web_phones_are_not(
    cluster, added
):
    assert landed(cluster.log_in(WITHOUT_A_SEAT)) != NEW_IP
    phone = f"is_webphone = '%s' WHERE extension = {WITHOUT_A_SEAT}"
    cluster.sql(f"UPDATE phones SET {phone % 'Y'}; DELETE FROM vicidial_live_agents")
    try:
        assert landed(cluster.log_in(WITHOUT_A_SEAT)) == NEW_IP
    finally:
        cluster.sql(f"UPDATE phones SET {phone % 'N'}")


def test_site_brings_it_in_line_again_and_touches_nothing_else(cluster, added):
    cluster.run(NEW, "rm /etc/cron.d/evenfloor-vicidial")
    done = cluster.playbook("playbooks/site.yml", "--tags", "dialers")
    recap = done.stdout.partition("PLAY RECAP")[2]
    (line,) = [line for line in recap.splitlines() if line.startswith(NEW)]
    assert "changed=1 " in line
    cluster.run(NEW, "test -s /etc/cron.d/evenfloor-vicidial")


def test_after_a_crash_it_settles_although_its_phones_seem_to_be_registered(cluster, added):
    noted = f"SELECT {{}} FROM evenfloor_heartbeats {OF_THE_DIALER}"
    cluster.run(NEW, "systemctl kill --signal KILL asterisk; systemctl stop asterisk")
    cluster.wait_until(
        lambda: cluster.sql(noted.format("is_late")) == [["1"]], PATIENCE, "its heartbeat is late"
    )
    # Nobody has reset what VICIdial had noted.
    status = f"SELECT peer_status FROM phones {OF_THE_DIALER} AND extension = {SEATED}"
    assert cluster.sql(status) == [["REACHABLE"]]
    cluster.run(NEW, "systemctl start asterisk")
    cluster.wait_until(
        lambda: cluster.sql(noted.format("is_late")) == [["0"]], PATIENCE, "and comes back"
    )
    assert landed(cluster.log_in(SEATED)) not in (NEW_IP, "")
    # So much later, its phones have had time.
    cluster.wait_until(
        lambda: "Avail" in cluster.asterisk(NEW, "pjsip show contacts"),
        PATIENCE,
        "the phone answers",
    )
    cluster.sql(
        "DELETE FROM vicidial_live_agents; UPDATE evenfloor_heartbeats"
        f" SET back_since = back_since - INTERVAL 1 HOUR {OF_THE_DIALER}"
    )
    ring(cluster)


def test_its_console_is_there_again_after_the_crash(cluster, added):
    """VICIdial's reloads are typed into it."""
    cluster.wait_until(
        lambda: "asterisk" in cluster.run(NEW, "screen -ls", check=False),
        PATIENCE,
        "root's screen with the console",
    )


def test_after_a_restart_of_the_database_agents_are_logged_in_where_heartbeats_were(cluster, added):
    # Its keepalive would write its row.
    cluster.run(NEW, "systemctl stop cron")
    try:
        cluster.run("db1", "systemctl restart mariadb")
        assert cluster.sql("SELECT * FROM server_updater") == []
        page = cluster.log_in(WITHOUT_A_SEAT)
        assert "own choice: no" in page and landed(page).startswith("10.95.0.")
        detail = "SELECT detail FROM evenfloor_decisions ORDER BY decision_id DESC LIMIT 1"
        assert "by the last known heartbeat" in cluster.sql(detail)[0][0]
    finally:
        cluster.restore_heartbeats()
        cluster.run(NEW, "systemctl start cron")


def test_removed_nothing_of_it_runs_any_more(cluster, added):
    cluster.playbook("playbooks/remove_dialer.yml", "-e", f"dialer={NEW} confirmed=true")
    running = "pgrep -fc '^/[a-z/]+ /usr/share/astguiclient/'"
    assert cluster.run(NEW, running, check=False) == "0\n"
    for unit in ("asterisk", "evenfloor-vicidial-console"):
        state = cluster.run(
            NEW, f"systemctl is-active {unit}; systemctl is-enabled {unit}", check=False
        )
        assert state == "inactive\ndisabled\n", unit
    assert cluster.run(NEW, "nft list tables") == ""
    assert cluster.sql(f"SELECT user FROM mysql.user WHERE host = '{NEW_IP}'") == []
    for table in ("servers", "phones", "vicidial_confbridges", "server_updater"):
        assert cluster.sql(f"SELECT COUNT(*) FROM {table} {OF_THE_DIALER}") == [["0"]], table
    assert NEW_IP not in cluster.run("seat1", "cat /etc/baresip/accounts")
