"""The login page with the hook: even, and never worse than without."""

import statistics
import time
from http.cookiejar import CookieJar

import pytest

from tests.waiting import PATIENCE, Limit

AGENTS = range(1001, 1201)
OPTIONS = "/var/www/html/agc/options.php"
KEPT = "/var/www/html/agc/options.kept"


@pytest.fixture
def hooks_patience(cluster):
    """How many seconds the hook waits for the service."""
    return cluster.hostvars["web1"]["balancer_hook_timeout"]


@pytest.fixture
def without_service(cluster):
    cluster.run("web1", "systemctl stop evenfloor-login")
    yield
    cluster.run("web1", "systemctl start evenfloor-login")
    cluster.wait_until(
        lambda: "own choice: no" in cluster.log_in(1001), PATIENCE, "the service answers again"
    )


def test_two_hundred_logins_sixteen_at_once_leave_the_floor_even(cluster):
    # Some pages without the hook, to show that this test can fail; not that of agent 1200, whom
    # the page's own choice may send to the phone with another password, and so nowhere.
    cluster.run("web1", "mv /opt/evenfloor/hook.php /opt/evenfloor/hook.kept")
    try:
        cluster.log_in_at_once(AGENTS[:-1])
        uneven = cluster.spread()
    finally:
        cluster.run("web1", "mv /opt/evenfloor/hook.kept /opt/evenfloor/hook.php")
    assert uneven > 1
    cluster.sql("DELETE FROM vicidial_live_agents")
    pages = cluster.log_in_at_once(AGENTS)
    assert all("logged in on [10.95.0." in page for page in pages)
    assert [page for page in pages if "own choice: no" not in page] == []
    assert sum(cluster.counts().values()) == len(AGENTS)
    assert cluster.spread() <= 1


def test_agents_who_log_in_again_leave_it_even(cluster):
    cluster.log_in_at_once(AGENTS)
    pages = cluster.log_in_at_once(reversed(AGENTS))
    assert [page for page in pages if "own choice: no" not in page] == []
    assert sum(cluster.counts().values()) == len(AGENTS)
    assert cluster.spread() <= 1


def test_a_phone_with_another_password_is_not_chosen(cluster):
    # 1200d would win: the last of the list, and nobody anywhere.
    assert "with 1200c" in cluster.log_in(1200)
    assert "" not in cluster.counts()


def test_an_agent_who_gives_no_phone_is_balanced_as_well(cluster):
    first = cluster.log_in(1199, phone_login="", phone_pass="")
    assert "logged in on [10.95.0.20] with 1199d" in first and "own choice: no" in first
    cluster.sql("UPDATE vicidial_live_agents SET user = 'somebody'")
    assert "with 1199c" in cluster.log_in(1199, phone_login="", phone_pass="")


def test_without_users_first_nobody_is_looked_up(cluster):
    def shown():
        return cluster.log_in(1199, phone_login="", phone_pass="")

    cluster.run("web1", f"sed -i \"s/login_first = '1'/login_first = '0'/\" {OPTIONS}")
    try:
        # PHP looks every two seconds whether a file has changed.
        cluster.wait_until(
            lambda: "[]" in shown(), PATIENCE, "the page asks for a phone first", every=1
        )
        before = cluster.questions()
        assert "phonepass" not in shown()
        assert cluster.questions() == before
    finally:
        cluster.run("web1", f"sed -i \"s/login_first = '0'/login_first = '1'/\" {OPTIONS}")
        cluster.wait_until(lambda: "1199" in shown(), PATIENCE, "and then as before", every=1)


def test_the_page_still_knows_what_the_agent_typed(cluster):
    jar = CookieJar()
    page = cluster.log_in(1001, jar=jar)
    assert "original_phone_login = '1001x';" in page
    # Whoever logs in again is offered the phone that was chosen, and has the alias all the same.
    chosen = page.partition(" with ")[2].partition(",")[0]
    assert chosen == "1001d"
    other = cluster.log_in(1001, alias=chosen, jar=jar, VD_login="agent1002")
    assert "with 1001c" in other
    # A form that is shown again, after a wrong password, shows what was typed.
    again = cluster.log_in(1001, jar=jar, VD_pass="wrong")
    assert "wrong user" in again and "field.value = '1001x'" in again


def test_a_phone_that_is_no_alias_is_the_agents_choice(cluster):
    page = cluster.log_in(1001, alias="1001b")
    assert "logged in on [10.95.0.32] with 1001b" in page


def test_an_alias_that_is_called_like_one_of_its_phones_is_balanced(cluster):
    page = cluster.log_in(1003, alias="1003d")
    assert "logged in on [10.95.0.20] with 1003d" in page and "own choice: no" in page
    cluster.sql("UPDATE vicidial_live_agents SET user = 'somebody'")
    page = cluster.log_in(1003, alias="1003d")
    assert "logged in on [10.95.0.31] with 1003a" in page and "own choice: no" in page


def test_a_phone_that_another_alias_is_called_like_is_taken(cluster):
    # The last of the list wins where nobody is anywhere; alias 1003d would lead to 1003a, too.
    cluster.sql(
        "INSERT INTO vicidial_live_agents (user, server_ip, extension, campaign_id, last_call_time)"
        " SELECT CONCAT('at ', login), server_ip, 'PJSIP/999', 'SALES', NOW() FROM phones"
        " WHERE extension = '1003' AND login <> '1003d'"
    )
    page = cluster.log_in(1003)
    assert "logged in on [10.95.0.20] with 1003d" in page and "own choice: no" in page


def test_nothing_but_a_submitted_login_asks(cluster):
    before = cluster.questions()
    cluster.page("timeclock.php", phone_login="1001x", phone_pass="phonepass", VD_login="agent1001",
                 VD_pass="userpass", VD_campaign="SALES")  # fmt: skip
    cluster.page()
    cluster.log_in(1001, VD_campaign="")
    cluster.log_in(1001, VD_pass="")
    cluster.log_in(1001, relogin="YES")
    assert cluster.questions() == before
    assert "kept" in cluster.log_in(1001)
    assert cluster.questions() == before + 1


def test_a_wrong_phone_password_is_the_pages_to_refuse(cluster):
    page = cluster.log_in(1001, phone_pass="wrong")
    assert "own choice: yes" in page


def test_the_operators_own_options_go_on(cluster):
    assert ", kept<" in cluster.log_in(1001)
    text = cluster.run("web1", f"cat {OPTIONS}")
    assert text.startswith(cluster.run("web1", "cat /root/options.before"))


def test_without_the_service_the_page_chooses_as_before(cluster, without_service, hooks_patience):
    limit, started = Limit(hooks_patience), time.monotonic()
    page = cluster.log_in(1001)
    limit.check(time.monotonic() - started, "a page that finds no service")
    assert "own choice: yes" in page and "logged in on [10.95.0." in page


def test_a_service_that_hangs_holds_nobody_up_for_long(cluster, hooks_patience):
    limit = Limit(hooks_patience + 1)
    cluster.run("web1", "pkill -STOP gunicorn")
    try:
        started = time.monotonic()
        page = cluster.log_in(1001)
        waited = time.monotonic() - started
    finally:
        cluster.run("web1", "pkill -CONT gunicorn")
    assert "own choice: yes" in page
    assert waited >= hooks_patience
    limit.check(waited, "a page whose service hangs")


def test_a_database_without_evenfloors_tables_changes_nothing_for_agents(cluster):
    cluster.sql("RENAME TABLE evenfloor_reservations TO evenfloor_gone")
    try:
        assert "own choice: yes" in cluster.log_in(1001)
    finally:
        cluster.sql("RENAME TABLE evenfloor_gone TO evenfloor_reservations")


def test_the_service_can_choose_and_nothing_else(cluster):
    assert "127.0.0.1:8080" in cluster.run("web1", "ss -ltnH 'sport = 8080'")
    ask = (
        'python3 -c \'import json, urllib.request as r; q = r.Request("http://127.0.0.1:8080/api/v1/{}",'
        ' data=json.dumps({}).encode(), headers={{"Content-Type": "application/json"}});'
        " print(r.urlopen(q).read())' 2>&1 || true"
    )
    body = '{"alias": "1001x", "password": "phonepass", "user": "agent1001", "campaign": "SALES"}'
    assert "HTTP Error 503" in cluster.run("web1", ask.format("login", body))
    assert cluster.sql("SELECT COUNT(*) FROM vicidial_live_agents") == [["0"]]
    assert "phone_login" in cluster.run("web1", ask.format("choose", body))


def test_no_password_is_in_a_page_or_a_log(cluster):
    pages = [cluster.log_in(1001), cluster.log_in(1199, phone_login="", phone_pass="")]
    pages.append(cluster.log_in(1199, phone_login="", phone_pass="", relogin="YES"))
    assert not any("phonepass" in page for page in pages)
    logs = cluster.run("web1", "journalctl --no-pager; cat /var/log/apache2/*")
    assert '"user": "agent1001"' in logs
    assert "phonepass" not in logs


def test_on_other_pages_the_hook_costs_nothing_measurable(cluster):
    """The median of PHP's processor time for including options.php, with and without the lines."""
    script = (
        'function used() { $r = getrusage(); return $r["ru_utime.tv_sec"] + $r["ru_stime.tv_sec"]'
        ' + ($r["ru_utime.tv_usec"] + $r["ru_stime.tv_usec"]) / 1e6; }'
        " $n = 2000; $s = used(); for ($i = 0; $i < $n; $i++) { include $argv[1]; }"
        " echo (used() - $s) / $n * 1e6;"
    )

    def microseconds(path):
        return float(cluster.run("web1", f"php -r '{script}' {path}"))

    without, with_hook = [
        statistics.median(microseconds(path) for _ in range(5))
        for path in ("/root/options.before", OPTIONS)
    ]
    assert with_hook - without < 50, f"{with_hook:.0f} instead of {without:.0f} µs"


def test_a_setting_takes_the_hook_out_and_leaves_no_trace(cluster):
    before = cluster.run("web1", "cat /root/options.before")
    cluster.playbook("playbooks/site.yml", "--tags", "login", "-e", "balancer_hook=false")
    assert cluster.run("web1", f"cat {OPTIONS}") == before
    assert "own choice: yes" in cluster.log_in(1001)
    cluster.playbook("playbooks/site.yml", "--tags", "login")
    assert "own choice: no" in cluster.log_in(1001)


def test_an_options_file_that_php_cannot_read_is_left_as_it_is(cluster):
    cluster.run("web1", f"cp -p {OPTIONS} {KEPT} && echo '<?php $broken = ;' > {OPTIONS}")
    try:
        done = cluster.playbook("playbooks/site.yml", "--tags", "login", check=False)
        assert done.returncode != 0
        assert "stays as it is: PHP can't read it" in done.stdout
        assert cluster.run("web1", f"cat {OPTIONS}") == "<?php $broken = ;\n"
    finally:
        cluster.run("web1", f"mv {KEPT} {OPTIONS}")


def test_a_hook_that_php_cannot_read_changes_nothing_for_agents(cluster):
    cluster.run(
        "web1",
        "cd /opt/evenfloor && cp -p hook.php hook.kept && echo '<?php (' > hook.php",
    )
    try:
        cluster.wait_until(
            lambda: "own choice: yes" in cluster.log_in(1001), PATIENCE, "the page goes on", every=1
        )
    finally:
        cluster.run("web1", "mv /opt/evenfloor/hook.kept /opt/evenfloor/hook.php")
        cluster.wait_until(
            lambda: "own choice: no" in cluster.log_in(1001), PATIENCE, "and asks again", every=1
        )
