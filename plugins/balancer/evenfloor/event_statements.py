"""The SQL of what has happened besides logins: refusals, and what becomes of dialers.

The table ``evenfloor_events`` has the newest :data:`KEPT`, and all processes of all login hosts
share it. Logins are in ``evenfloor_decisions``.
"""

from __future__ import annotations

from dataclasses import asdict

from .day import MOST_EVENTS, QUARTER, EventRow
from .events import REFUSED, Event, KeptEvent
from .sql import Columns, Statement, note

#: How many are kept.
KEPT = 50_000
#: How many are removed at once: nobody waits for long.
PRUNED_AT_ONCE = 1000
#: How many characters a column takes.
_LONGEST = {"user": 20, "alias": 255, "dialer": 20, "address": 45, "detail": 255}

EVENT_ROW = Columns(
    KeptEvent,
    age="GREATEST(0, TIMESTAMPDIFF(SECOND, happened, UTC_TIMESTAMP()))",
    kind="kind",
    user="user",
    alias="alias_id",
    dialer="dialer",
    address="address",
    detail="detail",
)

#: Seconds since 1970. UTC has no hour twice.
_SECOND = "TIMESTAMPDIFF(SECOND, '1970-01-01', happened)"
#: The limits of a day are put to the column as it is.
OF_A_DAY = " AND ".join(
    f"happened {sign} '1970-01-01' + INTERVAL %({end})s * {QUARTER} SECOND"
    for sign, end in ((">=", "first"), ("<", "end"))
)

DAY_EVENT_ROW = Columns(EventRow, second=_SECOND, kind="kind", dialer="dialer", detail="detail")


def keep(event: Event) -> Statement:
    """Keep an event; nothing depends on it. What is too long for its column is cut."""
    values = asdict(event)
    for name, longest in _LONGEST.items():
        values[name] = values[name][:longest]
    return Statement(
        "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
        " VALUES (UTC_TIMESTAMP(), %(kind)s, %(user)s, %(alias)s, %(dialer)s, %(address)s,"
        " %(detail)s)",
        values,
        optional=True,
    )


def newest(most: int) -> Statement:
    """Select the newest events as arrays of :class:`KeptEvent`, the newest first."""
    return Statement(
        f"SELECT {EVENT_ROW.array} FROM evenfloor_events ORDER BY event_id DESC LIMIT %(most)s",
        {"most": most},
    )


def of_a_day(first: int, end: int) -> Statement:
    """Select what became of dialers on a day as :class:`EventRow`: one more than is shown.

    Args:
        first: the day's first quarter minute.
        end: the one after its last.
    """
    return Statement(
        f"SELECT {DAY_EVENT_ROW.listed} FROM evenfloor_events WHERE kind <> %(refused)s"
        f" AND {OF_A_DAY} ORDER BY event_id LIMIT {MOST_EVENTS + 1}",
        {"refused": REFUSED, "first": first, "end": end},
    )


def prune() -> list[Statement]:
    """Remove all but the newest."""
    newest_id = Statement("SELECT MAX(event_id) FROM evenfloor_events", optional=True)
    return [
        note("evenfloor_newest_event", newest_id),
        Statement(
            "DELETE FROM evenfloor_events"
            f" WHERE event_id <= GREATEST(@evenfloor_newest_event, {KEPT}) - {KEPT}"
            f" LIMIT {PRUNED_AT_ONCE}",
            optional=True,
        ),
    ]
