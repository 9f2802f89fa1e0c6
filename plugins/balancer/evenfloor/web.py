"""The HTTP API, the agents' login page and the metrics. Thin: every decision is the balancer's.

What a request says is read in ``body``, and ``refusals`` answers what gets nothing.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from dataclasses import asdict, replace

import prometheus_client
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from . import agents, tokens
from . import config as configuration
from .answers import FloorEntry, spread
from .body import (
    CREDENTIALS,
    TIMEOUT_HEADER,
    json_body,
    read_choose,
    read_explain,
    read_login,
    read_logout,
    read_timeout,
    read_user_password,
)
from .browser_phone import add_browser_phone
from .callers import Caller, caller_of
from .day_page import add_day_page
from .deadline import Deadline
from .dialer_names import DialerNames
from .errors import NOT_ALLOWED, LoginRefused
from .floor_metrics import metrics_text
from .floor_page import add_floor_page
from .floor_reader import FloorReader
from .login_page import add_login_page
from .page_headers import HEADERS
from .pool import Pool
from .provision_page import add_provision_page
from .refusals import Refusals
from .request import AgentProof
from .watch import Watch

#: The longest body of a request, in bytes.
LONGEST_BODY = 16 * 1024
#: How long a question whether all is well waits for others like it, in seconds.
LONGEST_WATCH = 0.4


def _operator() -> Caller:
    """Return who asks.

    Raises:
        LoginRefused: it isn't an operator.
    """
    caller: Caller = g.caller
    if not caller.is_trusted:
        raise LoginRefused(
            NOT_ALLOWED,
            "this is for operators: send the operator token, or ask on the login host itself",
        )
    return caller


def has_left(connection: socket.socket | None) -> bool:
    """Say whether a client has closed its connection.

    Args:
        connection: the client's; None where the server doesn't tell.
    """
    if connection is None:
        return False
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _deadline(caller: Caller, longest: float) -> Deadline:
    """Read how long the client of the present request waits.

    Raises:
        Malformed: the header isn't a number.
    """
    # gunicorn's word for the connection.
    connection = request.environ.get("gunicorn.socket")
    said = request.headers.get(TIMEOUT_HEADER) if caller.is_trusted else None
    seconds = read_timeout(said, longest)
    return Deadline(seconds, left=lambda: has_left(connection))


def _proved(pool: Pool, asked: dict, caller: Caller) -> Caller:
    """Look at the agent's own password, if one was sent, while no balancer is lent.

    Returns:
        The caller, with what was found.

    Raises:
        LoginRefused: as :meth:`Balancer.agent_to_prove`, or it couldn't be looked at in time.
    """
    if caller.user_password == "" or asked["user"] == "":
        return caller
    credentials = {name: asked[name] for name in CREDENTIALS}
    with pool.balancer(caller.deadline) as balancer:
        agent = balancer.agent_to_prove(**credentials, caller=caller)
    if agent is None:
        return caller
    right = agents.is_right(agent, asked["user"], caller.user_password, caller.deadline)
    return replace(caller, proof=AgentProof(agent, right))


def _prove(pool: Pool, body: object) -> None:
    """Look whether whoever sent a body may log in with what is in it.

    Raises:
        LoginRefused: as :meth:`Balancer.prove`.
    """
    asked = read_choose(body)
    caller = replace(g.caller, user_password=read_user_password(body))
    caller = _proved(pool, asked, caller)
    with pool.balancer(caller.deadline) as balancer:
        balancer.prove(**asked, caller=caller)


def _add_logins(app: Flask, pool: Pool, secret: str) -> None:
    names = DialerNames()

    @app.post("/api/v1/login")
    def login():
        body = json_body()
        asked = read_login(body)
        caller = replace(g.caller, user_password=read_user_password(body))
        caller = replace(caller, session=tokens.tag_of(secret, body.get("session"), asked["user"]))
        caller = _proved(pool, asked, caller)
        with pool.balancer(caller.deadline) as balancer:
            names.refresh(balancer, caller.deadline)
            session = balancer.login(**asked, caller=caller)
        token = tokens.sign(secret, session.user, session.tag)
        # Not asdict, which copies what is in it: that takes long with thirty dialers.
        return {**vars(session), "session": token, "dialer": names.name(session.server_ip)}

    @app.post("/api/v1/choose")
    def choose():
        body = json_body()
        asked = read_choose(body)
        caller = replace(g.caller, user_password=read_user_password(body))
        caller = _proved(pool, asked, caller)
        with pool.balancer(caller.deadline) as balancer:
            return vars(balancer.choose(**asked, caller=caller))

    @app.post("/api/v1/logout")
    def logout():
        asked = read_logout(json_body())
        if "user" in asked:
            _operator()
        proof = tokens.read(secret, asked["session"]) if "session" in asked else None
        with pool.balancer() as balancer:
            if proof:
                return {"sessions": balancer.logout_session(*proof)}
            if "user" in asked:
                return {"sessions": balancer.logout(**asked)}
            return {"sessions": balancer.logout_alias(**asked, caller=g.caller)}


def floor_answer(floor: list[FloorEntry]) -> dict:
    """Lay a floor out as JSON."""
    return {"dialers": [asdict(entry) for entry in floor], "spread": spread(floor)}


def _add_floor(app: Flask, pool: Pool, watch: Pool) -> None:
    def read_watched() -> tuple[list[FloorEntry], str]:
        with watch.balancer() as balancer:
            return balancer.floor(), balancer.database()

    watched = FloorReader(read_watched)

    @app.get("/api/v1/explain")
    def explain():
        _operator()
        with pool.balancer() as balancer:
            return asdict(balancer.explain(**read_explain(request.args)))

    @app.get("/api/v1/floor")
    def floor():
        _operator()
        with pool.balancer() as balancer:
            return floor_answer(balancer.floor())

    @app.get("/metrics")
    def metrics_page():
        if not g.caller.reads_metrics:
            _operator()
        return Response(metrics_text(watched), content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _add_health(app: Flask, watch: Pool) -> None:
    @app.get("/healthz")
    def healthz():
        with watch.balancer() as balancer:
            balancer.ping()
        return {"status": "ok"}


def _add_front(app: Flask, config: configuration.Config) -> None:
    refusals = Refusals()
    app.register_error_handler(LoginRefused, refusals.login)
    app.register_error_handler(HTTPException, refusals.http)

    @app.before_request
    def note_caller():
        g.started = time.monotonic()
        known = config.login
        g.caller = caller_of(request.environ, known.operator_token, known.metrics_token)
        g.caller = replace(g.caller, deadline=_deadline(g.caller, config.balancer.request_timeout))

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update({**HEADERS, **g.get("headers", {})})
        return response


def create_app(path: str | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        path: the configuration; by default $EVENFLOOR_CONFIG, else /etc/evenfloor/evenfloor.ini.

    Raises:
        ConfigurationError: the configuration can't be used.
    """
    config = configuration.load(path or configuration.service_path())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    app = Flask("evenfloor")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.evenfloor_pool = pool = Pool(config)
    _add_front(app, config)
    _add_logins(app, pool, config.login.session_secret)
    add_browser_phone(app, config, lambda body: _prove(pool, body))
    # Apart, so that logins that wait for a database that hangs keep nobody from saying so.
    watch = Pool(config, balancers=1, longest_wait=LONGEST_WATCH)
    _add_floor(app, pool, watch)
    _add_health(app, watch)
    add_login_page(app, watch, bool(config.browser_phone.script), config.balancer.request_timeout)
    app.evenfloor_watch = Watch(config)
    add_floor_page(app, config, pool, app.evenfloor_watch)
    add_day_page(app, config)
    add_provision_page(app, config)
    return app
