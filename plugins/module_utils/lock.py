# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The named locks of the database: the balancer's, and that of modules that plan and write.

Who needs both takes the provisioning lock first. Logins take only the balancer's.
"""

from __future__ import annotations

import contextlib

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    LONGEST_LOCK_NAME,
    lock_name,
)

#: The longest that the lock is waited for, in seconds.
TIMEOUT = 10
#: The same for the provisioning lock, which is held as long as a module plans and writes.
PROVISIONING_TIMEOUT = 60


def read_lock_secret(cursor):
    """Read the secret part of the lock's name.

    Args:
        cursor: an open cursor on the cluster's database.

    Returns:
        The secret; empty on a cluster of an earlier release, whose table has no such column or
        whose user may not read it.
    """
    cursor.execute(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()"
        " AND table_name = 'evenfloor_cluster' AND column_name = 'lock_secret'"
    )
    if not cursor.fetchone()[0]:
        return ""
    cursor.execute("SELECT lock_secret FROM evenfloor_cluster")
    row = cursor.fetchone()
    return row[0] if row else ""


@contextlib.contextmanager
def balancer_lock(cursor, database, timeout=TIMEOUT):
    """Hold the lock under which the balancer counts and places agents.

    A login that is under way either ends first or sees what was committed under the lock.

    Args:
        cursor: an open cursor.
        database: the name of the cluster's database.
        timeout: the longest to wait, in seconds.

    Raises:
        ValueError: the lock could not be acquired. Nothing was done under it.
    """
    name = lock_name(database, read_lock_secret(cursor))
    with _named_lock(cursor, f"the balancer's lock ({lock_name(database)})", name, timeout):
        yield


def rename_balancer_lock(cursor, database, secret, timeout=TIMEOUT):
    """Give the name of the balancer's lock a secret part, between two logins. Commits.

    Whoever waits for the lock by its former name gets it before anybody gets it by the new one.

    Args:
        cursor: an open cursor that may write ``evenfloor_cluster``.
        database: the name of the cluster's database.
        secret: the secret part.
        timeout: the longest to wait for each of the two locks, in seconds.

    Raises:
        ValueError: a lock could not be acquired. Nothing has been changed.
    """
    what = f"the balancer's lock ({lock_name(database)})"
    former = lock_name(database, read_lock_secret(cursor))
    with _named_lock(cursor, what, lock_name(database, secret), timeout):
        with _named_lock(cursor, what, former, timeout):
            cursor.execute("UPDATE evenfloor_cluster SET lock_secret = %s", (secret,))
            cursor.connection.commit()
        # Behind all who wait for it. If it takes too long, they go on without a lock themselves.
        cursor.execute("SELECT GET_LOCK(%s, %s)", (former, timeout))
        cursor.execute("DO RELEASE_LOCK(%s)", (former,))


@contextlib.contextmanager
def provisioning_lock(cursor, database, timeout=PROVISIONING_TIMEOUT):
    """Hold the lock under which modules plan and write phones, aliases and dialers.

    To be taken before anything is read, so that what is read is what others have committed. Logins
    don't wait for it.

    Args:
        cursor: an open cursor.
        database: the name of the cluster's database.
        timeout: the longest to wait, in seconds.

    Raises:
        ValueError: the lock could not be acquired. Nothing was done under it.
    """
    name = provisioning_lock_name(database)
    with _named_lock(cursor, f"the provisioning lock ({name})", name, timeout):
        yield


def provisioning_lock_name(database):
    """Return the name of the provisioning lock.

    Args:
        database: the name of the cluster's database.
    """
    return f"evenfloor.provisioning.{database}"[:LONGEST_LOCK_NAME]


@contextlib.contextmanager
def _named_lock(cursor, what, name, timeout):
    cursor.execute("SELECT GET_LOCK(%s, %s)", (name, timeout))
    (held,) = cursor.fetchone()
    if held != 1:
        why = f" within {timeout} s" if held == 0 else ": the database refused it"
        raise ValueError(
            f"{what} could not be acquired{why}. Nothing has been changed; run this again"
        )
    try:
        yield
    finally:
        cursor.execute("DO RELEASE_LOCK(%s)", (name,))
