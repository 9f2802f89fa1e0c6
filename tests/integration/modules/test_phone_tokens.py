"""The modules of phones' tokens: what the folder keeps, and what the database knows."""

import json

import pytest

from tests.integration.modules.floor import DIALERS, SECOND
from tests.integration.phone_tokens import make_function
from tests.modules import Runner


@pytest.fixture
def tokens(modules, cluster, tmp_path):
    """Run both modules as the playbook does; returns what they returned."""
    modules.server(1, opened=True)
    entries = [{"extensions": "101-103"}]
    modules.aliases(entries, DIALERS[:2], serving=[SECOND])
    runner = Runner()

    def run(folder="folder", check=False, revoke=""):
        path = tmp_path / folder / "tokens.json"
        path.parent.mkdir(exist_ok=True)
        aliases = modules.run("credentials_info")["aliases"]
        kept = runner.run("phone_token_file", check, path=str(path), aliases=aliases, revoke=revoke)
        known = modules.run("phone_tokens", check, hashes=kept["hashes"], revoke=kept["revoked"])
        return path, kept, known

    return run


def works(cluster, token: str) -> bool:
    """Whether the database tells whose a token is."""
    make_function(cluster)
    from evenfloor.provision_store import proof_of  # noqa: PLC0415

    asked = "SELECT evenfloor_phones_of(%s, '', 'linphone') IS NOT NULL"
    return bool(cluster.run(asked, (proof_of(token),))[0][0])


def test_each_alias_gets_one_token_that_stays(tokens, cluster):
    path, kept, known = tokens(check=True)
    assert known["written"] == ["101x", "102x", "103x"] and not path.exists()
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_phone_tokens") == ((0,),)
    path, kept, known = tokens()
    assert path.stat().st_mode & 0o7777 == 0o600
    assert json.loads(path.read_text()) == kept["tokens"]
    assert all(works(cluster, token) for token in kept["tokens"].values())
    in_database = str(cluster.run("SELECT * FROM evenfloor_phone_tokens"))
    assert not any(token in in_database for token in kept["tokens"].values())
    _path, again, unchanged = tokens()
    assert not again["changed"] and not unchanged["changed"]
    assert again["tokens"] == kept["tokens"]


def test_a_revoked_token_is_worthless_and_the_next_run_makes_another(tokens, cluster):
    _path, first, _known = tokens()
    path, _kept, known = tokens(revoke="101X")
    assert known["revoked"] == ["101x"] and "101x" not in json.loads(path.read_text())
    assert not works(cluster, first["tokens"]["101x"]) and works(cluster, first["tokens"]["102x"])
    _path, new, _known = tokens()
    assert new["tokens"]["101x"] != first["tokens"]["101x"]
    assert works(cluster, new["tokens"]["101x"])
    tokens(revoke="all")
    assert cluster.run("SELECT COUNT(*) FROM evenfloor_phone_tokens") == ((0,),)


def test_a_run_that_was_killed_between_both_is_finished_by_the_next(tokens, cluster):
    _path, kept, _known = tokens()
    cluster.run("DELETE FROM evenfloor_phone_tokens WHERE alias_id = '102x'")
    _path, again, known = tokens()
    assert again["tokens"] == kept["tokens"] and known["written"] == ["102x"]


def test_the_tokens_of_another_folder_stay(tokens, cluster):
    _path, first, _known = tokens()
    _path, other, known = tokens("elsewhere")
    assert known["elsewhere"] == ["101x", "102x", "103x"] and not known["changed"]
    assert works(cluster, first["tokens"]["101x"]) and not works(cluster, other["tokens"]["101x"])


def test_an_alias_that_is_removed_takes_its_token_with_it(tokens, modules, cluster):
    _path, kept, _known = tokens()
    cluster.run("UPDATE evenfloor_phone_tokens SET device = '001565112233' WHERE alias_id = '101x'")
    entries = [{"extensions": "101-102"}]
    modules.aliases(entries, DIALERS[:2], serving=[SECOND], purge=True)
    assert cluster.run("SELECT alias_id FROM evenfloor_phone_tokens ORDER BY 1") == (
        ("101x",), ("102x",),
    )  # fmt: skip
    _path, again, known = tokens()
    assert set(again["tokens"]) == {"101x", "102x"} and known["devices"] == {"101x": "001565112233"}
    assert not works(cluster, kept["tokens"]["103x"])


def test_mistakes_are_named(tokens, tmp_path):
    tokens()
    fail = Runner().fail
    path = tmp_path / "folder" / "tokens.json"
    given = {"path": str(path), "aliases": ["101x"]}
    assert "109x is no alias" in fail("phone_token_file", **given, revoke="109x")
    path.write_text("not JSON")
    assert f"{path} can't be read" in fail("phone_token_file", **given)
    assert path.read_text() == "not JSON"
