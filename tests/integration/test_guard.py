"""The guard, on a database whose servers say how busy they are."""

import pytest

from evenfloor import LoginRefused

FIRST, SECOND = "10.1.0.1", "10.1.0.2"
HELD = "SELECT server_ip FROM evenfloor_held ORDER BY server_ip"


@pytest.fixture
def guarded(cluster):
    """A floor of two dialers that do nothing."""
    cluster.add_even_floor(dialers=2, aliases=6)
    cluster.keep_alive()
    return cluster


def measure(cluster, server_ip: str, **columns) -> None:
    """Write what VICIdial would write."""
    for column, value in columns.items():
        cluster.run(f"UPDATE servers SET {column} = %s WHERE server_ip = %s", (value, server_ip))


def choose(balancer, number: int) -> str:
    choice = balancer.choose(f"{number}x", "secret", f"agent{number}", "TEST")
    return choice.server_ip


def test_a_busy_dialer_gets_no_logins_until_it_is_well_below(guarded, make_balancer):
    balancer = make_balancer(guard_load=8)
    measure(guarded, SECOND, sysload=800)
    assert {choose(balancer, number) for number in (1001, 1002)} == {FIRST}
    assert guarded.run(HELD) == ((SECOND,),)
    # Below the limit, but not well below. Another login host holds it back as well.
    measure(guarded, SECOND, sysload=700)
    assert choose(make_balancer(guard_load=8), 1003) == FIRST
    measure(guarded, SECOND, sysload=639)
    assert choose(balancer, 1004) == SECOND
    assert guarded.run(HELD) == ()
    # It wasn't too busy, so it needn't be well below.
    measure(guarded, SECOND, sysload=700)
    assert choose(balancer, 1005) == SECOND


@pytest.mark.parametrize(
    ("setting", "limit", "column", "value"),
    [("guard_channels", 90, "channels_total", 90), ("guard_idle", 10, "cpu_idle_percent", 10)],
)
def test_channels_and_processors_are_looked_at_too(
    guarded, make_balancer, setting, limit, column, value
):
    measure(guarded, SECOND, **{column: value})
    balancer = make_balancer(**{setting: limit})
    session = balancer.login("1001x", "secret", "agent1", "TEST")
    assert session.server_ip == FIRST
    assert guarded.run(HELD) == ((SECOND,),)


def test_the_floor_and_explain_say_why(guarded, make_balancer):
    measure(guarded, FIRST, channels_total=100)
    balancer = make_balancer(guard_channels=50)
    why = "the dialer is too busy: it has 100 channels"
    assert [entry.state for entry in balancer.floor()] == [why, "takes logins"]
    assert [phone["why_not"] for phone in balancer.explain("1001x").phones] == [why, None]
    assert guarded.run(HELD) == ()  # they change nothing


def test_where_all_are_too_busy_nobody_logs_in_and_all_are_held_back(guarded, make_balancer):
    for server_ip in (FIRST, SECOND):
        measure(guarded, server_ip, sysload=5000)
    with pytest.raises(LoginRefused) as caught:
        choose(make_balancer(guard_load=40), 1001)
    assert caught.value.reason == "no_dialer_available"
    assert caught.value.dialers["1001d1"] == "the dialer is too busy: its load is 50.00"
    assert guarded.run(HELD) == ((FIRST,), (SECOND,))


def test_without_limits_nobody_asks_how_busy_a_dialer_is(cluster, make_balancer):
    cluster.add_even_floor(dialers=2, aliases=6)
    for column in ("sysload", "channels_total", "cpu_idle_percent"):
        cluster.run(f"ALTER TABLE servers DROP {column}")
    cluster.run("INSERT INTO evenfloor_held VALUES (%s, UTC_TIMESTAMP())", (SECOND,))
    assert choose(make_balancer(), 1001) == SECOND
    assert cluster.run(HELD) == ((SECOND,),)
