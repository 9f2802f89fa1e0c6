"""Asterisk's manager interface (AMI) as the dialer's daemon needs it, on panoramisk."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from panoramisk import Manager
from panoramisk.message import Message

from .config import DialerConfig
from .sessions import TAG_PATTERN

log = logging.getLogger("evenfloor.ami")

ANSWER_TIMEOUT = 2.0
LISTING_TIMEOUT = 10.0
#: Seconds that Asterisk may take, beyond the ringing, to say how an Originate ended.
ORIGINATE_GRACE = 5.0
RECONNECT_AFTER = 1

#: panoramisk sends unanswered actions again after a reconnect. Asterisk has restarted then:
#: a call of before must not be placed now.
_NEVER_REPEATED = ("ping", "login", "originate", "hangup", "coreshowchannels", "devicestatelist")

#: The states of a contact in ContactStatus events, in VICIdial's words. «Updated» isn't here (a
#: registration that is merely refreshed changes nothing), nor is «Removed»: when a phone
#: registers anew, its new contact comes first and its old one is removed after.
PEER_STATES = {
    "created": "REGISTERED",
    "nonqualified": "REGISTERED",
    "reachable": "REACHABLE",
}
#: A contact that doesn't answer, or that has gone, may not be the phone's only one.
UNREACHABLE, REMOVED = "unreachable", "removed"
#: The headers of an Originate that a login writes.
ORIGINATE_HEADERS = ("Channel", "Context", "Exten", "Priority", "Callerid")
#: A line end would begin another header, and two of them another action.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG = re.compile(TAG_PATTERN)
#: What Asterisk says of a channel that it doesn't have.
NO_CHANNEL = "No such channel"
_UNREGISTERED_DEVICE = frozenset({"UNAVAILABLE", "INVALID", "UNKNOWN"})
_DEVICE_PREFIX = "PJSIP/"


class Channel(NamedTuple):
    """A channel.

    Attributes:
        name: ``PJSIP/101-00000001``.
        room: the extension that it runs, which is a room's number in an agent's call.
    """

    name: str
    room: str

    @property
    def phone(self) -> str:
        """Whose it is: ``PJSIP/101``."""
        return self.name.rpartition("-")[0]


class AmiSilent(Exception):
    """Asterisk didn't answer in time, or isn't there."""


class UnsafeAction(ValueError):
    """An action that Asterisk would take for more, or for something else, than it is."""


def originate_headers(lines: Iterable[str]) -> dict[str, str]:
    """Read the headers of an Originate from the queue.

    Anybody who may write to the database's tables wrote them, or a part of them.

    Args:
        lines: ``Name: value`` each.

    Returns:
        Values by name.

    Raises:
        UnsafeAction: there is one that no login writes, or one twice.
    """
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon or name not in ORIGINATE_HEADERS or name in headers:
            raise UnsafeAction(f"an Originate may not have the header {line!r}")
        headers[name] = value
    return headers


class Ami:
    """A connection to Asterisk that comes back by itself.

    Args:
        config: where Asterisk is and who we are.
        on_ready: called each time a connection has been made and the login accepted.
    """

    def __init__(self, config: DialerConfig, on_ready: Callable[[], None]):
        self.ready = asyncio.Event()
        self._on_ready = on_ready
        self._manager = Manager(
            loop=asyncio.get_running_loop(),
            host=config.ami_host,
            port=config.ami_port,
            username=config.ami_user,
            secret=config.ami_secret,
            reconnect_timeout=RECONNECT_AFTER,
            forgetable_actions=_NEVER_REPEATED,
            on_login=self._logged_in,
            on_disconnect=self._disconnected,
        )

    def connect(self) -> None:
        """Start to connect; ``ready`` is set once Asterisk has accepted the login."""
        self._manager.connect()

    def use(self, config: DialerConfig) -> None:
        """Log in as this says from the next connection on. The present one stays."""
        self._manager.config.update(
            host=config.ami_host,
            port=config.ami_port,
            username=config.ami_user,
            secret=config.ami_secret,
        )

    def close(self) -> None:
        """End the connection for good."""
        self._manager.close()

    def on(self, event: str, callback: Callable[[Message], None]) -> None:
        """Have ``callback`` called with each event of this name."""
        self._manager.register_event(event, lambda manager, message: callback(message))

    def _logged_in(self, manager: Manager) -> None:
        log.info("connected to Asterisk")
        self.ready.set()
        self._on_ready()

    def _disconnected(self, manager: Manager, reason: Exception | None) -> None:
        log.warning("the connection to Asterisk is gone")
        self.ready.clear()

    async def _sent(self, headers: dict, seconds: float) -> list[Message]:
        for name, value in headers.items():
            if _CONTROL.search(f"{name}{value}"):
                raise UnsafeAction(f"{headers['Action']}: {name} {value!r} has control characters")
        if not self.ready.is_set():
            raise AmiSilent("not connected")
        try:
            answer = await asyncio.wait_for(self._manager.send_action(headers), seconds)
            return answer if isinstance(answer, list) else [answer]
        except asyncio.TimeoutError:
            raise AmiSilent(f"no answer to {headers['Action']} in {seconds} s") from None

    async def ping(self) -> None:
        """Make sure that Asterisk answers.

        Raises:
            AmiSilent: it doesn't.
        """
        await self._sent({"Action": "Ping"}, ANSWER_TIMEOUT)

    async def originate(self, headers: dict, tag: str, ring_timeout: int) -> bool:
        """Place a call and wait until it was answered or failed.

        Args:
            headers: Channel, Context, Exten, Priority and Callerid.
            tag: becomes the channel's Uniqueid.
            ring_timeout: seconds.

        Returns:
            Whether the phone answered.

        Raises:
            AmiSilent: Asterisk went away meanwhile.
            UnsafeAction: a header or the tag has control characters.
        """
        answers = await self._sent(
            {
                **headers,
                "Action": "Originate",
                "ChannelId": tag,
                "Async": "true",
                "Timeout": ring_timeout * 1000,
            },
            ring_timeout + ORIGINATE_GRACE,
        )
        return answers[-1].response == "Success"

    async def hang_up(self, tag: str) -> None:
        """End the channel whose Uniqueid is ``tag``; one that is gone already is fine.

        Raises:
            AmiSilent: Asterisk doesn't answer.
            UnsafeAction: it isn't a tag. Between slashes Asterisk would take it for a pattern, and
                end every call that matches.
        """
        if not _TAG.fullmatch(tag):
            raise UnsafeAction(f"{tag!r} is no session's tag")
        await self._sent({"Action": "Hangup", "Channel": tag}, ANSWER_TIMEOUT)

    async def channels(self) -> dict[str, Channel]:
        """List the channels by their Uniqueid.

        Raises:
            AmiSilent: Asterisk doesn't answer, or only with a part.
        """
        first, *rows = await self._sent({"Action": "CoreShowChannels"}, LISTING_TIMEOUT)
        found = [row for row in rows if row.event == "CoreShowChannel"]
        end = rows[-1] if rows else first
        if (first.response, end.event) != ("Success", "CoreShowChannelsComplete") or (
            end.listitems != str(len(found))
        ):
            raise AmiSilent("the list of channels is incomplete")
        return {row.uniqueid: Channel(row.channel, row.exten) for row in found}

    async def is_gone(self, tag: str) -> bool:
        """Say whether Asterisk knows that there is no channel whose Uniqueid is ``tag``.

        Raises:
            AmiSilent: Asterisk doesn't answer.
        """
        asked = {"Action": "Getvar", "Channel": tag, "Variable": "UNIQUEID"}
        (answer,) = await self._sent(asked, ANSWER_TIMEOUT)
        return (answer.response, answer.message) == ("Error", NO_CHANNEL)

    async def registered(self) -> set[str]:
        """List the extensions that are registered and answer.

        Read from the devices' states: the list of contacts would need a right that also
        allows to run programs.

        Raises:
            AmiSilent: Asterisk doesn't answer.
        """
        answers = await self._sent({"Action": "DeviceStateList"}, LISTING_TIMEOUT)
        return {
            answer.device[len(_DEVICE_PREFIX) :]
            for answer in answers
            if answer.event == "DeviceStateChange"
            and answer.device.startswith(_DEVICE_PREFIX)
            and answer.state not in _UNREGISTERED_DEVICE
        }
