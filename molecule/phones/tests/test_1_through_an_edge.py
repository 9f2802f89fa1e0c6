"""A phone with one account, at the edge, rings from every dialer; nobody else gets anything."""

import re
import statistics

import pytest

from bench.ring import measure
from tests.sip_client import SipClient, code
from tests.waiting import PATIENCE

EXTENSION, ALIAS = "111", "111x"
#: The extension of another alias of the edge, whose phone is off.
OFF = "112"
#: An alias whose phone registers with every dialer.
DIRECT_ALIAS = "102x"
LOGINS = 12
#: As the role has it: how many wrong passwords are taken for an extension from an address.
MOST_WRONG = 10


@pytest.fixture(scope="module")
def edge(cluster):
    return cluster.address("edge1")


def states(cluster, extension: str) -> set:
    """Return what the database says of an extension's phones."""
    rows = cluster.sql(f"SELECT peer_status FROM phones WHERE extension = '{extension}'")
    return {state for (state,) in rows}


def wait_until_registered(cluster, extension: str = EXTENSION) -> None:
    cluster.wait_until(
        lambda: states(cluster, extension) <= {"REGISTERED", "REACHABLE"},
        PATIENCE,
        "every dialer sees the phone",
    )


@pytest.fixture
def ready(cluster, edge_phone):
    wait_until_registered(cluster)
    yield
    cluster.sql("UPDATE servers SET active_agent_login_server = 'Y'")
    cluster.logout_everybody()


def test_its_file_has_one_account_at_the_edge(cluster, edge_phone, edge):
    lines = edge_phone.accounts().splitlines()
    assert [line.partition(";")[0] for line in lines] == [f"<sip:{EXTENSION}@{edge}>"]


def talk(cluster, dialer: str) -> None:
    """Log in on a dialer, and wait for a second of sound in both directions."""
    cluster.sql(
        "UPDATE servers SET active_agent_login_server ="
        f" IF(server_ip = '{cluster.address(dialer)}', 'Y', 'N')"
    )
    session = cluster.login(ALIAS)
    assert cluster.dialer_of(session["server_ip"]) == dialer
    first = cluster.wait_for_call(session)

    def flows() -> bool:
        call = cluster.calls(dialer)[EXTENSION]
        return call.received > first.received + 50 and call.sent > first.sent + 50

    cluster.wait_until(flows, PATIENCE, "a second of sound in both directions")


def test_every_dialer_rings_it_with_sound_both_ways_and_a_logout_ends_the_call(cluster, ready):
    for dialer in cluster.dialers:
        talk(cluster, dialer)
        cluster.logout_everybody()
        cluster.wait_until(lambda: not cluster.all_calls()[dialer], PATIENCE, "the call ends")  # noqa: B023


def test_a_call_that_the_phone_ends_is_over_at_the_dialer(cluster, ready, edge_phone):
    dialer = cluster.dialers[0]
    talk(cluster, dialer)
    edge_phone.hang_up()
    # Long before the dialer would miss the sound.
    cluster.wait_until(lambda: not cluster.calls(dialer), 30, "the dialer knows it")


def test_a_phone_that_is_registered_nowhere_is_not_taken_for_registered(cluster, ready):
    assert not states(cluster, OFF) & {"REGISTERED", "REACHABLE"}


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "NOTIFY", "MESSAGE"])
def test_a_stranger_reaches_no_phone(edge, ready, method):
    with SipClient(edge) as stranger:
        assert code(stranger.ask(method, f"sip:{EXTENSION}@{edge}")) == 403


def test_a_stranger_reaches_nobody_within_a_call(cluster, edge, ready):
    """Neither another host nor a dialer: whoever isn't a registered phone gets no answer."""
    route = f"Route: <sip:{edge};lr>"
    dialer = cluster.address(cluster.dialers[0])
    with SipClient(edge) as stranger, SipClient(edge) as other:
        for target in (other.me, f"{dialer}:5060"):
            assert stranger.ask("INVITE", f"sip:{EXTENSION}@{target}", route, tag="x") == ""
            on = f"Route: <sip:{target};lr>"
            assert stranger.ask("BYE", f"sip:{EXTENSION}@{edge}", route, on, tag="x") == ""
        assert other.hear() == ""


def wrong(cluster, edge: str, who: SipClient, name: str) -> int:
    key = f"{who.me.partition(':')[0]}:{name}"
    text = cluster.run("edge1", f"kamcmd htable.get wrong {key} 2>&1 || true")
    found = re.search(r"value: (\d+)", text)
    return int(found[1]) if found else 0


def test_a_wrong_password_is_refused_counted_and_limited(cluster, edge, ready):
    _alias, password = cluster.sql(
        f"SELECT extension, conf_secret FROM phones WHERE extension = '{OFF}' LIMIT 1"
    )[0]
    with SipClient(edge) as phone:
        try:
            for count in range(1, MOST_WRONG + 1):
                assert phone.register(OFF, "wrong-password") == 401
                assert wrong(cluster, edge, phone, OFF) == count
            assert phone.register(OFF, password) == 403
            assert "wrong password: address=" in cluster.run("edge1", "journalctl -u kamailio")
            # An extension that doesn't exist looks like a wrong password, and others go on.
            assert phone.register("999", password) == 401
        finally:
            cluster.run("edge1", "kamcmd htable.flush wrong")
        assert phone.register(OFF, password) == 200
        assert phone.register(OFF, password, expires=0) == 200


def test_a_registration_survives_a_restart_of_the_edge(cluster, ready):
    cluster.run("edge1", "systemctl restart kamailio")
    assert EXTENSION in cluster.run("edge1", f"kamcmd ul.lookup location s:{EXTENSION}")
    talk(cluster, cluster.dialers[0])


def test_nobody_else_on_the_edge_reads_what_it_knows(cluster, edge_phone):
    for path in ("/etc/kamailio/evenfloor/phones", "/var/lib/kamailio/evenfloor.sqlite"):
        assert "denied" in cluster.run("edge1", f"runuser -u nobody -- cat {path} 2>&1 || true")
    secrets = cluster.sql(f"SELECT conf_secret FROM phones WHERE extension = '{EXTENSION}'")
    known = cluster.run("edge1", "cat /etc/kamailio/kamailio.cfg /etc/kamailio/evenfloor/*")
    assert all(secret not in known for (secret,) in secrets)


def test_how_long_it_takes_to_ring_through_the_edge_and_without(
    cluster, ready, edge_phone, addresses, capsys
):
    """The same phone has both kinds of accounts. What is printed is in docs/phones.md."""
    both = [f"{addresses[alias]}baresip-accounts" for alias in (ALIAS, DIRECT_ALIAS)]
    edge_phone.stop()
    edge_phone.fetch(*both)
    edge_phone.start()
    try:
        for extension in (EXTENSION, DIRECT_ALIAS[:-1]):
            wait_until_registered(cluster, extension)
        for alias, way in ((ALIAS, "through the edge"), (DIRECT_ALIAS, "directly")):
            times, _answered = measure(cluster, [alias], LOGINS)
            assert len(times) == LOGINS
            with capsys.disabled():
                median = statistics.median(times)
                print(f"\nlogin to ringing {way}: median {median:.3f} s of {LOGINS} logins")
    finally:
        edge_phone.stop()
        edge_phone.fetch(both[0])
        edge_phone.start()


def test_a_phone_that_is_cut_off_is_soon_not_registered(cluster, ready, edge_phone):
    edge_phone.stop()
    cluster.wait_until(
        lambda: not states(cluster, EXTENSION) & {"REGISTERED", "REACHABLE"},
        PATIENCE,
        "every dialer sees that the phone is gone",
    )
    edge_phone.start()
    wait_until_registered(cluster)


def test_a_new_password_is_the_edges_too(cluster, edge, ready, edge_phone, addresses):
    secret = f"SELECT DISTINCT conf_secret FROM phones WHERE extension = '{EXTENSION}'"
    ((old,),) = cluster.sql(secret)
    words = ("-e", f"aliases={ALIAS}", "-e", "what=registration", "-e", "confirmed=true")
    cluster.playbook("playbooks/rotate_passwords.yml", *words)
    assert cluster.sql(secret) != [[old]]
    with SipClient(edge) as phone:
        assert phone.register(EXTENSION, old) == 401
    edge_phone.stop()
    cluster.wait_until(
        lambda: not states(cluster, EXTENSION) & {"REGISTERED", "REACHABLE"},
        PATIENCE,
        "its registration with the old password is over",
    )
    edge_phone.fetch(f"{addresses[ALIAS]}baresip-accounts")
    edge_phone.start()
    wait_until_registered(cluster)
    talk(cluster, cluster.dialers[0])
