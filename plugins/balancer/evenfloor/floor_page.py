"""The floor page: for operators, who may look and change nothing.

The page itself says nothing and is for anybody, like the login page. What it shows is read by its
script, which needs the operator token, its cookie, or the host itself.
"""

from __future__ import annotations

import time
from dataclasses import asdict

from flask import Flask, Response, g, jsonify, render_template, request

from . import operator_cookie
from .body import json_body, read_body, read_explain
from .callers import is_of_this_site
from .config import Config, LoginConfig
from .errors import BAD_CREDENTIALS, NOT_ALLOWED, LoginRefused, Malformed
from .pool import Pool
from .watch import Watch


def add_floor_page(app: Flask, config: Config, pool: Pool, watch: Watch) -> None:
    """Add the routes below ``/floor``.

    Args:
        app: the application; its requests know their caller (``g.caller``).
        config: the whole configuration.
        pool: lends balancers.
        watch: has the floor for all who look.
    """

    @app.get("/floor")
    def floor_page():
        return render_template("floor.html")

    @app.get("/floor/snapshot")
    def floor_snapshot():
        check_reader(config.login)
        return Response(watch.answer(), content_type="application/json")

    @app.get("/floor/explain")
    def floor_explain():
        check_reader(config.login)
        with pool.balancer() as balancer:
            return asdict(balancer.explain(**read_explain(request.args)))

    _add_session(app, config.login, watch)


def _add_session(app: Flask, settings: LoginConfig, watch: Watch) -> None:
    @app.post("/floor/session")
    def open_floor():
        _check_site()
        token = read_body(json_body(), "token")["token"]
        if not isinstance(token, str) or not token.isprintable():
            raise Malformed(BAD_CREDENTIALS, "'token' has to be text")
        watch.check_token(token, g.caller)
        if not settings.session_secret:
            raise LoginRefused(NOT_ALLOWED, "this login host has no secret that signs cookies")
        cookie = operator_cookie.make(settings.session_secret, settings.operator_token, time.time())
        return _with_cookie(cookie, operator_cookie.LIFETIME)

    @app.delete("/floor/session")
    def close_floor():
        _check_site()
        return _with_cookie("", 0)


def _with_cookie(value: str, seconds: int) -> Response:
    answer = jsonify(seconds=seconds)
    answer.set_cookie(
        operator_cookie.NAME,
        value,
        max_age=seconds,
        secure=request.is_secure,  # the front server says whether it encrypts
        httponly=True,
        samesite="Strict",
    )
    return answer


def check_reader(settings: LoginConfig) -> None:
    """Make sure that whoever sent the present request may read the floor.

    Args:
        settings: with the secrets of the cluster.

    Raises:
        LoginRefused: it may not.
    """
    if g.caller.is_trusted:
        return
    cookie = request.cookies.get(operator_cookie.NAME, "")
    secrets = settings.session_secret, settings.operator_token
    if not operator_cookie.is_valid(*secrets, cookie, time.time()):
        raise LoginRefused(NOT_ALLOWED, "this is for operators: type the operator token first")


def _check_site() -> None:
    """Make sure that no other site's page sent the present request.

    Raises:
        LoginRefused: one did.
    """
    if not is_of_this_site(request.environ):
        raise LoginRefused(NOT_ALLOWED, "this comes from another site's page")
