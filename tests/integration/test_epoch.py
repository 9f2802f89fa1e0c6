"""Two databases that are written to at once, each with a lock of its own: who decides second.

Here both are one MariaDB, and a balancer that doesn't wait for the lock goes on without it, as one
does on another database.
"""

import pytest

from evenfloor import Balancer, LoginRefused
from evenfloor.balancer import CLAIM_TRIES
from evenfloor.connection import Connection
from evenfloor.sql import Statement

ALIASES = 4


@pytest.fixture
def floor(cluster):
    """Two dialers, and a cluster that counts its claims."""
    cluster.add_even_floor(dialers=2, aliases=ALIASES)
    cluster.run("INSERT INTO evenfloor_epoch (id) VALUES (1)")
    return cluster


def epoch(cluster) -> int:
    return cluster.run("SELECT epoch FROM evenfloor_epoch")[0][0]


def in_between(balancer: Balancer, other, times: int = 1) -> list:
    """Have something else happen after a balancer has read the floor, before it claims a room.

    Args:
        balancer: which reads.
        other: happens; called with 0, 1, ….
        times: how often.

    Returns:
        What ``other`` has returned, as it happens.
    """
    happened = []
    decide = balancer._won

    def won(*asked):
        decided = decide(*asked)
        if len(happened) < times:
            happened.append(other(len(happened)))
        return decided

    balancer._won = won
    return happened


def test_a_login_decides_again_if_another_database_has_claimed_a_room_meanwhile(
    floor, make_balancer
):
    there = make_balancer(lock_timeout=0)
    here = make_balancer()
    others = in_between(here, lambda _n: there.login("1001x", "secret", "other", "TEST"))
    session = here.login("1002x", "secret", "agent", "TEST")
    assert {session.server_ip, others[0].server_ip} == {"10.1.0.1", "10.1.0.2"}
    assert epoch(floor) == 2
    # The lock is free again.
    assert here.login("1003x", "secret", "third", "TEST").room


def test_a_user_who_logs_in_through_two_databases_at_once_is_in_one_place(floor, make_balancer):
    there = make_balancer(lock_timeout=0)
    here = make_balancer()
    in_between(here, lambda _n: there.login("1001x", "secret", "agent", "TEST"))
    session = here.login("1001x", "secret", "agent", "TEST")
    rows = floor.run("SELECT server_ip, conf_exten FROM vicidial_live_agents")
    assert rows == ((session.server_ip, session.room),)


def test_a_login_that_is_always_second_is_told_to_try_again_and_claims_nothing(
    floor, make_balancer
):
    there = make_balancer(lock_timeout=0)
    here = make_balancer()
    in_between(
        here, lambda n: there.login("1001x", "secret", f"other{n % 2}", "TEST", True), CLAIM_TRIES
    )
    with pytest.raises(LoginRefused) as refused:
        here.login("1002x", "secret", "agent", "TEST")
    assert refused.value.reason == "database_unreachable"
    assert floor.run("SELECT * FROM vicidial_live_agents WHERE user = 'agent'") == ()
    assert epoch(floor) == CLAIM_TRIES


def test_a_cluster_with_one_database_counts_nothing(cluster, make_balancer):
    cluster.add_even_floor(dialers=2, aliases=ALIASES)
    make_balancer().login("1001x", "secret", "agent", "TEST")
    assert cluster.run("SELECT * FROM evenfloor_epoch") == ()


@pytest.mark.parametrize(
    "before", ["SET @evenfloor_room", "INSERT INTO vicidial_manager", "UPDATE evenfloor_epoch",
               "COMMIT"]
)  # fmt: skip
def test_a_login_that_another_database_has_undone_unsaid_is_done_again(
    floor, make_balancer, monkeypatch, before
):
    # As Galera does it: the transaction is gone, and every statement says that all is well.
    undone, run = [], Connection.batch

    def batch(self, statements, most=None):
        at = [n for n, part in enumerate(statements) if part.text.startswith(before)]
        if undone or not at:
            return run(self, statements, most)
        undone.append(before)
        replies = run(self, [*statements[: at[0]], Statement("ROLLBACK"), *statements[at[0] :]])
        return [*replies[: at[0]], *replies[at[0] + 1 :]]

    here = make_balancer()
    monkeypatch.setattr(Connection, "batch", batch)
    session = here.login("1001x", "secret", "agent", "TEST")
    assert undone
    rows = floor.run("SELECT server_ip, conf_exten FROM vicidial_live_agents")
    assert rows == ((session.server_ip, session.room),)
    calls = floor.run("SELECT callerid FROM vicidial_manager WHERE action = 'Originate'")
    assert calls == ((session.tag,),)
    kept = floor.run("SELECT COUNT(*) FROM evenfloor_decisions WHERE outcome = 'chosen'")
    assert kept == ((1,),)
    # The lock is free again.
    assert here.login("1003x", "secret", "third", "TEST").room
