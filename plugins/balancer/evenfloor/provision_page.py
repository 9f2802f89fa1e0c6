"""Phones fetch their accounts here: ``GET /provision/<token>/<file>``."""

from __future__ import annotations

import hmac
import logging

from flask import Flask, Response, abort, g, request

from . import attempts, provision_files
from . import provision_models as models
from .callers import Caller
from .config import Config
from .database_answers import database_answers
from .errors import NOT_ALLOWED, LoginRefused, WrongPassword
from .events import REFUSED, Event
from .provision_files import TLS, Transport, Unwritable
from .provision_models import Asked
from .provision_store import Owner, ProvisionStore
from .turns import Turns

log = logging.getLogger("evenfloor.web")

#: How many requests of phones a process answers or has waiting at a time. The rest of its threads
#: are for logins.
MOST_WAITING = 16
#: How long a request of a phone waits for its turn, in seconds.
LONGEST_WAIT = 2.0
#: No token is longer, in characters.
LONGEST_TOKEN = 200
#: What a message says instead of a token.
MASK = "***"
_ADDRESS = "/provision/"
_TYPES = {
    models.MICROSIP: "text/plain; charset=utf-16",
    models.YEALINK: "text/plain; charset=utf-8",
    models.BARESIP: "text/plain; charset=utf-8",
}
_XML = "application/xml"


def masked(path: str) -> str:
    """Return a request's path without the token that it may have."""
    if not path.startswith(_ADDRESS):
        return path
    _token, slash, name = path[len(_ADDRESS) :].partition("/")
    return f"{_ADDRESS}{MASK}{slash}{name}"


def tag_of(secret: str, content: bytes) -> str:
    """Make a file's ETag. Whoever sees it can't try passwords with it.

    Args:
        secret: the cluster's, so that all login hosts make the same; without one there is no tag.
        content: the file.
    """
    return hmac.new(secret.encode(), content, "sha256").hexdigest()[:32] if secret else ""


class _Desk:
    """Reads whose token it is, one request at a time; safe for threads.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: Config):
        self._store = ProvisionStore(config.database)
        self._turns = Turns(MOST_WAITING, LONGEST_WAIT)

    def owner(self, token: str, asked: Asked, caller: Caller) -> Owner:
        """Return whose token it is, if its accounts are for the phone that asks.

        Raises:
            LoginRefused: nobody has this token, which is counted; it is another device's; its
                client has tried too many; or the database is away.
        """
        with self._turns.take(), database_answers():
            tried, owner = self._store.look(caller.client, token, asked)
            attempts.check(tried)
            if owner is None:
                event = Event(REFUSED, address=caller.client, detail="wrong phone token")
                tried = self._store.count_wrong(caller.client, event)
            elif not owner.is_for(asked.device):
                detail = (
                    f"another device asks with the phone's token: {asked.device or asked.model}"
                )
                event = Event(REFUSED, alias=owner.alias, address=caller.client, detail=detail)
                self._store.count_wrong(caller.client, event)
        if owner is None:
            raise WrongPassword("this isn't the token of a phone", tried.failures)
        if not owner.is_for(asked.device):
            raise LoginRefused(NOT_ALLOWED, "this token belongs to another device")
        return owner


def add_provision_page(app: Flask, config: Config) -> None:
    """Add the routes below ``/provision/``, if phones are provisioned at all.

    Args:
        app: the application; its requests know their caller (``g.caller``).
        config: the whole configuration.
    """
    settings = config.provisioning
    if not settings.is_on:
        return
    desk = _Desk(config)
    transport = Transport(
        settings.transport,
        settings.tls_port if settings.transport == TLS else settings.udp_port,
        settings.udp_port,
        frozenset(filter(None, settings.udp_dialers.replace(" ", "").split(","))),
        settings.interval,
    )

    @app.get("/provision/<token>/", defaults={"name": ""})
    @app.get("/provision/<token>/<name>")
    def provision(token: str, name: str):
        if settings.needs_tls and not request.is_secure:
            raise LoginRefused(NOT_ALLOWED, "phones are provisioned over TLS only")
        asked = models.read_asked(name, request.headers.get("User-Agent", ""))
        if asked is None or len(token) > LONGEST_TOKEN or not token.isascii():
            abort(404, "no phone has such a file")
        if asked.part == "common":
            return _answer(provision_files.YEALINK_COMMON, asked)
        owner = desk.owner(token, asked, g.caller)
        if asked.part == "first":
            address = f"{request.host_url}provision/{token}/"
            return _answer(provision_files.write_first(asked, address), asked)
        return _accounts(owner, asked, transport, config.login.session_secret)


def _accounts(owner: Owner, asked: Asked, transport: Transport, secret: str) -> Response:
    """Answer with a phone's accounts, or say that they are as before."""
    chosen, left_out = provision_files.choose(owner.alias, owner.registrations, asked.most)
    try:
        content = provision_files.write(asked, owner.name, chosen, left_out, transport)
    except Unwritable as error:
        words = f"the file for {asked.model} can't be written: {error}"
        log.warning("provision: alias=%s %s", owner.alias, words)
        abort(409, words)
    answer = _answer(content, asked)
    tag = tag_of(secret, content)
    if tag:
        answer.set_etag(tag)
        answer.make_conditional(request)
    if answer.status_code == 200:
        log.info("%s", provision_line(g.caller.address, owner.alias, asked, chosen, left_out))
    return answer


def provision_line(address: str, alias: str, asked: Asked, chosen, left_out) -> str:
    """Say for the log what a phone was given.

    Args:
        address: where it asks from.
        alias: whose it is.
        asked: which phone it says to be.
        chosen: the dialers that it was given.
        left_out: those that it can't hold.
    """
    names = ",".join(one.dialer for one in left_out)
    without = f" without={names}" if names else ""
    device = f" device={asked.device}" if asked.device else ""
    return (
        f"provisioned: address={address or '-'} alias={alias} model={asked.model}{device}"
        f" accounts={len(chosen)}{without}"
    )


def _answer(content: bytes, asked: Asked) -> Response:
    kind = _XML if asked.part == "first" else _TYPES.get(asked.model, _XML)
    return Response(content, content_type=kind)
