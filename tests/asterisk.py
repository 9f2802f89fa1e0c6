"""A server that speaks as much of Asterisk's manager interface as a dialer's daemon hears.

It can also do what a real Asterisk does only when it is ill: swallow an Originate, or leave
channels out of its list.
"""

from __future__ import annotations

import socketserver
import threading


class _Conversation(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Answer actions until the other side leaves."""
        self.wfile.write(b"Asterisk Call Manager/9.0.0\r\n")
        headers: dict[str, str] = {}
        for line in self.rfile:
            name, _colon, value = line.decode().strip().partition(": ")
            if name:
                headers[name.lower()] = value
            elif headers:
                self._answer(headers)
                headers = {}

    def _send(self, asked: dict, **headers: str) -> None:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        if "actionid" in asked:
            lines.insert(1, f"ActionID: {asked['actionid']}")
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _answer(self, asked: dict) -> None:
        action = f"_{asked['action'].lower()}"
        getattr(self, action, self._accepted)(asked)

    def _accepted(self, asked: dict) -> None:
        self._send(asked, Response="Success", Message="Accepted")

    def _coreshowchannels(self, asked: dict) -> None:
        asterisk = self.server.asterisk
        listed = dict(asterisk.channels)
        missing = set(listed) if asterisk.lists_none else set()
        self._send(asked, Response="Success", EventList="start", Message="Channels will follow")
        for tag, (name, room) in listed.items():
            if tag not in missing:
                self._send(asked, Event="CoreShowChannel", Channel=name, Exten=room, Uniqueid=tag)
        said = len(listed) if asterisk.cuts_lists else len(listed) - len(missing)
        self._send(
            asked, Event="CoreShowChannelsComplete", EventList="Complete", ListItems=str(said)
        )
        asterisk.lists += 1

    def _devicestatelist(self, asked: dict) -> None:
        self._send(asked, Response="Success", EventList="start", Message="Listing will follow")
        self._send(asked, Event="DeviceStateListComplete", EventList="Complete", ListItems="0")

    def _originate(self, asked: dict) -> None:
        asterisk = self.server.asterisk
        tag = asked["channelid"]
        asterisk.originated.append(tag)
        self._send(asked, Response="Success", Message="Originate successfully queued")
        if asterisk.swallows:
            return
        name = f"{asked['channel']}-{len(asterisk.originated):08x}"
        asterisk.channels[tag] = (name, asked["exten"])
        self._send({}, Event="Newchannel", Channel=name, Uniqueid=tag)
        self._send(asked, Event="OriginateResponse", Response="Success", Uniqueid=tag)

    def _hangup(self, asked: dict) -> None:
        asterisk = self.server.asterisk
        gone = asterisk.channels.pop(asked["channel"], None)
        if gone is None:
            self._send(asked, Response="Error", Message="No such channel")
            return
        asterisk.hung_up.append(asked["channel"])
        self._send(asked, Response="Success", Message="Channel Hungup")
        self._send({}, Event="Hangup", Channel=gone[0], Uniqueid=asked["channel"])

    def _getvar(self, asked: dict) -> None:
        if self.server.asterisk.forbids:
            self._send(asked, Response="Error", Message="Permission denied")
        elif asked["channel"] in self.server.asterisk.channels:
            self._send(asked, Response="Success", Variable="UNIQUEID", Value=asked["channel"])
        else:
            self._send(asked, Response="Error", Message="No such channel")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Asterisk:
    """The server. Use it with ``with``.

    Attributes:
        port: where it listens on loopback.
        channels: the name and the extension of each channel, by its Uniqueid.
        originated: the tags of the calls that it was asked to place, in their order.
        hung_up: the tags of the calls that it was asked to end.
        swallows: whether it says nothing of what becomes of an Originate.
        lists_none: whether its list of channels is empty whatever there is.
        cuts_lists: whether the end of such a list says how many channels there are really.
        forbids: whether it says nothing of a single channel.
        lists: how many lists of channels it has sent.
    """

    def __init__(self):
        self.channels: dict[str, tuple[str, str]] = {}
        self.originated: list[str] = []
        self.hung_up: list[str] = []
        self.swallows = self.lists_none = self.cuts_lists = self.forbids = False
        self.lists = 0
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.asterisk = self
        self.port = self._server.server_address[1]

    def __enter__(self) -> Asterisk:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error) -> None:
        self._server.shutdown()
        self._server.server_close()
