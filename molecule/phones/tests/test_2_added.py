"""A dialer is added: phones are told, those that follow are registered when it opens."""

import re
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.desk_phone import AGENTS, EVENTS, DeskPhone
from tests.doctor import doctor
from tests.killed_run import run_and_kill_at
from tests.waiting import PATIENCE

ALIASES = ["103x", "104x", "105x", "106x"]
#: Fetches nothing when it is told.
STUBBORN = "102x"
#: Has its one account at the edge.
AT_EDGE = "111x"
DIALER3 = "---\ndialers:\n  hosts:\n    dialer3:\n      ansible_host: 10.91.0.33\n"
#: Short waits for the one that won't come; waves of two.
SETTINGS = [
    "-e", "phone_aliases_following_timeout=30", "-e", "phone_aliases_following_wave=2",
    "-e", "phone_aliases_following_pause=1",
]  # fmt: skip


class Added(NamedTuple):
    """What was seen.

    Attributes:
        phones: the desk phones, by alias.
        checked: what a check said before.
        told: by alias, the events that phones were told by the run that was killed, and after both.
        output: what the whole run said.
        opened: who was registered with the new dialer when it was over.
        lapsed: who wasn't, with the others.
        edge_phone: what the database says of the edge's phone on the new dialer.
    """

    phones: dict
    checked: str
    told: list
    output: str
    opened: set
    lapsed: set
    edge_phone: str


def events(phones: dict) -> dict:
    return {alias: list(phone.notified) for alias, phone in phones.items()}


@pytest.fixture(scope="module")
def added(cluster, addresses, linphone, edge_phone):
    """A third dialer comes while a Linphone, desk phones and a phone at the edge are there."""
    trust = ssl.create_default_context(cadata=cluster.run("db1", "cat /etc/evenfloor/ca.pem"))
    old = list(cluster.dialers)
    everybody = {"101", STUBBORN[:-1], *(alias[:-1] for alias in ALIASES)}
    with ExitStack() as stack:

        def phone(model: str, number: int, alias: str, **more) -> DeskPhone:
            return stack.enter_context(DeskPhone(model, number, addresses[alias], trust, **more))

        pairs = zip(AGENTS, ALIASES, strict=True)
        phones = {alias: phone(model, n, alias) for n, (model, alias) in enumerate(pairs, 1)}
        phones[STUBBORN] = phone("yealink", 9, STUBBORN, obeys=False)
        cluster.wait_until(
            lambda: (
                {entry["registered"] for entry in cluster.floor().values()} == {len(everybody) + 1}
            ),
            PATIENCE,
            "all phones are registered with the dialers that are there",
        )
        (Path(cluster.inventory) / "dialer3.yml").write_text(DIALER3)
        cluster.reload()
        cluster.playbook("playbooks/lab_up.yml")
        checked = cluster.playbook("add-dialer.yml", "--check", "--diff", *SETTINGS).stdout
        told = [events(phones)]
        assert not run_and_kill_at(
            cluster, "add-dialer.yml", "Wait until they are registered", *SETTINGS
        )
        told.append(events(phones))
        closed = cluster.drained()
        done = cluster.playbook("add-dialer.yml", "--diff", *SETTINGS)
        output = done.stdout + done.stderr
        assert closed == ["dialer3"], "the run that was killed has opened the dialer"
        told.append(events(phones))
        lapsed = {e for dialer in old for e in everybody - set(cluster.registered(dialer))}
        opened = set(cluster.registered("dialer3"))
        seen = cluster.sql(
            f"SELECT peer_status FROM phones WHERE extension = '{AT_EDGE[:-1]}'"
            f" AND server_ip = '{cluster.address('dialer3')}'"
        )
        yield Added(phones, checked, told, output, opened, lapsed, seen[0][0])


def test_a_check_tells_nobody(added):
    assert all(not heard for heard in added.told[0].values())


def test_each_model_is_told_by_the_event_that_it_obeys(added):
    for alias, phone in added.phones.items():
        assert set(added.told[2][alias]) == {EVENTS[phone.model]}


def test_a_run_that_was_killed_is_finished_and_tells_only_those_that_are_missing(added):
    for alias in ALIASES:
        assert len(added.told[2][alias]) in (1, 2)
    assert len(added.told[2][STUBBORN]) == len(added.told[1][STUBBORN]) + 1


def test_phones_that_follow_are_registered_when_the_dialer_opens(added, cluster):
    assert {alias[:-1] for alias in ALIASES} <= added.opened
    assert cluster.floor()["dialer3"]["takes_logins"]


def test_the_edges_phone_is_there_when_the_dialer_opens_and_has_done_nothing(added):
    assert added.edge_phone in ("REGISTERED", "REACHABLE")
    text = " ".join(added.output.split())
    said = r"(?:don't follow by themselves|not registered after \d+ s): ((?:[\w, ]+\(\w+\)[; ]*)+)"
    named = " ".join(re.findall(said, text))
    assert STUBBORN in named
    assert AT_EDGE not in named


def test_no_registration_elsewhere_lapsed(added):
    assert added.lapsed == set()


def test_the_others_are_named_by_alias_and_model(added, cluster):
    text = " ".join(added.output.split())
    assert "don't follow by themselves: 101x (linphone)." in text
    assert re.search(rf"not registered after \d+ s: {STUBBORN} \(yealink\)", text)
    findings = doctor(cluster)
    assert {("not_registered", alias, "dialer3") for alias in ("101x", STUBBORN)} <= findings
    assert not {finding for finding in findings if finding[1] in ALIASES}


def test_the_desk_phones_hold_an_account_of_every_dialer(added, cluster):
    for alias in ALIASES:
        assert len(added.phones[alias].accounts) == len(cluster.dialers)
        assert added.phones[alias].refused == []


def test_a_second_run_tells_nobody_and_changes_nothing(added, cluster):
    again = cluster.playbook("add-dialer.yml", *SETTINGS).stdout
    assert events(added.phones) == added.told[2]
    assert re.findall(r"changed=[1-9]", again) == [] and "TASK [Tell" not in again


def test_a_linphone_gets_the_dialer_when_it_is_started_anew(added, cluster, linphone):
    assert "101" not in cluster.registered("dialer3")
    linphone.stop()
    linphone.start()
    cluster.wait_until(
        lambda: "101" in cluster.registered("dialer3"), PATIENCE, "Linphone is registered there"
    )
