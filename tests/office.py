"""A floor worth looking at: five dialers, each in another state, and a day behind them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import date

from evenfloor.day import QUARTER, bounds
from evenfloor.plan_example import example_day
from evenfloor.plan_replay import Change, Day, replay
from evenfloor.plan_ways import Evenfloor
from tests.integration.cluster import Cluster

#: The dialers, by name.
DIALERS = {f"dialer{number}": f"10.1.0.{number}" for number in range(1, 6)}
#: The agents on each; dialer1 has a weight of 2, dialer2 of 1, and dialer3 is full.
_AGENTS = {"dialer1": 24, "dialer2": 12, "dialer3": 10, "dialer4": 4, "dialer5": 6}
_CHANGES = (Change(9 * 60 + 30, "dialer5", joins=True), Change(14 * 60, "dialer2", joins=False))
_EVENTS = (
    (900, "dialer_closed", "", "", "dialer4", "the dialer takes no logins"),
    (480, "dialer_dead", "", "", "dialer5", "the dialer's last heartbeat is 5 s old"),
    (300, "refused", "agent1117", "1117x", "", "wrong password"),
    (40, "refused", "agent1129", "1129x", "", "alias 1129x is in use by agent1002"),
)
#: What became of dialers on the recorded day, at which of its minutes.
_HAPPENED = (
    (9 * 60 + 30, "dialer_added", "dialer5", ""),
    (14 * 60, "dialer_dead", "dialer2", "the dialer's last heartbeat is 5 s old"),
)
_MINUTE = 60


def furnish(cluster: Cluster) -> None:
    """Put dialers of all states, agents, phones and events into an empty database."""
    cluster.add_campaign("SALES")
    for name, server_ip in DIALERS.items():
        cluster.add_dialer(
            server_ip,
            free_rooms=249,
            active_agent_login_server="N" if name == "dialer4" else "Y",
            max_agents=10 if name == "dialer3" else None,
            weight=2 if name == "dialer1" else None,
        )
        cluster.run("UPDATE servers SET server_id = %s WHERE server_ip = %s", (name, server_ip))
    cluster.keep_alive()
    cluster.die(DIALERS["dialer5"])
    cluster.run(
        "UPDATE server_updater SET last_update = NOW() - INTERVAL 480 SECOND WHERE server_ip = %s",
        (DIALERS["dialer5"],),
    )
    _add_phones(cluster)
    _add_agents(cluster)
    for age, *event in _EVENTS:
        cluster.run(
            "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, detail, address)"
            " VALUES (UTC_TIMESTAMP() - INTERVAL %s SECOND, %s, %s, %s, %s, %s, '10.9.0.14')",
            (age, *event),
        )


def _add_phones(cluster: Cluster) -> None:
    for extension in range(1001, 1013):
        logins = {f"{extension}{'abcde'[at]}": ip for at, ip in enumerate(DIALERS.values())}
        for login, server_ip in logins.items():
            cluster.add_phone(login, server_ip, extension=str(extension), peer_status="REGISTERED")
        cluster.add_alias(f"{extension}x", ",".join(logins))


def _add_agents(cluster: Cluster) -> None:
    number = 1100
    for name, count in _AGENTS.items():
        for _agent in range(count):
            number += 1
            cluster.add_agent(
                DIALERS[name], f"PJSIP/{number}", "SALES", user=f"agent{number}", room=""
            )
    cluster.run(
        "UPDATE vicidial_live_agents"
        " SET last_call_time = NOW() - INTERVAL 97 * (live_agent_id %% 131) SECOND",
        (),
    )


def record_day(cluster: Cluster, day: date, addresses: Mapping[str, str], agents: int) -> None:
    """Keep a day as a login host does: one dialer is added in the morning, another one dies.

    Args:
        cluster: whose history it is.
        day: which.
        addresses: of the dialers, by name; ``dialer2`` and ``dialer5`` among them.
        agents: how many work that day.
    """
    there = [name for name in addresses if name != "dialer5"]
    shifts = example_day(1, agents)
    outcome = replay(Day(shifts, there, _CHANGES), Evenfloor())
    first, _end = bounds(day)
    midnight = first * QUARTER
    rows = [
        (first + (moment.minute * _MINUTE) // QUARTER + quarter, server_ip,
         moment.counts.get(name, 0), "open" if name in moment.counts else "dead")
        for moment in outcome.moments
        for name, server_ip in addresses.items()
        if name in there or name in moment.counts
        for quarter in range(_MINUTE // QUARTER)
    ]  # fmt: skip
    servers = itertools.cycle(addresses[name] for name in there)
    logins = [
        (midnight + spell.start * _MINUTE, shift.user, f"{1000 + number}x",
         *((None, "no_dialer_available") if number % 20 == 0 else (next(servers), "chosen")))
        for number, shift in enumerate(shifts)
        for spell in shift.spells
    ]  # fmt: skip
    with cluster.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO evenfloor_history VALUES (%s, %s, %s, %s)", rows)
        cursor.executemany(
            "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, server_ip,"
            " outcome) VALUES (FROM_UNIXTIME(%s), %s, %s, 'SALES', %s, %s)",
            logins,
        )
        cursor.executemany(
            "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
            " VALUES ('1970-01-01' + INTERVAL %s SECOND, %s, '', '', %s, '', %s)",
            [(midnight + minute * _MINUTE, *event) for minute, *event in _HAPPENED],
        )
