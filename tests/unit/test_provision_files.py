"""The files of phones: every value comes out as it went in, or is refused."""

import re

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
from tests.phone_files import READERS, read_groundwire

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
