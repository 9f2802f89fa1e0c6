"""Every part killed, stopped or cut off: no login lands on a dead dialer, and all comes back.

Each outage is measured; `.cache/log/outages.json` has the figures of the last run.
"""

import contextlib
import json
import time

import pytest

from lab.cluster import ROOT, HttpRefusal
from tests.monitoring import alerts
from tests.state import STAYS, podman, takes_logins, wait_until_closed, wait_until_settled
from tests.waiting import PATIENCE

FIGURES = ROOT / ".cache/log/outages.json"
BROKEN = "dialer1"
#: A heartbeat that was on its way when its dialer was struck may still be written, in seconds.
ON_ITS_WAY = 2


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    """Begin with nobody logged in and nothing wrong."""
    wait_until_settled(cluster)


@pytest.fixture(scope="module")
def figures():
    found = {}
    yield found
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(found, indent=2))


def route(cluster, host: str, way: str, networks: list[str]) -> None:
    """Have a host throw away what it would send to some networks (way: add), or not (del)."""
    for network in networks:
        words = ("ip", "route", way, "blackhole", network)
        podman(cluster, host, "exec", then=words)


def last_heartbeat_is_older_than(cluster, moment: str) -> bool:
    """Whether the broken dialer has sent no heartbeat since a moment of the database's clock."""
    return cluster.sql(
        f"SELECT last_update <= '{moment}' + INTERVAL {ON_ITS_WAY} SECOND FROM server_updater"
        f" WHERE server_ip = '{cluster.address(BROKEN)}'"
    ) == [["1"]]


def everybody_talks(cluster) -> dict[str, str]:
    """Log six agents in; returns each alias's dialer."""
    places = {}
    for number in range(101, 107):
        alias = f"{number}x"
        places[alias] = cluster.dialer_of(cluster.login(alias)["server_ip"])
    cluster.wait_for_calls(6)
    assert sorted(places.values()).count(BROKEN) == 2
    return places


def is_told_of(cluster) -> bool:
    """Whether Alertmanager knows that the broken dialer is silent."""
    return alerts(cluster).get("EvenfloorDialerSilent", {}).get("name") == BROKEN


def outlive(cluster, figures, name: str, strike, repair, told: bool = False) -> None:
    """Break a dialer, log its agents in elsewhere, repair it, and wait until nothing is wrong.

    That no login lands there in time is proved without a clock of ours: from the moment it is
    struck it sends no heartbeat, and the floor closes it once the last one is too old.

    Args:
        cluster: where.
        figures: where the seconds are noted.
        name: the outage, for the figures.
        strike: breaks it; called without arguments.
        repair: brings it back.
        told: whether to wait before that until the operators are told.
    """
    passwords = {f"{number}x": cluster.password(f"{number}x") for number in range(101, 108)}
    places = everybody_talks(cluster)
    strike()
    struck, moment = time.monotonic(), cluster.sql("SELECT NOW()")[0][0]
    gone = wait_until_closed(cluster, BROKEN)
    assert last_heartbeat_is_older_than(cluster, moment)
    for alias in [alias for alias, dialer in places.items() if dialer == BROKEN]:
        landed = cluster.login(alias, password=passwords[alias])["server_ip"]
        assert cluster.dialer_of(landed) != BROKEN
    others = [count for dialer, count in cluster.counts().items() if dialer != BROKEN]
    assert max(others) - min(others) <= 1
    if told:
        cluster.wait_until(lambda: is_told_of(cluster), PATIENCE, "Alertmanager knows", every=1)
    repair()
    mended = time.monotonic()
    cluster.wait_until(
        lambda: takes_logins(cluster, BROKEN), PATIENCE, "it takes logins", every=0.5
    )
    back = time.monotonic() - mended
    well = wait_until_settled(cluster, STAYS)
    assert sum(cluster.counts().values()) == 6
    figures[name] = {
        "no login there after": round(gone, 1),
        "logins again after": round(back, 1),
        "nothing wrong after": round(well - mended, 1),
        "the outage itself": round(mended - struck, 1),
    }


def test_a_daemon_that_is_killed(cluster, figures):
    outlive(
        cluster,
        figures,
        "the daemon is stopped for a while",
        lambda: cluster.run(BROKEN, "systemctl kill --signal=KILL evenfloor-dialer;"
                                    " systemctl stop evenfloor-dialer"),
        lambda: cluster.run(BROKEN, "systemctl start evenfloor-dialer"),
        told=True,
    )  # fmt: skip
    cluster.wait_until(lambda: not is_told_of(cluster), PATIENCE, "the alert is over", every=1)


def test_an_asterisk_that_is_killed(cluster, figures):
    outlive(
        cluster,
        figures,
        "Asterisk is killed and started later",
        lambda: cluster.run(BROKEN, "systemctl kill --signal=KILL asterisk;"
                                    " systemctl stop asterisk"),
        lambda: cluster.run(BROKEN, "systemctl start asterisk"),
    )  # fmt: skip


def test_a_host_that_is_stopped(cluster, figures):
    outlive(
        cluster,
        figures,
        "the dialer's host is switched off and on",
        lambda: podman(cluster, BROKEN, "stop", "--time=0"),
        lambda: podman(cluster, BROKEN, "start"),
    )


def test_a_dialer_that_is_cut_off_from_everything(cluster, figures):
    network = cluster.address(BROKEN).rpartition(".")[0]
    halves = [f"{network}.0/25", f"{network}.128/25"]
    outlive(
        cluster,
        figures,
        "the dialer's network is cut",
        lambda: route(cluster, BROKEN, "add", halves),
        lambda: route(cluster, BROKEN, "del", halves),
    )


def test_a_dialer_that_is_cut_off_from_the_database(cluster, figures):
    database = [cluster.address("db1") + "/32"]
    outlive(
        cluster,
        figures,
        "the dialer's way to the database is cut",
        lambda: route(cluster, BROKEN, "add", database),
        lambda: route(cluster, BROKEN, "del", database),
    )


def test_a_database_that_is_restarted(cluster, figures):
    everybody_talks(cluster)
    password = cluster.password("107x")
    before = cluster.all_calls()
    struck = time.monotonic()
    cluster.run("db1", "systemctl restart mariadb")
    restarted = time.monotonic() - struck

    def logged_in() -> bool:
        with contextlib.suppress(HttpRefusal):
            return bool(cluster.login("107x", password=password))
        return False

    again = cluster.wait_until(logged_in, PATIENCE, "logins work again")
    well = wait_until_settled(cluster, STAYS)
    after = cluster.all_calls()
    for dialer, calls in before.items():
        for extension, call in calls.items():
            assert after[dialer][extension].channel == call.channel, "a call has ended"
    figures["the database is restarted"] = {
        "the restart itself": round(restarted, 1),
        "logins again after": round(again, 1),
        "nothing wrong after": round(well - struck, 1),
    }


def test_a_login_host_that_is_rebooted(cluster, figures):
    everybody_talks(cluster)
    before = cluster.all_calls()
    password = cluster.password("107x")
    podman(cluster, "login1", "restart", "--time=0")
    struck = time.monotonic()

    def logged_in() -> bool:
        with contextlib.suppress(HttpRefusal, OSError):
            return bool(cluster.login("107x", password=password))
        return False

    again = cluster.wait_until(logged_in, PATIENCE, "logins work again")
    well = wait_until_settled(cluster, STAYS)
    after = cluster.all_calls()
    for dialer, calls in before.items():
        for extension, call in calls.items():
            assert after[dialer][extension].channel == call.channel, "a call has ended"
    figures["the login host is rebooted"] = {
        "logins again after": round(again, 1),
        "nothing wrong after": round(well - struck, 1),
    }


def test_a_seat_that_is_rebooted(cluster, figures):
    everybody_talks(cluster)
    lost = [f"'agent{number}x'" for number in (101, 102, 103, 104)]
    podman(cluster, "seat1", "restart", "--time=0")
    struck = time.monotonic()
    # Asterisk hears nothing more of them, and ends their calls (dialer_rtp_timeout).
    rows = f"SELECT COUNT(*) FROM vicidial_live_agents WHERE user IN ({', '.join(lost)})"
    gone = cluster.wait_until(
        lambda: cluster.sql(rows) == [["0"]], PATIENCE, "they don't count", every=0.5
    )
    well = wait_until_settled(cluster, STAYS)
    figures["a seat is rebooted"] = {
        "its agents don't count after": round(gone, 1),
        "nothing wrong after": round(well - struck, 1),
    }
    # Its agents log in again with the same alias.
    cluster.wait_for_call(cluster.login("101x"))
