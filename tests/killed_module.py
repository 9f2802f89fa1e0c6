"""A module in a process of its own that is killed at one of its statements."""

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

#: More statements that write than any run of these tests makes.
MOST_STATEMENTS = 50
DONE, REFUSED, KILLED = 0, 1, -signal.SIGKILL
_CRASHED = 70


def run_and_kill_at(number: int, output: Path, module=aliases, **arguments) -> int:
    """Run the module, and kill its process when the database has done a statement.

    Args:
        number: after which statement that writes, from 1 on; 0 for none.
        output: where the module's output goes.
        module: which module; by default aliases.
        arguments: the module's.

    Returns:
        KILLED, or if it got through before that, DONE or REFUSED.
    """
    child = os.fork()
    if child == 0:
        status = _CRASHED
        try:
            _run(number, output, module, arguments)
        except SystemExit as end:
            status = end.code
            sys.stdout.flush()
        except BaseException:  # noqa: BLE001 - nothing of the test goes on in the child
            traceback.print_exc()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (DONE, REFUSED, KILLED), output.read_text()[-2000:]
    return status


def _run(number, output, module, arguments):
    whole, statements = Cursor._query, 0

    def counted(cursor, query):
        nonlocal statements
        statements += not query.startswith("SELECT")
        result = whole(cursor, query)
        if 0 < number == statements:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Cursor._query = counted
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = os.fdopen(1, "w")
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    module.main()
