"""A run on a cluster that is as its inventory says has nothing to change."""

from tests.collection import ansible, build, make_repository


def expect_nothing_changed(cluster, output: str) -> None:
    """Make sure that every host was looked at, and nothing changed on any of them."""
    recap = output.partition("PLAY RECAP")[2].partition("TASKS RECAP")[0]
    hosts = {host for hosts in cluster.groups.values() for host in hosts}
    assert recap.count("ok=") == len({*hosts, "localhost"})
    assert recap.count("changed=0") == recap.count("ok=")


def test_a_check_from_an_operators_own_repository_finds_nothing_to_change(cluster, tmp_path):
    repository = make_repository(build(tmp_path), tmp_path / "repository")
    output = ansible(
        repository, "ansible-playbook", "-i", cluster.inventory, "evenfloor.cluster.site",
        "--check", "--diff",
    )  # fmt: skip
    expect_nothing_changed(cluster, output)
