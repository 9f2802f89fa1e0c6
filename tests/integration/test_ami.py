"""What the daemon believes of Asterisk's answers."""

import asyncio

import pytest

from evenfloor.ami import Ami, AmiSilent, Channel
from evenfloor.config import DialerConfig
from tests.asterisk import Asterisk

TALKING, OVER = "S261124100000agent07", "S261124100000agent08"


@pytest.fixture
def asterisk():
    with Asterisk() as running:
        running.channels[TALKING] = ("PJSIP/101-00000001", "8600051")
        yield running


def ask(asterisk: Asterisk, question):
    """Connect, ask, and return the answer."""

    async def asked():
        ami = Ami(DialerConfig(ami_port=asterisk.port), on_ready=lambda: None)
        ami.connect()
        try:
            await ami.ready.wait()
            return await question(ami)
        finally:
            ami.close()

    return asyncio.run(asked())


def test_a_list_of_channels_has_their_rooms_and_phones(asterisk):
    (found,) = ask(asterisk, Ami.channels).items()
    assert found == (TALKING, Channel("PJSIP/101-00000001", "8600051"))
    assert found[1].phone == "PJSIP/101"


def test_a_list_that_lacks_channels_which_its_end_counts_is_no_answer(asterisk):
    asterisk.lists_none = asterisk.cuts_lists = True
    with pytest.raises(AmiSilent, match="incomplete"):
        ask(asterisk, Ami.channels)


def test_an_asterisk_without_channels_says_so(asterisk):
    asterisk.channels.clear()
    assert ask(asterisk, Ami.channels) == {}


def test_a_channel_is_gone_only_where_asterisk_says_that_there_is_none(asterisk):
    assert ask(asterisk, lambda ami: ami.is_gone(OVER)) is True
    assert ask(asterisk, lambda ami: ami.is_gone(TALKING)) is False
    asterisk.forbids = True
    assert ask(asterisk, lambda ami: ami.is_gone(OVER)) is False
