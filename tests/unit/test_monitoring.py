"""Rules, alerts and dashboard: they ask for what is there, and each alert fires when it should."""

import json
import re
import socket
import subprocess

import jinja2
import prometheus_client
import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils.hosts import phone_sources
from ansible_collections.evenfloor.cluster.plugins.module_utils.monitored import monitored
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from evenfloor import floor_metrics, metrics
from evenfloor.answers import FloorEntry
from tests.prometheus import (
    ALERTS,
    DASHBOARD,
    FILES,
    OF_EXPORTERS,
    PROGRAMS,
    ROOT,
    RULES,
    metrics_of,
    queries,
    rules,
)
from tests.unit.inventories import assert_says, inventory

RECORDED = {rule["record"] for rule in rules(RULES)}
ALERTING = {rule["alert"]: rule for rule in rules(ALERTS)}
#: What alerts are made of comes first.
GROUPS = [
    group["name"]
    for file in (RULES, ALERTS)
    for group in yaml.safe_load(file.read_text())["groups"]
]
RUNBOOK = "https://github.com/evenfloor/evenfloor/blob/main/docs/operations.md#"
#: Long enough for the longest `for` and the longest range of a rule, in minutes.
MINUTES = 30
DAY = 86400

# What is asked for is there


def told_by_the_service() -> set[str]:
    """Return the names of what /metrics has of a floor with everything."""
    entry = FloorEntry(
        "dialer1", "10.0.0.1", True, "", 1, 0, 9, 9, 9, None, None, 0, 2, 1, 1, 1, 1, "db1"
    )
    families = [
        *floor_metrics.floor_gauges([entry]),
        *floor_metrics.database_gauges("db1"),
        *prometheus_client.REGISTRY.collect(),
    ]
    metrics.CHOICES.labels(dialer="10.0.0.1", outcome="chosen")
    return {sample.name for family in families for sample in family.samples} | {
        "evenfloor_choices_total"
    }


def test_every_metric_that_is_asked_for_is_told():
    script = (FILES / "certificates.sh").read_text()
    told = told_by_the_service() | set(re.findall(r"^metric=(\w+)$", script, re.M))
    asked = {name: metrics_of(query) for name, query in queries().items()}
    assert len(asked) > 40
    unknown = {name: found - told - RECORDED - OF_EXPORTERS for name, found in asked.items()}
    assert {name: found for name, found in unknown.items() if found} == {}


def test_what_is_recorded_is_asked_for():
    asked = set().union(*(metrics_of(query) for query in queries().values()))
    assert RECORDED - asked == set()


def test_every_panel_says_what_it_shows_and_where_from():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert all(
        target["datasource"]["uid"] == "${datasource}"
        for panel in panels
        for target in panel["targets"]
    )


@pytest.mark.parametrize("name", ALERTING)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name):
    rule = ALERTING[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]
    page = (ROOT / "docs/operations.md").read_text()
    anchors = [
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page, re.M)
    ]
    assert rule["annotations"]["runbook_url"] == RUNBOOK + name.lower()
    assert anchors.count(name.lower()) == 1


# Each alert fires when it should, and not otherwise


def dialer(metric: str, *values: str) -> dict:
    """Make the series of a metric, for dialers 1, 2 and so on, as two login hosts tell it."""
    return {
        f'{metric}{{dialer="10.0.0.{number}", instance="{host}", job="evenfloor-login"}}': value
        for number, value in enumerate(values, 1)
        for host in ("login1", "login2")
    }


def login(metric: str, value: str, labels: str = "") -> dict:
    """Make a series of a metric of a login host."""
    return {f'{metric}{{{labels}instance="login1", job="evenfloor-login"}}': value}


def registered(*counts: int) -> dict:
    """Make the series of dialers with 100 phones each, of which so many are registered."""
    return dialer("evenfloor_phones", *("100x60" for _count in counts)) | dialer(
        "evenfloor_registered_phones", *(f"{count}x60" for count in counts)
    )


def refused(reason: str, value: str) -> dict:
    return login("evenfloor_refusals_total", value, f'reason="{reason}", ')


def databases(metric: str, *values: str, job: str = "evenfloor-database") -> dict:
    """Make the series of a metric of databases 1, 2 and so on."""
    return {
        f'{metric}{{instance="db{number}", job="{job}"}}': value
        for number, value in enumerate(values, 1)
    }


def writes_to(*names: str, age: str = "1x60") -> dict:
    """Make the series of a login host and of dialers, with the age of their heartbeats."""
    first, *others = names
    series = login("evenfloor_writes_to", "1x60", f'database="{first}", ')
    for number, name in enumerate(others, 1):
        labels = f'dialer="10.0.0.{number}", '
        series |= login("evenfloor_dialer_writes_to", "1x60", f'{labels}database="{name}", ')
        series |= login("evenfloor_heartbeat_age_seconds", age, labels)
    return series


WSREP = "mysql_global_status_wsrep_"
THREE_UP = databases("mysql_up", "1x60", "1x60", "1x60")
DB2 = {"instance": "db2", "job": "evenfloor-database"}
DIALER1 = {"name": "dialer1", "dialer": "10.0.0.1"}
END = "evenfloor_certificate_end_timestamp_seconds"
SEEN = 'node_textfile_mtime_seconds{file="/x/evenfloor.prom", instance="monitoring1"}'

#: By alert: series with which it fires, the labels that it has then besides its severity, its
#: summary, and what its description has; then series of several cases in which it doesn't fire.
CASES = {
    "EvenfloorDialerSilent": (
        dialer("evenfloor_heartbeat_age_seconds", "1 2 3 31+60x60", "1x60"), DIALER1,
        "dialer1 is silent", "dialer1 (10.0.0.1) has sent no heartbeat for 1651 s.",
        [dialer("evenfloor_heartbeat_age_seconds", "30x60", "1x60")],
    ),
    "EvenfloorSpreadHigh": (
        login("evenfloor_spread_agents", "6x60"), {},
        "The floor is uneven", "one dialer has had 6 agents more",
        [
            login("evenfloor_spread_agents", "5x60"),
            login("evenfloor_spread_agents", "0x20 9x8 0x30"),
        ],
    ),
    "EvenfloorLoginsRefused": (
        refused("no_dialer_available", "0x28 5x30"), {"reason": "no_dialer_available"},
        "Agents can't log in: no_dialer_available", "(no_dialer_available)",
        [
            refused("no_dialer_available", "7x60"),
            refused("bad_credentials", "0+9x60"),
            refused("database_unreachable", "0x5 9x60"),
        ],
    ),
    "EvenfloorPasswordsGuessed": (
        refused("bad_credentials", "0+11x60"), {},
        "Somebody may be guessing passwords", "about 110 logins had a wrong password",
        [refused("bad_credentials", "0+9x60"), refused("alias_in_use", "0+20x60")],
    ),
    "EvenfloorLoginsWithoutLock": (
        login("evenfloor_logins_without_lock_total", "0x25 1x60"), {},
        "Logins went on without the lock", "because the lock could not be acquired",
        [
            login("evenfloor_logins_without_lock_total", "3x60"),
            login("evenfloor_logins_without_lock_total", "0x5 1x60"),
        ],
    ),
    "EvenfloorRegistrationsMissing": (
        registered(80, 100), DIALER1,
        "Phones aren't registered on dialer1", "only 80% of the phones of dialer1 (10.0.0.1)",
        # At night everybody is gone.
        [registered(5, 5), registered(91, 100)],
    ),
    "EvenfloorRoomsFew": (
        dialer("evenfloor_free_rooms", "9x60", "99x60"), DIALER1,
        "dialer1 has few free rooms", "dialer1 (10.0.0.1) has 9 free rooms.",
        [dialer("evenfloor_free_rooms", "10x60"), dialer("evenfloor_free_rooms", "20x26 5x60")],
    ),
    "EvenfloorCallsKept": (
        dialer("evenfloor_calls_kept", "0x29 12x60", "0x60"), DIALER1,
        "The daemon of dialer1 has stopped ending calls", "12 calls on dialer1 (10.0.0.1)",
        [dialer("evenfloor_calls_kept", "12x20 0x60")],
    ),
    "EvenfloorFindingsMany": (
        dialer("evenfloor_findings_total", "0+1x60", "0x60"), DIALER1,
        "The daemon of dialer1 repairs a lot", "has found about 15 sessions",
        [
            dialer("evenfloor_findings_total", "99x60"),
            dialer("evenfloor_findings_total", "0x20 9x60"),
        ],
    ),
    "EvenfloorConnectionsLost": (
        dialer("evenfloor_asterisk_connections_total", "1+1x60", "1x60"), DIALER1,
        "The daemon of dialer1 loses its connections", "had to connect again about 15 times",
        [
            dialer("evenfloor_asterisk_connections_total", "1x20 2x60"),
            dialer("evenfloor_database_connections_total", "1x60"),
        ],
    ),
    "EvenfloorDatabaseAway": (
        {'mysql_up{instance="db1"}': "1x20 0x60"}, {"instance": "db1"},
        "The database doesn't answer", "has not answered db1 for a minute.",
        [
            {'mysql_up{instance="db1"}': "0x20 1x60"},
            {'mysql_up{instance="db1"}': "1x29 0x60"},
            login("evenfloor_up", "1x60"),
            # Of several, the others go on.
            databases("mysql_up", "0x60", "1x60", "1x60"),
        ],
    ),
    "EvenfloorDatabaseNodeAway": (
        databases("mysql_up", "1x60", "1x20 0x60", "1x60"), DB2,
        "The database db2 is away", "the database on db2 has not answered",
        [
            databases("mysql_up", "1x20 0x60"),
            databases("mysql_up", "1x60", "0x20 1x60"),
            # With one database, nothing is said of a cluster.
            databases("mysql_up", "1x60") | databases(WSREP + "ready", "0x60"),
            THREE_UP | databases(WSREP + "ready", "1x60", "1x60", "1x60"),
        ],
    ),
    "EvenfloorDatabasesFew": (
        THREE_UP | databases(WSREP + "cluster_size", "3x20 2x60", "3x20 2x60", "1x60"), {},
        "The cluster of databases is incomplete", "has had only 2 members",
        [
            databases("mysql_up", "1x60") | databases(WSREP + "cluster_size", "0x60"),
            THREE_UP | databases(WSREP + "cluster_size", "3x60", "3x60", "3x60"),
            THREE_UP | databases(WSREP + "cluster_size", "3x10 2x10 3x60"),
            # Two, and an arbitrator. One database is away.
            databases("mysql_up", "1x60", "1x60") | databases(WSREP + "cluster_size", "3x60"),
            databases("mysql_up", "1x60", "0x60") | databases(WSREP + "cluster_size", "3x60"),
        ],
    ),
    "EvenfloorDatabaseLags": (
        databases(WSREP + "local_recv_queue", "0x60", "17x60"), DB2,
        "The database db2 lags", "about 17 writes have waited on db2",
        [
            databases(WSREP + "local_recv_queue", "16x60", "0x60"),
            databases(WSREP + "local_recv_queue", "0x20 99 0x60"),
        ],
    ),
    "EvenfloorDatabaseWritesWait": (
        # 12 of each minute's 60 seconds.
        databases(WSREP + "flow_control_paused_ns", "0x60", "0+12000000000x60"), {},
        "Writes wait for a database that lags", "held up for 20% of the time",
        [databases(WSREP + "flow_control_paused_ns", "0+3000000000x60", "99x60")],
    ),
    "EvenfloorWritersDiffer": (
        writes_to("db1", "db1", "db2"), {},
        "Several databases are written to", "have reached 2 different databases",
        [
            writes_to("db1", "db1", "db1"),
            # Who is dead has reached one once.
            writes_to("db1", "db2", age="99x60"),
        ],
    ),
    "EvenfloorLoginHostAway": (
        login("up", "1x20 0x60"), {"instance": "login1", "job": "evenfloor-login"},
        "login1 doesn't answer", "The login host login1 has not answered Prometheus",
        [login("up", "1x60"), {'up{job="another"}': "0x60"}],
    ),
    "EvenfloorCertificateEnds": (
        {f'{END}{{host="db1", port="3306"}}': f"{29 * DAY}x60"}, {"host": "db1", "port": "3306"},
        "A certificate of db1 ends soon", "db1 shows on port 3306 ends in 28d 23h",
        [{f'{END}{{host="db1", port="3306"}}': f"{31 * DAY}x60"}],
    ),
    "EvenfloorMonitoringBlind": (
        {'up{job="evenfloor-database", instance="db1"}': "0x60"},
        {"job": "evenfloor-database", "instance": "db1"},
        "A part of the monitoring doesn't work", "db1 doesn't answer",
        [
            {'up{job="evenfloor-database", instance="db1"}': "0x25 1x60"},
            {SEEN: "0x60"},
        ],
    ),
}  # fmt: skip

#: The age of a heartbeat that nobody knows of.
UNKNOWN = " ".join(["Inf"] * 60)
#: More series with which an alert fires.
ALSO = [
    ("EvenfloorDialerSilent", dialer("evenfloor_heartbeat_age_seconds", UNKNOWN), DIALER1),
    ("EvenfloorLoginsRefused", refused("database_unreachable", "0x28 5x30"),
     {"reason": "database_unreachable"}),
    ("EvenfloorConnectionsLost", dialer("evenfloor_database_connections_total", "1+1x60"), DIALER1),
    ("EvenfloorDatabaseAway", login("evenfloor_up", "0x60"),
     {"instance": "login1", "job": "evenfloor-login"}),
    ("EvenfloorMonitoringBlind", {SEEN: f"-{2 * DAY}x60"},
     {"file": "/x/evenfloor.prom", "instance": "monitoring1"}),
]  # fmt: skip


def firing(tmp_path, series: dict) -> list[dict]:
    """Return the alerts that fire after a while, each with its labels and annotations."""
    every = series | {
        f'evenfloor_dialer_info{{dialer="10.0.0.{number}", name="dialer{number}",'
        f' instance="{host}", job="evenfloor-login"}}': "1x60"
        for number in (1, 2)
        for host in ("login1", "login2")
    }
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in every.items()],
        # None of them is expected: promtool prints those that fire.
        "alert_rule_test": [
            {"eval_time": f"{MINUTES}m", "alertname": name, "exp_alerts": []} for name in ALERTING
        ],
    }
    test = tmp_path / "test.yaml"
    test.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(RULES), str(ALERTS)],
                "evaluation_interval": "1m",
                # Else promtool evaluates them in any order.
                "group_eval_order": GROUPS,
                "tests": [case],
            }
        )
    )
    done = subprocess.run(
        [PROGRAMS / "promtool", "test", "rules", test], capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    found = re.findall(r"Labels:(\{.*\})\s+Annotations:(\{.*\})", said)
    assert done.returncode == bool(found), said
    return [{"labels": labels(one), "annotations": labels(two)} for one, two in found]


def labels(text: str) -> dict:
    """Read labels as promtool prints them."""
    return {
        name: json.loads(value) for name, value in re.findall(r'(\w+)=("(?:\\.|[^"\\])*")', text)
    }


def named(name: str, more: dict) -> dict:
    return {"alertname": name, "severity": ALERTING[name]["labels"]["severity"], **more}


def test_every_alert_is_tried():
    assert list(CASES) == list(ALERTING)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_alone_and_says_what_is_wrong(tmp_path, name):
    series, more, summary, description, _quiet = CASES[name]
    (alert,) = firing(tmp_path, series)
    assert alert["labels"] == named(name, more)
    assert alert["annotations"]["summary"] == summary
    assert description in alert["annotations"]["description"]
    assert "{" not in alert["annotations"]["description"]


@pytest.mark.parametrize(("name", "series", "more"), ALSO, ids=[name for name, _, _ in ALSO])
def test_an_alert_has_several_causes(tmp_path, name, series, more):
    assert [alert["labels"] for alert in firing(tmp_path, series)] == [named(name, more)]


@pytest.mark.parametrize(
    ("name", "series"), [(name, quiet) for name, case in CASES.items() for quiet in case[-1]]
)
def test_an_alert_does_not_fire(tmp_path, name, series):
    fires = [alert["labels"]["alertname"] for alert in firing(tmp_path, series)]
    assert name not in fires


# What a monitoring host asks


def test_every_host_of_the_cluster_is_asked():
    hostvars, groups = inventory(monitoring=["monitoring1"])
    hostvars["login1"].update(login_names=["login.example.com"])
    hostvars["dialer2"].update(phone_transport="udp")
    found = monitored(hostvars, groups)
    assert found["logins"] == [
        {"host": "login1", "target": "10.1.0.2:443", "encrypts": True, "own": True,
         "name": "10.1.0.2"},
    ]  # fmt: skip
    assert [one["target"] for one in found["databases"]] == ["10.1.0.1:3306"]
    assert [(one["host"], one["target"], one["starttls"]) for one in found["certificates"]] == [
        ("login1", "10.1.0.2:443", ""),
        ("db1", "10.1.0.1:3306", "mysql"),
        ("dialer1", "10.0.0.11:5061", ""),
    ]


def test_a_certificate_of_the_operators_is_checked_by_its_name():
    hostvars, groups = inventory()
    hostvars["login1"].update(
        login_certificate="/etc/x.pem", login_names=["login.example.com"], login_port=8443
    )
    (asked,) = monitored(hostvars, groups)["logins"]
    assert (asked["own"], asked["name"], asked["target"]) == (
        False, "login.example.com", "10.1.0.2:8443",
    )  # fmt: skip


def test_a_login_host_is_asked_at_its_own_address_where_agents_use_one_that_floats():
    hostvars, groups = inventory(login=["login1", "login2"])
    for host in groups["login"]:
        hostvars[host].update(login_address="10.1.0.9", login_certificate="/etc/x.pem")
    asked = monitored(hostvars, groups)["logins"]
    assert [one["target"] for one in asked] == ["10.1.0.2:443", "10.1.0.3:443"]
    # The operator's certificate is for what agents type, the cluster's own for that and more.
    assert [one["name"] for one in asked] == ["10.1.0.9"] * 2
    del hostvars["login1"]["login_certificate"]
    assert monitored(hostvars, groups)["logins"][0]["name"] == "10.1.0.2"


def test_without_tls_a_login_host_is_asked_as_it_serves():
    hostvars, groups = inventory()
    hostvars["login1"].update(login_tls="off", login_address="fd00::1")
    found = monitored(hostvars, groups)
    assert found["logins"][0]["target"] == "[fd00::1]:8080" and not found["logins"][0]["encrypts"]
    assert "login1" not in [one["host"] for one in found["certificates"]]


def with_monitoring(**variables) -> list[str]:
    """Return the problems of an inventory with a monitoring host that has these variables."""
    hostvars, groups = inventory(monitoring=["monitoring1"])
    hostvars["monitoring1"].update({"ansible_host": "10.1.0.9", **variables})
    return problems(hostvars, groups)


def test_a_monitoring_host_needs_nothing_but_an_address():
    assert with_monitoring() == []
    (problem,) = with_monitoring(ansible_host="monitoring.example.com")
    assert_says(problem, "monitoring1", "ansible_host", "not an IPv4 address")


def test_mails_need_a_server_and_a_sender():
    whole = {"monitoring_mail_from": "a@example.com", "monitoring_mail_server": "mx.example.com:25"}
    assert with_monitoring(monitoring_mail_to="b@example.com", **whole) == []
    assert len(with_monitoring(monitoring_mail_to="b@example.com")) == 2
    (problem,) = with_monitoring(
        monitoring_mail_to="b@example.com", monitoring_mail_user="u", **whole
    )
    assert_says(problem, "monitoring1", "monitoring_mail_password")


def test_beside_vicidial_there_is_no_monitoring_host():
    hostvars, groups = inventory(monitoring=["monitoring1"])
    hostvars["monitoring1"]["ansible_host"] = "10.1.0.9"
    for variables in hostvars.values():
        variables["cluster_flavor"] = "vicidial"
    found = [problem for problem in problems(hostvars, groups) if "monitoring" in problem]
    assert len(found) == 1
    assert_says(found[0], "group monitoring", "monitoring1", "vicidial", "/metrics")


def test_a_dialer_lets_the_monitoring_host_look_at_its_certificate():
    hostvars, groups = inventory(monitoring=["monitoring1"])
    hostvars["monitoring1"]["ansible_host"] = "10.1.0.9"
    hostvars["dialer1"]["phone_networks"] = ["10.2.0.0/16"]
    assert phone_sources(hostvars, groups, "dialer1") == ["10.1.0.9/32", "10.2.0.0/16"]


# The files that the role writes


def render(template: str, **variables) -> str:
    """Render a template of the role's."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    text = (FILES.parent / "templates" / template).read_text()
    return environment.from_string(text).render(
        ansible_managed="x",
        cluster_authority="/etc/evenfloor/ca.pem",
        inventory_hostname="monitoring1",
        monitoring_folder=str(FILES),
        **variables,
    )


def test_prometheus_takes_its_configuration_whatever_the_login_hosts_serve(tmp_path):
    hostvars, groups = inventory(login=["login1", "login2", "login3"])
    hostvars["login2"].update(login_certificate="/x.pem", login_names=["login.example.com"])
    hostvars["login3"].update(login_tls="off")
    config = tmp_path / "prometheus.yml"
    targets = monitored(hostvars, groups)
    config.write_text(
        render("prometheus.yml.j2", monitoring_interval=15, monitoring_targets=targets)
    )
    done = subprocess.run(
        [PROGRAMS / "promtool", "check", "config", "--syntax-only", config],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    jobs = {job["job_name"]: job for job in yaml.safe_load(config.read_text())["scrape_configs"]}
    assert jobs["evenfloor-login-login1"]["tls_config"]["ca_file"] == "/etc/evenfloor/ca.pem"
    assert jobs["evenfloor-login-login2"]["tls_config"] == {"server_name": "login.example.com"}
    assert jobs["evenfloor-login-login3"]["scheme"] == "http"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, set()),
        ({"monitoring_webhook": "https://chat.example.com/secret"}, {"webhook_configs"}),
        ({"monitoring_recipients": ["a@example.com"]}, {"email_configs"}),
    ],
)
def test_alertmanager_tells_whom_the_inventory_names_and_its_configuration_has_no_secret(
    variables, told
):
    given = {
        "monitoring_recipients": [],
        "monitoring_webhook": "",
        "monitoring_mail_from": "b@example.com",
        "monitoring_mail_server": "mail.example.com:587",
        "monitoring_mail_user": "evenfloor",
        "monitoring_mail_password": "secret",
        **variables,
    }
    text = render("alertmanager.yml.j2", **given)
    (receiver,) = yaml.safe_load(text)["receivers"]
    assert set(receiver) - {"name"} == told
    assert "secret" not in text


def test_a_host_that_shows_no_certificate_holds_nobody_up(tmp_path):
    listed, written = tmp_path / "list", tmp_path / "out.prom"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        listed.write_text(f"login1 {port} 127.0.0.1:{port} \ndb1 1 127.0.0.1:1 mysql\n")
        subprocess.run(["sh", FILES / "certificates.sh", listed, written], check=True)
    assert [line for line in written.read_text().splitlines() if line[0] != "#"] == []
