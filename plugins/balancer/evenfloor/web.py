"""The HTTP API, the agents' login page and the metrics. Thin: every decision is the balancer's."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import asdict

import prometheus_client
import prometheus_client.multiprocess
from flask import Flask, Response, jsonify, render_template, request
from prometheus_client.core import GaugeMetricFamily
from werkzeug.exceptions import HTTPException, InternalServerError

from . import config as configuration
from .balancer import Balancer, spread
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    LoginRefused,
    Malformed,
)

_STATUS = {
    UNKNOWN_CAMPAIGN: 400,
    BAD_CREDENTIALS: 401,
    ALIAS_IN_USE: 409,
    NO_DIALER_AVAILABLE: 503,
    DATABASE_UNREACHABLE: 503,
}


class _FloorCollector:
    """Reads the floor when Prometheus asks for it."""

    def __init__(self, balancer):
        self._balancer = balancer

    def collect(self):
        """Yield the gauges; nothing but ``evenfloor_up 0`` when the database is away."""
        up = GaugeMetricFamily("evenfloor_up", "Whether the database answers")
        try:
            floor = self._balancer().floor()
        except LoginRefused:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        local = GaugeMetricFamily(
            "evenfloor_local_agents", "Local agents, reservations included", labels=["dialer"]
        )
        eligible = GaugeMetricFamily(
            "evenfloor_dialer_takes_logins", "Whether the dialer takes logins", labels=["dialer"]
        )
        for entry in floor:
            local.add_metric([entry.server_ip], entry.local_agents)
            eligible.add_metric([entry.server_ip], int(entry.takes_logins))
        yield local
        yield eligible
        gauge = GaugeMetricFamily(
            "evenfloor_spread_agents", "Highest minus lowest count of the dialers that take logins"
        )
        gauge.add_metric([], spread(floor))
        yield gauge


def _body(*names: str) -> dict:
    """Read values from the request's JSON object; what isn't there is empty.

    Raises:
        Malformed: there is no JSON object.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Malformed(BAD_CREDENTIALS, "the body has to be a JSON object")
    return {name: body.get(name, "") for name in names}


def _refused(refusal: LoginRefused):
    body = {"error": refusal.reason, "detail": refusal.detail}
    if refusal.dialers:
        body["dialers"] = refusal.dialers
    return jsonify(body), _STATUS[refusal.reason]


def _malformed(refusal: Malformed):
    return jsonify({"error": "malformed", "detail": refusal.detail}), 400


def _http_error(error: HTTPException):
    """Answer in JSON where the request is not one of the API's, or something unforeseen failed."""
    unforeseen = isinstance(error, InternalServerError)
    detail = "something unforeseen failed; the log says what" if unforeseen else error.description
    return jsonify({"error": error.name.lower().replace(" ", "_"), "detail": detail}), error.code


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
    local = threading.local()

    def balancer() -> Balancer:
        if not hasattr(local, "balancer"):
            local.balancer = Balancer(config)
        return local.balancer

    app.register_error_handler(LoginRefused, _refused)
    app.register_error_handler(Malformed, _malformed)
    app.register_error_handler(HTTPException, _http_error)

    @app.post("/api/v1/login")
    def login():
        values = _body("alias", "password", "user", "campaign")
        take_over = request.get_json().get("take_over", False)
        if not isinstance(take_over, bool):
            raise Malformed(BAD_CREDENTIALS, "'take_over' has to be true or false")
        return jsonify(asdict(balancer().login(**values, take_over=take_over)))

    @app.post("/api/v1/choose")
    def choose():
        return jsonify(asdict(balancer().choose(**_body("alias", "password", "user", "campaign"))))

    @app.get("/api/v1/explain")
    def explain():
        asked = {name: request.args.get(name, "") for name in ("alias", "user", "campaign")}
        return jsonify(asdict(balancer().explain(**asked)))

    @app.post("/api/v1/logout")
    def logout():
        return jsonify({"sessions": balancer().logout(**_body("user"))})

    @app.get("/api/v1/floor")
    def floor():
        entries = balancer().floor()
        return jsonify({"dialers": [asdict(entry) for entry in entries], "spread": spread(entries)})

    @app.get("/healthz")
    def healthz():
        balancer().ping()
        return jsonify({"status": "ok"})

    @app.get("/metrics")
    def metrics():
        registry = prometheus_client.CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            prometheus_client.multiprocess.MultiProcessCollector(registry)
        else:
            registry = prometheus_client.REGISTRY
        text = prometheus_client.generate_latest(registry)
        gauges = prometheus_client.CollectorRegistry()
        gauges.register(_FloorCollector(balancer))
        text += prometheus_client.generate_latest(gauges)
        return Response(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)

    @app.get("/")
    def page():
        return render_template("login.html")

    return app
