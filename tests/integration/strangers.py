"""Requests from the network to a running login service, as the front server passes them on."""

from __future__ import annotations

import json

from tests.service import Service

LOGIN, LOGOUT, CHOOSE = "/api/v1/login", "/api/v1/logout", "/api/v1/choose"
OFFICE, STRANGER = "10.9.0.1", "10.9.0.66"


def credentials(extension: int) -> dict:
    """The alias of an extension, and its password in these tests' databases."""
    return {"alias": f"{extension}x", "password": f"secret{extension}"}


def label(extension: int) -> dict:
    """What an agent sends to log in, where agents have no passwords of their own."""
    return {**credentials(extension), "user": f"agent{extension}", "campaign": "TEST"}


def post(service: Service, path: str, body: object, address: str = STRANGER, **headers: str):
    """Send a request from the network; returns the status and the answer."""
    answer, text = service.ask_from(address, "POST", path, body, **headers)
    return answer.status, json.loads(text)


def live(database) -> set[str]:
    """Who is logged in."""
    return {user for (user,) in database.run("SELECT user FROM vicidial_live_agents")}
