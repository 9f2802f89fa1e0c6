"""What the daemon sends to Asterisk: only what a login means, whatever the database holds."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfloor.ami import Ami, UnsafeAction, originate_headers
from evenfloor.config import DialerConfig
from evenfloor.sessions import new_tag

RIGHT = {
    "Channel": "PJSIP/101",
    "Context": "default",
    "Exten": "8600051",
    "Priority": "1",
    "Callerid": '"S000000000000aaaaaaa" <8600051>',
}


def lines(headers) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def sent(work):
    """Have an Ami without a connection do something."""

    async def run():
        ami = Ami(DialerConfig(), lambda: None)
        return await work(ami)

    return asyncio.run(run())


def test_the_headers_of_a_login_are_read():
    assert originate_headers(lines(RIGHT)) == RIGHT


@pytest.mark.parametrize(
    "line",
    [
        "Application: System",
        "Data: reboot",
        "ActionID: 1",
        "application: System",
        "Exten: 8600052",
        "no header at all",
        "Exten:8600052",
        "",
    ],
)
def test_a_header_that_no_login_writes_is_refused(line):
    with pytest.raises(UnsafeAction, match="may not have the header"):
        originate_headers([*lines(RIGHT), line])


@given(st.text(max_size=40))
def test_a_context_with_line_ends_adds_no_header(context):
    text = "\n".join(lines({**RIGHT, "Context": context}))
    try:
        headers = originate_headers(text.split("\n"))
    except UnsafeAction:
        assert "\n" in context
    else:
        assert headers == {**RIGHT, "Context": context}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("name", RIGHT)
def test_nothing_with_a_line_end_is_sent(name, end):
    headers = {**RIGHT, name: f"{RIGHT[name]}{end}Application: System"}
    with pytest.raises(UnsafeAction, match=f"Originate: {name} .* control characters"):
        sent(lambda ami: ami.originate(headers, new_tag(), 1))


def test_no_tag_with_a_line_end_is_sent():
    with pytest.raises(UnsafeAction, match="ChannelId"):
        sent(lambda ami: ami.originate(RIGHT, f"{new_tag()}\r\nApplication: System", 1))


@pytest.mark.parametrize(
    "tag", ["/.*/", f"S{'٣' * 12}aaaaaaa", "/^PJSIP/", "", "PJSIP/101-1", "S1\r\nAction: X"]
)
def test_only_the_call_of_a_session_is_hung_up(tag):
    with pytest.raises(UnsafeAction, match="no session's tag"):
        sent(lambda ami: ami.hang_up(tag))
