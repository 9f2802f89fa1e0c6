"""The module aliases killed at every statement, on tables without transactions."""

import pytest

from tests.integration.modules import guest
from tests.integration.modules.floor import (
    DIALERS,
    FIRST,
    SECOND,
    THIRD,
    let_logins_be_shared,
    use_engine,
)
from tests.killed_module import DONE, KILLED, MOST_STATEMENTS, run_and_kill_at

ALL = [FIRST, SECOND, THIRD]
TABLES = ["servers", "phones", "phones_alias", "evenfloor_removed"]
ORPHANS = (
    "SELECT alias_id, logins_list FROM phones_alias a WHERE"
    " (SELECT COUNT(*) FROM phones p WHERE FIND_IN_SET(p.login, a.logins_list)) <"
    " IF(logins_list = '', 0, 1 + LENGTH(logins_list) - LENGTH(REPLACE(logins_list, ',', '')))"
)


class Scene:
    """A database, its state before a run, and that run.

    Args:
        sql: runs a statement with values and returns its rows.
        output: where the module's output goes.
        given: the module's arguments.
    """

    def __init__(self, sql, output, given):
        self.sql, self.output, self.given = sql, output, given
        for table in TABLES:
            sql(f"CREATE TABLE before_{table} AS SELECT * FROM {table}")

    def restore(self):
        for table in TABLES:
            self.sql(f"DELETE FROM {table}")
            self.sql(f"INSERT INTO {table} SELECT * FROM before_{table}")

    def run(self, killed_at=0):
        return run_and_kill_at(killed_at, self.output, **self.given)

    def state(self):
        kept = "kind, name, server_ip, closed IS NULL, row_there"
        columns = dict.fromkeys(TABLES, "*") | {"evenfloor_removed": kept}
        return {table: sorted(self.sql(f"SELECT {columns[table]} FROM {table}"), key=repr)
                for table in TABLES}  # fmt: skip

    def check(self):
        """See that no alias names a phone that isn't there, and that nothing is lost."""
        assert self.sql(ORPHANS) == ()
        place = "(SELECT extension, server_ip FROM {})"
        there = set(self.sql(place.format("phones")))
        kept = set(self.sql("SELECT name, server_ip FROM evenfloor_removed"))
        assert set(self.sql(place.format("before_phones"))) <= there | kept
        busy = {(SECOND, "PJSIP/104")}
        if busy & set(self.sql("SELECT server_ip, extension FROM vicidial_live_agents")):
            assert ("104", SECOND) in there

    def killed_everywhere(self):
        """Kill it at each statement and run it again; returns how often it was killed."""
        assert self.run() == DONE
        once = self.state()
        assert once != {table: sorted(self.sql(f"SELECT * FROM before_{table}"), key=repr)
                        for table in TABLES}  # fmt: skip
        for number in range(1, MOST_STATEMENTS):
            self.restore()
            ended = self.run(number)
            if ended == DONE:
                return number - 1
            assert ended == KILLED
            self.check()
            assert self.run() == DONE
            assert self.state() == once, f"killed at statement {number}"
        raise AssertionError("it never got through")


def remove_most(modules, cluster):
    cluster.add_agent(SECOND, "PJSIP/104", user="agent7")
    return {"entries": "101-102", "confirmed": True}


def correct_it(modules, cluster):
    modules.aliases(dialers=DIALERS, purge=True, **remove_most(modules, cluster))
    return {"entries": "101-105", "serving": ALL}


def end_the_call(modules, cluster):
    modules.aliases(dialers=DIALERS, purge=True, **remove_most(modules, cluster))
    cluster.run("DELETE FROM vicidial_live_agents")
    return {"entries": "101-102", "remove_without_asking": 0}


def remove_a_dialer(modules, cluster):
    return {"entries": "101-105", "leaving": [SECOND], "grow": False}


def part_shared_logins(modules, cluster):
    let_logins_be_shared(cluster)
    cluster.run("UPDATE phones SET login = CONCAT(extension, 'b') WHERE server_ip = %s", (THIRD,))
    cluster.run("UPDATE phones_alias SET logins_list = REPLACE(logins_list, 'c', 'b')")
    cluster.run("UPDATE phones_alias SET logins_list = LEFT(logins_list, 9)")
    return {"entries": "101-105", "serving": ALL}


@pytest.mark.parametrize(
    "prepare", [remove_most, correct_it, end_the_call, remove_a_dialer, part_shared_logins]
)
def test_a_run_that_is_killed_at_any_statement_is_finished_by_the_next(
    modules, cluster, server, tmp_path, prepare
):
    use_engine(cluster, server, "MyISAM")
    modules.aliases("101-105", DIALERS, serving=ALL)
    given = prepare(modules, cluster)
    entries = [{"extensions": given.pop("entries")}]
    defaults = {**modules.defaults, "dialers": DIALERS, "purge": True}
    given = {**defaults, "phone_aliases": entries, **given}
    scene = Scene(cluster.run, tmp_path / "output", given)
    assert scene.killed_everywhere() >= 4


def test_beside_vicidial_a_dialer_is_removed_and_added_again_whatever_is_killed(vicidial, tmp_path):
    vicidial.adopt()
    entries = [{"extensions": "101-102"}]
    dialers = [{"name": d["name"], "server_ip": d["server_ip"]} for d in guest.DIALERS[:2]]
    given = {**vicidial.modules.defaults, "phone_aliases": entries, "dialers": dialers}

    def sql(statement):
        return vicidial.sql(statement)

    rows = vicidial.rows("phones")
    going = {**given, "leaving": [guest.SECOND], "grow": False}
    assert Scene(sql, tmp_path / "output", going).killed_everywhere() >= 4
    for table in TABLES:
        vicidial.sql(f"DROP TABLE before_{table}")
    coming = {**given, "serving": [guest.FIRST, guest.SECOND]}
    assert Scene(sql, tmp_path / "output", coming).killed_everywhere() >= 4
    assert vicidial.rows("phones") == rows
