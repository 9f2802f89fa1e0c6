"""A phone on which an agent talks is never removed under the call."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import lock_name

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import (
    DIALERS,
    ENGINES,
    FIRST,
    SECOND,
    everything,
    lists,
    places,
    register,
    use_engine,
)
from tests.waiting import PATIENCE, wait_until

TWO = [FIRST, SECOND]
#: The run that was confirmed, and a later one, which asks nobody.
LATER = {"purge": True, "remove_without_asking": 0}
CONFIRMED = {**LATER, "confirmed": True}
SUMMARY = "Their phones are closed now and go when their calls have ended."


@pytest.fixture
def busy(cluster, modules):
    """Two dialers, the aliases 101 to 103, and agent7 on 103b."""
    return fill(cluster, modules)


def fill(cluster, modules):
    for server_ip in TWO:
        cluster.add_dialer(server_ip)
    cluster.add_campaign()
    modules.aliases("101-103", serving=TWO)
    cluster.add_agent(SECOND, "PJSIP/103", user="agent7")
    return cluster


def active(cluster) -> dict:
    return dict(cluster.run("SELECT login, active FROM phones"))


AGENT7 = {"login": "103b", "extension": "103", "server_ip": SECOND, "user": "agent7"}


@ENGINES
def test_alias_and_entries_go_at_once_and_the_phone_when_its_call_has_ended(
    cluster, modules, server, engine
):
    use_engine(cluster, server, engine)
    busy = fill(cluster, modules)
    done = modules.aliases("101-102", **CONFIRMED)
    assert SUMMARY in done["removal"]["summary"]
    assert done["closed"] == [AGENT7]
    assert done["counts"]["phones_closed"] == done["counts"]["phones_removed"] == 1
    assert lists(busy).keys() == {"101x", "102x"}
    assert active(busy) == {"101a": "Y", "101b": "Y", "102a": "Y", "102b": "Y", "103b": "N"}
    assert modules.info()["closed"] == [AGENT7]

    waiting = modules.aliases("101-102", **LATER)
    assert (waiting["changed"], waiting["closed"]) == (False, [AGENT7])

    busy.run("DELETE FROM vicidial_live_agents")
    assert modules.info()["closed"] == [{**AGENT7, "user": ""}]
    gone = modules.aliases("101-102", **LATER)
    assert gone["counts"]["phones_removed"] == 1
    assert gone["closed"] == [] and gone["removal"]["summary"] == ""
    assert done["kept"]["phones"] == 2 and gone["kept"]["phones"] == 0
    assert "103b" not in places(busy)
    assert not modules.aliases("101-102", **LATER)["changed"]


def test_it_comes_back_as_it_was_after_the_call_too(busy, modules):
    rows = "SELECT * FROM phones ORDER BY extension, server_ip"
    before = busy.run(rows)
    modules.aliases("101-102", **CONFIRMED)
    busy.run("DELETE FROM vicidial_live_agents")
    modules.aliases("101-102", **LATER)
    modules.aliases("101-103", serving=TWO, purge=True)
    assert busy.run(rows) == before
    assert lists(busy)["103x"] == "103a,103b"


def test_it_is_opened_again_if_it_is_wanted_meanwhile(busy, modules):
    rows = "SELECT * FROM phones ORDER BY extension, server_ip"
    before = busy.run(rows)
    modules.aliases("101-102", **CONFIRMED)
    back = modules.aliases("101-103", serving=TWO, purge=True)
    assert back["counts"]["phones_opened"] == back["counts"]["phones_returned"] == 1
    assert f"phone 103b on {SECOND}: opened again" in back["changes"]
    assert busy.run(rows) == before
    assert modules.info()["closed"] == back["closed"] == []
    assert busy.run("SELECT COUNT(*) FROM evenfloor_removed") == ((0,),)
    assert not modules.aliases("101-103", serving=TWO, purge=True)["changed"]


def test_the_choice_takes_no_closed_phone(busy, modules, make_balancer):
    ((password,),) = busy.run("SELECT DISTINCT pass FROM phones WHERE extension = '103'")
    modules.aliases([{"extensions": "101-102"}], **CONFIRMED)
    # Even if somebody's alias names it.
    busy.add_alias("byhand", "103b")
    verdicts = make_balancer().explain("byhand", password)
    assert verdicts.winner is None
    assert "the phone is not active" in str(verdicts)


def test_softphones_and_endpoints_keep_it_and_nobody_waits_for_it(busy, modules):
    register(busy, "101a", "103a")
    modules.aliases("101-102", **CONFIRMED)
    read = modules.info(server_ips=[SECOND], with_passwords=True)
    assert [phone["login"] for phone in read["phones"]] == ["101b", "102b", "103b"]
    assert read["awaited"] == ["101b"]
    assert modules.info(extensions=["103"])["phones"] != []
    assert modules.info(server_ips=[FIRST])["closed"] == []
    # One that somebody has switched off is not Evenfloor's.
    busy.run("UPDATE phones SET active = 'N' WHERE login = '102b'")
    read = modules.info(server_ips=[SECOND])
    assert [phone["login"] for phone in read["phones"]] == ["101b", "103b"]


def test_the_doctor_expects_its_endpoint(busy, modules):
    modules.aliases("101-102", **CONFIRMED)
    entries = [{"extensions": "101-102"}]
    given = {"phone_aliases": entries, "dialers": DIALERS[:2]}
    expected = modules.run("doctor_info", **given)["dialers"][SECOND]["expected"]
    assert expected.keys() == {"101", "102", "103"}


def test_a_phone_that_was_off_before_is_off_after_it_is_wanted_again(busy, modules):
    busy.run("UPDATE phones SET active = 'N' WHERE login = '103b'")
    modules.aliases("101-102", **CONFIRMED)
    modules.aliases("101-103", serving=TWO, purge=True)
    assert active(busy)["103b"] == "N"


def test_phones_of_a_dialer_that_leaves_go_because_whoever_removes_it_has_waited(busy, modules):
    done = modules.aliases("101-103", leaving=[SECOND], grow=False)
    assert (done["counts"]["phones_removed"], done["closed"]) == (3, [])


def test_one_dialer_less_for_an_alias_closes_its_phone_there(busy, modules):
    fewer = [{"extensions": "101-102"}, {"extensions": "103", "dialers": ["dialer1"]}]
    modules.aliases(fewer, **CONFIRMED)
    assert lists(busy)["103x"] == "103a"
    assert active(busy)["103b"] == "N"
    busy.run("DELETE FROM vicidial_live_agents")
    # It goes without a purge as well: that it should was settled before.
    modules.aliases(fewer)
    assert "103b" not in places(busy)


def test_one_that_somebody_opens_by_hand_is_asked_about_again(busy, modules):
    modules.aliases("101-102", **CONFIRMED)
    busy.run("UPDATE phones SET active = 'Y' WHERE login = '103b'")
    before = everything(busy)
    given = {"phone_aliases": [{"extensions": "101-102"}], "dialers": DIALERS[:2], **LATER}
    assert "1 agent is logged in on these phones: agent7." in modules.fail("aliases", **given)
    assert everything(busy) == before


def test_who_logs_in_while_the_run_waits_for_the_balancer_keeps_the_phone(
    busy, modules, server, cluster
):
    """The agents are read again once no login is under way."""
    with (
        server.connect(DATABASE) as login,
        ThreadPoolExecutor() as pool,
        login.cursor() as cursor,
    ):
        cursor.execute("SELECT GET_LOCK(%s, 0)", (lock_name(DATABASE),))
        run = pool.submit(modules.aliases, "101-102", **CONFIRMED)
        wait_until(lambda: waits_for_the_lock(cluster), PATIENCE, "the module waits for the lock")
        cluster.add_agent(FIRST, "PJSIP/103", user="agent8")
        cursor.execute("DO RELEASE_LOCK(%s)", (lock_name(DATABASE),))
        done = run.result()
    assert {phone["user"] for phone in done["closed"]} == {"agent7", "agent8"}
    assert active(busy)["103a"] == "N"


def waits_for_the_lock(cluster) -> bool:
    query = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'"
    return bool(cluster.run(query))
