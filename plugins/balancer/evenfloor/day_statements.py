"""The SQL of how many logins and refusals a day had."""

from __future__ import annotations

from .day import QUARTER, QUARTER_HOUR, CountRow
from .decisions import CHOSEN
from .event_statements import OF_A_DAY
from .events import REFUSED
from .sql import Columns, Statement

#: Decisions have the time of the database's session: where its clock is set back, an hour comes
#: twice, and what was decided in both counts for one of them.
_COUNTED = (
    "SELECT UNIX_TIMESTAMP(decided) AS second, outcome = %(chosen)s AS is_login"
    f" FROM evenfloor_decisions WHERE decided >= FROM_UNIXTIME(%(first)s * {QUARTER})"
    f" AND decided < FROM_UNIXTIME(%(end)s * {QUARTER})"
    " UNION ALL SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', happened), FALSE FROM evenfloor_events"
    f" WHERE kind = %(refused)s AND {OF_A_DAY}"
)

COUNT_ROW = Columns(
    CountRow,
    quarter_hour=f"(second - %(first)s * {QUARTER}) DIV {QUARTER * QUARTER_HOUR}",
    logins="COUNT(IF(is_login, 1, NULL))",
    refusals="COUNT(IF(is_login, NULL, 1))",
)


def counts(first: int, end: int) -> Statement:
    """Select the logins and refusals of a day as :class:`CountRow`.

    A refusal is either a decision that found no dialer or an event, never both.

    Args:
        first: the day's first quarter minute.
        end: the one after its last.
    """
    return Statement(
        f"SELECT {COUNT_ROW.listed} FROM ({_COUNTED}) counted GROUP BY 1",
        {"first": first, "end": end, "chosen": CHOSEN, "refused": REFUSED},
    )
