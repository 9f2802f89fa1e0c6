"""What answers tell a browser about themselves. Pure."""

from __future__ import annotations

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: What every answer says, unless its route says something else in ``g.headers``.
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

#: What a page says that has frames of this site.
WITH_FRAMES = {"Content-Security-Policy": f"{_POLICY}; frame-src 'self'"}


def frame_for(server_ip: str, port: int) -> dict[str, str]:
    """Return what a frame says that speaks to one dialer, and to nobody else.

    Args:
        server_ip: the dialer.
        port: the dialer's port for SIP over WebSocket with TLS.
    """
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self';"
        f" connect-src wss://{server_ip}:{port}; form-action 'none'; base-uri 'none';"
        " frame-ancestors 'self'",
        "X-Frame-Options": "SAMEORIGIN",
    }
