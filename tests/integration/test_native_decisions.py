"""The same choice as VICIdial 2.14's login page, on decisions recorded from it."""

import json
from pathlib import Path

import pytest

from evenfloor import LoginRefused

CASES = json.loads((Path(__file__).parent / "native-decisions.json").read_text())
#: VICIdial takes heartbeats of up to two minutes.
VICIDIAL_HEARTBEAT_TIMEOUT = 120
NOWHERE = ["/", ""]


def _load(cluster, state):
    for server in state["servers"]:
        cluster.add_dialer(**server)
    for agent in state["live_agents"]:
        cluster.add_agent(**agent)
    for phone in state["phones"]:
        cluster.add_phone(
            phone["login"], phone["server_ip"], password=phone["pass"], active=phone["active"]
        )
    cluster.add_alias(**state["alias"])
    campaign = state["campaign"]
    cluster.add_campaign("TEST", campaign["pllb_grouping"], campaign["pllb_grouping_limit"])
    cluster.run("INSERT INTO system_settings VALUES (%s)", (state["system_pllb_grouping_limit"],))


def _works(state, login):
    """Whether a phone works at all, read from the recorded state alone."""
    phone = next(phone for phone in state["phones"] if phone["login"] == login)
    return phone["active"] == "Y" and phone["pass"] == "secret"


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_choice_is_vicidials(cluster, make_balancer, number):
    state, native = CASES[number]["state"], CASES[number]["native"]
    _load(cluster, state)
    balancer = make_balancer(heartbeat_timeout=VICIDIAL_HEARTBEAT_TIMEOUT)
    try:
        choice = balancer.choose(alias="101x", password="secret", user="agent7", campaign="TEST")
    except LoginRefused:
        choice = None
    if native["result"] == "phone_login_error":
        assert choice is None
    elif native["live"] == NOWHERE:
        # VICIdial logs the agent in nowhere: a phone that works, or a refusal, is better.
        assert choice is None or _works(state, choice.phone_login)
    elif native["result"] == "single":
        assert choice.phone_login == state["alias"]["logins_list"]
    else:
        assert (choice.phone_login, choice.server_ip) == (native["login"], native["server_ip"])
