"""What the module aliases has removed comes back as it was."""

import json

import pytest

from tests.integration.modules import guest
from tests.integration.modules.floor import (
    DIALERS,
    FIRST,
    SECOND,
    THIRD,
    everything,
    lists,
    use_engine,
)

ALL = [FIRST, SECOND, THIRD]
PHONES = "SELECT extension, server_ip, login, pass, conf_secret FROM phones ORDER BY 1, 2"
KEPT = "SELECT kind, name, server_ip FROM evenfloor_removed ORDER BY kind, name, server_ip"


@pytest.fixture(params=["InnoDB", "MyISAM"])
def grown(request, modules, cluster, server):
    """A cluster with the aliases 101 to 160 on three dialers, in lists of different orders."""
    use_engine(cluster, server, request.param)
    modules.aliases("101-160", DIALERS, serving=ALL)
    cluster.run(
        "UPDATE phones_alias SET user_group = 'SALES', logins_list ="
        " CONCAT(LEFT(alias_id, 3), 'c,', LEFT(alias_id, 3), 'a,', LEFT(alias_id, 3), 'b')"
        " WHERE alias_id > '130x'"
    )
    return cluster


def state(cluster):
    aliases = cluster.run("SELECT * FROM phones_alias ORDER BY alias_id")
    return cluster.run(PHONES), aliases


def test_the_accident_101_106_for_101_160_is_undone_by_correcting_it(grown, modules):
    """54 agents had other passwords after it."""
    before = state(grown)
    for number in range(30):
        grown.add_agent(ALL[number % 3], f"PJSIP/{120 + number}", user=f"agent{number:02}")
    typo = {"purge": True, "confirmed": True}
    gone = modules.aliases("101-106", DIALERS, grow=False, **typo)
    assert gone["kept"] == {"phones": 162, "aliases": 54, "days": 30}
    assert len(lists(grown)) == 6
    modules.aliases("101-106", DIALERS, **typo)

    # As the playbooks do it: phones first, the lists when the phones are registered.
    first = modules.aliases("101-160", DIALERS, grow=False, purge=True)
    assert first["counts"]["phones_returned"] == first["counts"]["phones_added"] == 132
    assert first["counts"]["phones_opened"] == 30
    assert "phone 107c on 10.0.0.13: came back" in first["changes"]
    second = modules.aliases("101-160", DIALERS, serving=ALL, purge=True)
    assert second["counts"]["aliases_returned"] == second["counts"]["aliases_added"] == 54
    assert second["counts"]["phones_added"] == 0
    assert state(grown) == before
    assert grown.run(KEPT) == ()
    assert not modules.aliases("101-160", DIALERS, serving=ALL, purge=True)["changed"]


def test_a_dialer_that_is_removed_and_added_again_has_its_phones_as_they_were(grown, modules):
    before = grown.run(PHONES)
    for number in (1, 2, 3):
        modules.server(number, opened=True)
    modules.aliases("101-160", DIALERS, leaving=[SECOND], grow=False, confirmed=True)
    others = [DIALERS[0], DIALERS[2]]
    modules.aliases("101-160", others, purge=True)
    # Another dialer that comes meanwhile doesn't get its letter.
    fourth = {"name": "dialer4", "server_ip": "10.0.0.14"}
    assert modules.aliases("101-160", [*others, fourth], purge=True)["letters"]["10.0.0.14"] == "d"
    back = modules.aliases("101-160", [*DIALERS, fourth], serving=ALL, purge=True)
    assert back["letters"][SECOND] == "b"
    assert back["counts"]["phones_returned"] == 60
    phones = [row for row in grown.run(PHONES) if row[1] != "10.0.0.14"]
    assert tuple(phones) == before


def test_a_dialer_beside_vicidial_that_is_added_again_has_its_whole_rows(vicidial):
    vicidial.adopt()
    vicidial.sql(
        "UPDATE phones SET codecs_list = 'ulaw', email = 'a@example.org', phone_ip = '10.9.9.9',"
        " fullname = 'Front desk', peer_status = 'REACHABLE' WHERE login = '101b'"
    )
    vicidial.sql("UPDATE phones SET active = 'N', messages = 3 WHERE login = '102b'")
    before = vicidial.rows("phones")
    entries, second = [{"extensions": "101-102"}], [guest.SECOND]
    gone = vicidial.aliases(entries, leaving=second, grow=False)
    assert gone["counts"]["phones_removed"] == gone["kept"]["phones"] == 2
    assert not vicidial.aliases(entries, leaving=second, grow=False)["changed"]
    # VICIdial was upgraded meanwhile.
    vicidial.sql("ALTER TABLE phones DROP COLUMN picture, ADD COLUMN fresh INT DEFAULT 7")
    back = vicidial.aliases(entries, serving=[guest.FIRST, guest.SECOND])
    assert back["counts"]["phones_returned"] == 2
    assert vicidial.sql("SELECT fresh FROM phones WHERE login = '101b'") == ((7,),)
    vicidial.sql("ALTER TABLE phones DROP COLUMN fresh")
    vicidial.sql("ALTER TABLE phones ADD COLUMN picture VARCHAR(19) AFTER company")
    # Whether it is registered, VICIdial finds out again.
    assert vicidial.sql("SELECT peer_status FROM phones WHERE login = '101b'") == (("UNKNOWN",),)
    vicidial.sql("UPDATE phones SET peer_status = 'REACHABLE' WHERE login = '101b'")
    assert vicidial.rows("phones") == before
    assert dict(vicidial.sql("SELECT alias_id, logins_list FROM phones_alias"))["101x"] == (
        "101a,101b"
    )
    assert not vicidial.aliases(entries, serving=[guest.FIRST, guest.SECOND])["changed"]


def test_a_check_says_what_would_come_back_and_keeps_nothing(modules, cluster):
    modules.aliases("101-102", serving=[FIRST, SECOND])
    before = everything(cluster)
    going = modules.aliases("101", check=True, purge=True)
    assert going["kept"] == {"phones": 2, "aliases": 1, "days": 30}
    assert everything(cluster) == before
    modules.aliases("101", purge=True)
    before = everything(cluster)
    coming = modules.aliases("101-102", check=True, serving=[FIRST, SECOND], purge=True)
    assert (coming["counts"]["phones_returned"], coming["counts"]["aliases_returned"]) == (2, 1)
    assert everything(cluster) == before


def test_the_inventorys_passwords_come_first_then_those_that_are_there_then_kept_ones(
    modules, cluster
):
    modules.aliases("101", DIALERS, serving=ALL)
    ((kept,),) = cluster.run("SELECT DISTINCT conf_secret FROM phones")
    modules.aliases("101", DIALERS[:1], purge=True)
    cluster.run("UPDATE phones SET pass = 'changed since'")
    entry = {"extensions": "101", "registration_password": "given"}
    modules.aliases([entry], DIALERS, serving=ALL, purge=True)
    passwords = "SELECT DISTINCT pass, conf_secret FROM phones"
    assert cluster.run(passwords) == (("changed since", "given"),)
    modules.aliases([], DIALERS, purge=True, confirmed=True)
    modules.aliases("101", DIALERS, serving=ALL, purge=True)
    assert cluster.run(passwords) == (("changed since", "given"),)
    assert kept not in modules.output


def test_what_is_older_than_the_setting_is_gone(modules, cluster):
    modules.aliases("101-104", serving=[FIRST, SECOND])
    modules.aliases("101-103", purge=True)
    aged = "UPDATE evenfloor_removed SET removed = removed - INTERVAL %s DAY"
    cluster.run(aged, (6,))
    modules.aliases("101-102", purge=True, removed_kept=7)
    assert {row[1] for row in cluster.run(KEPT)} == {"103", "103x", "104", "104x"}
    cluster.run(f"{aged} WHERE name LIKE '104%%'", (2,))
    before = everything(cluster)
    modules.aliases("101-102", check=True, purge=True, removed_kept=7)
    assert everything(cluster) == before
    modules.aliases("101-102", purge=True, removed_kept=7)
    assert {row[1] for row in cluster.run(KEPT)} == {"103", "103x"}
    message = modules.fail("aliases", phone_aliases=[], dialers=DIALERS, removed_kept=-1)
    assert message.startswith("phone_aliases_removed_kept is -1; give a number of days")


def test_a_login_that_somebody_took_meanwhile_stays_theirs(modules, cluster):
    modules.aliases("101-102", serving=[FIRST, SECOND])
    modules.aliases("101", purge=True)
    cluster.add_phone("102a", THIRD, extension="900")
    cluster.add_alias("102B", "102a")
    modules.aliases("101-102", serving=[FIRST, SECOND], remove_without_asking=0)
    logins = dict(cluster.run("SELECT server_ip, login FROM phones WHERE extension = '102'"))
    assert not {"102a", "102b"} & set(logins.values())


def test_a_database_of_an_earlier_release_is_read_and_nothing_goes_unkept(modules, cluster):
    modules.aliases("101-102", serving=[FIRST, SECOND])
    cluster.run("DROP TABLE evenfloor_removed")
    assert modules.aliases("101-102", check=True)["changed"] is False
    assert modules.info()["closed"] == []
    modules.aliases("101-103", serving=[FIRST, SECOND])
    before = everything(cluster)
    words = {"phone_aliases": [{"extensions": "101-102"}], "dialers": DIALERS[:2], "purge": True}
    assert "run site.yml" in modules.fail("aliases", **words)
    assert everything(cluster) == before


def test_a_whole_row_is_kept_with_values_of_every_type(modules, cluster):
    cluster.run("ALTER TABLE phones ADD COLUMN raw VARBINARY(9), ADD COLUMN at DATETIME,"
                " ADD COLUMN share DECIMAL(5,2)")  # fmt: skip
    modules.aliases("101-102", serving=[FIRST])
    cluster.run("UPDATE phones SET raw = X'00ff', at = '2026-01-02 03:04:05', share = 1.25")
    modules.aliases("101", purge=True)
    rows = cluster.run("SELECT row_there FROM evenfloor_removed WHERE kind = 'phone'")
    for (text,) in rows:
        row = json.loads(text)
        assert (row["raw"], row["at"], row["share"]) == (
            {"hex": "00ff"}, "2026-01-02 03:04:05", "1.25",
        )  # fmt: skip
        assert row["extension"] == "102" and row["active"] == "Y"
