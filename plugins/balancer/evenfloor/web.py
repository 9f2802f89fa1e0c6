"""The HTTP API, the agents' login page and the metrics. Thin: every decision is the balancer's.

Reading a request and shaping an answer are functions of data; :func:`create_app` only wires them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict

import prometheus_client
import prometheus_client.multiprocess
from flask import Flask, Response, render_template, request
from prometheus_client.core import GaugeMetricFamily
from werkzeug.exceptions import HTTPException, InternalServerError

from . import config as configuration
from .answers import FloorEntry, spread
from .balancer import Balancer
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    LoginRefused,
    Malformed,
)

STATUS = {
    UNKNOWN_CAMPAIGN: 400,
    BAD_CREDENTIALS: 401,
    ALIAS_IN_USE: 409,
    NO_DIALER_AVAILABLE: 503,
    DATABASE_UNREACHABLE: 503,
}

_CREDENTIALS = ("alias", "password", "user", "campaign")
_EXPLAINED = ("alias", "user", "campaign")


# -- reading a request --------------------------------------------------------------------


def read_body(body: object, *names: str) -> dict:
    """Take values from a request's JSON; what isn't there is empty.

    Args:
        body: the decoded JSON.
        names: the values' names.

    Raises:
        Malformed: the body isn't a JSON object.
    """
    if not isinstance(body, dict):
        raise Malformed(BAD_CREDENTIALS, "the body has to be a JSON object")
    return {name: body.get(name, "") for name in names}


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


def read_explain(asked: Mapping[str, str]) -> dict:
    """Take the arguments of :meth:`Balancer.explain` from a request's query."""
    return {name: asked.get(name, "") for name in _EXPLAINED}


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


def floor_gauges(floor: list[FloorEntry] | None) -> list[GaugeMetricFamily]:
    """Make the gauges of a floor.

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
    for entry in floor:
        local.add_metric([entry.server_ip], entry.local_agents)
        eligible.add_metric([entry.server_ip], int(entry.takes_logins))
    uneven = GaugeMetricFamily(
        "evenfloor_spread_agents", "Highest minus lowest count of the dialers that take logins"
    )
    uneven.add_metric([], spread(floor))
    return [up, local, eligible, uneven]


class _FloorCollector:
    """Reads the floor when Prometheus asks for it."""

    def __init__(self, balancer: Callable[[], Balancer]):
        self._balancer = balancer

    def collect(self) -> list[GaugeMetricFamily]:
        """Return the gauges."""
        try:
            return floor_gauges(self._balancer().floor())
        except LoginRefused:
            return floor_gauges(None)


def metrics_text(balancer: Callable[[], Balancer]) -> bytes:
    """Write what all workers have counted, and the floor, in Prometheus' format."""
    counted = prometheus_client.REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = prometheus_client.CollectorRegistry()
        prometheus_client.multiprocess.MultiProcessCollector(counted)
    gauges = prometheus_client.CollectorRegistry()
    gauges.register(_FloorCollector(balancer))
    return prometheus_client.generate_latest(counted) + prometheus_client.generate_latest(gauges)


# -- the application ----------------------------------------------------------------------


def _one_for_each_thread(config: configuration.Config) -> Callable[[], Balancer]:
    local = threading.local()

    def balancer() -> Balancer:
        if not hasattr(local, "balancer"):
            local.balancer = Balancer(config)
        return local.balancer

    return balancer


def _json():
    """Decode the request's JSON; None where there is none."""
    return request.get_json(silent=True)


def _add_api(app: Flask, balancer: Callable[[], Balancer]) -> None:
    @app.post("/api/v1/login")
    def login():
        return asdict(balancer().login(**read_login(_json())))

    @app.post("/api/v1/choose")
    def choose():
        return asdict(balancer().choose(**read_choose(_json())))

    @app.post("/api/v1/logout")
    def logout():
        return {"sessions": balancer().logout(**read_body(_json(), "user"))}

    @app.get("/api/v1/explain")
    def explain():
        return asdict(balancer().explain(**read_explain(request.args)))

    @app.get("/api/v1/floor")
    def floor():
        return floor_answer(balancer().floor())


def _add_pages(app: Flask, balancer: Callable[[], Balancer]) -> None:
    @app.get("/healthz")
    def healthz():
        balancer().ping()
        return {"status": "ok"}

    @app.get("/metrics")
    def metrics():
        return Response(metrics_text(balancer), content_type=prometheus_client.CONTENT_TYPE_LATEST)

    @app.get("/")
    def page():
        return render_template("login.html")


def create_app(path: str | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        path: the configuration; by default $EVENFLOOR_CONFIG, else /etc/evenfloor/evenfloor.ini.

    Raises:
        ConfigurationError: the configuration can't be used.
    """
    config = configuration.load(
        path or os.environ.get("EVENFLOOR_CONFIG", configuration.DEFAULT_PATH)
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    app = Flask("evenfloor")
    app.register_error_handler(LoginRefused, refusal_answer)
    app.register_error_handler(HTTPException, http_error_answer)
    balancer = _one_for_each_thread(config)
    _add_api(app, balancer)
    _add_pages(app, balancer)
    return app
