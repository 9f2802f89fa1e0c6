"""The state in which every test on a cluster of containers begins."""

from __future__ import annotations

import contextlib
import subprocess
import time

from lab.cluster import Cluster, HttpRefusal
from tests.waiting import PATIENCE

#: The value where the inventory sets none (roles/settings).
HEARTBEAT_TIMEOUT = 5
SERVICES = {
    "database": ["mariadb"],
    "login": ["nginx", "evenfloor-login"],
    "dialers": ["asterisk", "evenfloor-dialer"],
    "sip_edge": ["kamailio"],
    "seats": ["evenfloor-softphone"],
    "monitoring": ["prometheus", "prometheus-alertmanager"],
}
#: Keeps systemd from starting Asterisk again, until the host is started anew.
NO_RESTART = "/run/systemd/system/asterisk.service.d/no-restart.conf"
#: Seconds for which a cluster must be settled where something has just come back: for a moment a
#: dialer says of its phones what it knew before.
STAYS = 5
#: Programs that tests put in the place of others.
FAKES = ["/usr/local/bin/date", "/usr/local/bin/old-python", "/usr/local/bin/old-asterisk"]


def heartbeat_timeout(cluster: Cluster) -> int:
    """Return after how many seconds without a heartbeat this cluster's dialers are dead."""
    variables = cluster.hostvars[cluster.groups["database"][0]]
    return int(variables.get("balancer_heartbeat_timeout", HEARTBEAT_TIMEOUT))


def podman(cluster: Cluster, host: str, *words: str, then: tuple[str, ...] = ()) -> None:
    """Run podman on a host of the cluster, whether the network reaches it or not.

    Args:
        cluster: where.
        host: the host's name in the inventory.
        words: podman's command and its options; the host's container comes after them.
        then: what comes after the container.
    """
    container = f"{cluster.hostvars[host]['lab_hosts_prefix']}-{host}"
    subprocess.run(["podman", *words, container, *then], check=True, capture_output=True)


def takes_logins(cluster: Cluster, dialer: str) -> bool:
    """Whether a dialer takes logins; not while the login service can't tell."""
    with contextlib.suppress(HttpRefusal, OSError):
        return cluster.floor()[dialer]["takes_logins"]
    return False


def wait_until_closed(cluster: Cluster, dialer: str) -> float:
    """Wait until a dialer takes no logins because its heartbeat is too old.

    Until then the floor must call it open exactly as long as its heartbeat, by the database's
    clock, is younger than the timeout.

    Args:
        cluster: where.
        dialer: its name.

    Returns:
        The seconds it took.
    """
    timeout = heartbeat_timeout(cluster)

    def closed() -> bool:
        entry = cluster.floor()[dialer]
        assert entry["takes_logins"] == (entry["heartbeat_age"] < timeout), entry
        return not entry["takes_logins"]

    return cluster.wait_until(closed, PATIENCE, f"{dialer} takes no logins")


def mismatch(cluster: Cluster) -> dict:
    """Compare sessions, calls and taken rooms; returns them if they don't belong together."""
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


def settled(cluster: Cluster) -> bool:
    """Whether every dialer takes logins and has all its phones, and sessions match calls."""
    with contextlib.suppress(HttpRefusal, OSError, RuntimeError):
        floor = cluster.floor().values()
        whole = all(e["takes_logins"] and e["registered"] == e["phones"] for e in floor)
        return whole and not mismatch(cluster)
    return False


def wait_until_settled(cluster: Cluster, stays: float = 0, every: float = 1) -> float:
    """Wait until the cluster is settled and stays so.

    Args:
        cluster: which.
        stays: for how many seconds without a break; STAYS after something has come back.
        every: seconds between two looks.

    Returns:
        Since when it has been settled, by ``time.monotonic()``.
    """
    deadline, since = time.monotonic() + PATIENCE + stays, None
    while since is None or time.monotonic() - since < stays:
        if not settled(cluster):
            since = None
            assert time.monotonic() < deadline, f"{mismatch(cluster)} {cluster.floor()}"
        elif since is None:
            since = time.monotonic()
        if since is None or stays:
            time.sleep(every)
    return since


def repair(cluster: Cluster) -> None:
    """Bring a cluster back to its inventory's state, whatever a failed test has done to it."""
    cluster.reload()
    hosts = {host: services for group, services in SERVICES.items()
             for host in cluster.groups.get(group, [])}  # fmt: skip
    for host in hosts:
        podman(cluster, host, "start")
    cluster.playbook("playbooks/lab_up.yml")
    for host, services in hosts.items():
        undo = "; ".join(
            [
                "ip route flush type blackhole",
                f"rm -f {' '.join(FAKES)} {NO_RESTART}",
                "systemctl daemon-reload",
                f"systemctl reset-failed {' '.join(services)}",
                f"systemctl start {' '.join(services)} || true",
            ]
        )
        podman(cluster, host, "exec", then=("sh", "-c", undo))
    cluster.playbook("playbooks/site.yml")
    for name in cluster.drained():
        cluster.playbook("playbooks/drain_dialer.yml", "-e", f"dialer={name}", "-e", "undo=true")
    cluster.logout_everybody()
    wait_until_settled(cluster, STAYS)
