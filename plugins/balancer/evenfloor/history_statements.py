"""The SQL of ``evenfloor_history``: how many agents each dialer had, every quarter minute.

A moment is a number of quarter minutes since 1970, by the database's clock, so no hour comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .day import PART, QUARTER, HistoryRow, PartRow, SpreadRow
from .sql import Columns, Statement

#: How long the rows are kept, in quarter minutes: 35 days.
KEPT = 35 * 24 * 3600 // QUARTER
#: How many old rows are removed at a time.
PRUNED_AT_ONCE = 1000

_OF_A_DAY = "FROM evenfloor_history WHERE quarter_minute >= %(first)s AND quarter_minute < %(end)s"

#: The present moment.
NOW = f"UNIX_TIMESTAMP() DIV {QUARTER}"

HISTORY_ROW = Columns(
    HistoryRow, server_ip="server_ip", moment="quarter_minute", agents="agents", state="state"
)

_PART = f"(quarter_minute - %(first)s) DIV {PART}"

PART_ROW = Columns(
    PartRow,
    server_ip="server_ip",
    part=_PART,
    agents="CAST(AVG(agents) AS DOUBLE)",
    most="MAX(agents)",
    open="COUNT(IF(state = 'open', 1, NULL))",
    held="COUNT(IF(state = 'held', 1, NULL))",
    closed="COUNT(IF(state = 'closed', 1, NULL))",
    dead="COUNT(IF(state = 'dead', 1, NULL))",
)

SPREAD_ROW = Columns(
    SpreadRow,
    part=_PART,
    spread="CAST(AVG(spread) AS DOUBLE)",
    most="CAST(ROUND(MAX(spread), 2) AS DOUBLE)",
    known="COUNT(*)",
)


def keep(moment: int, dialers: Sequence[Mapping]) -> list[Statement]:
    """Keep a quarter minute, unless somebody has already, and remove what is old.

    Args:
        moment: the quarter minute.
        dialers: of a snapshot; none keeps nothing.
    """
    values = {"moment": moment, "oldest": moment - KEPT, "most": PRUNED_AT_ONCE}
    rows = []
    for number, dialer in enumerate(dialers):
        rows.append(f"(%(moment)s, %(ip{number})s, %(agents{number})s, %(state{number})s)")
        values[f"ip{number}"] = dialer["server_ip"]
        values[f"agents{number}"] = max(0, dialer["local_agents"])
        values[f"state{number}"] = dialer["condition"]
    kept = Statement(
        "INSERT IGNORE INTO evenfloor_history (quarter_minute, server_ip, agents, state)"
        f" VALUES {', '.join(rows)}",
        values,
        optional=True,
    )
    old = Statement(
        "DELETE FROM evenfloor_history WHERE quarter_minute < %(oldest)s LIMIT %(most)s",
        values,
        optional=True,
    )
    return [kept, old] if rows else []


def parts(first: int, end: int) -> Statement:
    """Select the parts of a day as :class:`PartRow`.

    Args:
        first: the day's first quarter minute.
        end: the one after its last.
    """
    return Statement(
        f"SELECT {PART_ROW.listed} {_OF_A_DAY} GROUP BY 1, 2",
        {"first": first, "end": end},
    )


def spreads(first: int, end: int) -> Statement:
    """Select the spread in the parts of a day as :class:`SpreadRow`.

    It is one of shares, by the weights that dialers have now.

    Args:
        first: the day's first quarter minute.
        end: the one after its last.
    """
    return Statement(
        f"SELECT {SPREAD_ROW.listed} FROM"
        " (SELECT quarter_minute, MAX(share) - MIN(share) AS spread FROM (SELECT quarter_minute,"
        " agents / COALESCE(w.weight, 1) AS share FROM evenfloor_history"
        " LEFT JOIN evenfloor_weights w USING (server_ip) WHERE quarter_minute >= %(first)s"
        " AND quarter_minute < %(end)s AND state = 'open') shares"
        " GROUP BY quarter_minute) spreads GROUP BY 1",
        {"first": first, "end": end},
    )


def rows(first: int, end: int) -> Statement:
    """Select the rows of a day as :class:`HistoryRow`, by their moment.

    Args:
        first: the day's first quarter minute.
        end: the one after its last.
    """
    return Statement(
        f"SELECT {HISTORY_ROW.listed} {_OF_A_DAY} ORDER BY quarter_minute, server_ip",
        {"first": first, "end": end},
    )
