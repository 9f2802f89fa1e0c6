"""What people see of the pages: nothing keeps anybody out, and all of it fits on the screen.

Pictures of it are put into `.cache/screenshots`; `make pictures` puts the best into docs/pictures.
"""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests import mariadb
from tests.browser import CHROMIUM, barriers, browsing, front, take_picture, visiting
from tests.integration.cluster import Cluster
from tests.office import DIALERS, furnish, record_day
from tests.service import OPERATOR_TOKEN, running

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium isn't installed")

DATABASE = "evenfloor_looks"
OFFICE = "10.9.0.1"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
WALL = {"width": 1920, "height": 1080}
SECRETS = {"password": "secret", "campaign": "SALES"}
YESTERDAY = date.today() - timedelta(days=1)


@pytest.fixture(scope="module")
def database(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        record_day(cluster, YESTERDAY, DIALERS, 160)
        furnish(cluster)
        yield cluster


@pytest.fixture(scope="module")
def site(server, database):
    """The address of a service on whose floor much is going on."""
    with (
        running({**server.root, "name": DATABASE}, 2) as service,
        front(service, OFFICE) as found,
    ):
        for extension in range(1005, 1010):
            login = {"alias": f"{extension}x", "user": f"agent{extension}", **SECRETS}
            assert service.ask_from(OFFICE, "POST", "/api/v1/login", login)[0].status == 200
        yield found


@pytest.fixture(scope="module")
def browser():
    with browsing() as found:
        yield found


@pytest.fixture
def page(browser, site):
    with visiting(browser, site, color_scheme="light", viewport=DESK) as found:
        yield found


def check(page, name: str) -> None:
    """Fail if a page keeps people out, or is wider than a phone; take pictures of it."""
    take_picture(page, name)
    page.set_viewport_size(PHONE)
    take_picture(page, f"{name}-phone")
    width = page.evaluate("document.scrollingElement.scrollWidth")
    assert (barriers(page), width) == ([], PHONE["width"])
    page.set_viewport_size(DESK)


def check_dark(page) -> None:
    """Fail if a page can't be read in the dark."""
    page.emulate_media(color_scheme="dark")
    assert barriers(page, "color-contrast") == []
    page.emulate_media(color_scheme="light")


def enter(page) -> None:
    page.goto("/floor")
    page.get_by_label("Operator token").fill(OPERATOR_TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("Live")


def log_in(page, password: str) -> None:
    for field, text in (("alias", "1001x"), ("password", password), ("user", "agent1001")):
        page.locator(f"#{field}").fill(text)
    page.locator("#campaign").fill("SALES")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_on_the_login_page_keeps_an_agent_out(page, language):
    page.goto(f"/?lang={language}")
    check(page, f"login-{language}")
    log_in(page, "wrong")
    expect(page.locator("#error")).not_to_be_empty()
    check(page, f"login-{language}-error")
    if language == "en":
        check_dark(page)
    log_in(page, "secret")
    expect(page.locator("#session")).to_be_visible()
    check(page, f"login-{language}-session")
    if language == "en":
        check_dark(page)
    page.locator("#logout").click()
    expect(page.locator("#session")).to_be_hidden()


def test_nothing_on_the_floor_page_keeps_an_operator_out(page):
    page.goto("/floor")
    expect(page.get_by_label("Operator token")).to_be_focused()
    check(page, "floor-token")
    enter(page)
    page.get_by_label("Phone alias").fill("1001x")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#phones li")).to_have_count(len(DIALERS))
    take_picture(page, "floor")
    page.set_viewport_size(WALL)
    take_picture(page, "floor-wall")
    page.set_viewport_size(PHONE)
    take_picture(page, "floor-phone")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(DESK)
    take_picture(page, "floor-dark")
    # One row of the table is like the next.
    page.get_by_label("Search").fill("agent1005")
    expect(page.locator("#agents tr")).to_have_count(1)
    check_dark(page)
    check(page, "floor-search")


@pytest.fixture
def weightless(database):
    """All dialers count alike, as on the day that was recorded."""
    weights = database.run("SELECT server_ip, weight FROM evenfloor_weights")
    database.run("DELETE FROM evenfloor_weights")
    yield
    for weight in weights:
        database.run("INSERT INTO evenfloor_weights VALUES (%s, %s)", weight)


@pytest.mark.usefixtures("weightless")
def test_nothing_on_the_page_of_a_day_keeps_an_operator_out(page):
    page.goto("/day")
    check(page, "day-token")
    enter(page)
    page.goto(f"/day?date={YESTERDAY}")
    check(page, "day")
    page.set_viewport_size(WALL)
    take_picture(page, "day-wall")
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="dark")
    take_picture(page, "day-dark")
    check_dark(page)
    page.goto("/day?date=2001-01-01")
    take_picture(page, "day-empty")


def test_a_bar_is_as_long_as_a_dialers_share_of_its_weight(page):
    enter(page)
    shares, widths = [], []
    for row in page.locator("#dialers tr").all():
        count = row.locator("td").nth(1).inner_text()
        weight = 2 if "weight 2" in count else 1
        assert (weight == 2) == ("dialer1" in row.inner_text())
        shares.append(int(count.split()[0]) / weight)
        widths.append(row.locator(".bar").evaluate("bar => parseFloat(bar.style.width)"))
    assert len(shares) == len(DIALERS)
    assert widths == pytest.approx([100 * share / max(shares) for share in shares], abs=0.1)
