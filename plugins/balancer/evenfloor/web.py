"""The HTTP API, the agents' login page and the metrics. Thin: every decision is the balancer's.

Reading a request and shaping an answer are functions of data; :func:`create_app` only wires them.
"""

from __future__ import annotations

import json
import logging
import math
import os
import select
import socket
import threading
import time
from dataclasses import asdict, replace

import prometheus_client
import prometheus_client.multiprocess
from flask import Flask, Response, g, request
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

from . import agents, attempts, metrics, tokens
from . import config as configuration
from .answers import FloorEntry, has_weights, spread
from .body import json_body, read_body, read_explain
from .browser_phone import add_browser_phone
from .callers import Caller, caller_of
from .day_page import add_day_page
from .deadline import Deadline
from .dialer_metrics import dialer_metrics
from .dialer_names import DialerNames
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    NOT_ALLOWED,
    TOO_MANY_ATTEMPTS,
    UNKNOWN_CAMPAIGN,
    LoginRefused,
    Malformed,
    TooManyAttempts,
    WrongPassword,
)
from .floor_page import add_floor_page
from .floor_reader import FloorReader
from .login_page import add_login_page
from .page_headers import HEADERS
from .pool import Pool
from .provision_page import add_provision_page, masked
from .request import AgentProof
from .watch import Watch

log = logging.getLogger("evenfloor.web")

#: The longest body of a request, in bytes.
LONGEST_BODY = 16 * 1024
#: How long a question whether all is well waits for others like it, in seconds.
LONGEST_WATCH = 0.4
#: How many answers to wrong passwords a process delays at a time; further ones aren't delayed, so
#: that strangers don't keep its threads.
MOST_PAUSES = 8
_LONGEST_LOGGED = 100

STATUS = {
    UNKNOWN_CAMPAIGN: 400,
    BAD_CREDENTIALS: 401,
    NOT_ALLOWED: 403,
    ALIAS_IN_USE: 409,
    TOO_MANY_ATTEMPTS: 429,
    NO_DIALER_AVAILABLE: 503,
    DATABASE_UNREACHABLE: 503,
}

#: How many seconds the client waits for the answer. Only operators and the host itself are
#: believed: with times that are too short, a stranger would have database hosts taken for silent.
TIMEOUT_HEADER = "Evenfloor-Timeout"
#: No answer comes sooner, in seconds.
SHORTEST_TIMEOUT = 0.1

_CREDENTIALS = ("alias", "password", "user", "campaign")
#: What is sent beside them, if agents have passwords of their own.
_USER_PASSWORD = "user_password"  # noqa: S105 - a name


# -- reading a request --------------------------------------------------------------------


def read_login(body: object) -> dict:
    """Take the arguments of :meth:`Balancer.login` from a request's JSON.

    Raises:
        Malformed: the body isn't a JSON object, or ``take_over`` is neither true nor false.
    """
    values = read_body(body, *_CREDENTIALS)
    take_over = body.get("take_over", False)
    if not isinstance(take_over, bool):
        raise Malformed(BAD_CREDENTIALS, "'take_over' has to be true or false")
    return {**values, "take_over": take_over}


def read_choose(body: object) -> dict:
    """Take the arguments of :meth:`Balancer.choose` from a request's JSON.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    return read_body(body, *_CREDENTIALS)


def read_user_password(body: object) -> str:
    """Take the agent's own password from a request's JSON; empty where there is none.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    return read_body(body, _USER_PASSWORD)[_USER_PASSWORD]


def read_timeout(text: str | None, most: float) -> float:
    """Take the seconds that a client waits from the header ``Evenfloor-Timeout``.

    Args:
        text: the header; None where there is none, or nobody believes it.
        most: what it is where the header is missing or says more.

    Returns:
        Seconds, at least :data:`SHORTEST_TIMEOUT`.

    Raises:
        Malformed: it isn't a number above 0.
    """
    if text is None:
        return most
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise Malformed(BAD_CREDENTIALS, f"{TIMEOUT_HEADER} has to be a number of seconds above 0")
    return min(max(seconds, SHORTEST_TIMEOUT), most)


def read_logout(body: object) -> dict:
    """Take what proves a logout from a request's JSON; what isn't there is left out.

    Returns:
        ``session``, or ``alias`` and ``password``, or ``user``, which only operators may give.

    Raises:
        Malformed: the body isn't a JSON object, or has none of them.
    """
    values = read_body(body, "session", "alias", "password", "user")
    if values["session"] != "":
        return {"session": values["session"]}
    if values["alias"] != "" or values["password"] != "":
        return {"alias": values["alias"], "password": values["password"]}
    if values["user"] != "":
        return {"user": values["user"]}
    raise Malformed(BAD_CREDENTIALS, "a logout needs 'session', or 'alias' and 'password'")


# -- shaping an answer --------------------------------------------------------------------


def floor_answer(floor: list[FloorEntry]) -> dict:
    """Lay a floor out as JSON."""
    return {"dialers": [asdict(entry) for entry in floor], "spread": spread(floor)}


def refusal_answer(refusal: LoginRefused) -> tuple[dict, int]:
    """Say why a login was refused, as JSON and as a status."""
    if isinstance(refusal, Malformed):
        return {"error": "malformed", "detail": refusal.detail}, 400
    body: dict = {"error": refusal.reason, "detail": refusal.detail}
    if refusal.dialers:
        body["dialers"] = refusal.dialers
    return body, STATUS[refusal.reason]


def http_error_answer(error: HTTPException) -> tuple[dict, int]:
    """Say that a request is none of the API's, or that something unforeseen failed."""
    unforeseen = isinstance(error, InternalServerError)
    detail = "something unforeseen failed; the log says what" if unforeseen else error.description
    return {"error": error.name.lower().replace(" ", "_"), "detail": detail}, error.code


def floor_gauges(floor: list[FloorEntry] | None) -> list[Metric]:
    """Make the metrics of a floor.

    Args:
        floor: the floor; None where the database is away, which leaves ``evenfloor_up 0`` alone.
    """
    up = GaugeMetricFamily("evenfloor_up", "Whether the database answers")
    up.add_metric([], int(floor is not None))
    if floor is None:
        return [up]
    local = GaugeMetricFamily(
        "evenfloor_local_agents", "Local agents, reservations included", labels=["dialer"]
    )
    eligible = GaugeMetricFamily(
        "evenfloor_dialer_takes_logins", "Whether the dialer takes logins", labels=["dialer"]
    )
    kept = GaugeMetricFamily(
        "evenfloor_calls_kept",
        "Calls without a live-agent row that the dialer's daemon lets go on",
        labels=["dialer"],
    )
    for entry in floor:
        kept.add_metric([entry.server_ip], entry.calls_kept)
        local.add_metric([entry.server_ip], entry.local_agents)
        eligible.add_metric([entry.server_ip], int(entry.takes_logins))
    uneven = GaugeMetricFamily(
        "evenfloor_spread_agents",
        "Highest minus lowest count of the dialers that take logins; by weight, if there are any",
    )
    uneven.add_metric([], spread(floor))
    return [up, local, eligible, kept, uneven, *_weight_gauges(floor), *dialer_metrics(floor)]


def _weight_gauges(floor: list[FloorEntry]) -> list[GaugeMetricFamily]:
    """Make the gauge of weights; none where every weight is 1."""
    if not has_weights(floor):
        return []
    weights = GaugeMetricFamily("evenfloor_dialer_weight", "The dialer's weight", labels=["dialer"])
    for entry in floor:
        weights.add_metric([entry.server_ip], entry.weight)
    return [weights]


class _FloorCollector:
    """Makes the gauges when Prometheus asks for them."""

    def __init__(self, floor: FloorReader):
        self._floor = floor

    def collect(self) -> list[Metric]:
        """Return the metrics."""
        return floor_gauges(self._floor.floor())


def metrics_text(floor: FloorReader) -> bytes:
    """Write what all workers have counted, and the floor, in Prometheus' format."""
    counted = prometheus_client.REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = prometheus_client.CollectorRegistry()
        prometheus_client.multiprocess.MultiProcessCollector(counted)
    gauges = prometheus_client.CollectorRegistry()
    gauges.register(_FloorCollector(floor))
    return prometheus_client.generate_latest(counted) + prometheus_client.generate_latest(gauges)


# -- who asks, and refusals ---------------------------------------------------------------


def refusal_line(address: str, reason: str, asked: tuple[str, str], alias: object) -> str:
    """Say for the log what was refused: the address comes first, what was typed last and quoted.

    Args:
        address: where the request came from.
        reason: as the answer says it.
        asked: the request's method and path.
        alias: what was typed.
    """
    method, path = asked
    typed = [json.dumps(str(text)[:_LONGEST_LOGGED]) for text in (f"{method} {path}", alias)]
    return f"refused: address={address or '-'} reason={reason} request={typed[0]} alias={typed[1]}"


class _Refusals:
    """Counts, logs and answers refusals, and takes its time over wrong passwords."""

    def __init__(self):
        self._pauses = threading.BoundedSemaphore(MOST_PAUSES)

    def login(self, refusal: LoginRefused):
        """Answer a refusal of the balancer's."""
        body, status = refusal_answer(refusal)
        self._tell(body["error"])
        if isinstance(refusal, WrongPassword):
            self._pause(refusal)
        if isinstance(refusal, TooManyAttempts):
            return body, status, {"Retry-After": str(refusal.seconds)}
        return body, status

    def http(self, error: HTTPException):
        """Answer what isn't a request of the API's, or has failed."""
        body, status = http_error_answer(error)
        self._tell(body["error"], typed=not isinstance(error, RequestEntityTooLarge))
        return body, status

    def _pause(self, refusal: WrongPassword) -> None:
        until = g.started + attempts.pause(refusal.failures)
        if self._pauses.acquire(blocking=False):
            try:
                time.sleep(max(0.0, until - time.monotonic()))
            finally:
                self._pauses.release()

    def _tell(self, reason: str, typed: bool = True) -> None:
        metrics.REFUSALS.labels(reason=reason).inc()
        body = json_body() if typed else None
        alias = body.get("alias", "") if isinstance(body, dict) else ""
        log.warning(
            "%s",
            refusal_line(g.caller.address, reason, (request.method, masked(request.path)), alias),
        )


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


# -- the application ----------------------------------------------------------------------


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
    credentials = {name: asked[name] for name in _CREDENTIALS}
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


def _add_floor(app: Flask, pool: Pool, watch: Pool) -> None:
    def read_floor(lender: Pool = watch) -> list[FloorEntry]:
        with lender.balancer() as balancer:
            return balancer.floor()

    watched = FloorReader(read_floor)

    @app.get("/api/v1/explain")
    def explain():
        _operator()
        with pool.balancer() as balancer:
            return asdict(balancer.explain(**read_explain(request.args)))

    @app.get("/api/v1/floor")
    def floor():
        _operator()
        return floor_answer(read_floor(pool))

    @app.get("/metrics")
    def metrics_page():
        _operator()
        return Response(metrics_text(watched), content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _add_health(app: Flask, watch: Pool) -> None:
    @app.get("/healthz")
    def healthz():
        with watch.balancer() as balancer:
            balancer.ping()
        return {"status": "ok"}


def _add_front(app: Flask, config: configuration.Config) -> None:
    refusals = _Refusals()
    app.register_error_handler(LoginRefused, refusals.login)
    app.register_error_handler(HTTPException, refusals.http)

    @app.before_request
    def note_caller():
        g.started = time.monotonic()
        g.caller = caller_of(request.environ, config.login.operator_token)
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
    add_login_page(app, watch, bool(config.browser_phone.script))
    app.evenfloor_watch = Watch(config)
    add_floor_page(app, config, pool, app.evenfloor_watch)
    add_day_page(app, config)
    add_provision_page(app, config)
    return app
