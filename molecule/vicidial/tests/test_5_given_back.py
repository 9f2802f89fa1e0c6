"""Taken out again: the cluster is as it was."""

import pytest


@pytest.fixture(autouse=True)
def known_state():
    """Nothing is repaired: that would adopt the cluster again."""


@pytest.fixture(autouse=True)
def nobody_logged_in(cluster):
    # Evenfloor's own tables are gone here.
    cluster.sql("DELETE FROM vicidial_live_agents")


def test_nobody_gives_it_back_by_accident(cluster):
    done = cluster.playbook("playbooks/unadopt.yml", check=False)
    assert done.returncode != 0
    assert "Nothing has been changed" in done.stdout
    done = cluster.playbook("playbooks/unadopt.yml", "--check", "--diff")
    assert "own choice: no" in cluster.log_in(1001)


def test_the_cluster_is_given_back_as_it_was(cluster):
    cluster.playbook("playbooks/unadopt.yml", "-e", "confirmed=true")
    schema = cluster.run(
        "db1",
        "mariadb-dump --no-data --skip-comments asterisk | sed 's/ AUTO_INCREMENT=[0-9]*//'",
    )
    assert schema == cluster.run("db1", "cat /root/schema.before")
    assert cluster.sql("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'evenfloor%'") == [["0"]]
    assert cluster.run("web1", "cat /var/www/html/agc/options.php") == cluster.run(
        "web1", "cat /root/options.before"
    )
    left = "find / -xdev -name '*evenfloor*' -not -path '/proc/*' -not -path '/root/*'"
    assert cluster.run("web1", f"{left} -not -path '/var/log/*'").strip() == ""
    assert cluster.run("db1", left).strip() == ""
    assert cluster.run("web1", "getent passwd evenfloor || true") == ""
    page = cluster.log_in(1001)
    assert "own choice: yes" in page and "logged in on [10.95.0." in page


def test_giving_it_back_again_changes_nothing(cluster):
    done = cluster.playbook("playbooks/unadopt.yml", "-e", "confirmed=true")
    recap = done.stdout.partition("PLAY RECAP")[2]
    assert [
        line for line in recap.splitlines() if "changed=" in line and "changed=0 " not in line
    ] == []


def test_it_can_be_adopted_again(cluster):
    cluster.playbook("playbooks/adopt.yml")
    cluster.playbook("playbooks/site.yml")
    assert "own choice: no" in cluster.log_in(1001)
