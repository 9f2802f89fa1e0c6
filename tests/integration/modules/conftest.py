"""The modules as Ansible runs them: a process each, on a real MariaDB."""

import pytest

from tests.integration.modules.floor import Modules
from tests.integration.modules.guest import DATABASE as VICIDIALS_DATABASE
from tests.integration.modules.guest import Vicidial


@pytest.fixture
def option_file(server, tmp_path):
    """How modules connect."""
    file = tmp_path / "provisioning.cnf"
    file.write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    return file


@pytest.fixture
def modules(cluster, option_file):
    return Modules(option_file)


@pytest.fixture
def nowhere(tmp_path):
    """Run modules where there is no database yet."""
    option_file = tmp_path / "nowhere.cnf"
    option_file.write_text(f"[client]\nsocket={tmp_path / 'no-socket'}\nuser=root\n")
    return Modules(option_file)


@pytest.fixture
def vicidial(server, tmp_path):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL sql_mode = ''")
        cursor.execute(f"DROP DATABASE IF EXISTS {VICIDIALS_DATABASE}")
        cursor.execute(
            f"CREATE DATABASE {VICIDIALS_DATABASE} CHARACTER SET utf8 COLLATE utf8_general_ci"
        )
    made = Vicidial(server, tmp_path)
    made.build()
    yield made
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL sql_mode = DEFAULT")
