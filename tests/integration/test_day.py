"""The day: recorded by running login services, and shown by the command and the page."""

import concurrent.futures
import json
import re
import time
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from evenfloor import cli, day_statements, event_statements, history_statements
from evenfloor.config import Config, DatabaseConfig
from evenfloor.day import bounds
from evenfloor.errors import LoginRefused
from evenfloor.watch import Watch
from tests.integration.conftest import DATABASE
from tests.service import OPERATOR_TOKEN, running
from tests.waiting import PATIENCE, wait_until

STRANGER = "10.9.0.66"
POLICY = "Content-Security-Policy"
TOKEN = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
YESTERDAY = date.today() - timedelta(days=1)
MOMENTS = "SELECT DISTINCT quarter_minute FROM evenfloor_history ORDER BY quarter_minute"


@pytest.fixture
def floor(cluster):
    cluster.add_even_floor(dialers=3, aliases=4)
    cluster.keep_alive()
    return cluster


@pytest.fixture
def watches(server, floor):
    """As many processes as two login hosts have."""
    where = DatabaseConfig(unix_socket=server.socket, user="root", name=DATABASE)
    return [Watch(Config(database=where)) for _process in range(8)]


def record(floor, moment: int, *agents: int) -> None:
    """Put a quarter minute into the table: the agents of dialers 1, 2 …"""
    for number, count in enumerate(agents, start=1):
        floor.run(
            "INSERT INTO evenfloor_history VALUES (%s, %s, %s, 'open')",
            (moment, f"10.1.0.{number}", count),
        )


def test_running_login_hosts_record_every_quarter_minute_once(server, floor):
    where = {**server.root, "name": DATABASE}

    def three_in_a_row() -> bool:
        there = {moment for (moment,) in floor.run(MOMENTS)}
        return any({moment + 1, moment + 2} <= there for moment in there)

    with running(where, 2), running(where, 2):
        wait_until(three_in_a_row, PATIENCE, "three quarter minutes in a row")
    moments = floor.run(MOMENTS)
    rows = floor.run("SELECT COUNT(*), COUNT(DISTINCT server_ip) FROM evenfloor_history")
    assert rows == ((3 * len(moments), 3),)


def test_processes_that_look_at_once_record_a_quarter_minute_once(watches, floor):
    floor.add_agent("10.1.0.2")
    floor.run("UPDATE servers SET active_agent_login_server = 'N' WHERE server_id = 'd3'")
    with concurrent.futures.ThreadPoolExecutor(len(watches)) as pool:
        list(pool.map(Watch.answer, watches))
    moments = floor.run(MOMENTS)
    rows = floor.run(
        "SELECT server_ip, agents, state FROM evenfloor_history WHERE quarter_minute = %s"
        " ORDER BY server_ip",
        moments[0],
    )
    assert rows == (("10.1.0.1", 0, "open"), ("10.1.0.2", 1, "open"), ("10.1.0.3", 0, "closed"))


def test_what_is_old_is_removed(watches, floor):
    (now,) = floor.run("SELECT UNIX_TIMESTAMP() DIV 15")[0]
    record(floor, now - history_statements.KEPT - 9, 1, 2)
    record(floor, now - history_statements.KEPT + 9, 1, 2)
    watches[0].answer()
    moments = [moment for (moment,) in floor.run(MOMENTS)]
    assert moments[0] == now - history_statements.KEPT + 9


def test_without_the_table_the_floor_is_shown(watches, floor):
    floor.run("DROP TABLE evenfloor_history")
    assert len(json.loads(watches[0].answer())["floor"]["dialers"]) == 3


@pytest.fixture
def command(server, tmp_path, capsys):
    """Run the command; returns its status and what it printed."""
    config = tmp_path / "evenfloor.ini"
    config.write_text(
        f"[database]\nunix_socket = {server.socket}\nname = {DATABASE}\nuser = root\n"
    )

    def run(*words: str) -> tuple[int, str]:
        status = cli.main([*words, "--config", str(config)])
        return status, capsys.readouterr().out

    return run


def test_the_command_shows_a_day_and_writes_its_quarter_minutes(command, floor, tmp_path):
    first, end = bounds(YESTERDAY)
    record(floor, first - 1, 99, 99)
    record(floor, first, 4, 3)
    record(floor, end - 1, 6, 1, 2)
    record(floor, end, 99, 99)
    file = tmp_path / "day.csv"
    status, text = command("day", "--date", str(YESTERDAY), "--csv", str(file))
    assert status == 0
    lines = [line.split() for line in text.splitlines()]
    assert lines[1][:4] == ["d1", "10.1.0.1", "5.0", "6"]
    assert lines[3][:4] == ["d3", "10.1.0.3", "2.0", "2"]
    assert text.endswith("spread 3.0 on average, 5 at most\nlogins 0, refusals 0\n")
    rows = file.read_text().splitlines()
    assert len(rows) == 6 and rows[1].startswith(f"{YESTERDAY}T00:00:00")
    assert rows[1].endswith(",d1,10.1.0.1,4,open")
    status, text = command("day", "--date", str(YESTERDAY), "--json")
    assert json.loads(text)["dialers"][0]["most"] == 6


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    counts=strategies.tuples(*[strategies.integers(0, 400)] * 2),
    weights=strategies.tuples(*[strategies.integers(10, 10_000)] * 2),
)
def test_with_weights_the_spread_of_a_day_is_said_in_shares(floor, counts, weights):
    floor.run("DELETE FROM evenfloor_history")
    floor.run("DELETE FROM evenfloor_weights")
    record(floor, 1000, *counts)
    for number, weight in enumerate(weights, start=1):
        row = f"10.1.0.{number}", weight / 100
        floor.run("INSERT INTO evenfloor_weights VALUES (%s, %s)", row)
    shares = [count * 100 / weight for count, weight in zip(counts, weights)]
    found = floor.run(*history_statements.spreads(1000, 1001)[:2])[0]
    spread = max(shares) - min(shares)
    assert found == pytest.approx((0, spread, spread, 1), abs=0.01)


def test_a_day_of_which_nothing_is_known_is_said(command, floor):
    assert "nothing is known of this day" in command("day", "--date", "2020-02-29")[1]


# -- logins, refusals and changes of dialers ---------------------------------------------------


def add_decision(floor, second: int, outcome: str) -> None:
    floor.run(
        "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, outcome)"
        " VALUES (FROM_UNIXTIME(%s), 'agent7', '1001x', 'TEST', %s)",
        (second, outcome),
    )


def add_event(floor, second: int, kind: str, dialer: str = "", detail: str = "") -> None:
    floor.run(
        "INSERT INTO evenfloor_events (happened, kind, user, alias_id, dialer, address, detail)"
        " VALUES ('1970-01-01' + INTERVAL %s SECOND, %s, '', '', %s, '', %s)",
        (second, kind, dialer, detail),
    )


@pytest.fixture
def balancer(floor, make_balancer):
    return make_balancer()


def test_a_refusal_is_counted_once_whatever_its_reason(balancer, floor):
    assert balancer.login("1001x", "secret", "agent1", "TEST")
    refused = [
        ("bad_credentials", {"password": "wrong"}),
        ("unknown_campaign", {"campaign": "NONE"}),
        ("alias_in_use", {"user": "agent2"}),
    ]
    usual = {"alias": "1001x", "password": "secret", "user": "agent1", "campaign": "TEST"}
    for reason, other in refused:
        with pytest.raises(LoginRefused) as caught:
            balancer.login(**{**usual, **other})
        assert caught.value.reason == reason
    floor.run("UPDATE servers SET active_agent_login_server = 'N'")
    with pytest.raises(LoginRefused) as caught:
        balancer.login(**{**usual, "alias": "1002x", "user": "agent3"})
    assert caught.value.reason == "no_dialer_available"
    # Midnight may have come in between.
    days = [balancer.day(date.today() - timedelta(days=age)) for age in (0, 1)]
    assert sum(sum(day.logins) for day in days) == 1
    assert sum(sum(day.refusals) for day in days) == len(refused) + 1


@pytest.fixture
def in_zone(monkeypatch):
    """Put this host's clock to a zone's."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


#: The day on which clocks are set back in Berlin, and when it begins there.
LONG_DAY, LONG_DAYS_MIDNIGHT = date(2026, 10, 25), 1792879200


@pytest.mark.parametrize("sessions_zone", ["+00:00", "+09:30"])
@pytest.mark.parametrize("hours", [0, 2, 3, 24])
def test_a_quarter_hour_of_a_day_of_25_hours_has_its_own(floor, in_zone, sessions_zone, hours):
    in_zone("Europe/Berlin")
    floor.run("SET time_zone = %s", (sessions_zone,))
    begin = LONG_DAYS_MIDNIGHT + 3600 * hours
    for second in (begin, begin + 899):
        add_decision(floor, second, "chosen")
        add_event(floor, second, "refused")
    add_decision(floor, begin + 1, "no_dialer_available")
    add_event(floor, begin + 2, "dialer_dead", "d1", "no heartbeat")
    # Those of the days beside it don't count.
    for second in (LONG_DAYS_MIDNIGHT - 1, LONG_DAYS_MIDNIGHT + 25 * 3600):
        add_decision(floor, second, "chosen")
        add_event(floor, second, "refused")
        add_event(floor, second, "dialer_back", "d1")
    limits = bounds(LONG_DAY)
    assert floor.run(*day_statements.counts(*limits)[:2]) == ((4 * hours, 2, 3),)
    found = floor.run(*event_statements.of_a_day(*limits)[:2])
    assert found == ((begin + 2, "dialer_dead", "d1", "no heartbeat"),)


def test_what_is_counted_does_not_depend_on_the_databases_clock(balancer, floor):
    first, _end = bounds(YESTERDAY)
    floor.run("SET GLOBAL time_zone = '-04:00'")
    floor.run("SET time_zone = '-04:00'")
    try:
        add_decision(floor, 15 * first + 1, "chosen")
        assert balancer.day(YESTERDAY).logins[0] == 1
    finally:
        floor.run("SET GLOBAL time_zone = DEFAULT")


def test_a_day_that_is_older_than_what_is_kept_says_so(balancer, command, floor):
    record(floor, bounds(date.today() - timedelta(days=33))[0], 4, 3)
    text = command("day", "--date", str(date.today() - timedelta(days=33)))[1]
    assert text.endswith("the logins of this day aren't kept any longer\n")


def test_the_command_draws_a_day_and_says_what_became_of_dialers(command, floor, tmp_path):
    pytest.importorskip("matplotlib")
    first, _end = bounds(YESTERDAY)
    record(floor, first, 4, 3)
    add_event(floor, 15 * first + 9 * 3600, "dialer_added", "d3")
    add_decision(floor, 15 * first, "chosen")
    file = tmp_path / "day.png"
    status, text = command("day", "--date", str(YESTERDAY), "--picture", str(file))
    assert status == 0 and text.endswith("logins 1, refusals 0\n09:00:00 d3 was added\n")
    assert file.read_bytes().startswith(b"\x89PNG")
    found = json.loads(command("day", "--date", str(YESTERDAY), "--json")[1])
    assert found["logins"][:2] == [1, 0] and found["spreads"][:2] == [1.0, None]
    assert found["events"][0]["dialer"] == "d3"


# -- the page ----------------------------------------------------------------------------------

HOSTILE = '</script><b>"x'


@pytest.fixture
def busy_day(floor):
    first, _end = bounds(YESTERDAY)
    record(floor, first, 4, 3)
    add_decision(floor, 15 * first, "chosen")
    add_event(floor, 15 * first + 60, "dialer_dead", HOSTILE, HOSTILE)
    floor.run("ALTER TABLE servers MODIFY server_id VARCHAR(30)")
    floor.run("UPDATE servers SET server_id = %s WHERE server_ip = '10.1.0.1'", (HOSTILE,))


def test_the_page_of_a_day_is_for_operators_and_says_what_the_command_says(server, busy_day):
    path = f"/day?date={YESTERDAY}"
    with running({**server.root, "name": DATABASE}, 1) as service:
        answer, text = service.ask_from(STRANGER, "GET", path)
        assert answer.status == 403 and "10.1.0." not in text and 'href="/floor"' in text
        answer, text = service.ask_from(STRANGER, "GET", path, **TOKEN)
        assert answer.status == 200
        assert "spread 1.0 on average, 1 at most" in text and "10.1.0.2" in text
        assert "logins 1, refusals 0" in text and "00:01:00" in text
        assert "&lt;/script&gt;&lt;b&gt;&#34;x is dead" in text and "<b>" not in text
        assert "style=" not in text and "script-src 'self';" in answer.getheader(POLICY)
        numbers = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', text)
        drawn = json.loads(numbers[1])
        assert {dialer["name"] for dialer in drawn["dialers"]} == {HOSTILE, "d2"}
        assert len(re.findall("<script", text)) == 3
        for file in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
            assert service.ask_from(STRANGER, "GET", file)[0].status == 200
        for wrong in ("tomorrow", "0001-01-01", "<b>"):
            answer, _text = service.ask_from(STRANGER, "GET", f"/day?date={wrong}", **TOKEN)
            assert answer.status == 400


def test_the_library_is_served_or_the_page_says_why_nothing_is_drawn(server, busy_day, tmp_path):
    library = tmp_path / "chart.min.js"
    path = f"/day?date={YESTERDAY}"
    where = {**server.root, "name": DATABASE}
    with running(where, 1, f"chart_library = {library}\n") as service:
        _answer, text = service.ask_from(STRANGER, "GET", path, **TOKEN)
        assert f"no Chart.js of version 3 or newer at {library}" in text
        assert "<script" not in text and '<p id="undrawn">' in text and "10.1.0.2" in text
        assert service.ask_from(STRANGER, "GET", "/day/chart.js")[0].status == 404
        library.write_text("the library")
        _answer, text = service.ask_from(STRANGER, "GET", path, **TOKEN)
        assert 'src="/day/chart.js"' in text and '<p id="undrawn" hidden>' in text
        answer, text = service.ask_from(STRANGER, "GET", "/day/chart.js")
        assert (answer.status, text) == (200, "the library")
        assert answer.getheader("Content-Type").startswith("text/javascript")
        kept = answer.getheader("ETag")
        answer, _text = service.ask_from(STRANGER, "GET", "/day/chart.js", If_None_Match=kept)
        assert answer.status == 304


# -- what it costs -----------------------------------------------------------------------------


def test_a_day_of_a_big_floor_is_put_together_and_takes_little_room(floor, balancer):
    """Thirty dialers: 172,800 rows."""
    first, end = bounds(YESTERDAY)
    floor.run(
        "INSERT INTO evenfloor_history SELECT q.seq, CONCAT('10.2.0.', d.seq), d.seq, 'open'"
        f" FROM seq_{first}_to_{end - 1} q JOIN seq_1_to_30 d"
        " ORDER BY 1, 2"
    )
    day = balancer.day(YESTERDAY)
    assert len(day.dialers) == 30 and (day.spread, day.most_spread) == (29.0, 29)
    floor.run("ANALYZE TABLE evenfloor_history")
    (size,) = floor.run(
        "SELECT data_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'evenfloor_history'"
    )[0]
    # docs/operations.md says 40 bytes a row.
    assert size / 172_800 < 60
