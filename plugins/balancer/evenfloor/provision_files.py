"""Writes the files of phones: an account for each dialer, in the words of the phone's maker. Pure.

There is a template for each family of phones. Whatever it puts in goes through its format's
:data:`_WRITERS`: it is escaped, or refused where the format has no way to say it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import markupsafe

from . import provision_models as models
from .provision_models import Asked

UDP, TLS = "udp", "tls"
#: The longest value that MicroSIP reads, in characters.
_LONGEST_INI = 255
#: What an account of baresip's may have in a field: nothing that ends the field or the line.
_BARESIP_FIELD = re.compile(r"[^\s;<>\"\x00-\x1f\x7f]*")
#: To Yealink's phones that means «what the maker has set».
_YEALINK_NULL = "%NULL%"
_TEMPLATES = Path(__file__).parent / "templates" / "provision"


class Unwritable(Exception):
    """A value that a phone's file can't hold; the message says why, and never the value."""


@dataclass(frozen=True)
class Registration:
    """What a phone needs of one dialer.

    Attributes:
        extension: the phone's, and its name at the dialer.
        server_ip: the dialer.
        dialer: its short name.
        password: the registration password.
        is_open: whether the dialer takes logins.
    """

    extension: str
    server_ip: str
    dialer: str
    password: str = field(repr=False)
    is_open: bool = True


@dataclass(frozen=True)
class Transport:
    """How phones reach dialers.

    Attributes:
        kind: UDP or TLS.
        port: the dialers' port for it.
        udp_port: their port for SIP over UDP.
        udp_dialers: the short names of dialers that serve UDP alone.
        interval: how often a registration is renewed, in seconds.
    """

    kind: str = UDP
    port: int = 5060
    udp_port: int = 5060
    udp_dialers: frozenset[str] = frozenset()
    interval: int = 60

    def to(self, dialer: str) -> tuple[str, int]:
        """Say how a dialer is reached: the kind and the port."""
        if self.kind == UDP or dialer in self.udp_dialers:
            return UDP, self.udp_port
        return self.kind, self.port


@dataclass(frozen=True)
class Account:
    """A registration as a template writes it; ``port`` is of the dialer, for that transport."""

    extension: str
    server_ip: str
    dialer: str
    password: str = field(repr=False)
    transport: str
    port: int
    interval: int

    @property
    def encrypts(self) -> bool:
        """Whether both signalling and sound are encrypted."""
        return self.transport == TLS


def choose(
    alias: str, registrations: Sequence[Registration], most: int
) -> tuple[list[Registration], list[Registration]]:
    """Choose the dialers of a phone that can't hold all of them.

    Dialers that take logins come first. Among them every alias has an order of its own, which
    stays when a dialer is added or removed: so phones with few accounts are spread over all
    dialers, and few of them move.

    Args:
        alias: the phone's alias.
        registrations: what it could hold.
        most: how many it holds; 0 for any number.

    Returns:
        Those that it gets, in the order of their addresses, and those that are left out.
    """
    ranked = sorted(registrations, key=lambda r: (not r.is_open, _rank(alias, r.server_ip)))
    taken = ranked[:most] if most else ranked
    left = ranked[most:] if most else []
    return sorted(taken, key=_address), sorted(left, key=_address)


def _rank(alias: str, server_ip: str) -> str:
    return hashlib.sha256(f"{alias.lower()} {server_ip}".encode()).hexdigest()


def _address(registration: Registration) -> tuple[int, ...]:
    return tuple(int(part) for part in registration.server_ip.split(".") if part.isdigit())


def write(
    asked: Asked,
    name: str,
    registrations: Sequence[Registration],
    left_out: Sequence[Registration],
    transport: Transport,
) -> bytes:
    """Write the file of a phone's accounts.

    Args:
        asked: which phone it is.
        name: what the phone shows of its owner.
        registrations: its dialers.
        left_out: those that it can't hold; a remark in the file says so.
        transport: how it reaches them.

    Returns:
        The file.

    Raises:
        Unwritable: a value has characters that this file can't hold, or there is no password.
    """
    accounts = [_account(one, transport) for one in registrations]
    text = _template(asked.model).render(
        name=name,
        accounts=accounts,
        left_out=[one.dialer for one in left_out],
        unused=range(len(accounts) + 1, asked.most + 1),
        most=asked.most,
    )
    # MicroSIP takes a file without this mark for one in the code page of its computer.
    return text.encode("utf-16") if asked.model == models.MICROSIP else text.encode()


def write_first(asked: Asked, address: str) -> bytes:
    """Write the file that names the one with a phone's accounts.

    Args:
        asked: which phone it is.
        address: where its files are, with a slash at the end.
    """
    template = _ENVIRONMENTS["xml"].get_template(f"{asked.model}-first.xml")
    mac = asked.device.upper() if asked.model == models.SNOM else asked.device
    return template.render(mac=mac, address=address).encode()


#: What every Yealink is told before it asks for its own file: nothing.
YEALINK_COMMON = b"#!version:1.0.0.1\n"


def _account(one: Registration, transport: Transport) -> Account:
    if not one.password:
        raise Unwritable(f"the phone on {one.dialer} has no registration password")
    kind, port = transport.to(one.dialer)
    return Account(
        one.extension, one.server_ip, one.dialer, one.password, kind, port, transport.interval
    )


# -- formats ------------------------------------------------------------------------------


def _plain(value: object) -> str:
    """Return a value as text that stands in one line and that nobody trims.

    Raises:
        Unwritable: it isn't such a text.
    """
    text = str(value)
    if not text.isprintable():
        raise Unwritable("a value has a character that isn't printable")
    if text != text.strip():
        raise Unwritable("a value begins or ends with a space")
    return text


def _xml(value: object) -> markupsafe.Markup:
    return markupsafe.escape(_plain(value))


def _ini(value: object) -> str:
    """Quote a value: Windows takes one pair of quotes away, whatever is between them."""
    text = _plain(value)
    if len(text) > _LONGEST_INI:
        raise Unwritable(f"a value has more than {_LONGEST_INI} characters")
    return f'"{text}"'


def _yealink(value: object) -> str:
    text = _plain(value)
    if text == _YEALINK_NULL:
        raise Unwritable(f"a value is {_YEALINK_NULL}, which means something else to the phone")
    return text


def _baresip(value: object) -> str:
    text = _plain(value)
    if not _BARESIP_FIELD.fullmatch(text):
        raise Unwritable('a value has a space or one of ; < > "')
    return text


_WRITERS: dict[str, Callable[[object], str]] = {
    "xml": _xml,
    "ini": _ini,
    "cfg": _yealink,
    "baresip": _baresip,
}
_FORMATS = {models.MICROSIP: "ini", models.YEALINK: "cfg", models.BARESIP: "baresip"}


def remark(names: Sequence[str]) -> str:
    """List names of dialers for a remark; in XML two hyphens would end it."""
    return ", ".join(re.sub(r"-(?=-)|-$", "_", name) for name in names)


def _environment(kind: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(_TEMPLATES)),
        undefined=jinja2.StrictUndefined,
        finalize=_WRITERS[kind],
        autoescape=kind == "xml",  # noqa: S701 - the others have writers of their own
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["remark"] = remark
    return environment


_ENVIRONMENTS = {kind: _environment(kind) for kind in _WRITERS}


def _template(model: str) -> jinja2.Template:
    kind = _FORMATS.get(model, "xml")
    return _ENVIRONMENTS[kind].get_template(f"{model}.{kind}")
