"""The monitoring host sees the whole cluster, and keeps to itself what it knows."""

import json
import time

from lab.cluster import Cluster
from tests.monitoring import HOST, alerts, look
from tests.state import podman
from tests.waiting import PATIENCE

FOLDER = "/etc/prometheus/evenfloor"
SECRETS = ("metrics.token", "database.cnf", "mail.password", "webhook.url")


def targets(cluster: Cluster) -> dict[tuple[str, str], str]:
    """Return how each target is, by job and instance."""
    found = look(cluster, "targets")["data"]["activeTargets"]
    return {(one["labels"]["job"], one["labels"]["instance"]): one["health"] for one in found}


def test_every_target_is_up_over_tls_and_with_the_token(cluster):
    wanted = {
        *(("evenfloor-login", host) for host in cluster.groups["login"]),
        *(("evenfloor-database", host) for host in cluster.groups["database"]),
        ("evenfloor-certificates", HOST),
    }
    cluster.wait_until(
        lambda: targets(cluster) == dict.fromkeys(wanted, "up"), PATIENCE, "every target is up"
    )
    found = look(cluster, "targets")["data"]["activeTargets"]
    urls = [one["scrapeUrl"] for one in found if one["labels"]["job"] == "evenfloor-login"]
    assert all(url.startswith("https://") for url in urls)


def values(cluster: Cluster, query: str, label: str) -> dict[str, float]:
    """Return what a query finds, by one of its labels."""
    found = look(cluster, "query", query=query)["data"]["result"]
    return {one["metric"][label]: float(one["value"][1]) for one in found}


def test_it_knows_the_databases_and_what_every_dialers_daemon_does(cluster):
    for host in cluster.groups["database"]:
        cluster.wait_until(
            lambda host=host: values(cluster, "mysql_up", "instance").get(host) == 1,
            PATIENCE,
            f"{host} answers",
        )
    for metric in ("evenfloor_calls:max", "evenfloor_findings:increase15m"):
        cluster.wait_until(
            lambda metric=metric: (
                set(values(cluster, f"dialer:{metric}", "name")) == set(cluster.dialers)
            ),
            PATIENCE,
            f"{metric} of every dialer is there",
        )


def test_it_knows_when_the_certificate_of_every_host_ends(cluster):
    hosts = {host for group in ("login", "database", "dialers") for host in cluster.groups[group]}
    query = "evenfloor_certificate_end_timestamp_seconds - time()"
    cluster.wait_until(
        lambda: set(values(cluster, query, "host")) == hosts, PATIENCE, "every certificate is known"
    )
    assert min(values(cluster, query, "host").values()) > 60 * 86400


def test_rules_and_alerts_are_evaluated_and_none_fails(cluster):
    def evaluated() -> bool:
        groups = look(cluster, "rules")["data"]["groups"]
        health = [rule["health"] for group in groups for rule in group["rules"]]
        assert "err" not in health
        return len(health) > 20 and set(health) == {"ok"}

    cluster.wait_until(evaluated, PATIENCE, "every rule has been evaluated")
    assert "EvenfloorLoginHostAway" not in alerts(cluster)


def test_nobody_else_reads_its_secrets(cluster, on):
    for name in SECRETS:
        file = on(HOST).file(f"{FOLDER}/{name}")
        assert (file.user, file.mode) == ("prometheus", 0o400), name
    assert on(HOST).file(f"{FOLDER}/database.secret").mode == 0o600
    token = cluster.run(HOST, f"cat {FOLDER}/metrics.token").strip()
    assert token == cluster.run("login1", "cat /etc/evenfloor/metrics.secret").strip()
    assert token not in json.dumps(look(cluster, "status/config"))
    assert token not in cluster.run(HOST, "ps -eo args")


def test_it_listens_on_loopback_only(cluster):
    sockets = cluster.run(HOST, "ss --listening --tcp --numeric --no-header").split("\n")
    outside = [line.split()[3] for line in sockets if line and "127.0.0.1:" not in line]
    assert [address for address in outside if not address.endswith(":22")] == []


def test_its_database_user_may_do_nothing_but_connect_over_tls(cluster):
    address = cluster.address(HOST)
    (grants,) = cluster.sql(f"SHOW GRANTS FOR evenfloor_monitor@'{address}'")
    assert grants[0].startswith("GRANT USAGE ON *.*") and "REQUIRE SSL" in grants[0]


def test_a_second_run_changes_nothing_there(cluster):
    output = cluster.playbook("playbooks/site.yml", "--tags", "monitoring").stdout
    recap = output.partition("PLAY RECAP")[2]
    line = next(line for line in recap.splitlines() if line.startswith(HOST))
    assert "changed=0" in line and "failed=0" in line


def test_new_secrets_reach_it_and_it_misses_no_look(cluster):
    old, began = cluster.run(HOST, f"cat {FOLDER}/metrics.token").strip(), time.time()
    podman(cluster, HOST, "exec", then=("sh", "-c", "systemctl stop ssh; pkill sshd"))
    without = cluster.playbook("playbooks/rotate_secrets.yml", check=False)
    podman(cluster, HOST, "exec", then=("systemctl", "start", "ssh"))
    assert "The old metrics token still works" in without.stdout + without.stderr
    cluster.playbook("playbooks/rotate_secrets.yml")
    new, ended = cluster.run(HOST, f"cat {FOLDER}/metrics.token").strip(), time.time()
    assert new != old
    assert new == cluster.run("login1", "cat /etc/evenfloor/metrics.secret").strip()
    config = cluster.run("login1", "cat /etc/evenfloor/evenfloor.ini")
    assert f"metrics_token = {new}\n" in config and old not in config

    def looks() -> dict[str, float]:
        since = int(time.time() - ended)
        query = (
            f'count_over_time(up{{job="evenfloor-login"}}[{since}s])' if since else "vector(0) < 0"
        )
        return values(cluster, query, "instance")

    # With the new token alone, too.
    cluster.wait_until(
        lambda: min(looks().values(), default=0) > 1, PATIENCE, "it has looked again"
    )
    query = f'min_over_time(up{{job="evenfloor-login"}}[{int(time.time() - began)}s])'
    assert set(values(cluster, query, "instance").values()) == {1}
