"""The login page as a phone: it proves an alias, fetches the accounts, and registers with dialers.

The page's own policy lets it ask nobody but this site. It speaks to each dialer through a frame of
this site, whose policy allows that dialer and nobody else. So a dialer that is added needs no
reload of the page, which would end a call.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask, Response, abort, g, json, request, send_file

from . import tokens
from .body import json_body
from .browser_phone_store import BrowserPhone, BrowserPhoneStore
from .config import Config
from .database_answers import database_answers
from .errors import BAD_CREDENTIALS, LoginRefused
from .page_headers import frame_for
from .provision_page import tag_of
from .turns import Turns

#: The header with a page's token.
HEADER = "Evenfloor-Phone"
#: How many requests of browser phones a process answers or has waiting at a time. The rest of its
#: threads are for logins.
MOST_WAITING = 16
#: How long such a request waits for its turn, in seconds.
LONGEST_WAIT = 2.0
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_FRAME = (
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Phone</title>\n'
    '<script src="/phone/jssip.js"></script>\n</html>\n'
)


class _Desk:
    """Reads browser phones, one request at a time; safe for threads.

    Args:
        config: the whole configuration.
    """

    def __init__(self, config: Config):
        self._store = BrowserPhoneStore(config.database)
        self._turns = Turns(MOST_WAITING, LONGEST_WAIT)

    def phone(self, alias: str) -> BrowserPhone | None:
        """Read an alias.

        Raises:
            LoginRefused: the database is away, or too many wait.
        """
        with self._turns.take(), database_answers():
            return self._store.phone(alias)

    def is_dialer(self, server_ip: str) -> bool:
        """Say whether a dialer has this address.

        Raises:
            LoginRefused: the database is away, or too many wait.
        """
        with self._turns.take(), database_answers():
            return self._store.is_dialer(server_ip)


def add_browser_phone(app: Flask, config: Config, prove: Callable[[object], None]) -> None:
    """Add the routes of browser phones, if there are any.

    Args:
        app: the application; its answers say what ``g.headers`` has.
        config: the whole configuration.
        prove: looks whether whoever sent a body may log in with what is in it, or refuses.
    """
    settings, secret = config.browser_phone, config.login.session_secret
    if not settings.script:
        return
    desk = _Desk(config)

    @app.post("/api/v1/phone")
    def enter():
        body = json_body()
        prove(body)
        found = desk.phone(body["alias"])
        is_phone = found is not None and found.accounts
        token = tokens.sign_phone(secret, found.alias, found.password) if is_phone else ""
        return {"phone": token}

    @app.get("/api/v1/phone")
    def accounts():
        proof = tokens.read_phone(secret, request.headers.get(HEADER, ""))
        found = desk.phone(proof.alias)
        if found is None or not proof.is_of(secret, found.password):
            raise LoginRefused(BAD_CREDENTIALS, "the phone's password has changed; log in again")
        content = json.dumps({"port": settings.port, "accounts": found.accounts}).encode()
        answer = Response(content, content_type="application/json")
        answer.set_etag(tag_of(secret, content))
        return answer.make_conditional(request)

    @app.get("/phone/<server_ip>")
    def frame(server_ip: str):
        if not _ADDRESS.fullmatch(server_ip) or not desk.is_dialer(server_ip):
            abort(404, "there is no such dialer")
        g.headers = frame_for(server_ip, settings.port)
        return Response(_FRAME, content_type="text/html; charset=utf-8")

    @app.get("/phone/jssip.js")
    def script():
        # It is the same for everybody, and every frame has it: a browser may keep it.
        g.headers = {"Cache-Control": "no-cache"}
        return send_file(settings.script, mimetype="text/javascript", conditional=True)
