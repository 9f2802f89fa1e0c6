"""The module aliases: phones and logins lists, in bulk and step by step."""

from tests.integration.modules.floor import (
    DIALERS,
    ENGINES,
    FIRST,
    SECOND,
    THIRD,
    everything,
    lists,
    passwords,
    places,
    takes_logins,
    use_engine,
)


def test_aliases_are_created_with_a_phone_on_every_dialer(modules, cluster):
    result = modules.aliases(serving=[FIRST, SECOND])
    assert result["changed"]
    assert result["counts"] == {
        "phones_added": 6,
        "phones_returned": 0,
        "phones_renamed": 0,
        "phones_changed": 0,
        "phones_opened": 0,
        "phones_closed": 0,
        "phones_removed": 0,
        "aliases_added": 3,
        "aliases_returned": 0,
        "aliases_changed": 0,
        "aliases_removed": 0,
    }
    assert result["letters"] == {FIRST: "a", SECOND: "b"}
    assert lists(cluster) == {"101x": "101a,101b", "102x": "102a,102b", "103x": "103a,103b"}
    assert places(cluster) == {
        f"{extension}{letter}": (extension, server_ip)
        for extension in ("101", "102", "103")
        for letter, server_ip in (("a", FIRST), ("b", SECOND))
    }


def test_phones_are_active_pjsip_phones_that_share_their_aliass_passwords(modules, cluster):
    modules.aliases(serving=[FIRST, SECOND])
    rows = cluster.run(
        "SELECT extension, COUNT(*), COUNT(DISTINCT pass), COUNT(DISTINCT conf_secret),"
        " MIN(LENGTH(pass)), MIN(LENGTH(conf_secret)) FROM phones"
        " WHERE active = 'Y' AND protocol = 'PJSIP' AND dialplan_number = extension"
        " GROUP BY extension ORDER BY extension"
    )
    assert [row[:4] for row in rows] == [
        (extension, 2, 1, 1) for extension in ("101", "102", "103")
    ]
    assert all(row[4] >= 10 and row[5] >= 20 for row in rows)
    assert len(passwords(cluster)) == 6


def test_a_second_run_of_aliases_changes_nothing(modules, cluster):
    entries = [
        {"extensions": "101-102", "login_password": "typed-by-hand"},
        {"extensions": ["201", "0301-0302"], "suffix": "z", "dialers": ["dialer2"], "name": "S"},
    ]
    modules.aliases(entries, serving=[FIRST, SECOND], purge=True)
    before = everything(cluster)
    result = modules.aliases(entries, serving=[FIRST, SECOND], purge=True)
    assert not result["changed"]
    assert result["changes"] == []
    assert everything(cluster) == before


@ENGINES
def test_check_mode_of_aliases_changes_nothing_and_says_what_a_run_would(
    modules, cluster, server, engine
):
    use_engine(cluster, server, engine)
    modules.aliases("101-102", serving=[FIRST, SECOND])
    before = everything(cluster)
    how = {"dialers": DIALERS[1:], "serving": [SECOND, THIRD], "purge": True}
    checked = modules.aliases("102-103", check=True, **how)
    assert everything(cluster) == before
    assert checked["changed"]
    assert "phone 103c on 10.0.0.13: added" in checked["changes"]
    assert "alias 102x: 102a,102b becomes 102b,102c" in checked["changes"]
    assert "alias 101x: removed" in checked["changes"]
    run = modules.aliases("102-103", **how)
    assert {key: run[key] for key in ("changes", "counts", "letters", "diff")} == {
        key: checked[key] for key in ("changes", "counts", "letters", "diff")
    }


def test_a_diff_of_aliases_shows_before_and_after(modules):
    modules.aliases("101", serving=[FIRST, SECOND])
    diff = modules.aliases("101", DIALERS, serving=[THIRD, FIRST, SECOND])["diff"]
    assert diff["before"] == "alias 101x (Agent 101): 101a,101b\n"
    assert diff["after"].splitlines() == [
        "alias 101x (Agent 101): 101a,101b,101c",
        "phone 101c on 10.0.0.13",
    ]


def test_no_output_of_aliases_holds_a_password(modules, cluster):
    given = {"login_password": "Typed-4711", "registration_password": "Spoken-4711"}
    secrets, outputs = set(given.values()), []
    for check in (True, False):
        modules.aliases(serving=[FIRST, SECOND], check=check)
        outputs.append(modules.output)
    secrets |= passwords(cluster)
    for check in (True, False):
        modules.aliases([{"extensions": "101-103", **given}], check=check)
        outputs.append(modules.output)
    modules.aliases("101", purge=True, confirmed=True)
    outputs.append(modules.output)
    assert set(given.values()) <= passwords(cluster)
    assert [word for word in secrets for output in outputs if word in output] == []


def test_new_login_passwords_are_as_long_as_asked_for_and_those_that_are_there_stay(
    modules, cluster
):
    modules.aliases("101")
    modules.aliases("101-102", login_password_length=14)
    rows = cluster.run("SELECT DISTINCT extension, LENGTH(pass) FROM phones ORDER BY extension")
    assert rows == (("101", 10), ("102", 14))
    message = modules.fail("aliases", phone_aliases=[], dialers=[], login_password_length=7)
    assert "phone_aliases_login_password_length is 7; choose one from 8 to 40" in message


def test_passwords_stay_until_the_inventory_gives_others(modules, cluster):
    modules.aliases("101", serving=[FIRST, SECOND])
    made = cluster.run("SELECT DISTINCT pass, conf_secret FROM phones")
    modules.aliases("101", DIALERS, serving=[FIRST, SECOND, THIRD])
    assert cluster.run("SELECT DISTINCT pass, conf_secret FROM phones") == made
    result = modules.aliases([{"extensions": "101", "login_password": "typed"}], DIALERS)
    assert result["counts"]["phones_changed"] == 3
    expected = (("typed", made[0][1]),)
    assert cluster.run("SELECT DISTINCT pass, conf_secret FROM phones") == expected


def test_without_purge_strangers_stay_and_with_purge_they_go(modules, cluster):
    cluster.add_phone("900a", FIRST, extension="900")
    cluster.add_alias("900x", "900a")
    modules.aliases("101", serving=[FIRST, SECOND])
    assert {"900a", "101a"} <= places(cluster).keys()
    assert lists(cluster)["900x"] == "900a"
    result = modules.aliases("101", purge=True)
    assert result["counts"]["phones_removed"] == result["counts"]["aliases_removed"] == 1
    assert places(cluster).keys() == {"101a", "101b"}
    assert lists(cluster) == {"101x": "101a,101b"}


def test_more_aliases_than_fit_one_statement_are_all_written_and_removed(modules, cluster):
    result = modules.aliases("1001-2200", serving=[FIRST, SECOND])
    assert result["counts"]["phones_added"] == 2400
    assert len(lists(cluster)) == 1200
    assert len(places(cluster)) == 2400
    assert not modules.aliases("1001-2200")["changed"]
    result = modules.aliases("1001", purge=True, confirmed=True)
    assert result["counts"]["aliases_removed"] == 1199
    assert places(cluster).keys() == {"1001a", "1001b"}
    assert lists(cluster) == {"1001x": "1001a,1001b"}


def test_a_wrong_entry_fails_with_the_mend_and_writes_nothing(modules, cluster):
    before = everything(cluster)
    message = modules.fail(
        "aliases",
        phone_aliases=[{"extensions": "101"}, {"extensions": "102", "dialers": ["dialer7"]}],
        dialers=DIALERS,
        serving=[FIRST],
    )
    assert "extensions 102" in message
    assert "'dialer7'" in message
    assert "known are dialer1, dialer2" in message
    assert everything(cluster) == before


# Adding a dialer, step by step


def test_a_first_setup_makes_phones_first_and_aliases_when_dialers_serve(modules, cluster):
    result = modules.aliases(grow=False)
    assert result["counts"]["phones_added"] == 6
    assert lists(cluster) == {}
    assert not modules.aliases(grow=False)["changed"]
    assert not modules.aliases()["changed"]  # nobody serves yet
    modules.aliases(serving=[SECOND])
    assert lists(cluster) == {"101x": "101b", "102x": "102b", "103x": "103b"}
    modules.aliases(serving=[FIRST, SECOND])
    assert lists(cluster)["101x"] == "101b,101a"


def test_a_new_dialer_gets_phones_first_and_entries_when_it_serves(modules, cluster):
    for number in (1, 2):
        modules.server(number, opened=True)
    modules.aliases("101-102")  # dialers that have been open serve
    old = {"101x": "101a,101b", "102x": "102a,102b"}
    assert lists(cluster) == old

    modules.server(3)
    modules.aliases("101-102", DIALERS, grow=False)
    assert places(cluster)["101c"] == ("101", THIRD)
    assert lists(cluster) == old
    # Interrupted and run again, it is as before; even a whole run adds nobody who isn't ready.
    assert not modules.aliases("101-102", DIALERS, grow=False)["changed"]
    assert not modules.aliases("101-102", DIALERS)["changed"]
    assert takes_logins(cluster, THIRD) == "N"

    result = modules.aliases("101-102", DIALERS, serving=[THIRD])
    assert result["counts"]["aliases_changed"] == 2
    assert lists(cluster) == {"101x": "101a,101b,101c", "102x": "102a,102b,102c"}
    modules.server(3, opened=True)
    assert not modules.aliases("101-102", DIALERS)["changed"]


def test_a_dialer_that_goes_leaves_lists_and_phones_at_once(modules, cluster):
    modules.aliases("101-102", DIALERS, serving=[FIRST, SECOND, THIRD])
    kept = cluster.run("SELECT * FROM phones WHERE server_ip <> %s ORDER BY login", (SECOND,))
    modules.aliases("101-102", [DIALERS[0], DIALERS[2]], grow=False)
    assert lists(cluster) == {"101x": "101a,101c", "102x": "102a,102c"}
    assert cluster.run("SELECT * FROM phones ORDER BY login") == kept


def test_a_logins_list_is_as_long_as_its_column(modules, cluster, make_balancer):
    dialers = [{"name": f"d{n}", "server_ip": f"10.1.0.{n}"} for n in range(1, 61)]
    given = {"dialers": dialers, "phone_aliases": [{"extensions": "1001"}]}
    serving = [dialer["server_ip"] for dialer in dialers]
    words = modules.fail("aliases", serving=serving, **given)
    assert "255 fit" in words and "phone_aliases_widen_logins_list" in words
    assert lists(cluster) == {}
    cluster.run("ALTER TABLE phones_alias MODIFY logins_list VARCHAR(4096)")
    modules.run("aliases", serving=serving, **given)
    assert lists(cluster)["1001x"].count(",") == 59
    for server_ip in serving:
        cluster.add_dialer(server_ip, free_rooms=1)
    ((password,),) = cluster.run("SELECT DISTINCT pass FROM phones")
    assert len(make_balancer().choose("1001x", password).counts) == 60


def test_a_dialer_that_leaves_takes_its_phones_and_list_entries_along(modules, cluster):
    for number in (1, 2, 3):
        modules.server(number, opened=True)
    modules.aliases(dialers=DIALERS)
    cluster.add_phone("777b", SECOND, extension="777")
    cluster.add_phone("777c", THIRD, extension="777")
    cluster.add_alias("byhand", "777b,777c")
    gone = modules.aliases(dialers=DIALERS, leaving=[SECOND], grow=False)
    assert (gone["counts"]["phones_removed"], gone["counts"]["aliases_changed"]) == (4, 4)
    assert lists(cluster) == {
        "101x": "101a,101c", "102x": "102a,102c", "103x": "103a,103c", "byhand": "777c",
    }  # fmt: skip
    assert SECOND not in {row[0] for row in cluster.run("SELECT server_ip FROM phones")}
    assert not modules.aliases(dialers=DIALERS, leaving=[SECOND], grow=False)["changed"]


def test_the_last_dialer_of_an_alias_does_not_leave(modules, cluster):
    modules.server(1, opened=True)
    entries = [{"extensions": "101"}, {"extensions": "201", "dialers": ["dialer1"]}]
    modules.aliases(entries, serving=[SECOND])
    before = everything(cluster)
    given = {"dialers": DIALERS[:2], "leaving": [FIRST], "grow": False}
    words = modules.fail("aliases", phone_aliases=entries, **given)
    assert f"alias 201x would have no dialer left without {FIRST}" in words
    cluster.add_phone("777a", FIRST, extension="777")
    cluster.add_alias("byhand", "777a")
    words = modules.fail("aliases", phone_aliases=entries[:1], **given)
    assert "alias byhand would have no phone left without 777a" in words or "alias 201x" in words
    cluster.run("DELETE FROM phones_alias WHERE alias_id = 'byhand'")
    cluster.run("DELETE FROM phones WHERE login = '777a'")
    assert everything(cluster) == before


def test_a_list_with_spaces_names_the_same_phones_as_one_without(modules, cluster):
    """VICIdial's form lets people type them, and the login page doesn't mind."""
    modules.aliases("101", serving=[FIRST, SECOND])
    cluster.run("UPDATE phones_alias SET logins_list = ' 101a, 101b ,'")
    checked = modules.aliases("101", check=True, serving=[FIRST, SECOND])
    assert (checked["changed"], checked["counts"]["aliases_changed"]) == (False, 0)
    modules.aliases("101", DIALERS, serving=[FIRST, SECOND, THIRD])
    assert lists(cluster) == {"101x": "101a,101b,101c"}


def test_an_alias_gets_a_browser_phone_and_its_former_phone_back(modules, cluster):
    kinds = "SELECT DISTINCT extension, phone_type FROM phones ORDER BY extension"
    before = [{"extensions": "101-102"}]
    wanted = [{"extensions": "101"}, {"extensions": "102", "phone": "browser"}]
    modules.aliases(before, serving=[FIRST, SECOND])
    kept = passwords(cluster)
    for entries, kind in ((wanted, "BROWSER"), (before, "PJSIP")):
        assert modules.aliases(entries, serving=[FIRST, SECOND])["counts"]["phones_changed"] == 2
        assert cluster.run(kinds) == (("101", "PJSIP"), ("102", kind))
        assert not modules.aliases(entries, serving=[FIRST, SECOND])["changed"]
    assert passwords(cluster) == kept
