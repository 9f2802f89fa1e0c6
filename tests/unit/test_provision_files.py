"""The files of phones: every value comes out as it went in, or is refused."""

import configparser
import re
from xml.etree import ElementTree

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.softphone import (
    parse_accounts,
    wanted_accounts,
)
from hypothesis import given
from hypothesis import strategies as st

from evenfloor import provision_models as models
from evenfloor.provision_files import TLS, UDP, Registration, Transport, Unwritable, choose, write
from evenfloor.provision_models import Asked, read_asked

MAC = "001565112233"
MODELS = {
    **models.SOFTPHONE_FILES,
    models.YEALINK: f"{MAC}.cfg",
    models.GRANDSTREAM: f"cfg{MAC}.xml",
    models.SNOM: f"{MAC.upper()}.xml",
    models.POLYCOM: f"{MAC}-user.cfg",
}
ENCRYPTED = Transport(TLS, 5061, 5060, frozenset({"d2"}))


def registration(number: int, password: str = "secret", **more) -> Registration:
    return Registration("101", f"10.0.0.{number}", f"d{number}", password, **more)


def parsed(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)  # noqa: S314


def lines(content: bytes) -> dict:
    found = [line.partition(" = ") for line in content.decode().split("\n")]
    return {key: value for key, equals, value in found if equals}


def unquoted(value: str) -> str:
    """Take a pair of quotes away, as Windows does."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def read_linphone(content: bytes) -> list[tuple]:
    def entries(section):
        return {entry.get("name"): entry.text or "" for entry in section}

    sections = {part.get("name"): entries(part) for part in parsed(content)}
    count = sum(name.startswith("proxy_") for name in sections)
    return [
        (
            re.fullmatch(r"<sip:([0-9.]+:\d+;transport=\w+)>", sections[f"proxy_{n}"]["reg_proxy"])[
                1
            ],
            sections[f"auth_info_{n}"]["username"],
            sections[f"auth_info_{n}"]["passwd"],
        )
        for n in range(count)
    ]


def read_zoiper(content: bytes) -> list[tuple]:
    def account(one):
        texts = {child.tag: child.text for child in one}
        place = f"{texts['SIP_domain']};transport={texts['SIP_transport_type']}"
        return place, texts["username"], texts["password"]

    return [account(one) for one in parsed(content).iter("account")]


def read_groundwire(content: bytes) -> list[tuple]:
    texts = {child.tag: child.text for child in parsed(content)}
    place = f"{texts['proxy']};transport={texts['transport']}"
    return [(place, texts["username"], texts["password"])]


def read_microsip(content: bytes) -> list[tuple]:
    reader = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=(";",))
    reader.read_string(content.decode("utf-16"))
    texts = {key: unquoted(value) for key, value in reader["Account1"].items()}
    assert reader["Settings"]["accountid"] == "1"
    return [
        (f"{texts['server']};transport={texts['transport']}", texts["username"], texts["password"])
    ]


def read_yealink(content: bytes) -> list[tuple]:
    assert content.startswith(b"#!version:1.0.0.1\n")
    texts = lines(content)
    kinds = {"0": "udp", "2": "tls"}
    on = [n for n in range(1, 17) if texts.get(f"account.{n}.enable") == "1"]
    return [
        (
            f"{texts[f'account.{n}.sip_server.1.address']}:{texts[f'account.{n}.sip_server.1.port']}"
            f";transport={kinds[texts[f'account.{n}.sip_server.1.transport_type']]}",
            texts[f"account.{n}.user_name"],
            texts[f"account.{n}.password"],
        )
        for n in on
    ]


def read_grandstream(content: bytes) -> list[tuple]:
    texts = {child.tag: child.text for child in parsed(content).find("config")}
    kinds = {"0": "udp", "2": "tls"}
    found = [("P271", "P47", "P130", "P35", "P34")]
    found += [tuple(f"P{n}{part}" for part in ("01", "02", "30", "04", "06")) for n in range(4, 9)]
    return [
        (f"{texts[server]};transport={kinds[texts[kind]]}", texts[user], texts[password])
        for on, server, kind, user, password in found
        if texts.get(on) == "1"
    ]


def read_snom(content: bytes) -> list[tuple]:
    texts = {(one.tag, one.get("idx")): one.text for one in parsed(content).find("phone-settings")}
    on = [n for (tag, n), text in texts.items() if tag == "user_active" and text == "on"]
    return [(texts["user_outbound", n], texts["user_name", n], texts["user_pass", n]) for n in on]


def read_polycom(content: bytes) -> list[tuple]:
    texts = parsed(content).attrib
    kinds = {"UDPOnly": "udp", "TLS": "tls"}
    on = [n for n in range(1, 7) if texts.get(f"reg.{n}.server.1.register") == "1"]
    return [
        (
            f"{texts[f'reg.{n}.server.1.address']}:{texts[f'reg.{n}.server.1.port']}"
            f";transport={kinds[texts[f'reg.{n}.server.1.transport']]}",
            texts[f"reg.{n}.address"],
            texts[f"reg.{n}.auth.password"],
        )
        for n in on
    ]


def read_baresip(content: bytes) -> list[tuple]:
    found = []
    for address, line in parse_accounts(content.decode()).items():
        settings = dict(part.partition("=")[::2] for part in line.split(";")[1:])
        outbound = re.search(r'outbound="sip:([^"]+)"', line)
        place = outbound[1] if outbound else f"{address.partition('@')[2]}:5060;transport=udp"
        found.append((place, settings["auth_user"], settings["auth_pass"]))
    return found


READERS = {
    name.removeprefix("read_"): reader
    for name, reader in globals().copy().items()
    if name.removeprefix("read_") in MODELS and callable(reader)
}
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)


def asked_by(model: str, user_agent: str = "") -> Asked:
    asked = read_asked(MODELS[model], user_agent)
    assert asked.model == model
    return asked


@pytest.mark.parametrize("model", MODELS)
@given(password=TEXTS, name=TEXTS)
def test_any_password_and_name_come_out_right_or_are_refused(model, password, name):
    asked = asked_by(model)
    phones = [registration(number, password) for number in (1, 2, 3)]
    chosen, left_out = choose("101x", phones, asked.most)
    try:
        content = write(asked, name, chosen, left_out, ENCRYPTED)
    except Unwritable:
        hard = {password, name} if model != models.BARESIP else {password}
        assert any(
            not text.isprintable()
            or text != text.strip()
            or text == "%NULL%"
            or (model == models.BARESIP and re.search(r"[\s;<>\"]", text))
            for text in hard
        )
        return
    wanted = [
        (f"{one.server_ip}:{'5060;transport=udp' if one.dialer == 'd2' else '5061;transport=tls'}",
         "101", password)
        for one in chosen
    ]  # fmt: skip
    assert READERS[model](content) == wanted


def test_every_model_has_a_reader_here():
    assert set(READERS) == set(MODELS)


@pytest.mark.parametrize(
    "hard", ["a;b", '"x"', "'x'", "#x", "]]>", "<!--", "{{ 7 }}", "%(x)s", "é€"]
)
@pytest.mark.parametrize("model", MODELS)
def test_passwords_that_formats_could_trip_over(model, hard):
    asked = asked_by(model)
    try:
        content = write(asked, "x", [registration(1, hard)], [], Transport())
    except Unwritable:
        assert model == models.BARESIP and re.search(r"[\s;<>\"]", hard)
    else:
        assert READERS[model](content) == [("10.0.0.1:5060;transport=udp", "101", hard)]


@pytest.mark.parametrize("model", MODELS)
def test_a_phone_without_a_password_is_refused(model):
    with pytest.raises(Unwritable, match="d1 has no registration password"):
        write(asked_by(model), "x", [registration(1, "")], [], Transport())


def test_a_refusal_does_not_tell_the_password():
    with pytest.raises(Unwritable) as caught:
        write(asked_by(models.SNOM), "x", [registration(1, "hidden\x07word")], [], Transport())
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("tls_port", [None, 5061])
def test_baresip_gets_what_the_role_softphone_writes(tls_port):
    phones = [registration(number) for number in (1, 2)]
    role = wanted_accounts(
        [{"extension": "101", "server_ip": p.server_ip, "dialer": p.dialer,
          "registration_password": p.password} for p in phones],
        60, 3, tls_port, ("d2",),
    )  # fmt: skip
    transport = ENCRYPTED if tls_port else Transport()
    content = write(asked_by(models.BARESIP), "x", phones, [], transport)
    assert parse_accounts(content.decode()) == role


@pytest.mark.parametrize("model", [m for m in MODELS if models.MOST_ACCOUNTS.get(m)])
def test_what_a_phone_cannot_hold_is_said_in_its_file(model):
    asked = asked_by(model)
    phones = [registration(number) for number in range(1, asked.most + 3)]
    chosen, left_out = choose("101x", phones, asked.most)
    assert (len(chosen), len(left_out)) == (asked.most, 2)
    content = write(asked, "x", chosen, left_out, Transport())
    text = content.decode("utf-16" if model == models.MICROSIP else "utf-8")
    assert all(one.dialer in text for one in left_out)
    assert len(READERS[model](content)) == asked.most


def test_hyphens_in_a_dialers_name_end_no_remark():
    asked = asked_by(models.GROUNDWIRE)
    hard = Registration("101", "10.0.0.9", "d--x-", "secret")
    assert len(read_groundwire(write(asked, "x", [registration(1)], [hard], Transport()))) == 1


# -- which dialers ------------------------------------------------------------------------


def test_dialers_that_take_logins_come_first_and_the_rest_fill_up():
    phones = [registration(n, is_open=n in (2, 4)) for n in range(1, 6)]
    chosen, left_out = choose("101x", phones, 3)
    assert {"d2", "d4"} <= {one.dialer for one in chosen}
    assert sorted([*chosen, *left_out], key=lambda one: one.server_ip) == phones


def test_phones_with_one_account_are_spread_and_few_move_when_a_dialer_is_added():
    ten = [registration(n) for n in range(1, 11)]
    eleven = [*ten, registration(11)]
    aliases = [f"{number}x" for number in range(1000)]
    before = {alias: choose(alias, ten, 1)[0][0].dialer for alias in aliases}
    after = {alias: choose(alias, eleven, 1)[0][0].dialer for alias in aliases}
    counts = [list(before.values()).count(one.dialer) for one in ten]
    assert min(counts) > 50 and max(counts) < 150
    moved = [alias for alias in aliases if before[alias] != after[alias]]
    assert {after[alias] for alias in moved} == {"d11"} and len(moved) < 150


# -- what was asked for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "user_agent", "wanted"),
    [
        ("", "Linphone/5.2 (Debian)", Asked("linphone")),
        ("", "Groundwire by Acrobits", Asked("groundwire", most=1)),
        ("", "Acrobits", Asked("groundwire", most=1)),
        ("", "curl/8", None),
        ("microsip.ini", "", Asked("microsip", most=1)),
        ("001565AABBCC.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc",
         Asked("yealink", "", "001565aabbcc", 16)),
        ("001565aabbcc.cfg", "Yealink SIP-T41S 66.86.0.15 00:15:65:aa:bb:cc",
         Asked("yealink", "", "001565aabbcc", 6)),
        ("001565aabbcc.cfg", "Yealink CP920 78.86.0.15 00:15:65:aa:bb:cc",
         Asked("yealink", "", "001565aabbcc", 1)),
        ("0004f2aabbcc.cfg", "FileTransport PolycomVVX-VVX_400-UA/5.9",
         Asked("polycom", "first", "0004f2aabbcc", 6)),
        ("y000000000044.cfg", "", Asked("yealink", "common")),
        ("snomD785-000413AABBCC.htm", "", Asked("snom", "first", "000413aabbcc", 12)),
        ("cfg000b82aabbcc.xml", "", Asked("grandstream", "", "000b82aabbcc", 6)),
        ("cfg000b82aabbcc", "", None), ("001565aabbcc.boot", "", None), ("..", "", None),
        ("favicon.ico", "Linphone", None),
    ],
)  # fmt: skip
def test_a_phone_is_known_by_its_file_and_its_header(name, user_agent, wanted):
    assert read_asked(name, user_agent) == wanted


def test_transport_names_the_port_of_what_a_dialer_serves():
    assert ENCRYPTED.to("d1") == (TLS, 5061) and ENCRYPTED.to("d2") == (UDP, 5060)
