"""Reads the files of phones as the phones do: which accounts are in them."""

from __future__ import annotations

import configparser
import re
from xml.etree import ElementTree

from ansible_collections.evenfloor.cluster.plugins.module_utils.softphone import parse_accounts


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


#: By model what reads its file. Each returns where an account registers, such as
#: ``10.0.0.1:5060;transport=udp``, its name there, and its password.
READERS = {
    "linphone": read_linphone,
    "zoiper": read_zoiper,
    "groundwire": read_groundwire,
    "microsip": read_microsip,
    "baresip": read_baresip,
    "yealink": read_yealink,
    "grandstream": read_grandstream,
    "snom": read_snom,
    "polycom": read_polycom,
}
