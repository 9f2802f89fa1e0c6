"""The daemon on a dialer.

It writes the heartbeat as long as Asterisk answers, places the calls that logins ask for,
keeps ``phones.peer_status`` true, and ends a session when its call ends. The database says
what should be, Asterisk what is; whatever happened to either, :meth:`Daemon.reconcile`
brings them together again. It works only while it is in charge: one daemon for each dialer.

A session's tag is its channel's Uniqueid, so a session is found again in Asterisk's list
of channels after any restart.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import signal
import sys
import time
from dataclasses import dataclass

from . import config as configuration
from .ami import Ami, AmiSilent, Channel, UnsafeAction, originate_headers
from .daemon_statements import Work
from .daemon_store import DaemonStore, DaemonThread, QueuedAction, new_token
from .errors import ConfigurationError, DatabaseUnreachable
from .machine import Machine
from .peers import BATCH, Peers
from .sessions import TAG_PATTERN, LiveSession
from .steps import say
from .strays import Strays
from .wakeups import Wakeups, set_or_elapsed

log = logging.getLogger("evenfloor.dialer")

CONFIGURATION_WRONG, SECOND = 2, 3

HEARTBEAT_INTERVAL = 1.0
CHARGE_INTERVAL = 2.0
#: A daemon whose connection is silent for so many seconds is no longer in charge.
CHARGE_LEASE = 5
#: A daemon that isn't in charge ends after so many seconds. Longer than the lease: a daemon that
#: was restarted doesn't take its own former connection for another daemon.
CHARGE_PATIENCE = 10.0
RECONCILE_INTERVAL = 5.0
#: A session younger than this many seconds may still be waiting for its channel.
SESSION_GRACE = 5
#: An action that waited longer than this many seconds is not sent any more: the agent gave up.
STALE_ACTION = 20
#: Seconds that done actions stay in the queue for a person to look at.
ACTIONS_KEPT = 3600
FORGET_INTERVAL = 60.0
RETRY_AFTER = 0.5

_TAG = re.compile(TAG_PATTERN)
_RINGING = "5"


class SecondDaemon(Exception):
    """Another daemon is in charge of this dialer."""


def is_late(age: int | None, since_last_look: float) -> bool:
    """Say whether an action waited too long to be sent.

    Args:
        age: its age in seconds by local time, in which an hour comes twice.
        since_last_look: for how many seconds nobody had looked for actions: it isn't older.
    """
    if since_last_look <= STALE_ACTION:
        return False
    return age is None or not 0 <= age <= STALE_ACTION


@dataclass
class _Call:
    """A session's call as far as Asterisk has told: the channel's name, once it has one."""

    room: str
    channel: str = ""
    unwanted: bool = False


class Daemon:
    """One dialer's daemon. Make it inside a running event loop.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: configuration.Config):
        self._settings = config.dialer
        self._server_ip = config.dialer.server_ip
        self._ami = Ami(config.dialer, self._asterisk_is_back)
        token = new_token()
        self._run = DaemonThread(config.database, token)
        # A heartbeat never waits behind other work.
        self._beat = DaemonThread(config.database, token)
        self._in_charge = asyncio.Event()
        self._refused_since: float | None = None
        self._looked = float("-inf")
        self._machine = Machine()
        self._wakeups = Wakeups(config.dialer.poll_interval)
        self._calls: dict[str, _Call] = {}
        self._ended: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._peers = Peers(self._server_ip, self._ami, self._run)
        self._compare = asyncio.Event()
        self._strays = Strays(self._server_ip, self._ami, self._run, config.dialer.max_orphans)
        self._tasks: set[asyncio.Task] = set()
        self._lost = self._asterisk_connections = 0

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            SecondDaemon: another daemon is in charge of this dialer.
        """
        self._ami.on("Newchannel", self._channel_made)
        self._ami.on("Newstate", self._channel_changed)
        self._ami.on("Hangup", self._channel_gone)
        self._ami.on("ContactStatus", self._peers.contact_changed)
        self._ami.connect()
        await self._wakeups.listen(self._server_ip, self._settings.wake_port)
        loops = [
            asyncio.ensure_future(loop)
            for loop in (
                self._forever(self._stay_in_charge, CHARGE_INTERVAL, always=True),
                self._forever(self._send_heartbeat, HEARTBEAT_INTERVAL),
                self._forever(self._send_actions, self._settings.poll_interval),
                self._forever(self._write_ended, 0),
                self._forever(self._peers.write_peers, BATCH),
                self._forever(self._tidy_up, 0),
                self._forever(self._peers.compare_peers, 0),
                self._forever(self._forget_actions, FORGET_INTERVAL),
            )
        ]
        try:
            await asyncio.gather(*loops)
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            self._ami.close()
            self._wakeups.close()
            self._run.close()
            self._beat.close()

    def use(self, config: configuration.Config) -> None:
        """Reach the database and Asterisk as this says; the rest of it counts from the next start.

        Calls, and actions that are being sent, go on.
        """
        self._run.use(config.database)
        self._beat.use(config.database)
        self._ami.use(config.dialer)

    def end_kept_calls(self) -> None:
        """End the calls that go on although they have no row: a person has looked."""
        log.warning("told to end %d calls that have no row", self._strays.end_kept())
        self._compare.set()

    async def _forever(self, work, interval: float, always: bool = False) -> None:
        """Repeat ``work`` every ``interval`` seconds; trouble is said once, then tried again.

        Args:
            work: what to do.
            interval: seconds.
            always: whether to do it even while another daemon is in charge.
        """
        trouble = ""
        while True:
            if not always:
                await self._in_charge.wait()
            started = time.monotonic()
            try:
                await work()
                if trouble:
                    log.info("%s works again", work.__name__.strip("_"))
                    trouble = ""
            except (DatabaseUnreachable, AmiSilent) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    log.warning("%s: %s", work.__name__.strip("_"), trouble)
                await asyncio.sleep(RETRY_AFTER)
            await asyncio.sleep(max(0.0, interval - (time.monotonic() - started)))

    # -- one daemon for each dialer -------------------------------------------------------

    async def _stay_in_charge(self) -> None:
        charge = await self._beat(DaemonStore.take_charge, self._server_ip, CHARGE_LEASE)
        if charge.is_ours:
            self._refused_since = None
            self._in_charge.set()
            return
        other = f"{self._server_ip} has another daemon, on {charge.host} since {charge.started} UTC"
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
            self._in_charge.clear()
            log.warning("%s; waiting %.0f s for it to end", other, CHARGE_PATIENCE)
        elif now - self._refused_since >= CHARGE_PATIENCE:
            raise SecondDaemon(f"{other}; stop one of the two")

    # -- heartbeat ------------------------------------------------------------------------

    async def _send_heartbeat(self) -> None:
        await self._ami.ready.wait()
        await self._ami.ping()
        calls = sum(bool(call.channel) for call in self._calls.values())
        work = Work(calls, self._lost + self._strays.removed, self._asterisk_connections)
        if await self._beat(DaemonStore.beat, self._server_ip, work):
            self._wakeups.see()

    # -- calls ----------------------------------------------------------------------------

    async def _send_actions(self) -> None:
        await self._ami.ready.wait()
        await self._wakeups.wait()
        looked = time.monotonic()
        actions = await self._run(DaemonStore.take_actions, self._server_ip)
        since, self._looked = time.monotonic() - self._looked, looked
        if actions:
            self._wakeups.found()
        for action in actions:
            if action.action == "Hangup":  # it never comes too late: no other call has this tag
                self._strays.want_gone(action.tag)
                self._spawn(self._end_call(action.tag))
            elif action.action != "Originate":
                log.warning("%s is not an action this daemon sends", action.action)
            elif is_late(action.age, since):
                log.warning("session %s: %s came too late", action.tag, action.action)
                await self._run(DaemonStore.note_late, action.tag)
            else:
                self._spawn(self._place_call(action))

    def _spawn(self, coroutine) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _place_call(self, action: QueuedAction) -> None:
        try:
            headers = originate_headers(action.headers)
        except UnsafeAction as error:
            log.warning("session %s: %s", action.tag, error)
            return  # reconcile() ends the session: it gets no channel
        room = headers.get("Exten", "")
        self._calls[action.tag] = _Call(room)
        say("originate", action.tag, room=room, channel=headers.get("Channel", ""))
        try:
            answered = await self._ami.originate(headers, action.tag, self._settings.ring_timeout)
        except AmiSilent as silence:
            log.warning("session %s: %s", action.tag, silence)
            call = self._calls.get(action.tag)
            if call and not call.channel:  # whatever became of it, reconcile() finds out
                del self._calls[action.tag]
            return
        except UnsafeAction as error:
            log.warning("session %s: %s", action.tag, error)
            self._session_over(action.tag)
            return
        say("answered" if answered else "failed", action.tag, room=room)
        if not answered:
            self._session_over(action.tag)
            return
        channel = self._calls[action.tag].channel if action.tag in self._calls else ""
        try:
            await self._run(DaemonStore.note_answered, self._server_ip, action.tag, channel)
        except DatabaseUnreachable as error:
            log.warning("session %s: %s", action.tag, error)

    async def _end_call(self, tag: str) -> None:
        call = self._calls.get(tag)
        try:
            if call and not call.channel:
                call.unwanted = True  # its channel is hung up the moment it is there
                return
            await self._ami.hang_up(tag)
        except (AmiSilent, UnsafeAction) as error:
            log.warning("session %s: %s", tag, error)

    def _channel_made(self, event) -> None:
        call = self._calls.get(event.uniqueid)
        if call:
            call.channel = event.channel
            if call.unwanted:
                self._spawn(self._end_call(event.uniqueid))

    def _channel_changed(self, event) -> None:
        if event.uniqueid in self._calls and event.channelstate == _RINGING:
            say("ringing", event.uniqueid, channel=event.channel)

    def _channel_gone(self, event) -> None:
        if event.uniqueid in self._calls:
            say("hangup", event.uniqueid, channel=event.channel)
            self._session_over(event.uniqueid)

    def _session_over(self, tag: str) -> None:
        call = self._calls.pop(tag, None)
        if call:
            self._ended.put_nowait((tag, call.room))

    async def _write_ended(self) -> None:
        """Write the end of one session; kept and tried again while the database is away."""
        tag, room = await self._ended.get()
        try:
            await self._run(DaemonStore.end_session, self._server_ip, tag)
            await self._run(DaemonStore.free_room, self._server_ip, room)
        except BaseException:
            self._ended.put_nowait((tag, room))
            raise

    # -- what should be and what is -------------------------------------------------------

    def _asterisk_is_back(self) -> None:
        # Nobody will tell how calls ended that were being placed on the lost connection.
        self._calls = {tag: call for tag, call in self._calls.items() if call.channel}
        self._asterisk_connections += 1
        self._compare.set()
        self._peers.compare_soon()

    async def _tidy_up(self) -> None:
        await set_or_elapsed(self._compare, RECONCILE_INTERVAL)
        await self._ami.ready.wait()
        self._compare.clear()
        await self.reconcile()

    async def reconcile(self) -> None:
        """Bring sessions, rooms and Asterisk's channels together.

        A session ends if Asterisk, asked for its channel, says that there is none: a list of
        channels that lacks it is not enough. A room without a session is freed and a channel
        without a session is hung up, if they were like that at the last comparison too: a
        login that is just being written looks the same for a moment. Channels that are too many
        to end at once go on, and so do those whose rows a restore has lost, see :class:`Strays`.
        """
        sessions, rooms, restored = await self._run(DaemonStore.compared, self._server_ip)
        channels = await self._ami.channels()
        for session in sessions:
            await self._adopt_or_end(session, channels.get(session.tag))
        for tag in [tag for tag, call in self._calls.items() if call.channel]:
            if tag not in channels and await self._is_gone(tag):
                self._session_over(tag)
        tags = {session.tag for session in sessions}
        lived_in = {session.room for session in sessions}
        lived_in |= {call.room for call in self._calls.values()}
        await self._strays.remove(
            {
                tag: channel
                for tag, channel in channels.items()
                if _TAG.fullmatch(tag) and tag not in tags
            },
            set(rooms) - lived_in,
            restored,
        )
        busy = self._machine.read()
        if busy:
            await self._run(DaemonStore.note_busy, self._server_ip, busy, len(channels))

    async def _forget_actions(self) -> None:
        await self._run(DaemonStore.forget_actions, self._server_ip, ACTIONS_KEPT)

    async def _adopt_or_end(self, session: LiveSession, channel: Channel | None) -> None:
        if channel:
            self._calls.setdefault(session.tag, _Call(session.room)).channel = channel.name
        elif (
            session.age >= SESSION_GRACE
            and not self._is_being_placed(session.tag)
            and await self._is_gone(session.tag)
        ):
            say("lost", session.tag, room=session.room)
            self._lost += 1
            self._calls.setdefault(session.tag, _Call(session.room))
            self._session_over(session.tag)

    async def _is_gone(self, tag: str) -> bool:
        gone = await self._ami.is_gone(tag)
        if not gone:
            log.warning("session %s: not in Asterisk's list of channels, but known to it", tag)
        return gone

    def _is_being_placed(self, tag: str) -> bool:
        return tag in self._calls and not self._calls[tag].channel


def _read_again(daemon: Daemon, path: str) -> None:
    """Have the daemon use the configuration as it is now, unless it can't be used."""
    try:
        daemon.use(configuration.load(path))
    except ConfigurationError as error:
        log.warning("the configuration stays as it was: %s", error)
    else:
        log.info("the configuration has been read again")


async def _serve(config: configuration.Config, path: str) -> None:
    loop = asyncio.get_running_loop()
    daemon = Daemon(config)
    loop.add_signal_handler(signal.SIGUSR1, daemon.end_kept_calls)
    serving = loop.create_task(daemon.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    loop.add_signal_handler(signal.SIGHUP, _read_again, daemon, path)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("stopped; calls go on")


def main(words: list[str] | None = None) -> int:
    """Run the daemon.

    Args:
        words: the arguments; by default the process's own.

    Returns:
        0 when it was told to stop, 2 when the configuration can't be used, 3 when another daemon is
        in charge of the dialer.
    """
    parser = argparse.ArgumentParser(prog="evenfloor-dialer", description="A dialer's daemon.")
    parser.add_argument("--config", metavar="FILE", default=configuration.DEFAULT_PATH)
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)
    try:
        config = configuration.load(arguments.config)
        if not config.dialer.server_ip:
            raise ConfigurationError(f"{arguments.config}: [dialer] server_ip is missing")
    except ConfigurationError as error:
        print(f"evenfloor-dialer: {error}", file=sys.stderr)
        return CONFIGURATION_WRONG
    try:
        asyncio.run(_serve(config, arguments.config))
    except SecondDaemon as second:
        log.critical("%s", second)
        return SECOND
    return 0


if __name__ == "__main__":
    sys.exit(main())
