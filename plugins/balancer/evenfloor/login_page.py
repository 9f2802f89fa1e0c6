"""The agents' login page, in the agent's language."""

from __future__ import annotations

from flask import Flask, g, make_response, render_template, request

from . import languages
from .errors import LoginRefused
from .page_headers import WITH_FRAMES
from .pool import Pool


def add_login_page(app: Flask, watch: Pool, has_phones: bool, patience: float) -> None:
    """Add the route ``/``.

    Args:
        app: the application.
        watch: lends balancers for questions that wait for nobody.
        has_phones: whether the page is the phone of some aliases.
        patience: after how many seconds the service has answered a login at the latest.
    """

    @app.get("/")
    def page():
        switched = request.args.get("lang")
        kept = request.cookies.get(languages.COOKIE)
        language = languages.choose(switched, kept, request.accept_languages)
        answer = make_response(
            render_template(
                "login.html",
                has_agents=_has_agents(watch),
                has_phones=has_phones,
                language=language,
                names=languages.NAMES,
                patience=patience,
                words=languages.words(language),
            )
        )
        if has_phones:
            g.headers = WITH_FRAMES
        if switched in languages.NAMES:
            answer.set_cookie(
                languages.COOKIE,
                language,
                max_age=languages.COOKIE_AGE,
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
        return answer


def _has_agents(watch: Pool) -> bool | None:
    """Say whether agents have passwords of their own; None where the database is away."""
    try:
        with watch.balancer() as balancer:
            return balancer.has_agents()
    except LoginRefused:
        return None
