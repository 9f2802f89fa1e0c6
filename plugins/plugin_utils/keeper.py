# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The process on the control node that keeps a run's lease as long as the run lives.

It is forked from the worker that took the lease, because only there is everything that a connection
needs: the inventory's options, passwords, vault. It uses the connection for one module at a time,
as a worker does; ssh, local and podman start a command for each and share nothing but ssh's control
socket. A connection that can't be used after a fork is noticed at the first renewal.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing import resource_tracker

from ansible import constants
from ansible.utils.display import Display

#: The lease is renewed this often, in seconds.
RENEWED_EVERY = 10
#: A renewal that takes longer has failed.
RENEWAL_TAKES = 20
#: Where a process can't be waited for, it is looked at this often, in seconds.
LOOK_EVERY = 0.5


class Watched:
    """A process that isn't this one's child.

    Args:
        pid: its number. It lives now.
    """

    def __init__(self, pid: int):
        self._pid, self._handle = pid, None
        # Unlike its number, the handle is never another process's.
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._handle = os.pidfd_open(pid)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end.

        Args:
            seconds: the longest to wait.

        Returns:
            Whether it has ended.
        """
        if self._handle is not None:
            return bool(select.select([self._handle], [], [], seconds)[0])
        ends = time.monotonic() + seconds
        while self._lives():
            if time.monotonic() >= ends:
                return False
            time.sleep(LOOK_EVERY)
        return True

    def _lives(self):
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def start_keeper(lease, pid: int) -> int:
    """Start a process that keeps a lease until another process has ended, and then releases it.

    Args:
        lease: called in the new process with "renewed" and "released"; returns what the module
            ``run_lease`` returns.
        pid: the process for which the lease is kept.

    Returns:
        A file descriptor: a byte can be read from it once the lease has been renewed, and its end
        if that can't be done.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Nothing of the worker's may run in here: not its exception handlers, not its exit.
        try:
            os.setsid()
            # No leader of a session: it can't get a terminal.
            if os.fork() == 0:
                _keep_in_own_folder(lease, pid, writing)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    return reading


def _keep_in_own_folder(lease, pid, renewed):
    """Detach from the run, and keep the lease."""
    _detach(renewed)
    # That of the run goes when the run ends.
    folder = tempfile.mkdtemp(prefix="ansible-evenfloor-")
    constants.DEFAULT_LOCAL_TMP = folder
    try:
        keep(lease, Watched(pid), renewed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _detach(kept):
    """Give up the run's terminal, files, signals and display; keep one file descriptor."""
    for number, handler in (
        (signal.SIGINT, signal.SIG_IGN),
        (signal.SIGHUP, signal.SIG_IGN),
        (signal.SIGPIPE, signal.SIG_IGN),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGALRM, _too_late),
    ):
        signal.signal(number, handler)
    Display()._final_q = None
    highest = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, kept)
    os.closerange(kept + 1, highest)
    # The ssh connection may need one; that of the run was reached through a file closed here.
    tracker = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _too_late(_number, _frame):
    raise TimeoutError


def keep(lease, watched, renewed):
    """Renew a lease until a process has ended, and then release it.

    Args:
        lease: as for :func:`start_keeper`.
        watched: the process, a ``Watched``.
        renewed: a file descriptor; gets a byte after the first renewal, and is closed.
    """
    first = _ask(lease, "renewed")
    # Whoever started this may be gone already; the lease is to be released all the same.
    with contextlib.suppress(BrokenPipeError):
        if first.get("held"):
            os.write(renewed, b"1")
    os.close(renewed)
    if not first.get("held"):
        return
    while not watched.ends_within(RENEWED_EVERY):
        answer = _ask(lease, "renewed")
        # Whoever has lost the lease can't get it back. Not to know is something else.
        if not answer.get("failed") and not answer["held"]:
            return
    _ask(lease, "released")


def _ask(lease, state):
    """Ask for a state of the lease; what fails, fails in words and in time."""
    # Again and again, because whoever catches the error may go on waiting.
    signal.setitimer(signal.ITIMER_REAL, RENEWAL_TAKES, 1)
    try:
        return lease(state)
    except Exception as error:
        return {"failed": True, "msg": str(error)}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
