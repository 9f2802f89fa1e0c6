"""The last words of a run."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.changes import (
    NOTHING,
    NOTHING_WOULD,
    changes_table,
    count_changes,
)

PHONES = {
    "counts": {"phones_added": 120, "phones_changed": 1, "phones_removed": 4, "phones_renamed": 2},
    "kept": {"phones": 5, "aliases": 0, "days": 30},
}
LISTS = {
    "counts": {"aliases_added": 64, "aliases_removed": 2, "aliases_returned": 3},
    "kept": {"phones": 0, "aliases": 2, "days": 30},
}


def dialer(before, after, changed=True):
    """Make what the module server returns."""
    diff = {"before": before, "after": after}
    return {"changed": changed, "in_service": True, "rooms_added": 0, "diff": diff}


def test_the_counts_of_several_steps_are_added():
    counts = count_changes([PHONES, LISTS, LISTS])
    assert counts["phones"]["added"] == 120
    assert counts["phones"]["changed"] == 3
    assert counts["aliases"]["removed"] == 4


def test_what_came_back_was_not_added():
    aliases = count_changes([LISTS])["aliases"]
    assert (aliases["added"], aliases["returned"]) == (61, 3)


def test_what_goes_is_kept_for_return():
    assert count_changes([PHONES])["phones"]["kept"] == 5


def test_dialers_are_counted_by_what_there_was_and_is():
    loop = {"results": [dialer("", "rows"), dialer("rows", ""), dialer("rows", "other rows")]}
    dialers = count_changes([loop])["dialers"]
    assert {key: number for key, number in dialers.items() if number} == {
        "added": 1,
        "changed": 1,
        "removed": 1,
    }


def test_a_dialer_that_stays_as_it_is_counts_nothing():
    assert changes_table([dialer("rows", "rows", changed=False)], "Undo it.") == NOTHING


def test_what_was_skipped_counts_nothing():
    results = [None, {"skipped": True}, {"changed": True, "stdout": "other"}, {"results": []}]
    assert changes_table(results) == NOTHING
    assert changes_table(results, check=True) == NOTHING_WOULD


def test_the_table_names_every_number_and_how_to_undo_it():
    table = changes_table([PHONES, LISTS, dialer("", "rows")], "To undo it, do nothing.")
    assert table.splitlines() == [
        "         added  came back  changed  closed  removed  kept for return",
        "phones     120          0        3       0        4                5",
        "aliases     61          3        0       0        2                2",
        "dialers      1          0        0       0        0                0",
        "To undo it, do nothing.",
    ]


def test_a_check_says_that_it_would_be():
    assert changes_table([PHONES], check=True).startswith("would be  added")
