"""A browser at the floor page, and one at the login page. The tests build on each other."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import barriers, browsing, take_picture, visiting
from tests.state import STAYS, podman, wait_until_settled
from tests.waiting import PATIENCE

ALIAS = "101x"
OTHERS = [f"10{number}x" for number in range(2, 7)]
#: Log in when a dialer was added.
LATER = ["107x", "108x"]
DIALER4 = "---\ndialers:\n  hosts:\n    dialer4:\n      ansible_host: 10.94.0.34\n"


@pytest.fixture(scope="module")
def browser():
    with browsing() as found:
        yield found


def visit(browser, cluster):
    """A page of the first login host, whose certificate is the cluster's own."""
    site = f"https://{cluster.address('login1')}"
    return visiting(browser, site, ignore_https_errors=True)


@pytest.fixture(scope="module")
def agent(browser, cluster):
    with visit(browser, cluster) as page:
        page.goto("/")
        yield page


@pytest.fixture(scope="module")
def floor(browser, cluster):
    """The floor page, after somebody has typed the operator token."""
    wait_until_settled(cluster)
    cluster.logout_everybody()
    with visit(browser, cluster) as page:
        page.goto("/floor")
        token = cluster.run("login1", "cat /etc/evenfloor/operator.secret").strip()
        page.get_by_label("Operator token").fill(token)
        page.get_by_role("button", name="Show the floor").click()
        expect(page.locator("#sum")).to_have_text("0 agents, spread 0")
        yield page


def row(floor, dialer: str):
    return floor.locator("#dialers tr").filter(has_text=dialer)


def test_an_agent_logs_in_the_phone_rings_and_the_floor_moves(agent, floor, cluster):
    agent.locator("#alias").fill(ALIAS)
    agent.locator("#password").fill(cluster.password(ALIAS))
    agent.locator("#user").fill("agent7")
    agent.locator("#campaign").fill("SALES")
    agent.locator("#enter").click()
    expect(agent.locator("#session")).to_be_visible()
    cluster.wait_for_calls(1)
    ((dialer, _call),) = [(name, c) for name, found in cluster.all_calls().items() for c in found]
    expect(agent.locator("main")).to_contain_text(dialer)
    expect(row(floor, dialer).locator(".count")).to_have_text("1 agent")
    expect(floor.locator("#agents")).to_contain_text("agent7")


def test_a_dialer_that_dies_is_seen_going_and_coming_back(agent, floor, cluster):
    for alias in OTHERS:
        cluster.login(alias)
    cluster.wait_for_calls(6)
    expect(floor.locator("#sum")).to_have_text("6 agents, spread 0")
    ((of_the_page,),) = cluster.sql(
        "SELECT server_ip FROM vicidial_live_agents WHERE user = 'agent7'"
    )
    dead = next(name for name in cluster.dialers if cluster.address(name) != of_the_page)
    podman(cluster, dead, "kill")
    expect(row(floor, dead).locator(".dead").first).to_be_visible()
    take_picture(floor, "floor_of_a_cluster_with_a_dead_dialer")
    podman(cluster, dead, "start")
    cluster.playbook("playbooks/lab_up.yml")
    expect(row(floor, dead).locator(".count")).to_have_text("0 agents")
    expect(row(floor, dead).locator(".dead")).to_have_count(0)
    expect(floor.locator("#sum")).to_have_text("4 agents, spread 2")


def test_a_dialer_that_is_added_is_seen_filling(floor, cluster):
    (Path(cluster.inventory) / "dialer4.yml").write_text(DIALER4)
    cluster.reload()
    cluster.playbook("playbooks/lab_up.yml")
    cluster.playbook("add-dialer.yml")
    expect(row(floor, "dialer4").locator(".count")).to_have_text("0 agents")
    # The phones of the dialer that was dead come back one by one.
    wait_until_settled(cluster, STAYS)
    there = {user for (user,) in cluster.sql("SELECT user FROM vicidial_live_agents")}
    for alias in [*OTHERS, *LATER]:
        if f"agent{alias}" not in there:
            cluster.wait_for_call(cluster.login(alias))
    expect(row(floor, "dialer4").locator(".count")).to_have_text("2 agents")
    expect(floor.locator("#sum")).to_have_text("8 agents, spread 0")
    take_picture(floor, "floor_of_a_cluster_that_has_grown")


def test_everybody_can_use_both_pages(agent, floor):
    assert barriers(agent) == barriers(floor) == []


def test_the_agent_logs_out_and_the_call_ends(agent, floor, cluster):
    agent.locator("#logout").click()
    expect(agent.locator("#session")).to_be_hidden()
    cluster.wait_until(
        lambda: not any("101" in found for found in cluster.all_calls().values()),
        PATIENCE, "the agent's call has ended",
    )  # fmt: skip
    expect(floor.locator("#sum")).to_have_text("7 agents, spread 1")
