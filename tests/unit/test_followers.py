"""Which phones follow to a new dialer, and in which waves they are told."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.followers import (
    Floor,
    find_followers,
    in_words,
    waves,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_models import (
    CHECK_SYNC,
    NO_REBOOT,
)

OLD, OTHER, NEW = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def alias(extension: str, *server_ips: str) -> dict:
    places = list(server_ips or (OLD, OTHER, NEW))
    named = {"alias_id": f"{extension}x", "extension": extension}
    return {**named, "server_ips": places, "kind": "sip"}


def a_floor(models: dict, registered=None, **more) -> Floor:
    """A floor on which all these phones are registered with the old dialers."""
    extensions = [name[:-1] for name in models]
    given = {
        "aliases": [alias(extension) for extension in extensions],
        "registered": {(extension, there) for extension in extensions for there in (OLD, OTHER)},
        "models": models,
        "opened": {OLD, OTHER},
        "ready": {OLD: "dialer1", OTHER: "dialer2", NEW: "dialer3"},
        "managed": set(),
    }
    if registered is not None:
        given["registered"] = registered
    return Floor(**{**given, **more})


def found(floor: Floor, following=None) -> tuple[list, list]:
    awaited, others = find_followers(floor, following)
    return [one.alias for one in awaited], [one.alias for one in others]


def test_models_that_follow_are_awaited_and_the_others_are_named():
    floor = a_floor({"101x": "yealink", "102x": "linphone", "103x": "snom"})
    assert found(floor) == (["101x", "103x"], ["102x"])
    assert found(floor, ["linphone"]) == (["102x"], ["101x", "103x"])
    assert found(floor, []) == ([], ["101x", "102x", "103x"])
    (first, *_others), _rest = find_followers(floor)
    assert (first.dialers, first.teller) == (("dialer3",), "dialer1")


def test_a_phone_that_is_registered_there_is_neither():
    models = {"101x": "yealink", "102x": "linphone"}
    there = a_floor(models).registered | {("101", NEW), ("102", NEW)}
    assert found(a_floor(models, there)) == ([], [])


def test_a_phone_that_is_off_or_a_seat_or_of_no_known_model_is_nobodys_business():
    assert found(a_floor({"101x": "yealink"}, set())) == ([], [])
    assert found(a_floor({"101x": "yealink"}, managed={"101"})) == ([], [])
    assert found(a_floor({"101x": "samovar"})) == ([], [])
    # It is on a dialer that isn't open, and nowhere else.
    assert found(a_floor({"101x": "yealink"}, {("101", NEW)})) == ([], [])


def test_a_phone_that_cannot_hold_so_many_accounts_is_not_awaited():
    assert found(a_floor({"101x": "microsip"})) == ([], [])
    places = [f"10.0.0.{n}" for n in range(1, 8)]
    full = a_floor({"101x": "grandstream"}, aliases=[alias("101", *places)])
    assert found(full) == ([], [])
    fits = a_floor({"101x": "grandstream"}, aliases=[alias("101", *places[:6])])
    assert found(fits) == (["101x"], [])
    # The small one of a maker whose others hold more.
    for noted, awaited in (("yealink/6", []), ("yealink/12", ["101x"]), ("yealink", ["101x"])):
        floor = a_floor({"101x": noted}, aliases=[alias("101", *places)])
        assert found(floor) == (awaited, [])
    (one,), _others = find_followers(a_floor({"101x": "yealink/6"}))
    assert one.model == "yealink"


def test_an_alias_that_does_not_belong_on_the_new_dialer_is_left_alone():
    assert found(a_floor({"101x": "yealink"}, aliases=[alias("101", OLD, OTHER)])) == ([], [])


def test_a_phone_is_told_by_a_dialer_that_this_run_has_reached():
    floor = a_floor({"101x": "yealink"}, ready={OTHER: "dialer2", NEW: "dialer3"})
    (one,), _others = find_followers(floor)
    assert one.teller == "dialer2"
    assert found(a_floor({"101x": "yealink"}, ready={NEW: "dialer3"})) == ([], ["101x"])


def test_an_alias_is_known_whatever_case_its_id_has():
    floor = a_floor({"101x": "yealink"}, aliases=[{**alias("101"), "alias_id": "101X"}])
    assert found(floor) == (["101X"], [])


def test_a_wave_has_one_dialer_one_event_and_at_most_so_many_phones():
    models = {f"{n}x": "snom" for n in range(101, 106)} | {"106x": "polycom"}
    awaited, _others = find_followers(a_floor(models))
    told = waves(awaited, 2)
    grouped = [["106"], ["101", "102"], ["103", "104"], ["105"]]
    assert [wave["extensions"] for wave in told] == grouped
    assert [wave["event"] for wave in told] == [CHECK_SYNC, *[NO_REBOOT] * 3]
    assert told[-1]["label"] == "6 of 6 phones, through dialer1"
    assert waves([], 2) == []


def test_phones_are_named_by_alias_and_model():
    phones = [
        {"alias": "101x", "model": "yealink"},
        {"alias": "103x", "model": "linphone"},
        {"alias": "102x", "model": "yealink"},
    ]
    assert in_words(phones) == "101x, 102x (yealink); 103x (linphone)"


def test_nobody_tells_a_phone_of_the_edge_or_waits_for_it_here():
    floor = a_floor({"101x": "yealink"}, aliases=[{**alias("101"), "kind": "edge"}])
    assert find_followers(floor) == ([], [])
