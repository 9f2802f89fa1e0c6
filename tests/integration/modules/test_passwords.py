"""The module passwords: new ones for some aliases, and nobody else's touched."""

import pytest

from evenfloor import LoginRefused
from tests.integration.modules.floor import DIALERS, ENGINES, FIRST, SECOND, everything, use_engine
from tests.integration.modules.guest import DIALERS as VICIDIALS_DIALERS
from tests.integration.modules.guest import FIRST as VICIDIALS_FIRST
from tests.integration.modules.guest import SECOND as VICIDIALS_SECOND

ENTRIES = [{"extensions": "101-104"}, {"extensions": "201", "registration_password": "kept"}]


@pytest.fixture
def renew(modules, cluster):
    """Run the module on a cluster of five aliases; returns how."""
    modules.aliases(ENTRIES, serving=[FIRST, SECOND])

    def run(*aliases, check=False, fails=False, **arguments):
        do = modules.fail if fails else modules.run
        return do(
            "passwords", check, aliases=list(aliases), phone_aliases=ENTRIES, dialers=DIALERS[:2],
            **arguments,
        )  # fmt: skip

    return run


def passwords(cluster) -> dict:
    rows = cluster.run("SELECT login, pass, conf_secret FROM phones")
    return {login: (typed, spoken) for login, typed, spoken in rows}


@ENGINES
def test_the_phones_of_the_named_aliases_get_new_passwords_and_no_others(
    cluster, server, modules, engine
):
    use_engine(cluster, server, engine)
    modules.aliases("101-104", serving=[FIRST, SECOND])
    before = passwords(cluster)
    done = modules.run(
        "passwords", aliases=["101x", "103"], phone_aliases=[{"extensions": "101-104"}],
        dialers=DIALERS[:2],
    )  # fmt: skip
    after = passwords(cluster)
    assert (done["changed"], done["aliases"], done["phones"]) == (True, ["101x", "103x"], 4)
    changed = {login for login in before if before[login] != after[login]}
    assert changed == {"101a", "101b", "103a", "103b"}
    assert after["101a"] == after["101b"] != after["103a"]
    assert not {word for login in changed for word in after[login]} & {
        word for both in before.values() for word in both
    }


def test_an_agent_logs_in_with_the_new_password_and_not_with_the_old_one(
    renew, modules, cluster, make_balancer
):
    for number in (1, 2):
        modules.server(number, opened=True)
    cluster.keep_alive()
    cluster.add_campaign()
    old = passwords(cluster)["101a"][0]
    balancer = make_balancer()
    assert balancer.choose("101x", old, "agent7", "TEST")
    renew("101x")
    with pytest.raises(LoginRefused, match="wrong password"):
        balancer.choose("101x", old, "agent7", "TEST")
    assert balancer.choose("101x", passwords(cluster)["101a"][0], "agent7", "TEST")


@pytest.mark.parametrize(("what", "index"), [("login", 0), ("registration", 1)])
def test_one_kind_can_change_alone(renew, cluster, what, index):
    before = passwords(cluster)
    renew("101x", what=what)
    after = passwords(cluster)
    assert after["101a"][index] != before["101a"][index]
    assert after["101a"][1 - index] == before["101a"][1 - index]


def test_all_means_every_alias_of_the_inventory(renew, cluster):
    before = passwords(cluster)
    done = renew("all", what="login", login_password_length=16)
    assert len(done["aliases"]) == 5
    after = passwords(cluster)
    assert not [login for login in before if before[login][0] == after[login][0]]
    assert {len(typed) for typed, _spoken in after.values()} == {16}


def test_what_is_refused_changes_nothing(renew, cluster):
    before = everything(cluster)
    given = renew("101x", "201x", fails=True)
    assert "registration_password of 201x is given there; change it there and run" in given
    assert "did you mean" in renew("10x", fails=True)
    assert "choose one from 8 to 40" in renew("101x", login_password_length=41, fails=True)
    assert everything(cluster) == before


def test_a_check_says_what_would_change_and_changes_nothing(renew, cluster):
    before = everything(cluster)
    checked = renew("101-103", check=True)
    assert checked["changed"] and "of 3 agents (101x, 102x, 103x) will change" in checked["summary"]
    assert checked["diff"]["after"].splitlines()[0] == "alias 101x: login and registration"
    assert everything(cluster) == before


def test_no_output_holds_a_password(renew, modules, cluster):
    before = passwords(cluster)
    renew("101x")
    words = {word for kept in (before, passwords(cluster)) for both in kept.values()
             for word in both}  # fmt: skip
    assert not [word for word in words if word in modules.output]


def test_aliases_yml_keeps_the_new_passwords(renew, modules, cluster):
    renew("101x")
    after = passwords(cluster)
    assert not modules.aliases(ENTRIES, serving=[FIRST, SECOND])["changed"]
    assert passwords(cluster) == after


def test_beside_vicidial_the_dialers_files_are_written_anew(vicidial):
    vicidial.adopt()
    vicidial.add_phones("301")
    vicidial.flagged()
    asked = {
        "aliases": ["101x"],
        "phone_aliases": [{"extensions": "101-102"}],
        "dialers": [{"name": d["name"], "server_ip": d["server_ip"]} for d in VICIDIALS_DIALERS],
    }
    untouched = vicidial.sql("SELECT * FROM phones WHERE extension <> '101'")
    done = vicidial.modules.run("passwords", **asked)
    assert done["rebuilt"] == [VICIDIALS_FIRST, VICIDIALS_SECOND] == sorted(vicidial.flagged())
    assert vicidial.sql("SELECT * FROM phones WHERE extension <> '101'") == untouched
    rows = vicidial.sql("SELECT DISTINCT pass, conf_secret FROM phones WHERE extension = '101'")
    assert len(rows) == 1 and rows[0] != ("typed", "registered")
    # What agents type is in none of those files.
    assert vicidial.modules.run("passwords", **asked, what="login")["rebuilt"] == []
    assert vicidial.flagged() == set()
    # Somebody else's alias is not the inventory's business.
    message = vicidial.modules.fail("passwords", **{**asked, "aliases": ["301x"]})
    assert "'301x' is neither an alias nor an extension of phone_aliases" in message
