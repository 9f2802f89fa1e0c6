"""Which calls without a row may end: a few, and never many at once."""

from hypothesis import given
from hypothesis import strategies as st

from evenfloor.orphans import PERIOD, Orphans

tags = st.sampled_from("abcdefgh")


@given(st.integers(0, 5), st.lists(st.tuples(st.sets(tags), st.floats(0, 30)), max_size=20))
def test_never_more_calls_end_within_a_minute_than_may_whatever_is_found(most, sweeps):
    orphans, now, ended = Orphans(most), 0.0, []
    for found, pause in sweeps:
        now += pause
        ending = orphans.may_end(found, now)
        assert ending | orphans.kept == found and not ending & orphans.kept
        ended += [(now, tag) for tag in ending]
        assert len({tag for when, tag in ended if now - when < PERIOD}) <= most


def test_a_single_call_ends_at_once_and_others_one_by_one():
    orphans = Orphans(3)
    assert orphans.may_end({"a"}, 0) == {"a"}
    assert orphans.may_end({"b", "c"}, 5) == {"b", "c"}
    assert orphans.may_end({"d"}, 10) == set() and orphans.kept == {"d"}


def test_a_call_that_takes_its_time_to_end_is_counted_once():
    orphans = Orphans(1)
    assert orphans.may_end({"a"}, 0) == orphans.may_end({"a"}, 5) == {"a"}


def test_calls_that_are_kept_stay_so_even_when_few_are_left():
    orphans = Orphans(2)
    assert orphans.may_end({"a", "b", "c"}, 0) == set()
    assert orphans.may_end({"c"}, 1000) == set() and orphans.kept == {"c"}


def test_when_the_rows_are_back_the_next_call_without_a_row_ends():
    orphans = Orphans(2)
    orphans.may_end({"a", "b", "c"}, 0)
    assert orphans.may_end(set(), 5) == set() and orphans.kept == frozenset()
    assert orphans.may_end({"a"}, 10) == {"a"}


def test_after_a_restore_a_single_call_is_kept_until_a_person_says_that_it_may_end():
    orphans = Orphans(3)
    assert orphans.may_end({"a"}, 0, keep=True) == set() and orphans.kept == {"a"}
    orphans.end_kept()
    assert orphans.may_end({"a", "b"}, 5, keep=True) == {"a"} and orphans.kept == {"b"}


def test_what_a_person_says_holds_for_the_calls_that_were_kept_then():
    orphans = Orphans(1)
    orphans.may_end({"a", "b"}, 0)
    assert orphans.end_kept() == 2
    assert orphans.may_end({"a", "b", "c", "d"}, 5) == {"a", "b"}
    assert orphans.kept == {"c", "d"}
