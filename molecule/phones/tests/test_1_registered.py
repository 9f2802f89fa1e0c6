"""Phones that know an address register with every dialer, and ring at login."""

import ssl
from contextlib import ExitStack

import pytest

from tests.desk_phone import AGENTS, DeskPhone
from tests.waiting import PATIENCE

DESK_PHONES = dict(zip(AGENTS, ["103x", "104x", "105x", "106x"], strict=True))


def wait_for(cluster, extensions: set, dialers: list) -> None:
    """Wait until these extensions are registered with these dialers."""
    cluster.wait_until(
        lambda: all(extensions <= set(cluster.registered(dialer)) for dialer in dialers),
        PATIENCE,
        f"{extensions} are registered with {dialers}",
    )


def test_a_linphone_that_knows_an_address_registers_with_every_dialer(cluster, linphone):
    wait_for(cluster, {"101"}, cluster.dialers)


def test_it_rings_at_login_and_sound_flows_both_ways(cluster, linphone):
    wait_for(cluster, {"101"}, cluster.dialers)
    cluster.wait_until(
        lambda: all(entry["registered"] for entry in cluster.floor().values()),
        PATIENCE,
        "the floor knows the registrations",
    )
    session = cluster.login("101x")
    first = cluster.wait_for_call(session)
    dialer = cluster.dialer_of(session["server_ip"])

    def flows() -> bool:
        call = cluster.calls(dialer)["101"]
        return call.received > first.received + 50 and call.sent > first.sent + 50

    cluster.wait_until(flows, PATIENCE, "a second of sound in both directions")
    cluster.logout_everybody()


@pytest.fixture(scope="module")
def trust(cluster):
    return ssl.create_default_context(cadata=cluster.run("db1", "cat /etc/evenfloor/ca.pem"))


def test_a_desk_phone_registers_every_account_of_its_file(cluster, addresses, trust):
    with ExitStack() as stack:
        phones = [
            stack.enter_context(DeskPhone(model, number, addresses[alias], trust))
            for number, (model, alias) in enumerate(DESK_PHONES.items(), 1)
        ]
        wait_for(cluster, {alias[:-1] for alias in DESK_PHONES.values()}, cluster.dialers)
        assert [phone.refused for phone in phones] == [[]] * len(phones)
        assert {len(phone.accounts) for phone in phones} == {len(cluster.dialers)}
