"""What is handed out for phones, and the plan of their tokens."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_tokens import (
    new_token,
    plan_tokens,
    stored_hash,
)
from ansible_collections.evenfloor.cluster.plugins.plugin_utils import phone_pages
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.phone_pages import (
    SOFTPHONES,
    dhcp_note,
    provisioning_address,
)

from evenfloor.provision_models import SOFTPHONE_FILES
from evenfloor.provision_page import LONGEST_TOKEN, MASK, masked
from evenfloor.provision_store import proof_of, read_owner

ADDRESS = "https://login.example/provision/"


def test_pages_name_the_files_that_the_service_has():
    assert {file for _phone, file, _scheme, _words in SOFTPHONES} == set(SOFTPHONE_FILES.values())


def test_there_is_a_page_for_each_alias_with_its_own_token_only():
    tokens = {"101x": "aaaa", "102x": "bbbb"}
    agents = [{"alias": "101x", "name": "<Anna> & co"}]
    files = phone_pages.phone_pages(tokens, agents, ADDRESS, {})
    assert [file["path"] for file in files] == [
        "phones/101x.html", "phones/102x.html", "phones/dhcp.conf",
    ]  # fmt: skip
    page = files[0]["content"]
    assert f"{ADDRESS}aaaa/linphone.xml" in page and "bbbb" not in page
    assert "&lt;Anna&gt; &amp; co" in page and "<Anna>" not in page
    assert page.count("<svg") == sum(1 for _p, _f, scheme, _w in SOFTPHONES if scheme)
    assert "src=" not in page and "href=" not in page


def test_the_note_for_dhcp_has_the_phones_that_are_known_ready():
    note = dhcp_note({"101x": "aaaa", "102x": "bbbb"}, ADDRESS, {"101x": "001565112233"})
    assert "\ndhcp-host=00:15:65:11:22:33,set:phone-101x\n" in note
    assert f"\ndhcp-option=tag:phone-101x,66,{ADDRESS}aaaa/\n" in note
    assert f"\n# dhcp-option=tag:phone-102x,66,{ADDRESS}bbbb/\n" in note


def test_a_control_node_without_segno_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(phone_pages, "segno", None)
    with pytest.raises(ValueError, match="pip install segno"):
        phone_pages.phone_pages({}, [], ADDRESS, {})


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, ""),
        ({"login_provisioning": True}, "https://10.0.0.20/provision/"),
        ({"login_provisioning": True, "login_names": ["a.example"], "login_port": 8443},
         "https://a.example:8443/provision/"),
        ({"login_provisioning": True, "login_tls": "off"}, "http://10.0.0.20:8080/provision/"),
        ({"login_provisioning": True, "login_address": "fd00::1"}, "https://[fd00::1]/provision/"),
    ],
)  # fmt: skip
def test_phones_ask_where_agents_log_in(variables, wanted):
    hostvars = {"login1": {}, "login2": {"ansible_host": "10.0.0.20", **variables}}
    assert provisioning_address(hostvars, {"login": ["login1", "login2"]}) == wanted


def test_the_database_keeps_the_hash_of_what_the_service_shows_it():
    import hashlib  # noqa: PLC0415

    token = new_token()
    assert stored_hash(token) == hashlib.sha256(proof_of(token).encode()).hexdigest()
    assert 40 <= len(token) <= LONGEST_TOKEN and token != new_token()


def test_a_token_that_is_there_stays_and_what_has_no_alias_goes():
    hashes = {"101x": "new", "102x": "ours", "103x": "mine"}
    there = {"102x": "ours", "103x": "theirs", "109x": "gone"}
    plan = plan_tokens(hashes, there, ["101x", "102x", "103x"])
    assert plan == ({"101x": "new"}, ["109x"], ["103x"])
    assert plan_tokens(hashes, there, ["101x", "102x", "103x"], ["103x"]).revoked == [
        "103x",
        "109x",
    ]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/provision/secret/x.cfg", f"/provision/{MASK}/x.cfg"),
        ("/provision/secret", f"/provision/{MASK}"),
        ("/provision/secret/a/b", f"/provision/{MASK}/a/b"),
        ("/provision/", f"/provision/{MASK}"),
        ("/floor", "/floor"),
    ],
)
def test_messages_have_no_token(path, wanted):
    assert masked(path) == wanted


def test_the_databases_answer_is_read():
    answer = '[["101x","Anna",""],[["101","10.0.0.1","d1","s",1],["101","10.0.0.2","d2","s",0]]]'
    owner = read_owner(answer)
    assert [one.is_open for one in owner.registrations] == [True, False]
    assert owner.is_for("") and not owner.is_for("001565112233")
    assert "'s'" not in repr(owner) and read_owner(None) is None
