"""What the lab with a real VICIdial reads from its pages and dialers."""

import pytest

from lab.vicidial_agents import LOGGED_IN, NOWHERE, REFUSED, Login, RingWatch, read_page

AGENTS_PAGE = """
	var extension = '1001';
	var server_ip = '{}';
	var server_ip_dialstring = '10*90*0*31*';
	var session_id = '9600001';
"""
WITHOUT_ROOM = "<b>Sorry, there are no available sessions</b>: ||{}|1001|PJSIP/1001|"
FIRST, SECOND = "10.90.0.31", "10.90.0.32"


@pytest.mark.parametrize(
    ("page", "outcome"),
    [
        (AGENTS_PAGE.format(FIRST), LOGGED_IN),
        (AGENTS_PAGE.format(""), NOWHERE),
        (WITHOUT_ROOM.format(""), NOWHERE),
        (WITHOUT_ROOM.format(FIRST), REFUSED),
        ("Sorry, your phone login and password are not active in this system", REFUSED),
        ("", REFUSED),
    ],
)
def test_a_page_says_what_came_of_a_login(page, outcome):
    assert read_page(page)[0] == outcome


def test_an_agents_page_says_what_is_needed_to_log_out():
    _outcome, session = read_page(AGENTS_PAGE.format(FIRST))
    assert session == {"extension": "1001", "server_ip": FIRST, "session_id": "9600001"}


def channel(extension: str, state: str, began: int) -> str:
    return f"PJSIP/{extension}-00000001!default!9600001!1!{state}!ConfBridge!x!!!3!7!b!{began}.4\n"


@pytest.mark.parametrize(
    ("line", "server_ip", "seconds"),
    [
        (channel("1001", "Ringing", 100), FIRST, 2.0),
        (channel("1001", "Up", 101), FIRST, 2.0),
        (channel("1001", "Down", 101), FIRST, None),  # not there yet
        (channel("1001", "Up", 99), FIRST, None),  # the call of a login before
        (channel("1002", "Up", 101), FIRST, None),
        (channel("1001", "Up", 101), SECOND, None),
    ],
)
def test_a_login_rang_if_its_phone_had_a_call_on_its_dialer_since(line, server_ip, seconds):
    watch = RingWatch(cluster=None)
    watch._read(["@ 102.5\n", line, "@ 109.0\n", line], server_ip)
    login = Login("1001", LOGGED_IN, started=100.5, seconds=0.1, session={"server_ip": FIRST})
    assert watch.seconds_to_ring(login) == seconds
