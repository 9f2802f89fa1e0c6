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

from . import config as configuration
from .balancer import Balancer, spread
from .errors import (
    ALIAS_IN_USE,
    BAD_CREDENTIALS,
    DATABASE_UNREACHABLE,
    NO_DIALER_AVAILABLE,
    UNKNOWN_CAMPAIGN,
    LoginRefused,
)

MALFORMED = "malformed"

_STATUS = {
    MALFORMED: 400,
    UNKNOWN_CAMPAIGN: 400,
    BAD_CREDENTIALS: 401,
    ALIAS_IN_USE: 409,
    NO_DIALER_AVAILABLE: 503,
    DATABASE_UNREACHABLE: 503,
}

#: The longest each field can be: VICIdial's columns.
_LONGEST = {"alias": 255, "password": 100, "user": 20, "campaign": 8}


class _Malformed(Exception):
    """A request that can't be understood; the message says why."""


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


def _fields(required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict:
    """Read text fields from a JSON object.

    Raises:
        _Malformed: no JSON object, a field missing, not text, empty, or too long.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise _Malformed("the body has to be a JSON object")
    values = {}
    for name in required + optional:
        value = body.get(name, "" if name in optional else None)
        if not isinstance(value, str) or (name in required and not value):
            raise _Malformed(f"'{name}' has to be text and is required")
        if len(value) > _LONGEST[name]:
            raise _Malformed(f"'{name}' has more than {_LONGEST[name]} characters")
        values[name] = value
    return values


def _error(reason: str, detail: str, dialers: dict | None = None):
    body = {"error": reason, "detail": detail}
    if dialers:
        body["dialers"] = dialers
    return jsonify(body), _STATUS[reason]


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

    app.register_error_handler(
        LoginRefused, lambda refusal: _error(refusal.reason, refusal.detail, refusal.dialers)
    )
    app.register_error_handler(_Malformed, lambda problem: _error(MALFORMED, str(problem)))

    @app.post("/api/v1/login")
    def login():
        values = _fields(("alias", "password", "user", "campaign"))
        take_over = request.get_json().get("take_over", False)
        if not isinstance(take_over, bool):
            raise _Malformed("'take_over' has to be true or false")
        return jsonify(asdict(balancer().login(**values, take_over=take_over)))

    @app.post("/api/v1/choose")
    def choose():
        values = _fields(("alias", "password"), ("user", "campaign"))
        return jsonify(asdict(balancer().choose(**values)))

    @app.get("/api/v1/explain")
    def explain():
        alias = request.args.get("alias", "")
        if not alias or len(alias) > _LONGEST["alias"]:
            raise _Malformed("'alias' is required, as in /api/v1/explain?alias=101x")
        return jsonify(
            asdict(
                balancer().explain(
                    alias, request.args.get("user", ""), request.args.get("campaign", "")
                )
            )
        )

    @app.post("/api/v1/logout")
    def logout():
        return jsonify({"sessions": balancer().logout(**_fields(("user",)))})

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
