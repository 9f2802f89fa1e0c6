"""Who may write to a cluster: the lease of a run, and the lock under which modules plan."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.lock import provisioning_lock_name

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import (
    DIALERS,
    FIRST,
    SECOND,
    everything,
    lists,
    takes_logins,
)
from tests.integration.modules.guest import DIALERS as GUESTS
from tests.waiting import PATIENCE, wait_until

WAITING = (
    "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"
    " AND (state = 'User lock' OR state LIKE 'Waiting for table%%')"
)
STARTER = {"who": "anna", "origin": "control1", "playbook": "add_dialer.yml"}


def lease(modules, state, token, **more):
    return modules.run("run_lease", state=state, token=token, **more)


def expire(cluster):
    cluster.run("UPDATE evenfloor_run SET expires = UTC_TIMESTAMP() - INTERVAL 1 SECOND")


def test_a_lease_is_taken_once_renewed_by_its_run_and_free_after_its_release(modules, cluster):
    assert lease(modules, "taken", "one", **STARTER)["held"]
    other = lease(modules, "taken", "two")
    assert not other["held"]
    assert other["holder"].startswith("provisioning runs already: anna@control1 since ")
    assert "(add_dialer.yml, " in other["holder"]
    assert lease(modules, "renewed", "one")["held"]
    assert not lease(modules, "renewed", "two")["held"]
    lease(modules, "released", "two")
    assert not lease(modules, "taken", "two")["held"]
    lease(modules, "released", "one")
    assert lease(modules, "taken", "two")["held"]


def test_a_lease_that_was_not_renewed_in_time_is_taken_over_and_not_got_back(modules, cluster):
    lease(modules, "taken", "one", **STARTER)
    expire(cluster)
    assert lease(modules, "renewed", "one")["held"], "nobody has taken it"
    expire(cluster)
    assert lease(modules, "taken", "two")["held"]
    assert not lease(modules, "renewed", "one")["held"]
    lease(modules, "released", "one")
    assert lease(modules, "renewed", "two")["held"]


def test_a_check_takes_no_lease(modules, cluster):
    assert not modules.run("run_lease", check=True, state="taken", token="one")["held"]
    assert cluster.run("SELECT * FROM evenfloor_run") == ()


def test_without_a_table_there_is_no_lease_and_nobody_is_refused(modules, cluster):
    cluster.run("DROP TABLE evenfloor_run")
    for state in ("taken", "renewed", "released"):
        answer = lease(modules, state, "one")
        assert not answer["there"] and not answer["held"]
    modules.server(1, opened=True)
    modules.aliases(dialers=DIALERS[:1])
    assert lists(cluster)


WRITES = [
    ("aliases", {"phone_aliases": [{"extensions": "101"}], "dialers": [DIALERS[0]]}),
    ("server", {"server_ip": SECOND, "server_id": "dialer2"}),
    ("server", {"server_ip": FIRST, "state": "absent"}),
]


@pytest.mark.parametrize(("module", "arguments"), WRITES, ids=["aliases", "present", "absent"])
def test_who_does_not_have_the_lease_changes_nothing(modules, cluster, module, arguments):
    modules.server(1, opened=True)
    lease(modules, "taken", "one", **STARTER)
    before = everything(cluster)
    said = modules.fail(module, **arguments)
    assert "provisioning runs already: anna@control1" in said and "Nothing has been changed" in said
    said = modules.fail(module, run_token="two", **arguments)
    assert "this run has lost its lease" in said and "anna@control1" in said
    assert everything(cluster) == before
    lease(modules, "released", "one")
    # Its own lease was taken over, and the other is through: what it planned on is old.
    assert "lost its lease" in modules.fail(module, run_token="two", **arguments)
    assert modules.run(module, **arguments)["changed"]


@pytest.mark.parametrize(("module", "arguments"), WRITES, ids=["aliases", "present", "absent"])
def test_who_has_the_lease_may_write(modules, module, arguments):
    modules.server(1, opened=True)
    lease(modules, "taken", "one", **STARTER)
    assert modules.run(module, run_token="one", **arguments)["changed"]


def test_a_dialer_is_closed_and_opened_whoever_has_the_lease_or_the_lock(modules, cluster):
    modules.server(1, opened=True)
    lease(modules, "taken", "one", **STARTER)
    with cluster.lock_held(provisioning_lock_name(DATABASE)):
        modules.server(1, takes_logins=False)
        assert takes_logins(cluster, FIRST) == "N"
        modules.server(1, takes_logins=True)
    assert takes_logins(cluster, FIRST) == "Y"


def test_a_check_is_not_refused(modules):
    modules.server(1, opened=True)
    lease(modules, "taken", "one", **STARTER)
    assert modules.aliases(check=True)["changed"]
    assert modules.server(2, check=True)["changed"]


def test_the_provisioning_user_beside_vicidial_may_take_the_lease(vicidial):
    vicidial.adopt()
    assert lease(vicidial.modules, "taken", "one")["held"]
    assert not lease(vicidial.modules, "taken", "two")["held"]
    assert vicidial.aliases([{"extensions": "103"}], run_token="one")["changed"]
    assert lease(vicidial.modules, "renewed", "one")["held"]
    lease(vicidial.modules, "released", "one")
    assert lease(vicidial.modules, "taken", "two")["held"]


def at_once(server, modules, runs):
    """Run aliases several times at once: all have started before any can read the phones."""
    database = modules.defaults["database"]
    with server.connect(database) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES phones WRITE")
        started = [modules.start("aliases", **arguments) for arguments in runs]

        def all_wait():
            with server.connect() as watcher, watcher.cursor() as look:
                look.execute(WAITING, (database,))
                return look.fetchone()[0] == len(runs)

        try:
            wait_until(all_wait, PATIENCE, "every module waits")
        finally:
            cursor.execute("UNLOCK TABLES")
    done = [modules.finish(process) for process in started]
    assert not any(result.get("failed") for result in done), done
    return done


def letters(rows) -> dict:
    """Return the letters of each dialer; every login is one phone's."""
    assert len({login.lower() for login, _ in rows}) == len(rows)
    return {
        server_ip: {login[-1] for login, ip in rows if ip == server_ip} for _, server_ip in rows
    }


def test_two_dialers_that_are_added_at_once_get_a_letter_each_and_their_share(
    server, modules, cluster, make_balancer
):
    cluster.add_campaign()
    modules.server(1, opened=True)
    entries = [{"extensions": "101-130", "login_password": "typed"}]
    modules.aliases(entries, DIALERS[:1], serving=[FIRST])
    for number in (2, 3):
        modules.server(number)
    one = {"phone_aliases": entries, "dialers": DIALERS}
    # The other inventory has the new ones in another order, and would give them other letters.
    two = {"phone_aliases": entries, "dialers": [DIALERS[0], DIALERS[2], DIALERS[1]]}
    done = at_once(server, modules, [{**one, "grow": False}, {**two, "grow": False}])
    assert sorted(result["counts"]["phones_added"] for result in done) == [0, 60]
    for number in (2, 3):
        modules.server(number, opened=True)
    at_once(server, modules, [one, two])
    found = letters(cluster.run("SELECT login, server_ip FROM phones"))
    assert sorted(map(sorted, found.values())) == [["a"], ["b"], ["c"]]
    assert {len(logins.split(",")) for logins in lists(cluster).values()} == {3}
    cluster.keep_alive()
    balancer = make_balancer(registration="ignore")
    for extension in range(101, 131):
        balancer.login(f"{extension}x", "typed", f"agent{extension}", "TEST")
    assert set(cluster.local_agents().values()) == {10}


def test_beside_vicidial_two_inventories_with_a_new_dialer_each_share_no_letter(server, vicidial):
    vicidial.adopt()
    fourth = {"name": "d4", "server_ip": "10.0.0.4", "server_id": "D4"}
    known, entries = GUESTS[:2], [{"extensions": "101-102"}]
    for new in (GUESTS[2], fourth):
        vicidial.server(new["server_ip"][-1], server_id=new["server_id"], clone_from="10.0.0.1")
    runs = [
        {"phone_aliases": entries, "dialers": [*known, new], "serving": [new["server_ip"]]}
        for new in (GUESTS[2], fourth)
    ]
    at_once(server, vicidial.modules, runs)
    found = letters(vicidial.sql("SELECT login, server_ip FROM phones"))
    assert sorted(map(sorted, found.values())) == [["a"], ["b"], ["c"], ["d"]]
    assert {
        len(logins.split(",")) for (logins,) in vicidial.sql("SELECT logins_list FROM phones_alias")
    } == {4}
