"""Any history of edits on a real MariaDB, with runs that are killed at any statement."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests import mariadb
from tests.histories import REPLACED, Inventory, histories
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import Modules, everything
from tests.killed_module import DONE, REFUSED, run_and_kill_at

PHONES = "SELECT extension, server_ip, login, pass, conf_secret FROM phones WHERE active = 'Y'"
AGENTS = "SELECT SUBSTRING_INDEX(extension, '/', -1), server_ip FROM vicidial_live_agents"
LISTED = "SELECT logins_list FROM phones_alias WHERE logins_list <> ''"


@pytest.fixture(params=["InnoDB", "MyISAM"])
def floor(request, server):
    mariadb.create_database(server, DATABASE, request.param)
    with server.connect(DATABASE) as connection:
        yield Cluster(connection)


class History:
    """A cluster over time, and what must stay true of it."""

    def __init__(self, cluster, modules, output):
        self.cluster, self.output = cluster, output
        self.defaults = {**modules.defaults, "purge": True, "remove_without_asking": 0}
        self.inventory = Inventory()
        self.logins, self.passwords = {}, {}
        for (table,) in cluster.run("SHOW TABLES"):
            cluster.run(f"DELETE FROM {table}")

    def aliases(self, killed_at=0, **how):
        """Run the module; returns how it ended."""
        given = {"phone_aliases": self.inventory.entries(), "dialers": self.inventory.dialers()}
        return run_and_kill_at(killed_at, self.output, **self.defaults, **given, **how)

    def result(self):
        return json.loads(self.output.read_text())

    def run(self, killed_at, **how):
        """Run it unconfirmed, then confirmed and killed, and then to its end, twice."""
        busy, before = set(self.cluster.run(AGENTS)), everything(self.cluster)
        self.aliases(_ansible_check_mode=True, **how)
        goes = self.result()["removal"]["needs_confirmation"]
        if goes:
            assert self.aliases(**how) == REFUSED
            assert "Nothing has been changed" in self.result()["msg"]
            assert everything(self.cluster) == before
        there = {row[:2] for row in self.cluster.run("SELECT extension, server_ip FROM phones")}
        self.aliases(killed_at, confirmed=goes, **how)
        self.check_lists()
        assert self.aliases(confirmed=goes, **how) == DONE
        self.check_lists()
        after = set(self.cluster.run("SELECT extension, server_ip FROM phones"))
        assert busy & there <= after
        self.check_phones()
        before = everything(self.cluster)
        assert self.aliases(**how) == DONE
        assert not self.result()["changed"]
        assert everything(self.cluster) == before

    def check_lists(self):
        """See that every alias names only phones that are there."""
        logins = {row[0] for row in self.cluster.run("SELECT login FROM phones")}
        for (listed,) in self.cluster.run(LISTED):
            assert set(listed.split(",")) <= logins

    def check_phones(self):
        """See that every phone has the login and the passwords that it ever had."""
        given = {entry["extensions"]: entry for entry in self.inventory.entries()}
        for extension, server_ip, login, *passwords in self.cluster.run(PHONES):
            assert self.logins.setdefault((extension, server_ip), login) == login
            for key, has in zip(("login_password", "registration_password"), passwords):
                had = self.passwords.get((extension, key))
                assert has == (given[extension].get(key) or had or has)
                self.passwords[extension, key] = has


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(3))
@example(history=REPLACED)
def test_no_history_of_edits_and_killed_runs_changes_anybodys_login_or_password(
    floor, option_file, tmp_path, history
):
    state = History(floor, Modules(option_file), tmp_path / "output")
    serving = state.inventory.server_ips
    state.run(5, serving=serving)
    for (kind, what), first, second in history:
        state.inventory.edit(kind, what)
        if kind == "agents":
            floor.run("DELETE FROM vicidial_live_agents")
            for extension, server_ip in what:
                floor.add_agent(server_ip, f"PJSIP/{extension}")
        gone = [ip for ip in serving if ip not in state.inventory.server_ips]
        # Whoever removes a dialer has waited for its agents.
        floor.run("DELETE FROM vicidial_live_agents WHERE server_ip IN %s", ([*gone, ""],))
        state.run(first, serving=serving, grow=False, leaving=gone)
        serving = state.inventory.server_ips
        state.run(second, serving=serving)
