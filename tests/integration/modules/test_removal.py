"""The module aliases removes nothing that nobody asked for."""

import pytest

from tests.integration.modules.floor import (
    DIALERS,
    ENGINES,
    FIRST,
    SECOND,
    THIRD,
    everything,
    lists,
    places,
    use_engine,
)

ALL = [FIRST, SECOND, THIRD]


@pytest.fixture(params=["InnoDB", "MyISAM"])
def grown(request, modules, cluster, server):
    """A cluster with the aliases 101 to 160 on three dialers."""
    use_engine(cluster, server, request.param)
    modules.aliases("101-160", DIALERS, serving=ALL)
    return cluster


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("how", [{"purge": True}, {"purge": True, "grow": False}])
def test_an_empty_list_is_not_remove_all(grown, modules, check, how):
    before = everything(grown)
    message = modules.fail("aliases", check, phone_aliases=[], dialers=DIALERS, **how)
    assert message.startswith("phone_aliases is empty or not set; 180 phones and 60 aliases would")
    assert "Nothing has been changed. Set phone_aliases in group_vars/all" in message
    assert everything(grown) == before


def test_the_last_alias_goes_when_somebody_says_so(modules, cluster):
    modules.aliases("101", serving=[FIRST, SECOND])
    before = everything(cluster)
    modules.fail("aliases", phone_aliases=[], dialers=DIALERS, purge=True)
    assert everything(cluster) == before
    modules.aliases([], purge=True, confirmed=True)
    assert (lists(cluster), places(cluster)) == ({}, {})


def test_an_empty_list_removes_nothing_from_an_empty_cluster(modules):
    assert not modules.aliases([], purge=True)["changed"]


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_cluster_without_dialers_is_a_mistake(grown, modules, confirmed):
    before = everything(grown)
    given = {"dialers": [], "purge": True, "confirmed": confirmed}
    message = modules.fail("aliases", phone_aliases=[{"extensions": "101-160"}], **given)
    assert "dialers is empty; put the dialers into the inventory's group dialers" in message
    assert everything(grown) == before


@ENGINES
def test_five_go_without_a_question_and_six_do_not(modules, cluster, server, engine):
    use_engine(cluster, server, engine)
    modules.aliases("101-110", serving=[FIRST, SECOND])
    done = modules.aliases("101-109", purge=True)
    assert done["removal"]["phones"] + done["removal"]["aliases"] == 3
    before = everything(cluster)
    given = {"dialers": DIALERS[:2], "purge": True}
    fewer = [{"extensions": "101-107"}]
    assert "4 phones and 2 aliases would be removed (alias 108x, alias 109x, phone 108a" in (
        modules.fail("aliases", phone_aliases=fewer, **given)
    )
    assert everything(cluster) == before
    modules.run("aliases", phone_aliases=fewer, remove_without_asking=6, **given)
    assert len(lists(cluster)) == 7


def test_a_phone_with_an_agent_on_it_does_not_go_without_a_question(modules, cluster):
    modules.aliases("101-103", serving=[FIRST, SECOND])
    given = {"phone_aliases": [{"extensions": "101-102"}], "dialers": DIALERS[:2], "purge": True}
    for channel in ("R/103", "PJSIP/101", "PJSIP/1033"):
        cluster.add_agent(SECOND, channel)
    cluster.add_agent(THIRD, "PJSIP/103")
    assert not modules.run("aliases", check=True, **given)["removal"]["needs_confirmation"]
    cluster.add_agent(SECOND, "PJSIP/103", user="agent7")
    before = everything(cluster)
    message = modules.fail("aliases", **given)
    assert "1 agent is logged in on these phones: agent7." in message
    assert "say -e phone_aliases_confirmed=true" in message
    assert everything(cluster) == before
    assert modules.run("aliases", confirmed=True, **given)["changed"]


def test_check_mode_says_what_needs_a_confirmation(grown, modules):
    grown.add_agent(FIRST, "PJSIP/107", user="agent7")
    before = everything(grown)
    going = modules.aliases("101-106", DIALERS, check=True, purge=True)["removal"]
    assert going.pop("summary").startswith("162 phones and 54 aliases would be removed (alias 107x")
    assert going == {
        "phones": 162,
        "aliases": 54,
        "first": [f"alias {number}x" for number in range(107, 112)],
        "live_agents": ["agent7"],
        "needs_confirmation": True,
    }
    assert everything(grown) == before


def test_the_phones_of_a_dialer_that_leaves_do_not_count(grown, modules):
    grown.add_agent(SECOND, "PJSIP/101")
    gone = modules.aliases("101-160", DIALERS, leaving=[SECOND], grow=False)
    assert gone["counts"]["phones_removed"] == 60
    assert gone["removal"]["phones"] == 0
    assert gone["removal"]["summary"] == ""


# The accidents


def test_the_typo_101_106_for_101_160_removes_nobody(grown, modules):
    """162 phones and 54 aliases went while 30 agents were live."""
    for number in range(30):
        grown.add_agent(ALL[number % 3], f"PJSIP/{120 + number}", user=f"agent{number:02}")
    before = everything(grown)
    typo = [{"extensions": "101-106"}]
    given = {"phone_aliases": typo, "dialers": DIALERS, "purge": True}
    for how in ({"grow": False}, {}):
        message = modules.fail("aliases", **given, **how)
        assert "162 phones and 54 aliases would be removed" in message
        assert "30 agents are logged in on these phones: agent00, agent01," in message
        assert everything(grown) == before
    gone = modules.run("aliases", confirmed=True, **given)["counts"]
    # Nobody's phone goes under a call.
    assert (gone["phones_removed"], gone["phones_closed"]) == (132, 30)
    assert gone["aliases_removed"] == 54
    assert len(lists(grown)) == 6
