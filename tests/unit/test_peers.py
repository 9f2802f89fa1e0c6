"""What a dialer's daemon notes of its phones when Asterisk says that a contact has changed."""

import asyncio
from types import SimpleNamespace

import pytest

from evenfloor.ami import AmiSilent
from evenfloor.daemon_store import DaemonStore
from evenfloor.peers import COMPARE_INTERVAL, Peers

HERE = "10.0.0.1"


class Floor:
    """What the database and Asterisk say; stands for both."""

    def __init__(self):
        self.states = {"101": "REACHABLE", "102": "REACHABLE"}
        self.devices = {"101", "102"}
        self.ready = asyncio.Event()
        self.ready.set()

    async def run(self, what, server_ip, extensions=(), state=""):
        assert server_ip == HERE
        if what is DaemonStore.peer_states:
            return dict(self.states)
        self.states.update(dict.fromkeys(extensions, state))
        return None

    async def registered(self):
        return self.devices


def heard(status: str, extension: str = "101") -> SimpleNamespace:
    return SimpleNamespace(contactstatus=status, endpointname=extension, aor=extension)


def after(*events, devices=frozenset({"101", "102"})) -> dict:
    """Return what the database says after events, and one comparison."""

    async def listen() -> dict:
        floor = Floor()
        floor.devices = devices
        peers = Peers(HERE, floor, floor.run)
        for event in events:
            peers.contact_changed(event)
        await peers.write_peers()
        peers.compare_soon()
        await peers.compare_peers()
        await peers.write_peers()
        return floor.states

    return asyncio.run(listen())


def test_a_phone_of_two_contacts_is_there_as_long_as_one_of_them_is():
    assert after(heard("Unreachable")) == {"101": "REACHABLE", "102": "REACHABLE"}
    assert after(heard("Unreachable"), heard("Unreachable"), devices={"102"}) == {
        "101": "UNREACHABLE",
        "102": "REACHABLE",
    }


@pytest.mark.parametrize(
    ("status", "devices", "state"),
    [
        ("Reachable", {"101", "102"}, "REACHABLE"),
        ("NonQualified", {"101", "102"}, "REGISTERED"),
        ("Updated", {"101", "102"}, "REACHABLE"),
        ("Removed", {"101", "102"}, "REACHABLE"),
        ("Removed", {"102"}, "UNREGISTERED"),
        ("Unreachable", {"102"}, "UNREACHABLE"),
    ],
)
def test_what_a_contact_says_of_its_phone(status, devices, state):
    assert after(heard(status), devices=devices) == {"101": state, "102": "REACHABLE"}


def test_what_could_not_be_looked_at_is_looked_at_again_at_once():
    async def listen() -> dict:
        floor = Floor()
        floor.devices = {"102"}
        peers = Peers(HERE, floor, floor.run)
        peers.contact_changed(heard("Unreachable"))
        floor.run_again, floor.registered = floor.registered, away
        with pytest.raises(AmiSilent):
            await peers.compare_peers()
        floor.registered = floor.run_again
        await asyncio.wait_for(peers.compare_peers(), COMPARE_INTERVAL / 2)
        await peers.write_peers()
        return floor.states

    async def away():
        raise AmiSilent("away")

    assert asyncio.run(listen())["101"] == "UNREACHABLE"
