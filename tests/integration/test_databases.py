"""Real databases in one cluster: what the doctor reads there, and what it makes of it."""

import subprocess

import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils.databases import (
    databases,
    look_at_nodes,
    node_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.preflight import role_in_words
from ansible_collections.evenfloor.cluster.plugins.modules.vicidial_info import read_role

from tests import galera
from tests.collection import ROOT
from tests.mariadb import Server
from tests.waiting import PATIENCE, wait_until

ASKED = yaml.safe_load((ROOT / "playbooks/tasks/databases.yml").read_text())[0]


def said(server: Server) -> dict:
    """Ask a database as the doctor does; returns the task's result."""
    argv = [*ASKED["ansible.builtin.command"]["argv"], f"--socket={server.socket}", "--user=root"]
    # Options of the client's own files would come first.
    argv.insert(argv.index("mariadb") + 1, "--no-defaults")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {"stdout": done.stdout, "rc": done.returncode}


def kinds(nodes) -> list[tuple[str, str]]:
    return [(finding.kind, finding.dialer) for finding in look_at_nodes(nodes)]


def test_databases_are_seen_as_they_are():
    with galera.two() as (first, second):

        def nodes():
            return [node_of("db1", said(first)), node_of("db2", said(second))]

        def has_both() -> bool:
            node = nodes()[0]
            return node.members == 2 and node.state == "synced"

        wait_until(has_both, PATIENCE, "both are members")
        # The second gets no data here.
        assert kinds(nodes()) == [("database_cut_off", "db2")]
        with first.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL read_only = ON")
        assert ("database_not_synced", "db1") in kinds(nodes())
        with first.connect() as connection, connection.cursor() as cursor:
            role = read_role(cursor)
        assert role.is_galera and "MEMORY tables" in role_in_words(role)[0]
        # One of two is no majority.
        galera.kill(second)
        expected = [("database_cut_off", "db1"), ("database_away", "db2")]
        wait_until(lambda: kinds(nodes()) == expected, PATIENCE, "no majority is seen")
        hostvars = {"db1": {"databases_node": said(first)}, "db2": {"databases_node": said(second)}}
        assert databases(hostvars, {"database": ["db1", "db2"]})["asked"] == ""
