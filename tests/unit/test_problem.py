"""A problem is data; its sentence is made of it."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)


def test_a_sentence_names_place_fault_and_fix():
    problem = Problem("dialer3", "server_ip 10.0.0.12 is also dialer2's", "give it another")
    assert problem.sentence() == "dialer3: server_ip 10.0.0.12 is also dialer2's; give it another"


def test_a_place_can_be_the_subject():
    problem = Problem("group login", "is empty", "put a host into it", is_subject=True)
    assert problem.sentence() == "group login is empty; put a host into it"


def test_a_problem_may_need_no_fix():
    assert Problem("table phones", "is missing", is_subject=True).sentence() == (
        "table phones is missing"
    )


def test_a_problem_within_a_larger_thing_is_named_by_that_and_keeps_its_fix():
    problem = Problem("extensions '9-1'", "runs backwards", 'write "1-9"', is_subject=True)
    within = problem.within("softphone_extensions").within("seat1")
    assert (within.where, within.fix) == ("seat1", 'write "1-9"')
    assert within.sentence() == (
        "seat1: softphone_extensions: extensions '9-1' runs backwards; write \"1-9\""
    )


def test_an_error_carries_its_problem():
    problem = Problem("alias 101x", "is taken", "choose another")
    error = InventoryError(problem)
    assert error.problem is problem
    assert str(error) == problem.sentence()
