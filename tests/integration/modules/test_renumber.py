"""The module renumber: every row of a dialer gets the new address, whatever happens on the way."""

import multiprocessing
import os
import signal
from types import SimpleNamespace

import pymysql
import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import renumbering
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import flavor_of
from ansible_collections.evenfloor.cluster.plugins.modules.renumber import STEPS, renumber

from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.modules import guest
from tests.integration.modules.floor import ENGINES, everything, takes_logins, use_engine

OLD, NEW, OTHER, THIRD = "10.1.0.1", "10.1.0.77", "10.1.0.2", "10.1.0.88"
ME, NEIGHBOUR = "d1", "d2"
#: More writes than the three steps have.
MOST_WRITES = 80
NOTES = "SELECT server_id, former_ip, server_ip, reopen FROM evenfloor_renumbering"


def fill(cluster):
    """Two dialers with everything that a dialer can have, as if nobody's clock went on."""
    cluster.add_even_floor(dialers=2, aliases=3)
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE'")
    cluster.run("UPDATE server_updater SET last_update = '2026-01-02'")
    cluster.run("UPDATE evenfloor_dialers SET opened = '2026-01-02', max_agents = 7")
    cluster.run("UPDATE servers SET external_server_ip = server_ip")
    cluster.run("UPDATE servers SET active_twin_server_ip = %s WHERE server_id = 'd2'", (OLD,))
    for server_ip in (OLD, OTHER):
        cluster.run("INSERT INTO evenfloor_weights VALUES (%s, 1.5)", (server_ip,))
        cluster.run("INSERT INTO evenfloor_removed (kind, name, server_ip, removed, row_there)"
                    " VALUES ('phone', '101', %s, '2026-01-02', '{}')", (server_ip,))  # fmt: skip
        cluster.run("INSERT INTO vicidial_manager (server_ip, entry_date, status)"
                    " VALUES (%s, '2026-01-02', 'NEW')", (server_ip,))  # fmt: skip


@pytest.fixture
def floor(modules, cluster):
    fill(cluster)
    return modules


def step(modules, name, server_ip=NEW, check=False, **more):
    return modules.run("renumber", check, server_id=ME, server_ip=server_ip, step=name, **more)


def whole(modules, server_ip=NEW):
    return [step(modules, name, server_ip) for name in STEPS]


def replaced(tables: dict, old: str, new: str) -> dict:
    """Return the rows with another address, as a run should leave them."""
    return {
        table: sorted((tuple(new if value == old else value for value in row) for row in rows),
                      key=repr)
        for table, rows in tables.items()
    }  # fmt: skip


def seen_afresh(cluster, server_ip):
    """Forget what was seen of a dialer, as a run does."""
    cluster.run("UPDATE phones SET peer_status = 'UNKNOWN' WHERE server_ip = %s", (server_ip,))
    cluster.run("UPDATE server_updater SET last_update = NULL WHERE server_ip = %s", (server_ip,))


# What a run does


@ENGINES
def test_every_row_of_the_dialer_and_no_other_has_the_new_address(modules, cluster, server, engine):
    use_engine(cluster, server, engine)
    fill(cluster)
    before = everything(cluster)
    closed, moved, finished = whole(modules)
    after = everything(cluster)
    seen_afresh(cluster, NEW)
    assert after == everything(cluster)
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE'")
    cluster.run("UPDATE server_updater SET last_update = '2026-01-02'")
    assert everything(cluster) == replaced(before, OLD, NEW)
    assert closed["needed"] and closed["former"] == [OLD] and closed["reopen"]
    assert moved["rows"]["phones"] == 3 and moved["rows"]["servers"] == 1
    assert finished["needed"] and finished["rows"] == {}


def test_every_table_with_an_address_is_known(cluster):
    """A table that is added later belongs into the flavor's list, or is a log."""
    rows = cluster.run(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        " AND column_name = 'server_ip'"
    )
    known = {*flavor_of("plain").address_tables, *renumbering._OWN_TABLES, "servers"}
    known |= {"evenfloor_daemons", "evenfloor_heartbeats"}  # others write them
    logs = {"evenfloor_decisions", "evenfloor_history"}
    assert {row[0] for row in rows} - known == {*logs, "evenfloor_renumbering"}


def test_it_is_closed_at_first_and_opened_at_last(floor, cluster):
    step(floor, "closed")
    assert takes_logins(cluster, OLD) == "N"
    assert cluster.run(NOTES) == ((ME, OLD, NEW, 1),)
    step(floor, "moved")
    assert takes_logins(cluster, NEW) == "N"
    step(floor, "finished")
    assert takes_logins(cluster, NEW) == "Y"
    assert cluster.run(NOTES) == ()


def test_one_that_was_closed_stays_closed(floor, cluster):
    cluster.run("UPDATE servers SET active_agent_login_server = 'N'")
    whole(floor)
    assert takes_logins(cluster, NEW) == "N"


def test_a_second_run_has_nothing_to_do(floor, cluster):
    whole(floor)
    before = everything(cluster)
    for name in STEPS:
        again = step(floor, name)
        assert not again["changed"] and not again["needed"]
    assert everything(cluster) == before


def test_rows_without_an_address_are_nobodys(floor, cluster):
    cluster.add_phone("stray", "", extension="999")
    whole(floor)
    whole(floor)
    assert cluster.run("SELECT server_ip FROM phones WHERE login = 'stray'") == (("",),)


def test_check_mode_changes_nothing_and_counts_what_would(floor, cluster):
    before = everything(cluster)
    results = [step(floor, name, check=True) for name in STEPS]
    assert everything(cluster) == before
    assert all(result["changed"] for result in results)
    assert results[1]["rows"]["phones"] == 3


def test_before_its_rows_have_moved_it_is_not_opened(floor, cluster):
    step(floor, "closed")
    message = floor.fail("renumber", server_id=ME, server_ip=NEW, step="finished")
    assert f"rows of {ME} still have the address {OLD}" in message
    assert takes_logins(cluster, OLD) == "N"


def test_without_the_balancers_lock_nothing_changes(floor, cluster):
    before = everything(cluster)
    with cluster.lock_held(lock_name(DATABASE)):
        message = floor.fail("renumber", server_id=ME, server_ip=NEW, step="closed")
    assert "could not be acquired" in message
    assert everything(cluster) == before


# Another mind


@pytest.mark.parametrize("done", [("closed",), ("closed", "moved")])
def test_half_way_it_may_go_back(floor, cluster, done):
    before = everything(cluster)
    for name in done:
        step(floor, name)
    whole(floor, OLD)
    seen_afresh(cluster, OLD)
    after = everything(cluster)
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE'")
    cluster.run("UPDATE server_updater SET last_update = '2026-01-02'")
    assert everything(cluster) == before
    assert after["evenfloor_renumbering"] == []


def test_half_way_it_may_go_elsewhere(floor, cluster):
    before = everything(cluster)
    step(floor, "closed")
    # Killed among the rows of a table that has no transactions.
    cluster.run("UPDATE phones SET server_ip = %s WHERE server_ip = %s LIMIT 1", (NEW, OLD))
    assert step(floor, "closed", THIRD)["former"] == [OLD, NEW]
    step(floor, "moved", THIRD)
    step(floor, "finished", THIRD)
    cluster.run("UPDATE phones SET peer_status = 'REACHABLE'")
    cluster.run("UPDATE server_updater SET last_update = '2026-01-02'")
    assert everything(cluster) == replaced(before, OLD, THIRD)


# Refusals


@pytest.mark.parametrize("name", STEPS)
def test_an_address_that_another_dialer_has_is_refused(floor, cluster, name):
    before = everything(cluster)
    message = floor.fail("renumber", server_id=ME, server_ip=OTHER, step=name)
    assert f"{ME}: server_ip {OTHER} is {NEIGHBOUR}'s in the database" in message
    assert everything(cluster) == before


@pytest.mark.parametrize("wanted", [NEW, OLD])
def test_an_address_that_another_dialer_gets_or_leaves_is_refused(floor, cluster, wanted):
    step(floor, "closed")
    step(floor, "moved")
    before = everything(cluster)
    message = floor.fail("renumber", server_id=NEIGHBOUR, server_ip=wanted, step="closed")
    assert f"server_ip {wanted} is {ME}'s" in message
    assert everything(cluster) == before


def test_phones_that_are_at_the_new_address_already_are_refused(floor, cluster):
    cluster.add_phone("1001q", NEW, extension="1001")
    before = everything(cluster)
    message = floor.fail("renumber", server_id=ME, server_ip=NEW, step="closed")
    assert f"1 of its phones are in the database at {NEW}, too" in message
    assert everything(cluster) == before


def test_a_dialer_that_is_not_there_and_another_clusters_are_refused(floor, cluster):
    before = everything(cluster)
    assert "d9 is not in the database yet" in floor.fail(
        "renumber", server_id="d9", server_ip=NEW, step="closed"
    )
    cluster.run(
        "INSERT INTO evenfloor_cluster (flavor, created, cluster_name)"
        " VALUES ('plain', '2026-01-02', 'lyon')"
    )
    assert "belongs to the cluster lyon" in floor.fail(
        "renumber", server_id=ME, server_ip=NEW, step="closed", cluster_name="paris"
    )
    cluster.run("DELETE FROM evenfloor_cluster")
    assert everything(cluster) == before


def test_a_dialer_half_way_stops_other_runs_until_it_is_finished(floor, cluster):
    inventory = [{"name": "first", "server_ip": OLD, "server_id": ME}]
    step(floor, "closed")
    # Its rows still belong together: it can be repaired, and removed.
    floor.run("cluster", dialers=inventory)
    cluster.run("UPDATE phones SET server_ip = %s WHERE server_ip = %s LIMIT 1", (NEW, OLD))
    message = floor.fail("cluster", dialers=inventory)
    assert f"first is half-way to the address {NEW}" in message
    assert f"renumber-dialer.yml -e dialer=first -e server_ip={NEW}" in message
    step(floor, "moved")
    assert f"{OLD} in the inventory, and {NEW} in the database" in floor.fail(
        "cluster", dialers=inventory
    )
    # They belong together again.
    floor.run("cluster", dialers=[{**inventory[0], "server_ip": NEW}])
    # On the way back.
    step(floor, "closed", OLD)
    cluster.run("UPDATE phones SET server_ip = %s WHERE server_ip = %s LIMIT 1", (OLD, NEW))
    assert f"half-way to the address {OLD}" in floor.fail("cluster", dialers=inventory)


def test_a_dialer_that_is_removed_half_way_leaves_nothing(floor, cluster):
    step(floor, "closed")
    step(floor, "moved")
    floor.run("server", server_ip=NEW, state="absent")
    assert cluster.run(NOTES) == ()


# Beside VICIdial

MORE_TABLES = [
    "CREATE TABLE vicidial_remote_agents (remote_agent_id INT PRIMARY KEY, server_ip VARCHAR(15))"
    " ENGINE=MyISAM",
    "CREATE TABLE vicidial_inbound_dids (did_id INT PRIMARY KEY, server_ip VARCHAR(15))"
    " ENGINE=MyISAM",
    "CREATE TABLE vicidial_log (id INT PRIMARY KEY, server_ip VARCHAR(15)) ENGINE=MyISAM",
]
G_OLD, G_OTHER, G_NEW = "10.0.0.1", "10.0.0.2", "10.0.0.77"


def fill_guest(vicidial):
    for statement in MORE_TABLES:
        vicidial.sql(statement)
        table = statement.split()[2]
        vicidial.sql(f"INSERT INTO {table} VALUES (1, %s), (2, %s)", G_OLD, G_OTHER)
    vicidial.sql("UPDATE servers SET active_twin_server_ip = %s WHERE server_id = 'D2'", G_OLD)
    vicidial.sql("UPDATE servers SET web_socket_url = %s", f"wss://{G_OLD}:8089/ws,10.0.0.11")
    vicidial.sql("UPDATE server_updater SET last_update = '2026-01-02'")
    vicidial.adopt()
    vicidial.sql("UPDATE evenfloor_dialers SET opened = '2026-01-02'")


def guest_step(vicidial, name, server_ip=G_NEW, server_id="D1"):
    return vicidial.modules.run(
        "renumber", server_id=server_id, server_ip=server_ip, step=name,
        login_unix_socket=vicidial.socket,
    )  # fmt: skip


def test_vicidials_tables_follow_and_its_logs_and_others_stay(vicidial):
    fill_guest(vicidial)
    tables = [row[0] for row in vicidial.sql("SHOW TABLES")]
    left = {table: rows for table, rows in vicidial.rows(*tables).items() if "log" in table}
    for name in STEPS:
        assert guest_step(vicidial, name)["needed"]
    for table in ("vicidial_remote_agents", "vicidial_inbound_dids"):
        assert vicidial.sql(f"SELECT * FROM {table} ORDER BY 1") == ((1, G_NEW), (2, G_OTHER))
    assert {table: vicidial.rows(table)[table] for table in left} == left
    for table in ("phones", "conferences", "vicidial_conferences", "vicidial_confbridges",
                  "server_updater", "evenfloor_dialers", "servers"):  # fmt: skip
        counted = f"SELECT SUM(server_ip = %s), SUM(server_ip = %s), COUNT(*) FROM {table}"
        ((old, new, rows),) = vicidial.sql(counted, G_OLD, G_NEW)
        assert (old, new) == (0, rows / 2), table
    columns = "SELECT server_ip, external_server_ip, web_socket_url FROM servers"
    assert vicidial.sql(f"{columns} WHERE server_id = 'D1'") == (
        (G_NEW, G_NEW, f"wss://{G_NEW}:8089/ws,10.0.0.11"),
    )
    twin = "SELECT active_twin_server_ip, external_server_ip FROM servers WHERE server_id = 'D2'"
    assert vicidial.sql(twin) == ((G_NEW, G_OTHER),)
    assert vicidial.flagged() == {G_NEW, G_OTHER}


def test_beside_vicidial_a_dialer_half_way_stops_other_runs_too(vicidial):
    fill_guest(vicidial)
    inventory = [{"name": "first", "server_ip": G_OLD, "server_id": "D1"}]
    guest_step(vicidial, "closed")
    vicidial.modules.run("cluster", dialers=inventory)
    vicidial.sql("UPDATE phones SET server_ip = %s WHERE server_ip = %s LIMIT 1", G_NEW, G_OLD)
    assert f"first is half-way to the address {G_NEW}" in vicidial.modules.fail(
        "cluster", dialers=inventory
    )
    # As the provisioning user may, who removes a dialer.
    vicidial.server(1, server_ip=G_OLD, state="absent")
    assert vicidial.sql(NOTES) == ()


# Killed anywhere


class Mortal(pymysql.Connection):
    """Ends its process by SIGKILL just after the n-th thing that it has written."""

    writes, dies_at = 0, 0

    def _count(self):
        self.writes += 1
        if self.writes == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def query(self, sql, unbuffered=False):
        result = super().query(sql, unbuffered)
        text = sql if isinstance(sql, str) else bytes(sql).decode()
        if not text.lstrip().startswith(("SELECT", "SET", "DO")):
            self._count()
        return result

    def commit(self):
        super().commit()
        self._count()


def run_and_die(dies_at, where, database, params):
    """Take the three steps as the module does, and die at a write."""
    connection = Mortal(**where, database=database)
    connection.dies_at = dies_at
    for name in STEPS:
        module = SimpleNamespace(params={**params, "step": name}, check_mode=False)
        renumber(module, connection.cursor())
        connection.commit()
    os._exit(0)


def killed(dies_at, *arguments) -> bool:
    """Return whether the process was killed; False if it got through before that."""
    child = multiprocessing.get_context("fork").Process(
        target=run_and_die, args=(dies_at, *arguments)
    )
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def params_of(flavor, database, server_id, server_ip):
    return {
        "database": database, "cluster_flavor": flavor, "cluster_name": "",
        "server_id": server_id, "server_ip": server_ip,
    }  # fmt: skip


def make_plain(server, engine):
    mariadb.create_database(server, DATABASE, engine)
    with server.connect(DATABASE) as connection:
        fill(Cluster(connection))
    return server.root, DATABASE, params_of("plain", DATABASE, ME, NEW)


def make_guest(server, folder):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {guest.DATABASE}")
        cursor.execute(f"CREATE DATABASE {guest.DATABASE} CHARACTER SET utf8")
    made = guest.Vicidial(server, folder)
    made.build()
    fill_guest(made)
    # What says when a row was written.
    made.sql("ALTER TABLE server_updater DROP COLUMN db_time")
    made.sql("UPDATE evenfloor_cluster SET created = '2026-01-02'")
    made.connection.close()
    return server.root, guest.DATABASE, params_of("vicidial", guest.DATABASE, "D1", G_NEW)


def dump(server, database) -> dict:
    with server.connect(database) as connection:
        return everything(Cluster(connection))


@pytest.mark.parametrize("kind", ["InnoDB", "MyISAM", "VICIdial"])
def test_killed_at_any_write_and_run_again_it_ends_as_if_it_had_run_once(
    server, vicidial, tmp_path, kind
):
    def make():
        return make_guest(server, tmp_path) if kind == "VICIdial" else make_plain(server, kind)

    arguments = make()
    assert not killed(0, *arguments)
    whole_run = dump(server, arguments[1])
    for dies_at in range(1, MOST_WRITES):
        if not killed(dies_at, *make()):
            break
        assert not killed(0, *arguments)
        assert dump(server, arguments[1]) == whole_run, f"killed at write {dies_at}"
    assert 15 < dies_at < MOST_WRITES - 1
