"""The module agents: only hashes, only what has to change, and nobody removed by mistake."""

from ansible_collections.evenfloor.cluster.plugins.modules import agents

from tests.integration.conftest import DATABASE
from tests.integration.modules.floor import ENGINES, everything, use_engine
from tests.killed_module import DONE, KILLED, MOST_STATEMENTS, run_and_kill_at

SECRET, OTHER = "typed by hand", "typed by mistake"


def wanted(*users: str, password: str = SECRET) -> list[dict]:
    return [{"user": user, "password": password} for user in users]


def hashes(cluster) -> dict:
    return dict(cluster.run("SELECT user, password_hash FROM evenfloor_agents"))


@ENGINES
def test_a_second_run_changes_nothing(cluster, server, modules, engine):
    use_engine(cluster, server, engine)
    asked = wanted("agent7", "agent8")
    assert modules.run("agents", agents=asked)["added"] == ["agent7", "agent8"]
    before = hashes(cluster)
    second = modules.run("agents", agents=asked)
    assert (second["changed"], second["diff"]) == (False, {"before": "", "after": ""})
    assert hashes(cluster) == before


def test_another_password_is_a_new_hash_and_who_is_not_named_goes(cluster, modules):
    modules.run("agents", agents=wanted("agent7", "agent8", "agent9"))
    before = hashes(cluster)
    asked = [*wanted("agent7"), *wanted("agent8", password=OTHER)]
    done = modules.run("agents", agents=asked)
    assert (done["added"], done["updated"], done["removed"]) == ([], ["agent8"], ["agent9"])
    after = hashes(cluster)
    assert set(after) == {"agent7", "agent8"}
    assert after["agent7"] == before["agent7"] and after["agent8"] != before["agent8"]


def test_no_output_holds_a_password_or_a_hash(cluster, modules):
    for check in (True, False):
        modules.run("agents", check, agents=wanted("agent7"))
        assert SECRET not in modules.output and "scrypt" not in modules.output
    assert SECRET not in repr(hashes(cluster))


def test_a_check_says_what_would_change_and_changes_nothing(cluster, modules):
    modules.run("agents", agents=wanted("agent7", "agent8"))
    before = everything(cluster)
    asked = [*wanted("agent7", password=OTHER), *wanted("agent9")]
    checked = modules.run("agents", True, agents=asked)
    assert checked["diff"]["before"] == "agent7: the former password\nagent8: agent\n"
    assert checked["diff"]["after"] == "agent7: the new password\nagent9: agent\n"
    assert everything(cluster) == before


def test_where_there_is_no_database_yet_a_check_says_so(nowhere):
    checked = nowhere.run("agents", True, agents=wanted("agent7"))
    assert checked["changed"] and checked["removal"]["needs_confirmation"] is False
    assert "run site.yml" in nowhere.fail("agents", agents=wanted("agent7"))


def test_where_nobody_wants_agents_the_table_is_not_needed(cluster, modules):
    cluster.run("DROP TABLE evenfloor_agents")
    assert not modules.run("agents", agents=[])["changed"]
    assert "run site.yml" in modules.fail("agents", agents=wanted("agent7"))


def test_a_list_that_is_missing_removes_nobody_unless_somebody_says_so(cluster, modules):
    modules.run("agents", agents=wanted("agent7"))
    before = everything(cluster)
    for check in (True, False):
        assert "is empty or not set" in modules.fail("agents", check, agents=[])
    assert everything(cluster) == before
    assert modules.run("agents", agents=[], confirmed=True)["removed"] == ["agent7"]
    assert hashes(cluster) == {}


def test_many_go_only_if_somebody_says_so(cluster, modules):
    cluster.run("INSERT INTO evenfloor_agents VALUES ('a', 'x'), ('b', 'x'), ('c', 'x')")
    look = modules.run(
        "agents", True, agents=wanted("a"), remove_without_asking=1, compare_passwords=False
    )
    assert look["removal"]["needs_confirmation"]
    assert "2 agents would be removed (b, c)" in look["removal"]["summary"]
    before = everything(cluster)
    message = modules.fail("agents", agents=wanted("a"), remove_without_asking=1)
    assert "2 agents would be removed (b, c)" in message
    assert everything(cluster) == before
    modules.run("agents", agents=wanted("a"), remove_without_asking=1, confirmed=True)
    assert set(hashes(cluster)) == {"a"}


def test_a_look_that_compares_nothing_cannot_change_anything(cluster, modules):
    assert "use check mode" in modules.fail("agents", agents=[], compare_passwords=False)


def test_the_wrong_cluster_is_left_alone(cluster, modules):
    cluster.run(
        "INSERT INTO evenfloor_cluster (flavor, created, cluster_name)"
        " VALUES ('plain', NOW(), 'north')"
    )
    before = everything(cluster)
    message = modules.fail("agents", agents=wanted("agent7"), cluster_name="south")
    assert "belongs to the cluster north" in message
    assert everything(cluster) == before


def test_while_another_run_has_the_lease_nothing_is_changed(cluster, modules):
    cluster.run(
        "INSERT INTO evenfloor_run VALUES (1, 'theirs', 'ann', 'here', 'site.yml',"
        " UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
    )
    message = modules.fail("agents", agents=wanted("agent7"))
    assert "provisioning runs already: ann@here" in message
    assert hashes(cluster) == {}
    assert modules.run("agents", agents=wanted("agent7"), run_token="theirs")["changed"]


def test_of_two_runs_at_once_one_hashes_and_the_other_finds_it(cluster, modules):
    asked = wanted("agent7", "agent8")
    both = [modules.start("agents", agents=asked) for _run in range(2)]
    done = [modules.finish(process) for process in both]
    assert sorted(result["changed"] for result in done) == [False, True]
    assert set(hashes(cluster)) == {"agent7", "agent8"}


def test_a_run_that_is_killed_leaves_all_or_nothing_and_the_next_finishes(
    cluster, modules, option_file, tmp_path
):
    """Otherwise a few agents would be there, and all the others shut out."""
    cluster.run("INSERT INTO evenfloor_agents VALUES ('former', 'x')")
    before = hashes(cluster)
    asked = wanted("agent7", "agent8")
    given = {"config_file": str(option_file), "database": DATABASE, "agents": asked}
    ends = []
    for number in range(1, MOST_STATEMENTS):
        ends.append(run_and_kill_at(number, tmp_path / "output", agents, **given))
        assert hashes(cluster) == before or set(hashes(cluster)) == {"agent7", "agent8"}
        if ends[-1] == DONE:
            break
        cluster.run("DELETE FROM evenfloor_agents")
        cluster.run("INSERT INTO evenfloor_agents VALUES ('former', 'x')")
    assert ends[-1] == DONE and KILLED in ends
    assert not modules.run("agents", agents=asked)["changed"]


def test_beside_vicidial_there_are_no_agents_and_no_table_is_read(vicidial):
    vicidial.adopt()
    assert not vicidial.modules.run("agents", agents=[])["changed"]
    message = vicidial.modules.fail("agents", agents=wanted("agent7"))
    assert "VICIdial's own page logs them in here" in message
