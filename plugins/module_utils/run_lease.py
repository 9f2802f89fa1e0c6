# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One provisioning run at a time: the lease of a run, and who may write. Needs no driver.

The lease is the row of ``evenfloor_run``. A run takes it, renews it as long as it lives, and
releases it. Modules look at it under the provisioning lock, and it is taken under that lock: so a
run whose lease was taken over can't write any more, not even if it was asleep meanwhile.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import provisioning_lock
from ansible_collections.evenfloor.cluster.plugins.module_utils.rows import has_table

#: The table of the lease. A first run has none yet.
TABLE = "evenfloor_run"
#: A lease that isn't renewed expires after this many seconds.
LEASE = 45

#: What modules take that change phones, aliases or dialers.
TOKEN_ARGUMENT = {"run_token": {"type": "str", "default": "", "no_log": False}}


class Lease(NamedTuple):
    """The lease of a run.

    Attributes:
        token: names the run.
        who: the user who started it.
        origin: the host on which it was started.
        playbook: the playbook's file name.
        since: when it was taken, in UTC, such as ``14:03:22``.
        age: how long ago that was, in seconds.
        valid: whether it hasn't expired.
    """

    token: str
    who: str
    origin: str
    playbook: str
    since: str
    age: int
    valid: bool

    def sentence(self) -> str:
        """Say who has the lease, and since when."""
        return (
            f"provisioning runs already: {self.who}@{self.origin} since {self.since} UTC"
            f" ({self.playbook}, {self.age} s ago)"
        )


def read_lease(cursor) -> Lease | None:
    """Read the lease, which may have expired; None where there is none."""
    cursor.execute(
        "SELECT token, who, origin, playbook, TIME_FORMAT(TIME(since), '%H:%i:%s'),"
        " TIMESTAMPDIFF(SECOND, since, UTC_TIMESTAMP()), expires > UTC_TIMESTAMP()"
        " FROM evenfloor_run"
    )
    row = cursor.fetchone()
    return Lease(*row[:6], bool(row[6])) if row else None


def take_lease(cursor, token, who, origin, playbook) -> Lease | None:
    """Take the lease, if it is free or has expired. For use under the provisioning lock.

    Args:
        cursor: an open cursor.
        token: the new run's.
        who: the user who starts it.
        origin: the host on which it is started.
        playbook: the playbook's file name.

    Returns:
        None; the other's lease if there is one.
    """
    lease = read_lease(cursor)
    if lease and lease.valid and lease.token != token:
        return lease
    cursor.execute(
        "REPLACE INTO evenfloor_run (id, token, who, origin, playbook, since, expires)"
        " VALUES (1, %s, %s, %s, %s, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL %s SECOND)",
        (token, who[:100], origin[:255], playbook[:255], LEASE),
    )
    return None


def renew_lease(cursor, token) -> bool:
    """Renew the lease of a run.

    Returns:
        Whether it is still that run's.
    """
    # Not under the lock: a module of this run may hold it for long.
    cursor.execute(
        "UPDATE evenfloor_run SET expires = UTC_TIMESTAMP() + INTERVAL %s SECOND WHERE token = %s",
        (LEASE, token),
    )
    lease = read_lease(cursor)
    return lease is not None and lease.token == token


def release_lease(cursor, token) -> None:
    """Release the lease of a run, if it still has it."""
    cursor.execute("DELETE FROM evenfloor_run WHERE token = %s", (token,))


def check_token(cursor, token) -> None:
    """Check that a module of this run may write. For use under the provisioning lock.

    Args:
        cursor: an open cursor.
        token: the run's; empty for a module that belongs to no run.

    Raises:
        ValueError: another run has the lease, or this one has lost it.
    """
    if not has_table(cursor, TABLE):
        return
    lease = read_lease(cursor)
    if token and (lease is None or lease.token != token):
        taken = f"; {lease.sentence()}" if lease and lease.valid else ""
        raise ValueError(
            f"this run has lost its lease: it was not renewed for {LEASE} s, and another run may"
            f" have changed the cluster since{taken}. Nothing has been changed by this step; run"
            " this again"
        )
    if not token and lease and lease.valid:
        raise ValueError(
            f"{lease.sentence()}. Nothing has been changed; run this again when it is through"
        )


def alone(work):
    """Return a module's work, done while no other module plans and writes.

    Args:
        work: what ``work_on_database`` calls.
    """

    def work_alone(module, cursor):
        with provisioning(module, cursor):
            return work(module, cursor)

    return work_alone


@contextlib.contextmanager
def provisioning(module, cursor):
    """Read, plan and write as the only module that does so; what was written is committed.

    In check mode there is nothing to wait for.

    Args:
        module: the AnsibleModule, with the parameters ``database`` and ``run_token``.
        cursor: an open cursor. Nothing has been read with it.

    Raises:
        ValueError: another run has the lease, this one has lost it, or the provisioning lock could
            not be acquired. Nothing was done.
    """
    if module.check_mode:
        yield
        return
    with provisioning_lock(cursor, module.params["database"]):
        check_token(cursor, module.params["run_token"])
        yield
        # Before the lock is released: the next module has to see it.
        cursor.connection.commit()
