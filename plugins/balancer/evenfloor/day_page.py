"""The page of a day, for operators: how many agents each dialer had, as a table and drawn."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask, render_template, request

from . import chart
from .config import Config
from .day import hours, read_date, spread_words
from .errors import BAD_CREDENTIALS, NOT_ALLOWED, LoginRefused, Malformed
from .floor_page import check_reader
from .pool import Pool


def add_day_page(app: Flask, config: Config) -> None:
    """Add the route ``/day``.

    Args:
        app: the application; its requests know their caller (``g.caller``).
        config: the whole configuration.
    """
    # Apart, so that no login waits while a day is put together.
    pool = Pool(config, balancers=1)

    @app.get("/day")
    def day_page():
        try:
            check_reader(config.login)
        except LoginRefused as refusal:
            if refusal.reason != NOT_ALLOWED:
                raise
            return render_template("day.html", day=None), 403
        try:
            asked = read_date(request.args.get("date") or str(date.today()))
        except ValueError as error:
            raise Malformed(BAD_CREDENTIALS, str(error)) from None
        with pool.balancer() as balancer:
            day = balancer.day(asked)
        return render_template(
            "day.html",
            day=day,
            chart=chart.chart_of(day),
            spread=spread_words(day),
            hours=hours,
            beside=(asked - timedelta(days=1), asked + timedelta(days=1)),
        )
