"""Modules refuse another cluster's database, and dialers that have another address there."""

import pytest

from tests.integration.modules.floor import DIALERS, FIRST, SECOND, THIRD, everything
from tests.integration.modules.guest import DIALERS as GUESTS

WITHOUT_NAME = "ALTER TABLE evenfloor_cluster DROP COLUMN cluster_name"
#: What changes something, or leads to changes.
CALLS = [
    ("cluster", {"dialers": DIALERS[:2]}),
    ("aliases", {"phone_aliases": [{"extensions": "101"}], "dialers": DIALERS[:2]}),
    ("server", {"server_ip": FIRST, "server_id": "renamed"}),
    ("server", {"server_ip": FIRST, "state": "absent"}),
    ("phones_info", {}),
]


@pytest.fixture
def lyon(modules):
    """Two dialers and three aliases of the cluster lyon."""
    for number in (1, 2):
        modules.server(number, opened=True)
    modules.aliases(serving=[FIRST, SECOND])
    modules.run("cluster", cluster_name="lyon", dialers=DIALERS[:2])
    return modules


def recorded(cluster) -> tuple:
    return cluster.run("SELECT flavor, cluster_name FROM evenfloor_cluster")


# The name


def test_the_first_run_records_flavor_and_name_and_no_other_does(modules, cluster):
    assert modules.run("cluster", check=True, cluster_name="lyon")["changed"]
    assert recorded(cluster) == ()
    done = modules.run("cluster", cluster_name="lyon", dialers=DIALERS)
    assert done["changed"] and done["recorded"] == {"flavor": "plain", "name": "lyon"}
    assert recorded(cluster) == (("plain", "lyon"),)
    before = everything(cluster)
    assert not modules.run("cluster", cluster_name="lyon", dialers=DIALERS)["changed"]
    assert everything(cluster) == before


def test_a_cluster_of_an_earlier_release_gets_its_name_and_keeps_its_flavor(modules, cluster):
    cluster.run(
        "INSERT INTO evenfloor_cluster (id, flavor, created) VALUES (1, 'plain', '2026-01-02')"
    )
    assert modules.run("cluster", cluster_name="lyon")["changed"]
    assert cluster.run("SELECT flavor, YEAR(created), cluster_name FROM evenfloor_cluster") == (
        ("plain", 2026, "lyon"),
    )


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_another_name_is_refused_naming_both(lyon, cluster, call, check):
    before = everything(cluster)
    module, arguments = call
    assert lyon.fail(module, check, **arguments, cluster_name="paris") == (
        "this database belongs to the cluster lyon; the inventory says paris; use the inventory of"
        " lyon, or if the folder was only renamed, set cluster_name: lyon in group_vars/all."
        " Nothing has been changed"
    )
    assert everything(cluster) == before


@pytest.mark.parametrize("name", ["lyon", ""])
def test_the_name_that_is_recorded_and_no_name_are_served(lyon, name):
    assert lyon.aliases("101-104", serving=[FIRST, SECOND], cluster_name=name)["changed"]
    assert not lyon.run("server", server_ip=FIRST, server_id="dialer1", cluster_name=name)[
        "changed"
    ]


@pytest.mark.parametrize("earlier", [WITHOUT_NAME, "DROP TABLE evenfloor_cluster"])
def test_modules_serve_a_cluster_of_an_earlier_release(lyon, cluster, earlier):
    cluster.run(earlier)
    assert lyon.aliases("101-104", serving=[FIRST, SECOND], cluster_name="paris")["changed"]


def test_of_two_first_runs_at_once_one_is_refused(modules, cluster):
    started = [modules.start("cluster", cluster_name=name) for name in ("lyon", "paris")]
    results = [modules.finish(process) for process in started]
    assert sorted(bool(result.get("failed")) for result in results) == [False, True]
    ((_flavor, name),) = recorded(cluster)
    refused = next(result["msg"] for result in results if result.get("failed"))
    assert f"belongs to the cluster {name}" in refused


# The dialers


@pytest.mark.parametrize("module", ["cluster", "aliases"])
def test_an_inventory_with_none_of_the_dialers_in_service_is_refused(lyon, cluster, module):
    """As when a copied inventory has the name, too."""
    before = everything(cluster)
    others = [{"name": "d9", "server_ip": "10.9.0.9", "server_id": "lyon9"}]
    arguments = {"dialers": others, "cluster_name": "lyon"}
    if module == "aliases":
        arguments["phone_aliases"] = [{"extensions": "101"}]
    message = lyon.fail(module, **arguments)
    assert (
        f"has the dialers dialer1 ({FIRST}), dialer2 ({SECOND}); the inventory has lyon9 (10.9.0.9)"
        in message
    )
    assert everything(cluster) == before


def test_one_dialer_in_service_is_enough_by_address_or_by_name(lyon):
    new = DIALERS[2]
    by_address = {"name": "first", "server_ip": FIRST}
    by_name = {"name": "first", "server_ip": "10.9.0.9", "server_id": "DIALER1"}
    for known in (by_address, by_name):
        arguments = {"phone_aliases": [{"extensions": "101-103"}], "grow": False}
        lyon.run(
            "aliases", check=True, dialers=[new, known], cluster_name="lyon", confirmed=True,
            **arguments,
        )  # fmt: skip


def test_before_any_dialer_was_opened_any_may_come(modules):
    modules.server(1)
    modules.run("cluster", cluster_name="lyon", dialers=[DIALERS[2]])


# Addresses


def moved(number, server_ip):
    return {**DIALERS[number - 1], "server_ip": server_ip}


COMMAND = "ansible-playbook renumber-dialer.yml -e dialer=dialer2 -e server_ip=10.0.0.22"


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("dialers", "words"),
    [
        ([DIALERS[0], moved(2, "10.0.0.22")],
         [f"dialer2: server_ip is 10.0.0.22 in the inventory, and {SECOND} in the database;"
          f" correct server_ip, or if the dialer really has a new address: {COMMAND}"]),
        ([DIALERS[0], {**moved(3, SECOND)}],
         [f"dialer3: server_ip {SECOND} is dialer2's in the database; the inventory says dialer3;"
          " correct server_ip, or if this is the same dialer, set server_id: dialer2"]),
        ([moved(1, SECOND), moved(2, FIRST)],
         [f"dialer1: server_ip is {SECOND} in the inventory, and {FIRST} in the database, where"
          f" {SECOND} is dialer2's; correct server_ip",
          f"dialer2: server_ip is {FIRST} in the inventory, and {SECOND} in the database, where"
          f" {FIRST} is dialer1's; correct server_ip"]),
    ],
    ids=["another address", "another's address", "swapped"],
)  # fmt: skip
def test_a_dialer_with_another_address_is_refused_naming_both(lyon, cluster, dialers, words, check):
    before = everything(cluster)
    message = lyon.fail("cluster", check, dialers=dialers, cluster_name="lyon")
    assert all(sentence in message for sentence in words)
    assert message.endswith("Nothing has been changed")
    assert everything(cluster) == before


def test_a_dialer_that_is_not_there_yet_may_have_any_address(lyon):
    assert not lyon.run("cluster", dialers=[*DIALERS[:2], moved(3, THIRD)])["changed"]


def test_beside_vicidial_addresses_and_names_are_compared_too(vicidial):
    vicidial.adopt()
    assert vicidial.modules.run(
        "cluster", cluster_name="lyon", login_unix_socket=vicidial.socket, dialers=GUESTS[:2]
    )["recorded"] == {"flavor": "vicidial", "name": "lyon"}
    before = vicidial.rows("servers", "phones", "evenfloor_cluster")
    wrong = [GUESTS[0], {**GUESTS[1], "server_ip": "10.0.0.22"}]
    assert "10.0.0.22 in the inventory, and 10.0.0.2 in" in vicidial.modules.fail(
        "cluster", cluster_name="lyon", dialers=wrong
    )
    assert "belongs to the cluster lyon" in vicidial.modules.fail(
        "server", server_ip="10.0.0.1", server_id="D1", cluster_name="paris"
    )
    assert vicidial.rows("servers", "phones", "evenfloor_cluster") == before


def test_without_a_database_a_check_says_so(nowhere):
    assert "once the database is there" in nowhere.run("cluster", check=True)["msg"]
    assert "run site.yml" in nowhere.fail("cluster")
