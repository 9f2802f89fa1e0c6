"""Modules where the database is missing, empty or refuses."""

import pymysql
import pytest

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import DIALERS, FIRST

CALLS = [
    ("aliases", {"phone_aliases": [{"extensions": "101"}], "dialers": DIALERS}),
    ("server", {"server_ip": FIRST, "server_id": "dialer1"}),
    ("phones_info", {}),
]


@pytest.mark.parametrize(("module", "arguments"), CALLS, ids=[call[0] for call in CALLS])
def test_without_a_database_a_module_fails_naming_the_fix(nowhere, module, arguments):
    message = nowhere.fail(module, **arguments)
    assert "the database can't be used" in message
    assert "run site.yml" in message


@pytest.mark.parametrize(
    ("module", "arguments", "result"),
    [
        (*CALLS[0], {"changed": True, "changes": [], "letters": {}, "counts": {}}),
        (*CALLS[1], {"changed": True, "in_service": False, "rooms_added": 0}),
        (*CALLS[2], {"changed": False, "phones": [], "awaited": [], "opened": []}),
    ],
    ids=[call[0] for call in CALLS],
)
def test_without_a_database_check_mode_says_so_and_goes_on(nowhere, module, arguments, result):
    checked = nowhere.run(module, check=True, **arguments)
    assert {key: checked[key] for key in result} == result
    assert "once the database is there" in checked["msg"]


@pytest.mark.parametrize(("module", "arguments"), CALLS, ids=[call[0] for call in CALLS])
def test_a_database_without_evenfloors_tables_is_not_there_yet_to_check_mode(
    modules, cluster, module, arguments
):
    """As in the first check of site.yml on a cluster that runs VICIdial."""
    for (table,) in cluster.run("SHOW TABLES LIKE 'evenfloor%'"):
        cluster.run(f"DROP TABLE {table}")
    checked = modules.run(module, check=True, **arguments)
    assert "once the database is there" in checked["msg"]


def test_a_database_that_refuses_the_user_fails_naming_the_fix(modules, server, tmp_path):
    option_file = tmp_path / "wrong.cnf"
    option_file.write_text(f"[client]\nsocket={server.socket}\nuser=nobody\npassword=guessed\n")
    message = modules.fail("phones_info", config_file=str(option_file))
    assert "nobody" in message
    assert "run site.yml" in message
    assert "guessed" not in modules.output


def test_the_option_file_is_what_connects(modules, cluster, server):
    """Guards the tests above: the socket of the option file leads to this test's database."""
    modules.server(1)
    with (
        pymysql.connect(read_default_file=modules.config_file, database=DATABASE) as connection,
        connection.cursor() as cursor,
    ):
        assert cursor.execute("SELECT 1 FROM servers") == 1
