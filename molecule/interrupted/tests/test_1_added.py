"""add-dialer.yml killed at some of its steps: nothing lands there, and the next run finishes."""

from pathlib import Path

import pytest

from tests.killed_run import run_and_kill_at, some_of
from tests.watcher import Watcher

NEW = "dialer3"
ADDRESS = "10.93.0.33"
#: A dialer of the same Debian that was added without an interruption.
OTHER = "dialer1"
OPEN = "nowhere: the dialer was open"
#: Where the run can be killed, in the order of the steps: a part of the task's headline.
STEPS = [
    "dialer : Ensure Asterisk is installed",
    "package : Install its dependencies",
    "package : Note which build is installed",
    "dialer : Ensure the daemon has a secret",
    "package : Write the configuration",
    "service : Restart with its newest files: asterisk",
    "dialer : Write the daemon's unit",
    "flavor_plain : Ensure each dialer has its server row",
    "phone_aliases : Create the phones",
    "dialer : Write the endpoints",
    "dialer : Let Asterisk read the endpoints",
    "softphone : Register each phone",
    "dialer : Wait until the phones are registered",
    "phone_aliases : Bring the aliases' logins lists",
    "phone_aliases : Open the dialers",
]
#: Where it is killed this time.
CHOSEN = some_of(STEPS, 4)


def rows_of(cluster, dialer: str) -> dict:
    """Everything the database has on a dialer that doesn't name it."""
    ip = cluster.address(dialer)
    return {
        "server": cluster.sql(
            "SELECT active, active_agent_login_server, conf_engine, asterisk_version, ext_context"
            f" FROM servers WHERE server_ip = '{ip}'"
        ),
        "rooms": cluster.sql(
            "SELECT MIN(conf_exten), MAX(conf_exten), COUNT(*) FROM vicidial_confbridges"
            f" WHERE server_ip = '{ip}'"
        ),
        "phones": cluster.sql(
            "SELECT extension, pass, conf_secret, active, protocol, peer_status IN"
            f" ('REGISTERED', 'REACHABLE') FROM phones WHERE server_ip = '{ip}' ORDER BY extension"
        ),
        "opened": cluster.sql(
            f"SELECT opened IS NOT NULL FROM evenfloor_dialers WHERE server_ip = '{ip}'"
        ),
    }


def is_open(cluster) -> bool:
    """Whether the new dialer has been opened, by the last statement that a run makes of it."""
    opened = f"SELECT COUNT(opened) FROM evenfloor_dialers WHERE server_ip = '{ADDRESS}'"
    return cluster.sql(opened) == [["1"]]


@pytest.fixture(scope="module")
def added(cluster):
    """Add the dialer, killed again and again; yields what was seen meanwhile."""
    cluster.logout_everybody()
    others = list(cluster.dialers)
    talking = cluster.login("101x")
    talker = cluster.dialer_of(talking["server_ip"])
    before = cluster.wait_for_call(talking)
    Path(cluster.inventory, f"{NEW}.yml").write_text(
        f"---\ndialers:\n  hosts:\n    {NEW}:\n      ansible_host: {ADDRESS}\n"
    )
    cluster.playbook("playbooks/lab_up.yml")
    cluster.reload()
    watcher = Watcher(cluster, others, cluster.registered("dialer1"))
    watcher.start()
    killed, landed = [], {}
    for step in CHOSEN:
        ended = run_and_kill_at(cluster, "add-dialer.yml", step)
        # After the last step the run may be through.
        killed.append(f"{step}: {ended}" if ended and step != STEPS[-1] else step)
        landed[step] = cluster.login("102x")["server_ip"]
        cluster.logout("agent102x")
        # The module that a killed run has started on the database host goes on, so the dialer may
        # open while this login is under way.
        if is_open(cluster):
            landed[step] = OPEN
    cluster.playbook("add-dialer.yml")
    watcher.stop()
    return {"killed": killed, "landed": landed, "lapses": watcher.lapses,
            "talker": talker, "before": before}  # fmt: skip


def test_it_was_killed_at_every_step_that_was_chosen(added):
    assert added["killed"] == CHOSEN


def test_no_login_landed_on_the_half_made_dialer(added):
    assert ADDRESS not in added["landed"].values()
    # Only a kill that comes in, or a moment before, the last step finds the dialer open.
    assert [step for step, place in added["landed"].items() if place == OPEN] in (
        [], *([step for step in CHOSEN if step in late] for late in (STEPS[-1:], STEPS[-2:])),
    )  # fmt: skip


def test_calls_and_registrations_elsewhere_went_on(cluster, added):
    assert added["lapses"] == []
    now = cluster.calls(added["talker"])["101"]
    assert now.channel == added["before"].channel
    assert now.seconds > added["before"].seconds


def test_it_ended_in_the_state_of_a_dialer_that_was_never_interrupted(cluster, added):
    assert rows_of(cluster, NEW) == rows_of(cluster, OTHER)
    assert cluster.registered(NEW) == cluster.registered(OTHER)
    lists = [row[0] for row in cluster.sql("SELECT logins_list FROM phones_alias")]
    assert all(text.count(",") == 2 and "c" in text for text in lists)
    for path in ("/etc/asterisk/extensions.conf", "/etc/systemd/system/evenfloor-dialer.service",
                 "/opt/evenfloor/installed"):  # fmt: skip
        assert cluster.run(NEW, f"cat {path}") == cluster.run(OTHER, f"cat {path}")


def test_the_next_login_goes_to_it(cluster, added):
    assert cluster.login("103x")["server_ip"] == ADDRESS
    cluster.login("104x")
    assert set(cluster.counts().values()) == {1}
