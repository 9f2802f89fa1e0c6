"""The page of a day, for operators: tables and lists, and the same drawn by Chart.js."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from flask import Flask, abort, g, render_template, request, send_file

from .config import Config
from .day import (
    MORE_EVENTS,
    PART,
    QUARTER,
    Day,
    clocks,
    hourly,
    hours,
    read_date,
    spread_words,
    total_words,
)
from .errors import BAD_CREDENTIALS, NOT_ALLOWED, LoginRefused, Malformed
from .floor_page import check_reader
from .pool import Pool


def add_day_page(app: Flask, config: Config) -> None:
    """Add the route ``/day``, and that of the library that draws it.

    Args:
        app: the application; its requests know their caller (``g.caller``).
        config: the whole configuration.
    """
    # Apart, so that no login waits while a day is put together.
    pool = Pool(config, balancers=1)
    library = config.login.chart_library

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
            spread=spread_words(day),
            totals=total_words(day),
            hourly=hourly(day),
            hours=hours,
            more_events=MORE_EVENTS if day.more_events else "",
            library=library,
            is_drawn=Path(library).is_file(),
            drawing=drawing_of(day),
            beside=(asked - timedelta(days=1), asked + timedelta(days=1)),
        )

    @app.get("/day/chart.js")
    def chart_library():
        if not Path(library).is_file():
            abort(404, "this login host has no Chart.js")
        # It is the same for everybody, and many times bigger than the page.
        g.headers = {"Cache-Control": "no-cache"}
        return send_file(library, mimetype="text/javascript", conditional=True)


def drawing_of(day: Day) -> dict:
    """Return what ``day.js`` draws, as JSON can have it.

    Args:
        day: with its dialers.
    """
    return {
        "clocks": clocks(day),
        "dialers": [
            {"name": dialer.name, "agents": [round(agents, 2) for agents in dialer.parts]}
            for dialer in day.dialers
        ],
        "spreads": [None if spread is None else round(spread, 2) for spread in day.spreads],
        "logins": day.logins,
        "refusals": day.refusals,
        "events": [
            {
                "part": int(event.at.timestamp() / QUARTER - day.first) // PART,
                "words": f"{event.at:%H:%M:%S} {event.words}",
            }
            for event in day.events
        ],
    }
