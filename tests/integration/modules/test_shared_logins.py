"""Two dialers that an overlap of two runs gave the same letter."""

from tests.integration.modules import guest
from tests.integration.modules.floor import (
    DIALERS,
    FIRST,
    SECOND,
    THIRD,
    everything,
    let_logins_be_shared,
    lists,
)

ALL = [FIRST, SECOND, THIRD]


def test_the_floor_of_two_dialers_with_one_letter_is_even_again(modules, cluster, make_balancer):
    """60 logins were those of two dialers."""
    for server_ip in ALL:
        cluster.add_dialer(server_ip, free_rooms=60)
    cluster.add_campaign()
    modules.aliases("101-160", DIALERS, serving=ALL)
    let_logins_be_shared(cluster)
    cluster.run("UPDATE phones SET login = CONCAT(extension, 'b') WHERE server_ip = %s", (THIRD,))
    cluster.run("UPDATE phones_alias SET logins_list = REPLACE(logins_list, ',101c', '')")
    cluster.run(
        "UPDATE phones_alias SET logins_list = CONCAT(LEFT(alias_id, 3), 'a,', LEFT(alias_id, 3),"
        " 'b')"
    )
    secrets = "SELECT extension, server_ip, pass, conf_secret FROM phones ORDER BY 1, 2"
    before = cluster.run(secrets)

    healed = modules.aliases("101-160", DIALERS, purge=True)
    assert healed["counts"]["phones_renamed"] == 60
    assert healed["letters"] == {FIRST: "a", SECOND: "b", THIRD: "c"}
    assert lists(cluster)["131x"] == "131a,131b,131c"
    assert cluster.run(secrets) == before
    passwords = dict(cluster.run("SELECT DISTINCT extension, pass FROM phones"))
    balancer = make_balancer()
    for extension, password in passwords.items():
        balancer.login(f"{extension}x", password, f"agent{extension}", "TEST")
    assert cluster.local_agents() == {FIRST: 20, SECOND: 20, THIRD: 20}
    before = everything(cluster)
    assert not modules.aliases("101-160", DIALERS, purge=True)["changed"]
    assert everything(cluster) == before


def test_beside_vicidial_only_the_inventorys_phones_get_other_logins(vicidial):
    vicidial.adopt()
    vicidial.sql("UPDATE phones SET login = CONCAT(extension, 'a')")
    vicidial.sql("UPDATE phones_alias SET logins_list = CONCAT(LEFT(alias_id, 3), 'a')")
    before = vicidial.rows("phones")
    entries = [{"extensions": "101"}]
    healed = vicidial.aliases(entries)
    assert healed["counts"]["phones_renamed"] == 1
    assert healed["rebuilt"] == [guest.SECOND] == sorted(vicidial.flagged())
    assert dict(vicidial.sql("SELECT alias_id, logins_list FROM phones_alias")) == {
        "101x": "101a,101b",
        "102x": "102a",
    }
    assert len(set(before["phones"]) & set(vicidial.rows("phones")["phones"])) == 3
    assert not vicidial.aliases(entries)["changed"]


def test_logins_that_were_given_by_hand_are_a_warning(modules, cluster):
    let_logins_be_shared(cluster)
    cluster.add_phone("front", FIRST)
    cluster.add_phone("front", SECOND)
    modules.aliases("101", serving=[FIRST, SECOND])
    assert (
        f"phone login front is the login of 2 phones (101 on {FIRST}, 101 on {SECOND}); give each"
        " its own; agents are sent to any of them"
    ) in modules.output
    assert set(cluster.run("SELECT login FROM phones")) == {("front",)}
