"""Logins at once, from many processes, leave the floor as even as one after the other."""

import concurrent.futures
import multiprocessing

import pytest

from evenfloor import Balancer
from evenfloor.config import BalancerConfig, Config, DatabaseConfig
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE

PROCESSES = 16
LOGINS = 200
DIALERS = 10
#: With sixteen processes on two cores each waits for fifteen others.
LOCK_TIMEOUT = 30

_balancer = None


def _start(socket: str) -> None:
    global _balancer  # noqa: PLW0603 - one connection for each process, as in a gunicorn worker
    _balancer = Balancer(
        Config(
            database=DatabaseConfig(unix_socket=socket, name=DATABASE, user="root"),
            balancer=BalancerConfig(lock_timeout=LOCK_TIMEOUT),
        )
    )


def _login(number: int) -> tuple[str, str]:
    session = _balancer.login(f"{1001 + number}x", "secret", f"agent{number}", "TEST")
    return session.server_ip, session.room


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM", "MEMORY"])
def test_sixteen_logins_at_once_leave_the_floor_even(server, engine):
    mariadb.create_database(server, DATABASE, engine)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=DIALERS, aliases=LOGINS)
        cluster.run("UPDATE server_updater SET last_update = NOW() + INTERVAL 1 HOUR")
        with concurrent.futures.ProcessPoolExecutor(
            PROCESSES, multiprocessing.get_context("spawn"), _start, (server.socket,)
        ) as pool:
            places = list(pool.map(_login, range(LOGINS)))
        counts = cluster.local_agents()
        assert sum(counts.values()) == LOGINS
        assert max(counts.values()) - min(counts.values()) <= 1
        assert len(set(places)) == LOGINS, "a room was given twice"
        users = cluster.run("SELECT COUNT(DISTINCT user), COUNT(*) FROM vicidial_live_agents")
        assert users == ((LOGINS, LOGINS),)
