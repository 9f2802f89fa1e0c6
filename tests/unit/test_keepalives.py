"""VICIdial's processes that may run once in a cluster are given to exactly one dialer."""

import pytest

from .inventories import assert_says, inventory, only_problem, problems

SOURCE = {"vicidial_source": "/srv/vicidial"}


def dialers(first, second, **made):
    """Make two dialers with these keepalives, of which the second is made by the role."""
    return {
        "dialer1": {"server_ip": "10.0.0.11", "vicidial_keepalives": first},
        "dialer2": {"server_ip": "10.0.0.12", "vicidial_keepalives": second, **made},
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [("12345679C", "12346C"), ("12346C", "12345679C"), ("123456C", "1234679C")],
)
def test_each_process_on_one_dialer_is_right(first, second):
    assert problems(*inventory(dialers(first, second, **SOURCE))) == []


def test_a_process_on_two_dialers_is_a_problem_that_names_both():
    problem = only_problem(dialers("12345679C", "123456C", **SOURCE))
    assert_says(problem, "process 5 on dialer1, dialer2", "exactly one dialer")


def test_a_process_on_no_dialer_is_a_problem():
    problem = only_problem(dialers("1234567C", "12346C", **SOURCE))
    assert_says(problem, "process 9 on no dialer", "exactly one dialer")


def test_where_no_dialer_is_made_nothing_reads_the_setting():
    assert problems(*inventory(dialers("12345679C", "12345679C"))) == []


@pytest.mark.parametrize("value", ["0123", "1 2", "12346c", ""])
def test_other_letters_are_refused(value):
    assert problems(*inventory(dialers("12345679C", value, **SOURCE)))
