"""How SQL is put together and how its rows are read.

There is one mechanism. A statement's text is an f-string of constants; every value is a named
parameter, which the driver escapes. The columns that become a record are :class:`Columns`: the
same definition writes the SELECT and reads its rows, so nobody counts positions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple


class Statement(NamedTuple):
    """A statement with its values.

    Attributes:
        text: SQL with ``%(name)s`` where a value belongs.
        values: the values by name; None where there are none and a ``%`` is only a ``%``.
        optional: whether the trip goes on as if it had worked when it fails.
    """

    text: str
    values: object = None
    optional: bool = False


class Reply(NamedTuple):
    """What a statement gave.

    Attributes:
        rows: what it selected.
        touched: how many rows it selected or changed.
        last_id: the last id that it made.
        arrived: when the reply came, in seconds of ``time.perf_counter()``.
    """

    rows: tuple
    touched: int
    last_id: int
    arrived: float


START = Statement("START TRANSACTION")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")


class Condition(str):
    """An expression that is true or false.

    MariaDB gives 0 and 1, or in JSON, depending on its version, true and false; a record has bools.
    """

    __slots__ = ()


class Columns:
    """The columns of a SELECT that make a record.

    Args:
        record: a NamedTuple.
        expressions: the SQL of each of its fields, in the same order.

    Raises:
        TypeError: a field has no expression, or an expression no field.
    """

    def __init__(self, record, **expressions: str):
        if tuple(expressions) != record._fields:
            raise TypeError(f"{record.__name__} has the fields {record._fields}")
        self._record = record
        self._expressions = tuple(expressions.values())
        self._conditions = [
            place
            for place, expression in enumerate(self._expressions)
            if isinstance(expression, Condition)
        ]

    @property
    def listed(self) -> str:
        """The columns as a SELECT lists them."""
        return ", ".join(self._expressions)

    @property
    def array(self) -> str:
        """The columns as one JSON array: the driver is slow with columns, the parser is not."""
        return f"JSON_ARRAY({self.listed})"

    def read(self, reply: Reply) -> list:
        """Make a record of each row that was selected with :attr:`listed`."""
        return [self.made_of(row) for row in reply.rows]

    def decode(self, array: str):
        """Make the record of one :attr:`array`."""
        return self.made_of(json.loads(array))

    def made_of(self, values: Iterable):
        """Make the record of values, in the order of the fields."""
        values = list(values)
        for place in self._conditions:
            values[place] = bool(values[place])
        return self._record._make(values)


def decoded(reply: Reply) -> list[list]:
    """Decode rows that are one JSON array each."""
    return json.loads(f"[{','.join([row for (row,) in reply.rows])}]")


def note(variable: str, select: Statement) -> Statement:
    """Keep what a SELECT of one value finds in a user variable of the connection.

    ``SELECT … INTO``, because ``SET @variable = (SELECT …)`` waits for the row locks of others in
    InnoDB.

    Args:
        variable: its name, without the ``@``.
        select: finds one row of one value.
    """
    return select._replace(text=f"{select.text} INTO @{variable}")


def quoted(words: Iterable[str]) -> str:
    """List constants as SQL texts: ``'Y', 'N'``. Only for constants of this package."""
    return ", ".join(f"'{word}'" for word in sorted(words))
