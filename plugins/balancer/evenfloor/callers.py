"""Who asks: an operator, the host itself, or anybody in the network. Pure."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .deadline import Deadline
from .request import AgentProof

#: What the front server puts into every request that it passes on: the client's address. It
#: reaches gunicorn through a Unix socket, where nobody else can ask.
ADDRESS_HEADER = "HTTP_X_REAL_IP"
#: Headers of a proxy. Whoever comes through one isn't the host itself, whatever the address.
_PROXY_HEADERS = (ADDRESS_HEADER, "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")
_BEARER = "bearer"
_PORT = re.compile(r":[0-9]*$")
#: A network that one customer gets is one client: it has any address of it for the asking.
_IPV6_CLIENT_BITS = 64


@dataclass(frozen=True)
class Caller:
    """Who asks, and what has been proved.

    Attributes:
        address: where the request comes from; empty where that doesn't matter.
        is_operator: whether it may do what only operators may.
        is_host: whether it comes from the host itself.
        reads_metrics: whether it has shown a token that is for the metrics alone.
        session: the tag of a session that it has proved to be its own; empty for none.
        deadline: until when it waits for the answer; None for ``request_timeout`` seconds.
        user_password: what it sends as the agent's own password; empty for none.
        proof: whether that password was found to be the agent's; None if nobody has looked.
        is_agent: whether the caller has proved to be the agent.
    """

    address: str = ""
    is_operator: bool = False
    is_host: bool = False
    reads_metrics: bool = False
    session: str = ""
    deadline: Deadline | None = None
    user_password: str = field(default="", repr=False)
    proof: AgentProof | None = field(default=None, repr=False)
    is_agent: bool = False

    @property
    def is_trusted(self) -> bool:
        """Whether it may do anything with anybody's session, and isn't limited."""
        return self.is_operator or self.is_host

    @property
    def client(self) -> str:
        """Whom wrong passwords are counted for: an address, or an IPv6 network."""
        address = _parsed(self.address)
        if address is None:
            return self.address
        if address.version == 4:
            return str(address)
        return str(ipaddress.ip_network((address, _IPV6_CLIENT_BITS), strict=False))


#: Whoever holds the configuration: the Python API and the command.
HOST = Caller(is_host=True)


def caller_of(environ: Mapping[str, str], operator_token: str, metrics_token: str = "") -> Caller:
    """Say who sent a request.

    Args:
        environ: the request's WSGI environment.
        operator_token: what an operator knows; empty where nobody is one by a token.
        metrics_token: what a Prometheus knows, or two of it, separated by a comma.
    """
    shown = environ.get("HTTP_AUTHORIZATION", "")
    peer = environ.get("REMOTE_ADDR", "")
    address = peer or environ.get(ADDRESS_HEADER, "")
    proxied = any(environ.get(header) for header in _PROXY_HEADERS)
    return Caller(
        address=address,
        is_operator=_has_token(shown, operator_token),
        reads_metrics=any(_has_token(shown, token) for token in metrics_token.split(",")),
        is_host=not proxied and _is_loopback(peer) and _by_address(environ.get("HTTP_HOST", "")),
    )


def is_of_this_site(environ: Mapping[str, str]) -> bool:
    """Say whether a page of this service sent a request, or no page at all.

    Browsers say which page did; other programs say nothing.

    Args:
        environ: the request's WSGI environment.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
    scheme, _colon, host = environ.get("HTTP_ORIGIN", "").partition("://")
    here = "HTTP_ORIGIN" not in environ or (scheme != "" and host == environ.get("HTTP_HOST"))
    return site == "same-origin" and here


def _has_token(header: str, known: str) -> bool:
    scheme, _space, token = header.partition(" ")
    return (
        known != ""
        and scheme.lower() == _BEARER
        and hmac.compare_digest(token.strip().encode(), known.encode())
    )


def _is_loopback(address: str) -> bool:
    found = _parsed(address)
    return found is not None and found.is_loopback


def _by_address(host: str) -> bool:
    """Say whether a request names this host by an address, or as ``localhost``.

    A browser on this host, on the page of a stranger whose name has come to mean this host, sends
    that name.
    """
    name = _PORT.sub("", host).strip("[]")
    return host == "" or name == "localhost" or _parsed(name) is not None


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, an IPv4 one that is written as IPv6 too; None if it isn't one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if found.version == 6 else None
    return mapped or found
