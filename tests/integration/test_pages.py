"""The pages in a real browser, where Chromium is installed. All of them are clean (`visiting`)."""

import os
import signal
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from evenfloor.day import bounds
from tests import mariadb
from tests.browser import CHROMIUM, browsing, front, visiting
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.service import HANG, OPERATOR_TOKEN, running

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium isn't installed")

OFFICE = "10.9.0.1"
HOSTILE = "<img src=x onerror=alert(1)>"
#: More than the page waits for an answer, in milliseconds of the page's clock.
TOO_LONG = 10_000


@pytest.fixture(scope="module")
def database(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=4)
        cluster.keep_alive()
        yield cluster


@pytest.fixture(scope="module")
def running_service(server, database):
    with running({**server.root, "name": DATABASE}, 2) as service:
        yield service


@pytest.fixture(scope="module")
def address(running_service):
    with front(running_service, OFFICE) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with browsing() as found:
        yield found


@pytest.fixture
def site(address, database):
    """The address of a service on which nobody is logged in."""
    for table in ("vicidial_live_agents", "evenfloor_attempts", "evenfloor_events"):
        database.run(f"DELETE FROM {table}")
    database.run("UPDATE vicidial_confbridges SET extension = ''")
    return address


@pytest.fixture
def page(browser, site):
    """A page of a browser that knows nothing."""
    with visiting(browser, site) as found:
        yield found


def says(page, selector: str, text: str) -> None:
    """Wait until a person sees an element with a text in it."""
    expect(page.locator(selector)).to_contain_text(text)
    expect(page.locator(selector)).to_be_visible()


def enter(page) -> None:
    page.goto("/floor")
    page.get_by_label("Operator token").fill(OPERATOR_TOKEN)
    page.get_by_role("button", name="Show the floor").click()
    says(page, "#state", "Live")


def test_the_floor_is_shown_after_the_token_and_goes_with_the_logout(page):
    page.goto("/floor")
    page.get_by_label("Operator token").fill("a guess")
    expect(page.locator("#floor")).to_be_hidden()
    page.get_by_role("button", name="Show the floor").click()
    says(page, "#refused", "isn't the operator token")
    enter(page)
    says(page, "#dialers", "10.1.0.3")
    page.goto("/floor")
    says(page, "#state", "Live")
    page.locator("#leave").click()
    says(page, "#state", "For operators")
    expect(page.locator("#floor")).to_be_hidden()
    expect(page.locator("#dialers")).to_be_empty()
    page.goto("/floor")
    expect(page.get_by_label("Operator token")).to_be_focused()


def test_the_floor_page_follows_the_floor_and_explains(page, database):
    enter(page)
    database.add_agent("10.1.0.1", extension="PJSIP/1001", user="agent7")
    database.add_agent("10.1.0.2", extension="PJSIP/1002", user="agent8")
    says(page, "#agents", "agent8")
    page.get_by_label("Search").fill("d1 pjsip")
    says(page, "#agents", "agent7")
    expect(page.locator("#agents")).not_to_contain_text("agent8")
    page.get_by_label("Phone alias").fill("1001x")
    page.get_by_role("button", name="Explain").click()
    says(page, "#winner", "1001d3 would win: fewest local agents")


def test_a_new_dialer_is_seen_filling_and_a_dead_one_going(page, database, running_service):
    enter(page)
    for number in (1, 2, 3):
        database.add_agent(f"10.1.0.{number}")
    database.add_dialer("10.1.0.4")
    rows = page.locator("#dialers tr")
    try:
        expect(rows.filter(has_text="10.1.0.4")).to_contain_text(["0 agents"])
        database.add_phone("1001d4", "10.1.0.4", extension="1001")
        database.add_alias("1001y", "1001d1,1001d2,1001d3,1001d4")
        login = {"alias": "1001y", "password": "secret", "user": "agent7", "campaign": "TEST"}
        assert running_service.ask("POST", "/api/v1/login", login)[0] == 200
        expect(rows.filter(has_text="10.1.0.4")).to_contain_text(["1 agent"])
        says(page, "#agents", "agent7")
        says(page, "#events", "login agent7 on 1001y → d4")
        database.die("10.1.0.4")
        database.run("UPDATE server_updater SET last_update = NOW() - INTERVAL 60 SECOND"
                     " WHERE server_ip = '10.1.0.4'")  # fmt: skip
        expect(rows.filter(has_text="10.1.0.4").locator(".dead")).to_have_count(2)
    finally:
        for table in ("servers", "phones", "vicidial_confbridges", "server_updater"):
            database.run(f"DELETE FROM {table} WHERE server_ip = '10.1.0.4'")
        database.run("DELETE FROM phones_alias WHERE alias_id = '1001y'")
    says(page, "#events", "d4 was removed")


def test_names_from_the_database_are_text_on_the_page(page, database):
    database.add_agent("10.1.0.1", extension=HOSTILE, campaign_id="<b>", user=HOSTILE[:20])
    database.run(
        "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
        " VALUES (UTC_TIMESTAMP(), 'refused', %s, %s, %s, '', %s)",
        (HOSTILE[:20], HOSTILE, HOSTILE[:20], HOSTILE),
    )
    enter(page)
    says(page, "#agents", HOSTILE)
    says(page, "#events", HOSTILE)
    expect(page.locator("main img, main b")).to_have_count(0)


def test_the_page_says_since_when_there_is_no_answer_and_goes_on(page, running_service):
    page.clock.install()
    enter(page)
    pids = [int(pid) for pid in [running_service.process.pid, *running_service.workers()]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        # Whether the page waits for the next question or for an answer.
        page.clock.fast_forward(TOO_LONG)
        page.clock.fast_forward(TOO_LONG)
        says(page, "#state", "No answer since")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    page.clock.fast_forward(TOO_LONG)
    says(page, "#state", "Live")


# -- the page of a day --------------------------------------------------------------------

YESTERDAY = date.today() - timedelta(days=1)
#: What a canvas shows, and what it would if it were empty.
SHOWN = """canvas => [canvas.toDataURL(), Object.assign(document.createElement("canvas"),
  { width: canvas.width, height: canvas.height }).toDataURL()]"""


@pytest.fixture
def day(database):
    """A quarter minute of yesterday, and its path."""
    (first, _end), named = bounds(YESTERDAY), (HOSTILE, "10.1.0.1")
    for quarter_minute in range(first + 12 * 240, first + 13 * 240):
        database.run(
            "INSERT INTO evenfloor_history VALUES (%s, '10.1.0.1', 5, 'open')", (quarter_minute,)
        )
    database.run("ALTER TABLE servers MODIFY server_id VARCHAR(40)")
    database.run("UPDATE servers SET server_id = %s WHERE server_ip = %s", named)
    database.run(
        "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
        " VALUES ('1970-01-01' + INTERVAL %s SECOND, 'dialer_dead', '', '', 'd1', '', %s)",
        (15 * (first + 12 * 240), HOSTILE),
    )
    yield f"/day?date={YESTERDAY}"
    database.run("UPDATE servers SET server_id = 'd1' WHERE server_ip = '10.1.0.1'")
    database.run("DELETE FROM evenfloor_history")


def test_a_day_is_drawn_in_the_colours_that_the_eyes_want(page, day):
    page.emulate_media(color_scheme="light")
    enter(page)
    page.goto(day)
    shown = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name in ("agents", "logins"):
            canvas = page.locator(f"#{name}")
            expect(canvas).to_be_visible()
            drawn, empty = canvas.evaluate(SHOWN)
            assert drawn != empty
            shown.append(drawn)
    assert len(set(shown)) == len(shown)
    expect(page.locator("#undrawn")).to_be_hidden()


def point_at(page, hour: int) -> None:
    box = page.locator("#agents").bounding_box()
    where = page.evaluate(f"Chart.getChart('agents').scales.x.getPixelForValue({hour})")
    page.mouse.move(box["x"] + where, box["y"] + box["height"] / 2)


def test_pointing_at_a_moment_says_what_was_then_and_names_stay_text(page, day):
    enter(page)
    page.goto(day)
    point_at(page, 12)
    said = page.wait_for_function("Chart.getChart('agents').tooltip.body").json_value()
    lines = [line for part in said for line in part["lines"]]
    assert f"{HOSTILE}: 5" in lines and f"12:00:00 d1 is dead: {HOSTILE}" in lines
    expect(page.locator("main img, main b")).to_have_count(0)
    says(page, "main ol", f"d1 is dead: {HOSTILE}")


def test_pointing_at_a_moment_of_which_nothing_is_known_says_nothing(page, day, database):
    database.run("DELETE FROM evenfloor_history")
    enter(page)
    page.goto(day)
    point_at(page, 6)
    page.wait_for_function("Chart.getChart('agents').tooltip.opacity")
    assert page.evaluate("Chart.getChart('agents').tooltip.title") == []


@pytest.mark.parametrize("library", ["", "window.Chart = { version: '2.9.4' };"])
def test_a_day_that_no_library_draws_is_shown_all_the_same(page, day, library):
    page.route(
        "**/day/chart.js", lambda route: route.fulfill(content_type="text/javascript", body=library)
    )
    enter(page)
    page.goto(day)
    says(page, "#undrawn", "no Chart.js of version 3 or newer")
    says(page, "table >> nth=0", "10.1.0.1")
    expect(page.locator("#agents")).to_be_hidden()


# -- the login page -----------------------------------------------------------------------


def fill(page, alias: str, password: str, user: str) -> None:
    page.locator("#login").evaluate("form => form.reset()")
    for field, text in (("alias", alias), ("password", password), ("user", user)):
        page.locator(f"#{field}").fill(text)
    page.locator("#campaign").fill("TEST")
    page.locator("#enter").click()


def test_an_agent_logs_in_sees_the_session_and_logs_out(page):
    page.goto("/")
    expect(page.locator("#session")).to_be_hidden()
    fill(page, "1001x", "secret", "agent7")
    says(page, "#answer[role=status]", "Your phone rings now: d3")
    expect(page.locator("#session")).to_be_focused()
    page.goto("/")
    says(page, "#where", "agent7 on d3, phone 1001d3, room 8600051, since")
    page.locator("#logout").click()
    says(page, "#answer", "You are logged out")
    expect(page.locator("#session")).to_be_hidden()


def test_the_page_remembers_who_and_no_password(page):
    page.goto("/")
    fill(page, "1001x", "secret", "agent7")
    says(page, "#answer", "rings")
    expect(page.locator("#password")).to_have_value("")
    page.goto("/")
    for field, value in {
        "alias": "1001x",
        "user": "agent7",
        "password": "",
        "campaign": "",
    }.items():
        expect(page.locator(f"#{field}")).to_have_value(value)
    expect(page.locator("#password")).to_be_focused()
    stored = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    assert "1001x" in stored and "secret" not in stored


def test_an_error_says_what_to_do(browser, site, page):
    page.goto("/")
    fill(page, "1001x", "wrong", "agent7")
    says(page, "#error[role=alert]", "Check them, and type the passwords again")
    expect(page.locator("#password")).to_be_focused()
    fill(page, "1001x", "secret", "agent7")
    says(page, "#answer", "rings")
    with visiting(browser, site) as another:
        another.goto("/")
        fill(another, "1001x", "secret", "agent8")
        says(another, "#error", "press “Log out” to end that session")
        expect(another.locator("#reason")).to_contain_text("in use by agent7")
        another.locator("#logout").click()
        says(another, "#answer", "You are logged out")
        fill(another, "1001x", "secret", "agent8")
        says(another, "#answer", "rings")


@pytest.mark.parametrize("lost", ["answer", "host"])
def test_a_login_that_got_no_answer_is_tried_again_and_is_one_session(
    browser, site, database, lost
):
    """The login host dies when it has logged the agent in, or is gone without a word."""
    asked = []

    def lose(route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()
        elif lost == "answer":
            route.fetch()
            route.abort()

    with visiting(browser, site, "Failed to load resource: net::ERR_FAILED") as page:
        page.clock.install()
        page.route("**/api/v1/login", lose)
        page.goto("/")
        fill(page, "1001x", "secret", "agent7")
        if lost == "host":
            says(page, "#answer", "Looking for a dialer")
            page.clock.fast_forward(1000 * HANG)
        says(page, "#answer", "Trying again")
        page.clock.fast_forward(TOO_LONG)
        says(page, "#answer", "rings")
        expect(page.locator("#session")).to_be_focused()
    assert len(asked) == 2
    users = database.run("SELECT user FROM vicidial_live_agents")
    assert len(users) == 1


@pytest.mark.parametrize(("code", "button"), [("de", "Anmelden"), ("es", "Entrar")])
def test_the_language_is_switched_and_kept(page, code, button):
    page.goto("/")
    says(page, "#enter", "Log in")
    page.locator(f"a[lang={code}]").click()
    says(page, "#enter", button)
    page.goto("/")
    says(page, "#enter", button)
    expect(page.locator("html")).to_have_attribute("lang", code)


def test_the_keyboard_alone_logs_in(page):
    page.goto("/")
    expect(page.locator("#alias")).to_be_focused()
    for text in ("1001x", "secret", "agent7", "TEST"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    says(page, "#answer", "rings")
