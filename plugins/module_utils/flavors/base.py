# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between kinds of clusters.

Everything that depends on whose cluster it is stands behind this interface. Two questions make
almost all of the difference: whether Evenfloor alone writes phones and aliases, and whether
Evenfloor writes the dialers' files.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import WIDE_LOGINS_LIST


@dataclass(frozen=True)
class ServerColumns:
    """The columns of ``servers`` that may follow the inventory."""

    server_id: str
    server_description: str
    asterisk_version: str


@dataclass(frozen=True)
class DialerRequest:
    """What is asked for a dialer's rows.

    Attributes:
        server_ip: the dialer's address.
        columns: its columns of ``servers``.
        max_agents: the most local agents; None for no limit.
        weight: its weight in the choice.
        first_room: the first agent room.
        last_room: the last agent room.
        clone_from: the ``server_ip`` of the dialer that a new one is made like; None for none.
    """

    server_ip: str
    columns: ServerColumns
    max_agents: int | None
    weight: Decimal
    first_room: int
    last_room: int
    clone_from: str | None = None


class Flavor(abc.ABC):
    """A kind of cluster. Its objects have no state.

    Attributes:
        name: the value of ``cluster_flavor``.
        meaning: what that says about the cluster, for messages.
        software: what the cluster runs, for messages.
        owns_phones: whether phones and aliases are Evenfloor's alone. Then what the inventory
            doesn't name is removed on request, and is a finding of the doctor.
        has_login: whether agents log in with Evenfloor, and not on another page that asks it.
        manages_dialers: whether the dialers are hosts that the playbooks configure.
        adopted: whether the cluster ran before Evenfloor came, so that it is adopted into an
            inventory and can be given back.
        registration: the default of ``balancer_registration``: how far the choice trusts
            ``phones.peer_status``.
        settling: the default of ``balancer_settling``, in seconds: how long a dialer that has
            come back gets no logins as long as another can take them.
        room_tables: the tables in which a dialer has rooms, agents' and others.
        address_tables: the shared tables whose ``server_ip`` follows a dialer that gets another
            address, besides ``servers``; those that a database lacks are left out.
        address_columns: other tables and columns that hold a dialer's address.
        unwritten_files: SQL, true for a row ``s`` of ``servers`` whose dialer's files still have
            to be written. Until then the dialer doesn't know its newest phones.
        own_columns: tables and columns that no other flavor has. One of them tells the flavor of a
            database in which none is noted.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    software: ClassVar[str]
    owns_phones: ClassVar[bool]
    has_login: ClassVar[bool]
    manages_dialers: ClassVar[bool]
    adopted: ClassVar[bool]
    registration: ClassVar[str]
    settling: ClassVar[int]
    room_tables: ClassVar[tuple[str, ...]]
    address_tables: ClassVar[tuple[str, ...]]
    address_columns: ClassVar[tuple[tuple[str, str], ...]]
    unwritten_files: ClassVar[str]
    own_columns: ClassVar[tuple[tuple[str, str], ...]] = ()

    # -- phones and aliases, pure ---------------------------------------------------------

    @abc.abstractmethod
    def check_purge(self) -> None:
        """Check that phones and aliases that no entry names may be removed.

        Raises:
            ValueError: they may be somebody else's.
        """

    @abc.abstractmethod
    def wanted_alias(
        self, alias: dict[str, Any], phones: Sequence[Any], old: Any | None
    ) -> dict[str, Any]:
        """Say what is wanted of an alias, given what is there.

        Args:
            alias: what the inventory wants, as ``inventory.expand_aliases`` made it.
            phones: the phones that its extension has.
            old: the alias that is there; None where there is none.

        Returns:
            The wanted alias. ``phone_name`` may be added: the name of new phones.
        """

    @abc.abstractmethod
    def wanted_phone(self, alias: Mapping[str, Any], phone: Any, old: Any) -> Any:
        """Say what is wanted of a phone that is there.

        Args:
            alias: the wanted alias.
            phone: the phone as a new one would be.
            old: the phone that is there.

        Returns:
            The wanted phone.
        """

    @abc.abstractmethod
    def foreign_logins(
        self, old: Any, phones: Sequence[Any], server_ips: Collection[str]
    ) -> set[str]:
        """Find the logins of a list that stay although the inventory doesn't want them.

        Args:
            old: the alias that is there.
            phones: the phones that its extension has.
            server_ips: the inventory's dialers, and those that are being removed.
        """

    @abc.abstractmethod
    def is_unwanted(self, phone: Any, extensions: Collection[str]) -> bool:
        """Say whether a phone is removed because its alias no longer has one on that dialer.

        Args:
            phone: a phone that no alias wants.
            extensions: the extensions that the inventory names.
        """

    @abc.abstractmethod
    def compared_servers(
        self, rows: Iterable[Mapping[str, Any]], server_ips: Collection[str]
    ) -> list[Mapping[str, Any]]:
        """Choose the rows of ``servers`` that the doctor compares with the inventory.

        Args:
            rows: dicts with ``server_ip``.
            server_ips: the inventory's dialers.
        """

    # -- the database ---------------------------------------------------------------------

    @abc.abstractmethod
    def phone_rows(
        self,
        cursor,
        phones: Sequence[Any],
        dialers: Iterable[Mapping[str, Any]],
        former: Mapping[tuple[str, str], Mapping[str, Any]],
    ) -> list[list[dict[str, Any]]]:
        """Make the rows of ``phones`` for new phones.

        Args:
            cursor: an open cursor.
            phones: the new phones (``plan.Phone``).
            dialers: the inventory's, dicts with ``server_ip``, and ``protocol`` where new phones
                are to have another than those that are there.
            former: the rows of removed phones, by extension and ``server_ip``.

        Returns:
            Lists of rows; those of one list have the same columns.
        """

    @abc.abstractmethod
    def rebuilt(self, server_ips: Iterable[str]) -> list[str]:
        """Return which of these dialers' files somebody else rewrites when their phones change.

        Returns:
            Their ``server_ip``, in order.
        """

    @abc.abstractmethod
    def rebuild_files(self, cursor, server_ips: Iterable[str] | None = None) -> None:
        """Ask whoever writes the dialers' files to rewrite them.

        Args:
            cursor: an open cursor.
            server_ips: the dialers; None for all of them.
        """

    @abc.abstractmethod
    def server_columns(self, given: ServerColumns, there: ServerColumns | None) -> ServerColumns:
        """Say what a dialer's columns should be.

        Args:
            given: as the inventory has them.
            there: as the row has them; None where there is no row.
        """

    @abc.abstractmethod
    def missing_rooms(self, cursor, dialer: DialerRequest) -> dict[str, list[int]]:
        """Find the rooms that a dialer lacks.

        Returns:
            Room numbers by table.
        """

    @abc.abstractmethod
    def create_server(self, cursor, dialer: DialerRequest) -> None:
        """Insert a dialer's row of ``servers``, closed for logins.

        Raises:
            ValueError: it can't be made; the message says what is missing.
        """

    @abc.abstractmethod
    def update_server(self, cursor, dialer: DialerRequest) -> None:
        """Write the columns of a dialer's row that follow the inventory."""

    # -- roles ----------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return what roles and playbooks need to know.

        Returns:
            Besides attributes of the flavor ``widest_logins_list``: to how many characters
            ``phone_aliases_widen_logins_list`` widens the column.
        """
        return {
            "name": self.name,
            "owns_phones": self.owns_phones,
            "manages_dialers": self.manages_dialers,
            "adopted": self.adopted,
            "registration": self.registration,
            "settling": self.settling,
            "widest_logins_list": WIDE_LOGINS_LIST,
        }
