"""What a browser needs for the pages: bytes, questions, and the time to the first paint.

The browser keeps nothing from one visit to the next, and is on the machine of the login service:
a network comes on top. A floor of ten dialers and a thousand agents, and a day behind them.
"""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from typing import NamedTuple

from playwright.sync_api import Browser, Page, expect

from bench.choice import CASES, address, fill
from tests import mariadb
from tests.browser import browsing, front, visiting
from tests.integration.cluster import Cluster
from tests.office import record_day
from tests.service import OPERATOR_TOKEN, running

DATABASE = "evenfloor_bench"
CASE = CASES[1]
OFFICE = "10.9.0.1"
VISITS = 9
YESTERDAY = date.today() - timedelta(days=1)
#: Each page, and the element that is there when all of it is.
PAGES = {
    "/": "#login",
    "/floor": "#dialers tr:last-child",
    f"/day?date={YESTERDAY}": "#logins",
}
_BYTES = """performance.getEntries().filter(entry => "transferSize" in entry)
  .map(entry => entry.transferSize)"""
_PAINT = """new Promise(resolve => new PerformanceObserver(
  list => resolve(list.getEntriesByName("first-contentful-paint")[0].startTime)
).observe({ type: "paint", buffered: true }))"""


class Visit(NamedTuple):
    """One visit: milliseconds to the first paint and to all of it, bytes, questions."""

    paint: float
    whole: float
    bytes: int
    questions: int


def visit(page: Page, path: str, selector: str) -> Visit:
    """Open a page as somebody who was never there, and measure."""
    page.goto(path)
    expect(page.locator(selector)).to_be_visible()
    whole = page.evaluate("performance.now()")
    sizes = page.evaluate(_BYTES)
    return Visit(page.evaluate(_PAINT), whole, sum(sizes), len(sizes))


def measure(browser: Browser, site: str) -> None:
    """Print a line for each page: the medians."""
    with visiting(browser, site) as page:
        # No caching: every answer says so.
        page.goto("/floor")
        page.get_by_label("Operator token").fill(OPERATOR_TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#floor")).to_be_visible()
        for path, selector in PAGES.items():
            visits = [visit(page, path, selector) for _number in range(VISITS)]
            paint, whole, size, questions = (statistics.median(column) for column in zip(*visits))
            print(
                f"{path.partition('?')[0]}: first paint after {paint:.0f} ms, all of it after"
                f" {whole:.0f} ms, {size / 1024:.1f} KiB in {questions:.0f} answers"
            )


def main() -> None:
    """Fill a database, run a service, and look at its pages."""
    with mariadb.running() as server:
        mariadb.create_database(server, DATABASE)
        fill(server, DATABASE, CASE)
        with server.connect(DATABASE) as connection:
            cluster = Cluster(connection)
            addresses = {f"dialer{number}": address(number - 1) for number in range(1, 11)}
            record_day(cluster, YESTERDAY, addresses, CASE.live)
        with (
            running({**server.root, "name": DATABASE}, 2) as service,
            front(service, OFFICE) as site,
            browsing() as browser,
        ):
            measure(browser, site)


if __name__ == "__main__":
    main()
