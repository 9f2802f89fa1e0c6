"""A dialer's daemon on a real database: what it ends and what it leaves, and that it is alone."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from evenfloor.config import DatabaseConfig
from evenfloor.daemon_store import DaemonStore, new_token
from tests import mariadb
from tests.asterisk import Asterisk
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.dialers import admit, dismiss, make_views, through_socket
from tests.mariadb import SCHEMA
from tests.waiting import PATIENCE, wait_until

PACKAGE = SCHEMA.parents[3] / "plugins/balancer"
IP = "10.1.0.1"
MANY = 50
SECOND_DAEMON = 3


class Daemon:
    """A running daemon."""

    def __init__(self, folder, server, asterisk, number: int):
        config, self._log = folder / f"dialer{number}.ini", folder / f"log{number}"
        config.write_text(
            "[database]\n"
            + "".join(f"{key} = {value}\n" for key, value in through_socket(server).items())
            + f"[dialer]\nserver_ip = {IP}\nami_port = {asterisk.port}\nring_timeout = 1\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evenfloor.dialer", "--config", str(config)],
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def stop(self) -> None:
        """Stop it as systemd does."""
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture
def asterisk():
    with Asterisk() as running:
        yield running


@pytest.fixture
def start(server, cluster, asterisk, tmp_path):
    """Start daemons of the one dialer, which has sixty free rooms, with what the role grants."""
    cluster.add_dialer(IP, free_rooms=60)
    make_views(cluster)
    admit(cluster, "localhost", IP)
    started = []

    def start() -> Daemon:
        started.append(Daemon(tmp_path, server, asterisk, len(started)))
        return started[-1]

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(PATIENCE)
    dismiss(cluster, "localhost")


def eventually(condition) -> None:
    """Wait until a condition holds, as long as a busy machine may take."""
    wait_until(condition, PATIENCE, "what the test waits for")


def in_charge(cluster: Cluster) -> str:
    """Wait until a daemon has sent a heartbeat; returns its token."""
    eventually(lambda: cluster.run("SELECT 1 FROM evenfloor_daemons WHERE beat IS NOT NULL"))
    return cluster.run("SELECT token FROM evenfloor_daemons")[0][0]


def tag_of(number: int) -> str:
    return f"S261124100000agent{number:02d}"


def talk(cluster: Cluster, asterisk: Asterisk, agents: int, age: int = 60) -> list[tuple]:
    """Have agents in a call each; returns their live-agent rows."""
    for number in range(agents):
        tag, room = tag_of(number), 8600051 + number
        asterisk.channels[tag] = (f"PJSIP/{100 + number}-{number:08x}", str(room))
        cluster.run(
            "INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, callerid,"
            " last_update_time) VALUES (%s, %s, %s, %s, %s, NOW() - INTERVAL %s SECOND)",
            (f"agent{number}", IP, room, f"PJSIP/{100 + number}", tag, age),
        )
        cluster.run(
            "UPDATE vicidial_confbridges SET extension = %s WHERE conf_exten = %s",
            (f"PJSIP/{100 + number}", room),
        )
    return list(cluster.run("SELECT * FROM vicidial_live_agents"))


def lose_rows(cluster: Cluster, tags) -> None:
    """Lose rows and rooms, as a restored backup does."""
    for tag in tags:
        cluster.run("DELETE FROM vicidial_live_agents WHERE callerid = %s", (tag,))
    cluster.run("UPDATE vicidial_confbridges SET extension = ''")


def kept(cluster: Cluster) -> int:
    return cluster.run("SELECT COALESCE(MAX(calls_kept), 0) FROM evenfloor_daemons")[0][0]


def wait_for_lists(asterisk: Asterisk, more: int) -> None:
    """Wait until the daemon has compared rows and channels some times more."""
    wanted = asterisk.lists + more
    eventually(lambda: asterisk.lists >= wanted)


# -- blast radius -------------------------------------------------------------------------


def test_when_all_rows_are_gone_no_call_ends_until_a_person_says_so(start, cluster, asterisk):
    talk(cluster, asterisk, MANY)
    daemon = start()
    wait_for_lists(asterisk, 1)
    lose_rows(cluster, map(tag_of, range(MANY)))
    eventually(lambda: kept(cluster) == MANY)
    wait_for_lists(asterisk, 2)
    assert asterisk.hung_up == [] and len(asterisk.channels) == MANY
    assert f"{MANY} calls have no row" in daemon.log
    daemon.process.send_signal(signal.SIGUSR1)
    eventually(lambda: not asterisk.channels)
    eventually(lambda: kept(cluster) == 0)


def test_nobody_is_put_beside_a_call_whose_row_is_gone(start, cluster, asterisk):
    talk(cluster, asterisk, MANY)
    start()
    wait_for_lists(asterisk, 1)
    lose_rows(cluster, map(tag_of, range(MANY)))
    eventually(lambda: kept(cluster) == MANY)
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension LIKE 'PJSIP/%'"
    eventually(lambda: cluster.run(taken) == ((MANY,),))


def restore(cluster: Cluster) -> None:
    """Note a restore, as restore.yml does."""
    cluster.run("UPDATE evenfloor_daemons SET token = '', beat = '1970-01-02', restored = 1")


def mark(cluster: Cluster) -> int:
    return cluster.run("SELECT restored FROM evenfloor_daemons")[0][0]


def test_after_a_restore_a_single_call_whose_row_is_gone_goes_on(start, cluster, asterisk):
    talk(cluster, asterisk, 2)
    daemon = start()
    wait_for_lists(asterisk, 1)
    restore(cluster)
    lose_rows(cluster, [tag_of(1)])
    eventually(lambda: mark(cluster) == 2 and kept(cluster) == 1)
    wait_for_lists(asterisk, 2)
    assert asterisk.hung_up == []
    held = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension LIKE 'PJSIP/101%'"
    assert cluster.run(held) == ((1,),)
    # Whoever takes over keeps it, too.
    daemon.process.kill()
    daemon.process.wait(PATIENCE)
    start()
    wait_for_lists(asterisk, 3)
    assert asterisk.hung_up == [] and kept(cluster) == 1
    del asterisk.channels[tag_of(1)]
    eventually(lambda: mark(cluster) == 0 and kept(cluster) == 0)


def test_after_a_restore_no_heartbeat_counts_before_the_rooms_are_compared(
    start, cluster, asterisk
):
    talk(cluster, asterisk, 1)
    start()
    in_charge(cluster)
    asterisk.lists_none = asterisk.cuts_lists = True  # nothing can be compared
    restore(cluster)
    eventually(lambda: cluster.run("SELECT token <> '' FROM evenfloor_daemons") == ((1,),))
    assert cluster.run("SELECT YEAR(beat) FROM evenfloor_daemons") == ((1970,),)
    asterisk.lists_none = asterisk.cuts_lists = False
    eventually(lambda: cluster.run("SELECT YEAR(beat) > 1970 FROM evenfloor_daemons") == ((1,),))
    assert mark(cluster) == 0 and asterisk.hung_up == []


def work(cluster: Cluster) -> tuple:
    """Return what the daemon has noted: calls, findings, connections to Asterisk and database."""
    return cluster.run(
        "SELECT calls, findings, asterisk_connections, database_connections FROM evenfloor_daemons"
    )[0]


def test_the_daemon_notes_what_it_does_for_monitoring(start, cluster, asterisk):
    talk(cluster, asterisk, 2)
    start()
    in_charge(cluster)
    eventually(lambda: work(cluster) == (2, 0, 1, 1))
    reached = cluster.run("SELECT writes_to, LEFT(@@hostname, 64) FROM evenfloor_daemons")[0]
    assert reached[0] == reached[1] != ""
    lose_rows(cluster, [tag_of(0)])
    cluster.run("UPDATE vicidial_confbridges SET extension = 'PJSIP/9' WHERE conf_exten = 8600059")
    # A call and a room that nobody lives in.
    eventually(lambda: work(cluster) == (1, 2, 1, 1))


def test_the_daemon_notes_how_busy_its_dialer_is(start, cluster, asterisk):
    talk(cluster, asterisk, 2)
    cluster.run("UPDATE servers SET cpu_idle_percent = 101")
    start()
    noted = "SELECT channels_total, sysload >= 0, cpu_idle_percent <= 100 FROM servers"
    eventually(lambda: cluster.run(noted) == ((2, 1, 1),))


def test_the_daemon_goes_on_when_the_rows_are_back(start, cluster, asterisk):
    rows = talk(cluster, asterisk, MANY)
    daemon = start()
    wait_for_lists(asterisk, 1)
    lose_rows(cluster, map(tag_of, range(MANY)))
    eventually(lambda: kept(cluster) == MANY)
    with cluster.connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO vicidial_live_agents VALUES ({places})", rows)
    eventually(lambda: kept(cluster) == 0)
    assert "no call is kept" in daemon.log
    lose_rows(cluster, [tag_of(0)])
    eventually(lambda: asterisk.hung_up == [tag_of(0)])
    assert len(cluster.run("SELECT * FROM vicidial_live_agents")) == MANY - 1


def test_a_restart_of_the_daemon_ends_no_kept_call(start, cluster, asterisk):
    talk(cluster, asterisk, MANY)
    cluster.run("DELETE FROM vicidial_live_agents")
    daemon = start()
    eventually(lambda: kept(cluster) == MANY)
    daemon.stop()
    start()
    wait_for_lists(asterisk, 3)
    assert asterisk.hung_up == [] and kept(cluster) == MANY


def test_all_agents_may_log_out_at_once(start, cluster, asterisk):
    talk(cluster, asterisk, 12)
    start()
    wait_for_lists(asterisk, 1)
    for number in range(12):
        cluster.run("DELETE FROM vicidial_live_agents WHERE callerid = %s", (tag_of(number),))
        cluster.run(
            "INSERT INTO vicidial_manager (entry_date, status, server_ip, action, callerid)"
            " VALUES (NOW() - INTERVAL 1 HOUR, 'NEW', %s, 'Hangup', %s)",
            (IP, tag_of(number)),
        )
    eventually(lambda: not asterisk.channels)
    assert kept(cluster) == 0


@pytest.mark.parametrize("cut", [True, False], ids=["cut off", "empty"])
def test_a_list_of_channels_that_lacks_them_ends_no_session(start, cluster, asterisk, cut):
    talk(cluster, asterisk, MANY)
    asterisk.lists_none, asterisk.cuts_lists = True, cut
    start()
    wait_for_lists(asterisk, 3)
    assert len(cluster.run("SELECT * FROM vicidial_live_agents")) == MANY


def test_when_asterisk_has_restarted_all_its_sessions_end(start, cluster, asterisk):
    talk(cluster, asterisk, MANY)
    start()
    wait_for_lists(asterisk, 1)
    asterisk.channels.clear()
    eventually(lambda: not cluster.run("SELECT * FROM vicidial_live_agents"))
    free = f"SELECT COUNT(*) FROM vicidial_confbridges WHERE extension = '' AND server_ip = '{IP}'"
    eventually(lambda: cluster.run(free)[0][0] >= MANY)


# -- actions, once ------------------------------------------------------------------------


def queue(cluster: Cluster, number: int) -> None:
    cluster.run(
        "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, action,"
        " callerid, cmd_line_b, cmd_line_d) VALUES ('', NOW(), 'NEW', 'N', %s, 'Originate', %s,"
        " 'Channel: PJSIP/101', 'Exten: 8600051')",
        (IP, f"S261124100000t{number:06d}"),
    )


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])
def test_an_action_is_taken_once_however_many_take(server, engine):
    """Beside VICIdial, whose engine is MyISAM, there are no views."""
    mariadb.create_database(server, DATABASE, engine)
    taken: list[list[int]] = [[] for _ in range(4)]
    with contextlib.closing(server.connect(DATABASE)) as connection:
        cluster = Cluster(connection)
        done = threading.Event()
        config = DatabaseConfig(unix_socket=server.socket, user="root", name=DATABASE)
        if engine == "InnoDB":
            make_views(cluster)
            admit(cluster, "localhost", IP)
            config = DatabaseConfig(**through_socket(server))

        def take(into: list[int]) -> None:
            store = DaemonStore(config, new_token())
            while True:
                last = done.is_set()
                found = store.take_actions(IP)
                into += [action.man_id for action in found]
                if last and not found:
                    break
            store.close()

        threads = [threading.Thread(target=take, args=(into,)) for into in taken]
        for thread in threads:
            thread.start()
        for number in range(300):
            queue(cluster, number)
        done.set()
        for thread in threads:
            thread.join(PATIENCE)
        all_taken = sorted(man_id for each in taken for man_id in each)
        assert all_taken == sorted(
            row[0] for row in cluster.run("SELECT man_id FROM vicidial_manager")
        )
        assert cluster.run("SELECT DISTINCT status FROM vicidial_manager") == (("SENT",),)
        dismiss(cluster, "localhost")


def test_what_was_claimed_and_never_read_is_taken_by_its_claimant_alone(server, cluster):
    config = DatabaseConfig(unix_socket=server.socket, user="root", name=DATABASE)
    token = new_token()
    mine, other = DaemonStore(config, token), DaemonStore(config, new_token())
    queue(cluster, 1)
    cluster.run("UPDATE vicidial_manager SET status = 'QUEUE', uniqueid = %s", (token,))
    assert other.take_actions(IP) == []
    assert len(mine.take_actions(IP)) == 1 and mine.take_actions(IP) == []
    mine.close()
    other.close()


def test_a_logout_while_the_phone_answers_is_not_lost(server, cluster):
    store = DaemonStore(DatabaseConfig(unix_socket=server.socket, user="root", name=DATABASE), "me")
    queue(cluster, 1)
    (ringing,) = store.take_actions(IP)
    cluster.run(
        "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, action,"
        " callerid) VALUES ('', NOW(), 'NEW', 'N', %s, 'Hangup', %s)",
        (IP, ringing.tag),
    )
    store.note_answered(IP, ringing.tag, "PJSIP/101-00000001")
    assert [action.action for action in store.take_actions(IP)] == ["Hangup"]
    store.close()


def test_a_second_daemon_says_that_it_is_one_and_ends(start, cluster, asterisk):
    first = start()
    in_charge(cluster)
    ((since,),) = cluster.run("SELECT started FROM evenfloor_daemons")
    second = start()
    for number in range(40):
        queue(cluster, number)
    assert second.process.wait(PATIENCE) == SECOND_DAEMON
    assert f"{IP} has another daemon, on {os.uname().nodename} since {since} UTC" in second.log
    eventually(lambda: len(asterisk.originated) == 40)
    assert len(set(asterisk.originated)) == 40
    assert first.process.poll() is None


def test_whoever_may_not_read_a_daemons_row_cannot_hold_its_lock(start, cluster):
    start()
    in_charge(cluster)
    ((secret,),) = cluster.run("SELECT charge_secret FROM evenfloor_daemons")
    assert len(secret) == 32
    held = cluster.run("SELECT IS_USED_LOCK(%s)", (f"evenfloor.daemon.{secret}",))
    assert held != ((None,),)


def test_a_row_that_was_lost_is_written_again(start, cluster):
    start()
    token = in_charge(cluster)
    cluster.run("DELETE FROM evenfloor_daemons")
    assert in_charge(cluster) == token


def test_a_datagram_is_sent_when_a_call_is_to_be_placed_or_ended(make_balancer, cluster):
    here = "127.0.0.1"
    cluster.add_dialer(here)
    cluster.add_phone("101a", here)
    cluster.add_alias("101x", "101a")
    cluster.add_campaign()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialer:
        dialer.bind((here, 0))
        dialer.settimeout(PATIENCE)
        balancer = make_balancer(wake_port=dialer.getsockname()[1])
        balancer.login("101x", "secret", "agent7", "TEST")
        dialer.recv(100)
        balancer.logout("agent7")
        dialer.recv(100)


def test_a_daemon_takes_over_at_once_from_one_that_was_killed(start, cluster):
    first = start()
    before = in_charge(cluster)
    first.process.kill()
    first.process.wait(PATIENCE)
    second = start()
    eventually(lambda: in_charge(cluster) != before)
    assert second.process.poll() is None


def test_a_frozen_daemon_loses_its_place_and_ends_when_it_wakes_up(start, cluster):
    frozen = start()
    before = in_charge(cluster)
    frozen.process.send_signal(signal.SIGSTOP)
    second = start()
    eventually(lambda: in_charge(cluster) != before)
    frozen.process.send_signal(signal.SIGCONT)
    assert frozen.process.wait(PATIENCE) == SECOND_DAEMON
    assert second.process.poll() is None


def test_a_daemon_stays_in_charge_when_its_connections_break(start, server, cluster):
    daemon = start()
    in_charge(cluster)
    before = cluster.run("SELECT token, started FROM evenfloor_daemons")
    for connection, *_more in cluster.run("SHOW PROCESSLIST"):
        if connection != cluster.connection.thread_id():
            with contextlib.suppress(Exception):
                cluster.run(f"KILL {connection}")
    cluster.run("UPDATE evenfloor_daemons SET beat = NULL")
    eventually(lambda: cluster.run("SELECT beat FROM evenfloor_daemons")[0][0] is not None)
    assert cluster.run("SELECT token, started FROM evenfloor_daemons") == before
    assert daemon.process.poll() is None


def test_a_call_that_asterisk_swallows_does_not_count_for_ever(
    start, make_balancer, cluster, asterisk
):
    asterisk.swallows = True
    cluster.add_phone("101a", IP)
    cluster.add_alias("101x", "101a")
    cluster.add_campaign()
    start()
    in_charge(cluster)
    make_balancer().login("101x", "secret", "agent7", "TEST")
    eventually(lambda: len(asterisk.originated) == 1)
    eventually(lambda: not cluster.run("SELECT * FROM vicidial_live_agents"))
    taken = "SELECT COUNT(*) FROM vicidial_confbridges WHERE extension LIKE 'PJSIP/%'"
    eventually(lambda: cluster.run(taken) == ((0,),))
