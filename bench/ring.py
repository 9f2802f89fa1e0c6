"""How long it takes from a login's submission until the phone rings.

The start is the moment before the HTTP request is sent; the end is the time stamp of the
daemon's log line for Asterisk's «Ringing», which the phone's own answer has caused. All hosts
of the lab share one clock. Needs the lab (`make lab`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from lab.cluster import ROOT, Cluster

#: The lab's key is there as long as the lab is.
KEY = ROOT / ".cache/lab/id_ed25519"
ALIASES = [f"{number}x" for number in range(101, 113)]
PAUSE = 0.15
TARGET_SECONDS = 0.25


def ringing(cluster: Cluster, since: float) -> dict[str, float]:
    """Read when each session rang: ``{tag: seconds since the epoch}``."""
    found = {}
    for dialer in cluster.dialers:
        text = cluster.run(
            dialer, f"journalctl -u evenfloor-dialer -o json --since=@{int(since)} --no-pager"
        )
        for line in text.splitlines():
            entry = json.loads(line)
            _logger, _colon, message = str(entry["MESSAGE"]).partition(": ")
            if '"event": "ringing"' in message:
                at = int(entry.get("_SOURCE_REALTIME_TIMESTAMP", entry["__REALTIME_TIMESTAMP"]))
                found[json.loads(message)["session"]] = at / 1e6
    return found


def measure(cluster: Cluster, aliases: list[str], logins: int) -> tuple[list, list]:
    """Log in, and see how long it takes.

    Args:
        cluster: where.
        aliases: who logs in, one after the other, again and again.
        logins: how many times altogether.

    Returns:
        The seconds until each phone rang that did, and until each answer; both in order.
    """
    passwords = {alias: cluster.password(alias) for alias in aliases}
    submitted, answered, start = {}, [], time.time()
    for number in range(logins):
        alias = aliases[number % len(aliases)]
        if number % len(aliases) == 0:
            cluster.logout_everybody()
        before = time.time()
        session = cluster.login(alias, password=passwords[alias])
        answered.append(time.time() - before)
        submitted[session["tag"]] = before
        time.sleep(PAUSE)
    time.sleep(1)
    rang = ringing(cluster, start)
    cluster.logout_everybody()
    times = [rang[tag] - before for tag, before in submitted.items() if tag in rang]
    return sorted(times), sorted(answered)


def main() -> None:
    """Measure in the lab, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logins", type=int, default=36)
    logins = parser.parse_args().logins
    if not KEY.exists():
        print("login to ringing: not measured, the lab isn't up (make lab)")
        return
    cluster = Cluster()
    times, answered = measure(cluster, ALIASES, logins)
    print(f"logins {logins}, phones that rang {len(times)}, dialers {len(cluster.dialers)}")
    print(
        f"submitted to ringing: median {statistics.median(times):.3f} s, longest {times[-1]:.3f} s"
    )
    print(f"of it the HTTP answer: median {statistics.median(answered):.3f} s")
    verdict = "reached" if statistics.median(times) <= TARGET_SECONDS else "MISSED"
    print(f"target: median at most {TARGET_SECONDS} s: {verdict}")


if __name__ == "__main__":
    main()
