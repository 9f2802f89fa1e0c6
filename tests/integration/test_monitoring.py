"""A real Prometheus asks the login service and Debian's exporters: every query has an answer."""

import time

import pytest

from tests import galera, mariadb, service
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.mariadb import free_port
from tests.prometheus import (
    ALERTS,
    OF_EXPORTERS,
    RULES,
    metrics_of,
    queries,
    rules,
    running,
    watching,
)
from tests.waiting import PATIENCE, wait_until

ALERTING = {rule["alert"] for rule in rules(ALERTS)}
#: What the exporter collects, as the role says it.
COLLECTED = ("slave_status", "info_schema.innodb_cmp", "info_schema.innodb_cmpmem",
             "info_schema.query_response_time")  # fmt: skip
#: Login hosts of the test are asked on loopback, and know who asks by the token all the same.
TOKEN = service.METRICS_TOKENS[1]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that watches a service with two dialers, its database and a certificate."""
    folder = tmp_path_factory.mktemp("prometheus")
    # A cluster of one: only a database in a cluster tells all that alerts ask for.
    with mariadb.running(*galera.options("db1", free_port())) as server:
        mariadb.create_database(server, DATABASE)
        with server.connect(DATABASE) as connection:
            fill(Cluster(connection))
        (folder / "token").write_text(TOKEN)
        (folder / "database.cnf").write_text(
            f"[client]\nuser=watcher\nhost=127.0.0.1\nport={server.port}\npassword=secret\n"
        )
        with server.connect() as connection, connection.cursor() as cursor:
            # As the role makes it: it may do nothing.
            cursor.execute("CREATE USER watcher@'127.0.0.1' IDENTIFIED BY 'secret'")
        (folder / "evenfloor.prom").write_text(
            "evenfloor_certificate_end_timestamp_seconds"
            f'{{host="login1",port="443"}} {time.time() + 90 * 86400}\n'
        )
        where = {"unix_socket": server.socket, "name": DATABASE, "user": "root"}
        ports = free_port(), free_port()
        exporters = (
            ("prometheus-mysqld-exporter", f"--config.my-cnf={folder}/database.cnf",
             f"--web.listen-address=127.0.0.1:{ports[0]}",
             *(f"--no-collect.{name}" for name in COLLECTED)),
            ("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
             f"--collector.textfile.directory={folder}",
             f"--web.listen-address=127.0.0.1:{ports[1]}"),
        )  # fmt: skip
        with (
            service.running(where, 2) as login,
            running(*exporters[0]),
            running(*exporters[1]),
            watching(folder, jobs(folder, login.port, *ports)) as prometheus,
        ):
            # By now the dialers are silent: a choice, and a refusal.
            asked = {"alias": "1001", "password": "secret", "user": "agent7", "campaign": "TEST"}
            wait_until(
                lambda: login.ask("POST", "/api/v1/login", asked)[0] == 503,
                PATIENCE,
                "no dialer is left",
            )
            yield prometheus


def fill(cluster: Cluster) -> None:
    """Make two dialers with a phone and an agent each, and what their daemons say."""
    cluster.add_campaign()
    for number in (1, 2):
        server_ip = f"10.1.0.{number}"
        cluster.add_dialer(server_ip)
        cluster.add_phone(f"100{number}", server_ip, peer_status="REGISTERED")
        cluster.add_agent(server_ip)
        cluster.run(
            "INSERT INTO evenfloor_daemons"
            " (server_ip, token, host, started, calls, findings, writes_to)"
            " VALUES (%s, 'x', 'x', UTC_TIMESTAMP(), 1, 2, 'db1')",
            (server_ip,),
        )


def jobs(folder, login: int, database: int, certificates: int) -> list[dict]:
    """Make the jobs as the role names them."""

    def targets(port: int, instance: str) -> list[dict]:
        return [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": instance}}]

    return [
        {"job_name": "evenfloor-login", "authorization": {"credentials_file": f"{folder}/token"},
         "static_configs": targets(login, "login1")},
        {"job_name": "evenfloor-database", "static_configs": targets(database, "db1")},
        {"job_name": "evenfloor-certificates",
         "static_configs": targets(certificates, "monitoring1")},
    ]  # fmt: skip


def eventually_found(prometheus, query: str) -> None:
    """Wait until a query finds something."""
    wait_until(lambda: prometheus.query(query), PATIENCE, f"{query} finds something", every=0.2)


@pytest.mark.parametrize("name", [name for name in queries() if name not in ALERTING])
def test_a_query_of_rules_and_dashboard_finds_something(prometheus, name):
    eventually_found(prometheus, queries()[name])


@pytest.mark.parametrize("name", sorted(ALERTING))
def test_what_an_alert_looks_at_is_there(prometheus, name):
    for metric in metrics_of(queries()[name]):
        eventually_found(prometheus, metric)
    prometheus.query(queries()[name])


@pytest.mark.parametrize("name", sorted(OF_EXPORTERS))
def test_the_exporters_tell_what_rules_and_dashboard_ask_for(prometheus, name):
    eventually_found(prometheus, name)


def test_the_database_answers_a_user_who_may_do_nothing(prometheus):
    eventually_found(prometheus, "mysql_up == 1")


def test_prometheus_has_loaded_every_rule_and_none_fails(prometheus):
    def evaluated() -> bool:
        groups = prometheus.ask("rules")["groups"]
        states = [rule["health"] for group in groups for rule in group["rules"]]
        assert "err" not in states
        return states.count("ok") == len(rules(RULES)) + len(ALERTING)

    wait_until(evaluated, PATIENCE, "every rule has been evaluated")


def test_an_alert_that_fires_names_its_dialer_in_words(prometheus):
    def firing() -> list[dict]:
        alerts = prometheus.ask("alerts")["alerts"]
        return [one for one in alerts if one["labels"]["alertname"] == "EvenfloorDialerSilent"]

    # Nobody sends heartbeats here.
    wait_until(lambda: len(firing()) == 2, PATIENCE, "both dialers are silent", every=0.5)
    assert {one["annotations"]["summary"] for one in firing()} == {"d1 is silent", "d2 is silent"}
