"""The module aliases in a process of its own that is killed at one of its statements."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

from ansible.module_utils import basic
from ansible_collections.evenfloor.cluster.plugins.modules import aliases
from pymysql.cursors import Cursor

#: More statements than any run of these tests makes.
MOST_STATEMENTS = 100


def run_and_kill_at(number: int, after: bool, output: Path, **arguments) -> bool:
    """Run the module, and kill its process at a statement.

    Args:
        number: at which statement, from 1 on; 0 for none.
        after: whether the database has done it when the process dies; else it never gets it.
        output: where the module's output goes.
        arguments: the module's.

    Returns:
        Whether it was killed; False if it got through before that.
    """
    child = os.fork()
    if child == 0:
        try:
            _run(number, after, output, arguments)
        except SystemExit:
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of the test goes on in the child
            traceback.print_exc()
        os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), (status, output.read_text()[-2000:])
    return status != 0


def _run(number, after, output, arguments):
    whole, statements = Cursor._query, 0

    def counted(cursor, query):
        nonlocal statements
        statements += 1
        if statements == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = whole(cursor, query)
        if statements == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Cursor._query = counted
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = os.fdopen(1, "w")
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    aliases.main()
