"""A run on a cluster that is as its inventory says changes nothing."""

import pytest


@pytest.mark.parametrize("words", [(), ("--check", "--diff")], ids=["run", "check"])
def test_another_run_changes_nothing(cluster, words):
    output = cluster.playbook("playbooks/site.yml", *words).stdout
    recap = output.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    hosts = {host for hosts in cluster.groups.values() for host in hosts}
    assert recap.count("ok=") == len({*hosts, "localhost"})
    assert recap.count("changed=0") == recap.count("ok=")
