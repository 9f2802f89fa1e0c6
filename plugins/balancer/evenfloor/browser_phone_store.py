"""What the database tells of an alias's browser phone.

The login service's user can't read registration passwords. It may ask a function of the database
for those of an alias whose phone is the login page, and of no other alias
(``roles/database/templates/browser_phones.sql.j2``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .config import DatabaseConfig
from .connection import Connection
from .deadline import Deadline
from .sql import Statement

#: How long an answer is waited for, in seconds.
ANSWER_TIMEOUT = 3


@dataclass(frozen=True)
class BrowserPhone:
    """An alias as a browser phone.

    Attributes:
        alias: the phone alias, as the database has it.
        password: its login password.
        accounts: of each dialer what :data:`ACCOUNT` names; empty where its phone is another.
    """

    alias: str
    password: str
    accounts: tuple[dict, ...]


#: What the page gets of each dialer.
ACCOUNT = ("extension", "server_ip", "dialer", "password", "registered")


class BrowserPhoneStore:
    """The database as browser phones see it.

    Not for use from several threads at once.

    Args:
        config: where the database is.
    """

    def __init__(self, config: DatabaseConfig):
        self._connection = Connection(config, ANSWER_TIMEOUT, row_wait=1)

    def phone(self, alias: str) -> BrowserPhone | None:
        """Read an alias; None where there is no such alias.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        asked = Statement("SELECT evenfloor_browser_phones_of(%(alias)s)", {"alias": alias})
        return read_phone(self._one(asked)[0])

    def is_dialer(self, server_ip: str) -> bool:
        """Say whether a dialer has this address.

        Raises:
            DatabaseUnreachable: the database didn't answer.
        """
        asked = "SELECT EXISTS (SELECT 1 FROM servers WHERE server_ip = %(server_ip)s)"
        return bool(self._one(Statement(asked, {"server_ip": server_ip}))[0])

    def _one(self, statement: Statement):
        with self._connection.within(Deadline(ANSWER_TIMEOUT)):
            return self._connection.batch([statement])[0].rows[0]


def read_phone(answer: str | None) -> BrowserPhone | None:
    """Read what the function has answered."""
    if answer is None:
        return None
    (alias, password), phones = json.loads(answer)
    accounts = [dict(zip(ACCOUNT, [*phone[:-1], bool(phone[-1])])) for phone in phones]
    accounts.sort(key=lambda account: account["server_ip"])
    return BrowserPhone(alias, password, tuple(accounts))
