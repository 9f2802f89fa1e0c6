# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The balancer's lock, for what must not happen in the middle of a login."""

from __future__ import annotations

import contextlib

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name

#: The longest that the lock is waited for, in seconds.
TIMEOUT = 10


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
    name = lock_name(database)
    cursor.execute("SELECT GET_LOCK(%s, %s)", (name, timeout))
    (held,) = cursor.fetchone()
    if held != 1:
        why = f" within {timeout} s" if held == 0 else ": the database refused it"
        raise ValueError(
            f"the balancer's lock ({name}) could not be acquired{why}. Nothing has been changed;"
            " run this again"
        )
    try:
        yield
    finally:
        cursor.execute("DO RELEASE_LOCK(%s)", (name,))
