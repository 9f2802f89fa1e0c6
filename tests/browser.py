"""A real browser for tests: Debian's Chromium without a window, driven by Playwright."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.service import Service
from tests.waiting import PATIENCE

CHROMIUM = shutil.which("chromium")
#: Where the pictures are that tests take.
SCREENSHOTS = Path(__file__).parents[1] / ".cache/screenshots"
_FLAGS = (
    "--disable-gpu",
    # It asks nobody but the page under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
#: What Chromium itself writes to the console where a question is refused: the page says that, too.
_REFUSALS = tuple(
    f"Failed to load resource: the server responded with a status of {status}"
    for status in (401, 403, 409)
)

expect.set_options(timeout=1000 * PATIENCE)


#: A headset that beeps, which every page may use.
HEADSET = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@contextlib.contextmanager
def browsing(*flags: str, **environment: str) -> Iterator[Browser]:
    """Yield a browser.

    Args:
        flags: more of Chromium's.
        environment: variables that it has besides this process's own.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            chromium_sandbox=False,
            args=[*_FLAGS, *flags],
            env={**os.environ, **environment},
        )
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def visiting(browser: Browser, site: str, *tolerated: str, **options) -> Iterator[Page]:
    """Yield a page of a browser that knows nothing, and fail if a site isn't clean.

    Args:
        browser: whose page it is.
        site: the address of the site. The page may ask nobody else.
        tolerated: how messages of the console begin that are no complaint.
        options: of Playwright's context, such as ``color_scheme``.

    Raises:
        AssertionError: a script failed, the browser complained, or somebody else was asked.
    """
    context = browser.new_context(base_url=site, **{"locale": "en-GB", **options})
    context.set_default_timeout(1000 * PATIENCE)
    complaints = _complaints(context, site, tolerated)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert not complaints, "\n".join(complaints)


def _complaints(context: BrowserContext, site: str, tolerated: tuple[str, ...]) -> list[str]:
    """Return a list that gets a line for each thing that isn't clean."""
    found: list[str] = []

    def hear(message) -> None:
        wrong = message.type in ("error", "warning")
        if wrong and not message.text.startswith((*_REFUSALS, *tolerated)):
            found.append(f"console: {message.text}")

    def see(request) -> None:
        if not request.url.startswith(f"{site}/"):
            found.append(f"asked somebody else: {request.url}")

    context.on("console", hear)
    context.on("weberror", lambda error: found.append(f"script: {error.error}"))
    context.on("request", see)
    return found


def barriers(page: Page, *rules: str) -> list[str]:
    """Return what keeps people from using a page, in the words of axe-core.

    Args:
        page: what is looked at, as it is now.
        rules: the names of those that count; all if there are none.
    """
    options = {
        "resultTypes": ["violations"],
        "preload": False,
        **({"runOnly": rules} if rules else {}),
    }
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in Axe().run(page, options=options).response["violations"]
        for node in rule["nodes"]
    ]


def take_picture(page: Page, name: str) -> None:
    """Take a picture of what the window shows.

    Args:
        page: what is in the window.
        name: the picture's, without an ending.
    """
    page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


_PASSED_ON = ("Cookie", "Content-Type", "Host", "Origin", "Sec-Fetch-Site", "Accept-Language")


class _Handler(BaseHTTPRequestHandler):
    """Passes requests on as the front server does."""

    service: Service
    address: str

    def _pass_on(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        try:
            answer, text = self.service.ask_from(
                self.address, self.command, self.path, body, **headers
            )
        except OSError:  # the service is down
            self.send_error(502)
            return
        content = text.encode()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        with contextlib.suppress(ConnectionError):  # the browser has gone on
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 - the server's names

    def log_message(self, *_words) -> None:
        """Say nothing."""


@contextlib.contextmanager
def front(service: Service, address: str) -> Iterator[str]:
    """Yield the address under which a browser finds a service as a stranger does.

    Args:
        service: the service.
        address: the browser's.
    """
    handler = type("Handler", (_Handler,), {"service": service, "address": address})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
