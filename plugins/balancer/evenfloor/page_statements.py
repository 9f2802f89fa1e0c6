"""The SQL of the floor page: the row that all who look share, and who is where."""

from __future__ import annotations

from datetime import datetime

from .history_statements import NOW
from .snapshot import AgentRow, DecisionRow
from .sql import Columns, Statement

#: A snapshot is made at most so often, in seconds, however many look.
INTERVAL = 1
#: How many agents are listed at most.
MOST_AGENTS = 5000

_HAS_PASSED = (
    f"(claimed <= UTC_TIMESTAMP(6) - INTERVAL {INTERVAL} SECOND"
    # The clock was set back.
    f" OR claimed > UTC_TIMESTAMP(6) + INTERVAL {INTERVAL} SECOND)"
)

AGENT_ROW = Columns(
    AgentRow,
    user="COALESCE(l.user, '')",
    dialer="l.server_ip",
    phone="l.extension",
    campaign="COALESCE(l.campaign_id, '')",
    seconds="GREATEST(0, TIMESTAMPDIFF(SECOND, l.last_call_time, NOW()))",
)

DECISION_ROW = Columns(
    DecisionRow,
    age="GREATEST(0, TIMESTAMPDIFF(SECOND, decided, NOW()))",
    user="user",
    alias="alias_id",
    server_ip="server_ip",
    outcome="outcome",
    detail="detail",
)


def claim() -> Statement:
    """Claim the next snapshot. One statement gives it to one process of all; no lock is taken.

    The reply has touched a row if it is ours to make.
    """
    return Statement(
        "INSERT INTO evenfloor_snapshot (id, claimed) VALUES (1, UTC_TIMESTAMP(6))"
        f" ON DUPLICATE KEY UPDATE claimed = IF({_HAS_PASSED}, UTC_TIMESTAMP(6), claimed)"
    )


def last() -> Statement:
    """Select the newest snapshot: its age in seconds and its JSON, both NULL if there is none.

    The third column is the present quarter minute, the fourth when the next one was claimed.
    """
    return Statement(
        "SELECT GREATEST(0, TIMESTAMPDIFF(MICROSECOND, made, UTC_TIMESTAMP(6)) / 1000000), content,"
        f" {NOW}, claimed FROM evenfloor_snapshot WHERE id = 1"
    )


def write(content: str, claimed: datetime) -> Statement:
    """Write a snapshot for all who look, unless somebody else has claimed the next one since.

    Args:
        content: its JSON.
        claimed: when it was claimed, by the database's clock.
    """
    return Statement(
        "UPDATE evenfloor_snapshot SET made = UTC_TIMESTAMP(6), content = %(content)s"
        " WHERE id = 1 AND claimed = %(claimed)s",
        {"content": content, "claimed": claimed},
    )


def agents() -> Statement:
    """Select the agents who are live, as arrays of :class:`AgentRow`."""
    return Statement(
        f"SELECT {AGENT_ROW.array} FROM vicidial_live_agents l WHERE l.extension <> ''"
        f" ORDER BY l.user LIMIT {MOST_AGENTS}"
    )


def decisions(most: int) -> Statement:
    """Select the newest decisions as :class:`DecisionRow`, the newest first."""
    return Statement(
        f"SELECT {DECISION_ROW.listed} FROM evenfloor_decisions"
        " ORDER BY decision_id DESC LIMIT %(most)s",
        {"most": most},
    )
