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
    with _named_lock(cursor, "the balancer's lock", lock_name(database), timeout):
        yield


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
    with _named_lock(cursor, "the provisioning lock", provisioning_lock_name(database), timeout):
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
            f"{what} ({name}) could not be acquired{why}. Nothing has been changed; run this again"
        )
    try:
        yield
    finally:
        cursor.execute("DO RELEASE_LOCK(%s)", (name,))
