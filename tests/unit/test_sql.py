"""How statements are put together and how their rows become records."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from evenfloor.sql import Columns, Condition, Reply, Statement, decoded, note, quoted


class Pair(NamedTuple):
    name: str
    active: bool


PAIR = Columns(Pair, name="p.login", active=Condition("p.active <=> 'Y'"))


def reply(*rows) -> Reply:
    return Reply(rows, len(rows), 0, 0.0)


def test_one_definition_writes_the_select_and_reads_its_rows():
    assert PAIR.listed == "p.login, p.active <=> 'Y'"
    assert PAIR.read(reply(("101a", 1), ("101b", 0))) == [Pair("101a", True), Pair("101b", False)]


def test_columns_as_one_json_array_are_read_as_the_same_record():
    assert PAIR.array == "JSON_ARRAY(p.login, p.active <=> 'Y')"
    assert PAIR.decode('["101a", 1]') == PAIR.read(reply(("101a", 1)))[0]


@pytest.mark.parametrize("array", ['["x", 1]', '["x", true]', '["x", 0]', '["x", false]'])
def test_a_condition_is_true_or_false_however_mariadb_writes_it(array):
    assert PAIR.decode(array).active is ("1" in array or "true" in array)


@pytest.mark.parametrize(
    "expressions",
    [{"name": "a"}, {"active": "b", "name": "a"}, {"name": "a", "active": "b", "more": "c"}],
)
def test_a_record_needs_an_expression_for_each_field_in_its_order(expressions):
    with pytest.raises(TypeError, match="Pair"):
        Columns(Pair, **expressions)


def test_rows_of_json_are_decoded_together():
    assert decoded(reply(('["a", 1]',), ("[null]",))) == [["a", 1], [None]]
    assert decoded(reply()) == []


def test_words_are_listed_in_one_order_so_that_the_text_is_always_the_same():
    assert quoted({"b", "a", "c"}) == quoted(["c", "b", "a"]) == "'a', 'b', 'c'"


def test_what_is_kept_in_a_variable_is_read_without_the_locks_of_a_set():
    kept = note("found", Statement("SELECT %(it)s", {"it": 1}))
    assert kept == Statement("SELECT %(it)s INTO @found", {"it": 1})
