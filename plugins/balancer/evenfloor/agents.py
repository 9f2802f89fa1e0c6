"""Agents' own passwords: whether a cluster's agents have any, and whether one is right.

Playbooks write the table ``evenfloor_agents``, with hashes in werkzeug's form. Where it has a row,
whoever logs in has to be one of its agents and to know that agent's password. Where it is empty,
``user`` is a label.
"""

from __future__ import annotations

import threading

from .deadline import Deadline
from .errors import busy
from .request import KnownAgent
from .sql import Columns, Condition, Statement

#: A hash that no password has, as costly as an agent's: a user whom nobody knows takes as long as
#: a wrong password.
NOBODYS = "scrypt:16384:8:1$evenfloor$" + "0" * 128

KNOWN = Columns(
    KnownAgent,
    needed=Condition("cluster.has_agents"),
    user="COALESCE(a.user, '')",
    password_hash="COALESCE(a.password_hash, '')",  # noqa: S106 - a column
)
_HAS_AGENTS = "SELECT EXISTS (SELECT 1 FROM evenfloor_agents) AS has_agents"

#: A hash takes 16 MiB and a processor. One at a time in each process is as fast as the processors
#: are, and the service's memory stays within bounds.
_one_at_a_time = threading.Lock()


def known(user: str) -> Statement:
    """Select one :class:`KnownAgent`, whatever is there."""
    return Statement(
        f"SELECT {KNOWN.listed} FROM ({_HAS_AGENTS}) cluster"
        " LEFT JOIN evenfloor_agents a ON a.user = %(user)s",
        {"user": user},
    )


def any_there() -> Statement:
    """Ask whether agents have passwords."""
    return Statement(_HAS_AGENTS)


def is_right(agent: KnownAgent, user: str, password: str, deadline: Deadline) -> bool:
    """Say whether somebody is the agent whose name they give.

    It takes a tenth of a second of a processor, whoever the agent is and whether there is one, and
    others may come first: so nobody should ask while they keep a lock or a connection. Only an
    empty password, which nobody has, costs nothing.

    Args:
        agent: what the database has of the user.
        user: what was typed. Capitals don't count.
        password: what was typed.
        deadline: until when to wait for those who come first.

    Raises:
        LoginRefused: it wasn't looked at by then.
    """
    if password == "":
        return False
    # Only here: it takes longer to load than any other use of the package needs.
    from werkzeug.security import check_password_hash  # noqa: PLC0415

    # Databases take more texts for the same, such as those with accents or spaces at their end.
    is_known = agent.user != "" and agent.user.lower() == user.lower()
    # Who has waited for longer has no time left for the login, and the hash would be wasted.
    if not _one_at_a_time.acquire(timeout=min(deadline.remaining / 2, threading.TIMEOUT_MAX)):
        raise busy()
    try:
        matches = check_password_hash(agent.password_hash if is_known else NOBODYS, password)
    except ValueError:  # no hash that werkzeug knows
        return False
    finally:
        _one_at_a_time.release()
    return is_known and matches
