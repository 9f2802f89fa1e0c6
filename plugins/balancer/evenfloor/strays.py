"""Channels and rooms without a session: what becomes of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from .ami import Ami, Channel
from .daemon_statements import CALLS_KEPT, NOT_RESTORED
from .daemon_store import DaemonStore, DaemonThread
from .orphans import Orphans
from .steps import say

log = logging.getLogger("evenfloor.dialer")

#: So many seconds it is remembered that a call is to end. One that is being placed has no channel
#: yet: Asterisk makes that as soon as it comes to it, on a busy dialer some seconds later.
REMEMBERED = 300.0


class Strays:
    """Removes a dialer's strays, those that were strays at the last comparison too.

    Args:
        server_ip: the dialer.
        ami: its Asterisk.
        run: the database.
        most: how many calls may end within a minute.

    Attributes:
        removed: how many have been removed, those not counted whose end somebody had asked for.
    """

    def __init__(self, server_ip: str, ami: Ami, run: DaemonThread, most: int):
        self._server_ip = server_ip
        self._ami = ami
        self._run = run
        self._most = most
        self._orphans = Orphans(most)
        self._suspects: set[str] = set()
        self._unwanted: dict[str, float] = {}
        self._noted: int | None = None
        self.removed = 0

    def want_gone(self, tag: str) -> None:
        """Note that somebody has asked for the end of a call: then it may end with many others.

        Args:
            tag: the call's; its channel may come later.
        """
        self._unwanted[tag] = time.monotonic()

    def end_kept(self) -> int:
        """Have the calls end at the next comparison that are kept now; returns how many."""
        return self._orphans.end_kept()

    async def remove(
        self, channels: Mapping[str, Channel], rooms: set[str], restored: int = NOT_RESTORED
    ) -> None:
        """Hang up channels and free rooms, or keep them.

        They are kept if the channels are too many, or after a restore.

        Args:
            channels: every channel without a session, by its tag.
            rooms: every room that is taken and in which no session lives.
            restored: what the database says of a restore.

        Raises:
            AmiSilent: Asterisk doesn't answer.
            DatabaseUnreachable: the database doesn't.
        """
        now = time.monotonic()
        self._unwanted = {
            tag: told
            for tag, told in self._unwanted.items()
            if tag in channels or now - told < REMEMBERED
        }
        unwanted = channels.keys() & self._unwanted.keys()
        confirmed = (channels.keys() - unwanted) & self._suspects
        is_restored = restored != NOT_RESTORED
        ending = unwanted | self._orphans.may_end(confirmed, now, is_restored)
        self.removed += len(ending - unwanted)
        await self._note_kept()
        for tag in sorted(ending):
            say("stray channel", tag, channel=channels[tag].name)
            await self._ami.hang_up(tag)
        going_on = channels.keys() - ending
        if is_restored or len(going_on) > self._most or self._orphans.kept:
            # Whatever lost the rows may have freed the rooms: a login would be put beside a call.
            for tag in sorted(going_on):
                room, phone = channels[tag].room, channels[tag].phone
                await self._run(DaemonStore.hold_room, self._server_ip, room, phone)
        else:
            for room in sorted(rooms & self._suspects):
                say("stray room", "", room=room)
                self.removed += 1
                await self._run(DaemonStore.free_room, self._server_ip, room)
        self._suspects = channels.keys() | rooms
        found = CALLS_KEPT if going_on else NOT_RESTORED
        # Only now: with the mark, the dialer takes no logins.
        if is_restored and restored != found:
            await self._run(DaemonStore.note_compared, self._server_ip, found)

    async def _note_kept(self) -> None:
        """Say how many calls are kept: in the log when it changes, and in the daemon's row."""
        kept, before = len(self._orphans.kept), self._noted
        if kept and kept != before:
            log.error(
                "%d calls have no row, too many to end them, or their rows were lost in a restore:"
                " they go on until their rows are back or a person says that they may end;"
                " check.yml says how",
                kept,
            )
        elif before and not kept:
            log.warning("no call is kept without a row any longer")
        if kept or kept != before:
            await self._run(DaemonStore.note_kept, self._server_ip, kept)
            self._noted = kept
