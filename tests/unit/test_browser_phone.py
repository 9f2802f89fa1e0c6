"""Browser phones: what the inventory may say, what is written, and who gets the accounts."""

import json
import time

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from evenfloor import tokens
from evenfloor.browser_phone_store import read_phone
from evenfloor.errors import LoginRefused
from evenfloor.page_headers import HEADERS, WITH_FRAMES, frame_for
from tests.unit.asterisk_syntax import ROLES, parse, render
from tests.unit.inventories import assert_says, inventory, only_problem
from tests.unit.test_roles import read

SHARED = {
    **read("settings", "defaults/main.yml"),
    **read("dialer", "defaults/main.yml"),
    **read("dialer", "vars/main.yml"),
    "dialer_server_ip": "10.0.0.11",
}
BROWSER = {"extensions": "101-103", "phone": "browser"}


def written(name: str, in_browser: bool, certified: bool = True, **variables) -> str:
    return render(
        f"dialer/templates/asterisk/{name}.j2",
        **{
            **SHARED,
            "phone_transport": "both",
            "cluster_browser_phones": in_browser,
            "dialer_certified": certified,
            **variables,
        },
    )


# The inventory


def test_an_alias_may_have_a_browser_phone():
    assert problems(*inventory(aliases=[BROWSER])) == []


def test_a_seat_is_no_browser():
    problem = only_problem(aliases=[BROWSER], seats={"seat1": "101"})
    assert_says(problem, "seat1: softphone_extensions names 101", "phone: browser", "take")


def test_a_page_without_tls_gets_no_microphone():
    hostvars, groups = inventory(aliases=[BROWSER])
    hostvars["login1"]["login_tls"] = "off"
    (problem,) = problems(hostvars, groups)
    assert_says(problem, "login1: login_tls is off", "phone: browser", "microphone")


def test_vicidial_has_web_phones_of_its_own():
    hostvars, groups = inventory(aliases=[BROWSER])
    for variables in hostvars.values():
        variables["cluster_flavor"] = "vicidial"
    assert any("phone is browser" in problem for problem in problems(hostvars, groups))


# What is written


def test_a_dialer_serves_browsers_over_tls_alone():
    (general,) = parse(written("http.conf", in_browser=True))
    values = dict(general.settings)
    assert values["tlsbindaddr"] == "10.0.0.11:8089" and values["tlsenable"] == "yes"
    assert values["bindaddr"] == "127.0.0.1"
    assert values["tlscertfile"] == "/etc/evenfloor/dialer.pem"
    assert (values["enable_static"], values["enable_status"]) == ("no", "no")


@pytest.mark.parametrize(("in_browser", "certified"), [(False, True), (True, False)])
def test_without_browser_phones_or_a_certificate_nothing_is_served(in_browser, certified):
    (general,) = parse(written("http.conf", in_browser, certified))
    assert general.settings == [("enabled", "no")]
    assert "wss" not in written("pjsip.conf", in_browser, certified)


def test_asterisk_loads_what_browsers_need_only_where_there_are_any():
    modules = {name: written("modules.conf", name) for name in (True, False)}
    assert "res_pjsip_transport_websocket.so" in modules[True]
    assert "websocket" not in modules[False]
    assert "icesupport = yes" in written("rtp.conf", True)
    assert "icesupport = no" in written("rtp.conf", False)


def endpoints(*kinds: str) -> dict:
    phones = [
        {"extension": f"10{n}", "name": "A", "registration_password": "secret", "kind": kind}
        for n, kind in enumerate(kinds, 1)
    ]
    text = written("endpoints.conf", True, dialer_phones={"phones": phones}, dialer_srtp={"rc": 0})
    return {(s.name, s.templates[0]): s for s in parse(text)}


def test_one_endpoint_serves_a_browser_and_another_a_softphone():
    found = endpoints("browser", "sip")
    assert ("101", "browser-phone") in found and ("102", "phone") in found
    head = found["browser-phone", "!"]
    assert head.templates == ["!", "phone"]
    assert dict(head.settings) == {
        "webrtc": "yes", "media_encryption": "dtls", "media_encryption_optimistic": "no",
    }  # fmt: skip


def test_without_browser_phones_the_file_is_as_it_was():
    assert ("browser-phone", "!") not in endpoints("sip", "sip")


@pytest.mark.parametrize("in_browser", [True, False])
def test_the_filter_has_the_port_only_where_there_are_browser_phones(in_browser):
    ports = read("dialer_firewall", "vars/main.yml")["dialer_firewall_tcp_ports"]
    assert ports.count("phone_wss_port") == ports.count("cluster_browser_phones") == 1
    tcp = [5060, 5061, 8089] if in_browser else [5060, 5061]
    common = {
        "dialer_firewall_sip_port": 5060, "dialer_firewall_rtp_first": 10000,
        "dialer_firewall_rtp_last": 20000, "dialer_firewall_tcp_ports": tcp,
        "dialer_firewall_sources": ["10.0.0.0/24"], "dialer_firewall_log": "/log",
        "dialer_firewall_wakers": [], "dialer_wake_port": 0,
        "dialer_firewall_trunk_ports": [], "dialer_firewall_local_ports": [],
    }  # fmt: skip
    rules = render("dialer_firewall/templates/firewall.nft.j2", **common)
    (line,) = [line for line in rules.splitlines() if "tcp dport" in line]
    assert ("8089" in line) is in_browser and "jump phone" in line
    jail = render("dialer_firewall/templates/jail.conf.j2", **common)
    assert f"\nport = {','.join(map(str, tcp))}\n" in jail


def test_every_package_of_the_library_has_a_checksum_and_no_address():
    folder = ROLES / "login_service/files/browser_phone"
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    wanted = json.loads((folder / "package.json").read_text())
    assert packages[""]["dependencies"] == wanted["dependencies"]
    assert packages[""]["devDependencies"] == wanted["devDependencies"]
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package


# Who gets the accounts


def test_a_token_proves_an_alias_until_its_password_changes():
    proof = tokens.read_phone("secret", tokens.sign_phone("secret", "101x", "typed"))
    assert proof.alias == "101x"
    assert proof.is_of("secret", "typed") and not proof.is_of("secret", "other")


def test_nobody_reads_the_password_out_of_a_token():
    first, second = (tokens.sign_phone(secret, "101x", "typed") for secret in ("one", "two"))
    assert "typed" not in first
    marks = {tokens.read_phone(s, t).mark for s, t in (("one", first), ("two", second))}
    assert len(marks) == 2


@pytest.mark.parametrize("wrong", ["", "guess", "x" * 2000, tokens.sign("secret", "a", "b")])
def test_what_is_no_phone_token_proves_nothing(wrong):
    with pytest.raises(LoginRefused):
        tokens.read_phone("secret", wrong)


def test_a_phone_token_is_no_session_and_no_other_clusters():
    token = tokens.sign_phone("secret", "101x", "typed")
    for reader, secret in ((tokens.read, "secret"), (tokens.read_phone, "other")):
        with pytest.raises(LoginRefused):
            reader(secret, token)


def test_without_a_secret_nobody_gets_a_token_and_none_is_taken():
    assert tokens.sign_phone("", "101x", "typed") == ""
    with pytest.raises(LoginRefused):
        tokens.read_phone("", tokens.sign_phone("secret", "101x", "typed"))


def test_a_phone_token_ends_after_a_day(monkeypatch):
    token = tokens.sign_phone("secret", "101x", "typed")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + tokens.PHONE_AGE - 60)
    assert tokens.read_phone("secret", token).alias == "101x"
    monkeypatch.setattr(time, "time", lambda: now + tokens.PHONE_AGE + 60)
    with pytest.raises(LoginRefused):
        tokens.read_phone("secret", token)


def test_what_the_database_answers_is_read_in_the_order_of_dialers():
    phones = [["101", "10.0.0.2", "d2", "p", 1], ["101", "10.0.0.1", "d1", "p", 0]]
    found = read_phone(json.dumps([["101x", "typed"], phones]))
    assert [(a["dialer"], a["registered"]) for a in found.accounts] == [("d1", False), ("d2", True)]
    assert read_phone(None) is None


# What a browser is told


def test_a_frame_speaks_to_one_dialer_and_is_in_this_sites_pages_alone():
    policy = frame_for("10.0.0.1", 8089)["Content-Security-Policy"]
    assert "connect-src wss://10.0.0.1:8089;" in policy and "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy and "default-src 'none'" in policy


def test_only_the_page_with_phones_has_frames():
    policy = HEADERS["Content-Security-Policy"]
    assert WITH_FRAMES["Content-Security-Policy"] == f"{policy}; frame-src 'self'"
    assert "frame-src" not in policy
