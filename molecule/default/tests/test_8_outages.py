"""Every part killed, stopped or cut off: no login lands on a dead dialer, and all mends itself.

Each outage is measured; `.cache/molecule/outages.json` has the figures of the last run.
"""

import contextlib
import json
import subprocess
import time

import pytest

from tests.live import ROOT, HttpRefusal

FIGURES = ROOT / ".cache/molecule/outages.json"
HEARTBEAT_TIMEOUT = 5
BROKEN = "dialer1"
#: A dialer that is back may for a moment say of its phones what it knew before.
STAYS = 5
WAYS = ("add", "del")
#: Does something in so many seconds, on the host, whether it can be reached then or not.
AT = "systemd-run --quiet --collect --timer-property=AccuracySec=50ms --on-active={} sh -c '{}'"


@pytest.fixture(autouse=True)
def at_rest(cluster, nobody_logged_in):
    """Begin with nobody logged in and nothing wrong."""
    wait_until_settled(cluster, 120)


@pytest.fixture(scope="module")
def figures():
    found = {}
    yield found
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(found, indent=2))


def podman(cluster, *words: str, host: str) -> None:
    prefix = cluster.hostvars[host].get("lab_hosts_prefix", "evenfloor-lab")
    subprocess.run(["podman", *words, f"{prefix}-{host}"], check=True, capture_output=True)


def cut_off(cluster, host: str, networks: list[str], seconds: int) -> None:
    """Have a host throw away what it would send to some networks, for a while."""
    routes = ["; ".join(f"ip route {way} blackhole {net}" for net in networks) for way in WAYS]
    cluster.run(host, " && ".join(map(AT.format, (seconds, 0.2), reversed(routes))))


def wrong(cluster) -> dict:
    """Compare sessions, calls and taken rooms; returns what doesn't belong together."""
    rows = cluster.sql("SELECT server_ip, conf_exten, extension FROM vicidial_live_agents")
    sessions = {(ip, room): extension for ip, room, extension in rows}
    rooms = cluster.sql(
        "SELECT server_ip, conf_exten, extension FROM vicidial_confbridges WHERE extension <> ''"
    )
    taken = {(ip, room): extension for ip, room, extension in rooms}
    calls = {
        (cluster.address(dialer), call.room): f"PJSIP/{call.extension}"
        for dialer, found in cluster.all_calls().items()
        for call in found.values()
    }
    return {} if sessions == taken == calls else {"rows": sessions, "rooms": taken, "calls": calls}


def settled(cluster) -> bool:
    """Whether every dialer takes logins, with all its phones, and nothing is wrong."""
    with contextlib.suppress(HttpRefusal, OSError, RuntimeError):
        floor = cluster.floor().values()
        whole = all(e["takes_logins"] and e["registered"] == e["phones"] for e in floor)
        return whole and not wrong(cluster)
    return False


def wait_until_settled(cluster, seconds: float) -> float:
    """Wait until all is well and stays so; returns when it came to that (``time.monotonic()``)."""
    deadline, since = time.monotonic() + seconds, None
    while since is None or time.monotonic() - since < STAYS:
        assert time.monotonic() < deadline, f"{wrong(cluster)} {cluster.floor()}"
        if not settled(cluster):
            since = None
        elif since is None:
            since = time.monotonic()
        time.sleep(0.5)
    return since


def takes_logins(cluster, dialer: str) -> bool:
    with contextlib.suppress(HttpRefusal, OSError):
        return cluster.floor()[dialer]["takes_logins"]
    return False


def everybody_talks(cluster) -> dict[str, str]:
    """Log six agents in; returns each alias's dialer."""
    places = {}
    for number in range(101, 107):
        alias = f"{number}x"
        places[alias] = cluster.dialer_of(cluster.login(alias)["server_ip"])
    cluster.wait_until(lambda: sum(map(len, cluster.all_calls().values())) == 6, 10, "six calls")
    assert sorted(places.values()).count(BROKEN) == 2
    return places


def outlive(cluster, figures, name: str, strike, mend=None, seconds: float = 90) -> None:
    """Break a dialer, log its agents in elsewhere, mend it, and wait until nothing is wrong.

    Args:
        strike: breaks it; called without arguments.
        mend: brings it back; None where it comes back by itself.
        seconds: the longest it may take until nothing is wrong.
    """
    passwords = {f"{number}x": cluster.password(f"{number}x") for number in range(101, 108)}
    places = everybody_talks(cluster)
    strike()
    struck = time.monotonic()
    gone = cluster.wait_until(
        lambda: not takes_logins(cluster, BROKEN), HEARTBEAT_TIMEOUT + 2, f"{BROKEN} is dead"
    )
    for alias in [alias for alias, dialer in places.items() if dialer == BROKEN]:
        landed = cluster.login(alias, password=passwords[alias])["server_ip"]
        assert cluster.dialer_of(landed) != BROKEN
    others = [count for dialer, count in cluster.counts().items() if dialer != BROKEN]
    assert max(others) - min(others) <= 1
    if mend:
        mend()
    mended = time.monotonic()
    cluster.wait_until(lambda: takes_logins(cluster, BROKEN), seconds, "it takes logins", every=0.5)
    back = time.monotonic() - mended
    well = wait_until_settled(cluster, seconds)
    assert sum(cluster.counts().values()) == 6
    figures[name] = {
        "no login there after": round(gone, 1),
        "logins again after": round(back, 1),
        "nothing wrong after": round(well - struck, 1),
    }


def test_a_daemon_that_is_killed(cluster, figures):
    outlive(
        cluster,
        figures,
        "the daemon is stopped for a while",
        lambda: cluster.run(BROKEN, "systemctl kill --signal=KILL evenfloor-dialer;"
                                    " systemctl stop evenfloor-dialer"),
        lambda: cluster.run(BROKEN, "systemctl start evenfloor-dialer"),
    )  # fmt: skip


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
        lambda: podman(cluster, "stop", "--time=0", host=BROKEN),
        lambda: podman(cluster, "start", host=BROKEN),
    )


def test_a_dialer_that_is_cut_off_from_everything(cluster, figures):
    network = cluster.address(BROKEN).rpartition(".")[0]
    halves = [f"{network}.0/25", f"{network}.128/25"]
    outlive(
        cluster,
        figures,
        "the dialer's network is cut for 20 s",
        lambda: cut_off(cluster, BROKEN, halves, 20),
    )


def test_a_dialer_that_is_cut_off_from_the_database(cluster, figures):
    outlive(
        cluster,
        figures,
        "the dialer's way to the database is cut for 20 s",
        lambda: cut_off(cluster, BROKEN, [cluster.address("db1") + "/32"], 20),
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

    again = cluster.wait_until(logged_in, 30, "logins work again")
    well = wait_until_settled(cluster, 60)
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
    podman(cluster, "restart", "--time=0", host="login1")
    struck = time.monotonic()

    def logged_in() -> bool:
        with contextlib.suppress(HttpRefusal, OSError):
            return bool(cluster.login("107x", password=password))
        return False

    again = cluster.wait_until(logged_in, 60, "logins work again")
    well = wait_until_settled(cluster, 60)
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
    podman(cluster, "restart", "--time=0", host="seat1")
    struck = time.monotonic()
    # Asterisk hears nothing more of them, and ends their calls (dialer_rtp_timeout).
    rows = f"SELECT COUNT(*) FROM vicidial_live_agents WHERE user IN ({', '.join(lost)})"
    gone = cluster.wait_until(lambda: cluster.sql(rows) == [["0"]], 90, "they don't count", 0.5)
    well = wait_until_settled(cluster, 120)
    figures["a seat is rebooted"] = {
        "its agents don't count after": round(gone, 1),
        "nothing wrong after": round(well - struck, 1),
    }
    # Its agents log in again with the same alias.
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    cluster.wait_until(lambda: "101" in cluster.calls(dialer), 5, "the agent's call")
