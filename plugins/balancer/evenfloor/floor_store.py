"""The whole floor, as it is read from the database."""

from __future__ import annotations

from collections.abc import Sequence

from . import floor_statements as reading
from .connection import Connection
from .floor import DialerOnFloor, Floor, assemble
from .heartbeat_statements import last_known
from .sql import Reply, Statement


def read_floor(
    connection: Connection, busy: bool, with_phones: bool = True, more: Sequence[Statement] = ()
) -> tuple[list[DialerOnFloor], list[Reply]]:
    """Read every dialer, and what else is asked for in the same trip.

    Args:
        connection: to the database.
        busy: read how busy the dialers are, which only VICIdial's ``servers`` says.
        with_phones: count the dialers' phones; else they are 0.
        more: further statements.

    Returns:
        The dialers, and the replies to the further statements.

    Raises:
        DatabaseUnreachable: the database didn't answer, or rejected it.
    """
    row_of = reading.dialer_row(with_phones)
    state = reading.dialer_state(all_rooms=True, in_campaign=False, busy=busy)
    asked = [reading.every_dialer(state, with_phones), *reading.changes(user="")]
    replies = connection.batch([*asked, *more])
    found, *_noted, changes = replies[: len(asked)]
    rows = [
        DialerOnFloor(row_of.decode(about), state.decode(dialer)) for about, dialer in found.rows
    ]
    counted = assemble([row.dialer for row in rows], reading.CHANGE_ROW.read(changes))
    dialers = with_last_known(connection, counted.rooms_left()).dialers
    return [row._replace(dialer=dialers[row.row.server_ip]) for row in rows], replies[len(asked) :]


def with_last_known(connection: Connection, floor: Floor) -> Floor:
    """Help a floor without any heartbeat: the database may have been started just now.

    Args:
        connection: to the database.
        floor: as it was read.

    Raises:
        DatabaseUnreachable: the database didn't answer.
    """
    if not floor.is_blind:
        return floor
    alive = [server_ip for (server_ip,) in connection.batch([last_known()])[0].rows]
    return floor.with_last_known(alive)
