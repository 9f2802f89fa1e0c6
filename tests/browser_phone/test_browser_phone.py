"""Agents who have a browser and a headset, and nothing else. The tests build on each other."""

import pytest
from playwright.sync_api import expect

from lab.waiting import PATIENCE, wait_until
from tests.browser import visiting

BOTH = ["dialer1", "dialer2"]
#: What sound both ways is, in packets of 20 ms.
PACKETS = 100
#: What Chromium says of a dialer that is away.
LOST = "WebSocket connection to 'wss://"
WITHOUT = '{"phone_aliases": [{"extensions": "101-102"}, {"extensions": "121-122"}]}'


@pytest.fixture(scope="module")
def page(browser, cluster):
    """A page that is clean: no other site is asked, and no script fails."""
    with visiting(browser, f"https://{cluster.address('login1')}", LOST) as found:
        yield found


def wait_for(condition, what: str) -> None:
    wait_until(condition, PATIENCE, what)


def enter(page, cluster, alias: str) -> None:
    page.goto("/")
    page.get_by_label("Phone login").fill(alias)
    page.get_by_label("Phone password").fill(cluster.password(alias))
    page.get_by_label("User", exact=True).fill(f"agent{alias}")
    page.get_by_label("Campaign").fill("SALES")
    page.get_by_role("button", name="Log in").click()


def registered(cluster, extension: str) -> list[str]:
    return [dialer for dialer in cluster.dialers if extension in cluster.registered(dialer)]


def call_of(cluster, extension: str):
    """The dialer and the call of an extension; None where there is none."""
    for dialer in cluster.dialers:
        call = cluster.calls(dialer).get(extension)
        if call:
            return dialer, call
    return None


def test_an_agent_logs_in_and_is_heard_and_hears(page, cluster):
    enter(page, cluster, "121x")
    expect(page.locator("#phone")).to_contain_text("in a call with dialer")
    expect(page.locator("#answer")).to_contain_text("Keep this page open")
    assert registered(cluster, "121") == BOTH

    def is_heard_and_hears() -> bool:
        found = call_of(cluster, "121")
        return bool(found) and min(found[1].received, found[1].sent) > PACKETS

    wait_for(is_heard_and_hears, "there is sound both ways")


def test_the_call_is_on_the_dialer_that_was_chosen(page, cluster):
    ((server_ip,),) = cluster.sql(
        "SELECT server_ip FROM vicidial_live_agents WHERE user = 'agent121x'"
    )
    assert call_of(cluster, "121")[0] == cluster.dialer_of(server_ip)


def test_the_logout_ends_call_and_registrations(page, cluster):
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#answer")).to_contain_text("You are logged out")
    expect(page.locator("#phone")).to_be_empty()
    wait_for(lambda: not registered(cluster, "121"), "the phone is registered nowhere")
    wait_for(lambda: call_of(cluster, "121") is None, "the call has ended")
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("Object.values(sessionStorage)") == ["{}", "{}"]


@pytest.mark.parametrize("dialer", BOTH)
def test_each_dialer_rings_the_browser_with_sound_both_ways(page, cluster, dialer):
    (other,) = set(BOTH) - {dialer}
    cluster.sql(f"UPDATE servers SET active_agent_login_server = 'N' WHERE server_id = '{other}'")
    try:
        enter(page, cluster, "121x")
        expect(page.locator("#phone")).to_contain_text(f"in a call with {dialer}")
    finally:
        cluster.sql("UPDATE servers SET active_agent_login_server = 'Y'")

    def has_sound() -> bool:
        call = cluster.calls(dialer).get("121")
        return bool(call) and min(call.received, call.sent) > PACKETS

    wait_for(has_sound, "there is sound both ways")


def test_a_softphone_on_the_same_cluster_is_as_before(cluster):
    session = cluster.login("101x")
    cluster.wait_for_call(session)
    cluster.request("POST", "/api/v1/logout", {"session": session["session"]})


def contact(cluster, dialer: str) -> str:
    """The address of the phone's registration on a dialer."""
    lines = cluster.asterisk(dialer, "pjsip show contacts").splitlines()
    return next((line.split()[1] for line in lines if "Contact:  121/" in line), "")


def test_a_page_that_is_loaded_again_registers_again_by_itself(page, cluster):
    before = {dialer: contact(cluster, dialer) for dialer in BOTH}
    page.reload()
    expect(page.locator("#phone")).to_contain_text("registered with 2 of 2")
    expect(page.locator("#answer")).to_contain_text("Your call has ended")
    wait_for(lambda: call_of(cluster, "121") is None, "the call of the page before has ended")
    assert cluster.sql("SELECT COUNT(*) FROM vicidial_live_agents") == [["0"]]
    for dialer in BOTH:
        assert contact(cluster, dialer) not in ("", before[dialer])


def test_a_dialer_that_was_away_is_registered_with_again(page, cluster):
    before = contact(cluster, "dialer2")
    cluster.run("dialer2", "systemctl stop asterisk")
    expect(page.locator("#phone")).to_contain_text("registered with 1 of 2")
    cluster.run("dialer2", "systemctl start asterisk")
    expect(page.locator("#phone")).to_contain_text("registered with 2 of 2")
    assert contact(cluster, "dialer2") not in ("", before)


def test_a_login_leaves_a_dialer_out_that_is_away(page, cluster):
    cluster.run("dialer2", "systemctl stop asterisk")
    try:
        wait_for(lambda: not cluster.floor()["dialer2"]["takes_logins"], "dialer2 is dead")
        enter(page, cluster, "121x")
        expect(page.locator("#phone")).to_contain_text("in a call with dialer1")
    finally:
        cluster.run("dialer2", "systemctl start asterisk")


def test_a_dialer_that_comes_later_is_registered_with_while_the_agent_talks(page, cluster):
    """A frame that allows the dialer comes without the page being loaded again."""
    where = f"WHERE extension = '121' AND server_ip = '{cluster.address('dialer2')}'"
    cluster.sql(f"UPDATE phones SET protocol = 'EXTERNAL' {where}")
    try:
        enter(page, cluster, "121x")
        expect(page.locator("#phone")).to_contain_text("in a call with dialer1")
        assert registered(cluster, "121") == ["dialer1"]
    finally:
        cluster.sql(f"UPDATE phones SET protocol = 'PJSIP' {where}")
    before = cluster.calls("dialer1")["121"]
    wait_for(lambda: registered(cluster, "121") == BOTH, "the page has found the dialer")
    assert cluster.calls("dialer1")["121"].channel == before.channel
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#answer")).to_contain_text("You are logged out")


def test_a_second_run_changes_nothing_and_removing_the_setting_turns_it_back(page, cluster):
    page.goto("about:blank")
    done = cluster.playbook("playbooks/site.yml")
    changed = [line for line in done.stdout.splitlines() if "changed=" in line]
    assert changed and all("changed=0" in line for line in changed), done.stdout[-3000:]
    cluster.playbook("playbooks/site.yml", "--check", "--diff", "-e", WITHOUT)
    cluster.playbook("playbooks/site.yml", "-e", WITHOUT)
    for dialer in cluster.dialers:
        assert "8089" not in cluster.run(dialer, "ss -Hltn; cat /etc/evenfloor/edge.nft")
        assert "webrtc" not in cluster.run(dialer, "cat /etc/asterisk/evenfloor/endpoints.conf")
    assert "phone.js" not in cluster.get_text("/")
    assert cluster.run("login1", "ls /opt/evenfloor/jssip.js || true") == ""
    types = cluster.sql("SELECT DISTINCT phone_type FROM phones")
    assert types == [["PJSIP"]]
