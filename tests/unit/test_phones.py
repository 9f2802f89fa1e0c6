"""Phones and aliases from what is there to what is wanted, as properties of any history."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import InventoryError, expand_aliases, letters_of, problems
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import Alias, Phone, as_diff, assign_letters, describe, make_plan

ADDRESSES = [f"10.0.0.{number}" for number in range(1, 6)]
EXTENSIONS = ["101", "102", "103", "104"]
#: A busy machine is no fault of a plan.
UNHURRIED = settings(deadline=None)


def want(extension, server_ips, suffix="x", name=None, login_password=None, registration=None):
    """Make what the inventory wants of one alias."""
    return {
        "alias_id": extension + suffix,
        "extension": extension,
        "name": name or f"Agent {extension}",
        "named": name is not None,
        "server_ips": list(server_ips),
        "login_password": login_password,
        "registration_password": registration,
    }


def apply(plan, phones, aliases):
    """Apply a plan in its order; an alias is written only when its phones are there."""
    phones = {(phone.extension, phone.server_ip): phone for phone in phones}
    aliases = {alias.alias_id: alias for alias in aliases}
    for phone in plan.new_phones:
        place = (phone.extension, phone.server_ip)
        assert place not in phones, f"{place} is there already"
        phones[place] = phone
    for phone in plan.changed_phones:
        old = phones[phone.extension, phone.server_ip]
        assert phone != old
        assert phone.login == old.login
        phones[phone.extension, phone.server_ip] = phone
    logins = {phone.login for phone in phones.values()}
    for alias in [*plan.new_aliases, *(new for _old, new in plan.changed_aliases)]:
        assert set(alias.logins) <= logins
        aliases[alias.alias_id] = alias
    for alias in plan.removed_aliases:
        del aliases[alias.alias_id]
    for phone in plan.removed_phones:
        del phones[phone.extension, phone.server_ip]
    return list(phones.values()), list(aliases.values())


def settle(wanted, phones=(), aliases=(), serving=ADDRESSES, **how):
    """Plan and apply."""
    return apply(make_plan(phones, aliases, wanted, serving, **how), phones, aliases)


def places(phones):
    return {(phone.extension, phone.server_ip): phone for phone in phones}


def lists(aliases):
    return {alias.alias_id: list(alias.logins) for alias in aliases}


def changes(plan):
    """Count a plan's changes."""
    return sum(len(part) for part in plan[:-1])


PASSWORDS = st.sampled_from([None, None, "given1", "given2"])


@st.composite
def inventories(draw, passwords=PASSWORDS, extensions=EXTENSIONS):
    """What an inventory wants: some aliases, each with some dialers in any order."""
    server_ips = st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True)
    return [
        want(
            extension,
            draw(server_ips),
            suffix=draw(st.sampled_from(["x", "x", "x", "z", ""])),
            name=draw(st.sampled_from([None, None, "Sales"])),
            login_password=draw(passwords),
            registration=draw(passwords),
        )
        for extension in draw(st.lists(st.sampled_from(extensions), unique=True))
    ]


SERVING = st.sets(st.sampled_from(ADDRESSES))


@st.composite
def clusters(draw, **kinds):
    """Phones and aliases as runs with changing inventories leave them."""
    phones, aliases = [], []
    for _run in range(draw(st.integers(0, 3))):
        phones, aliases = settle(
            draw(inventories(**kinds)),
            phones,
            aliases,
            draw(SERVING),
            grow=draw(st.booleans()),
            purge=draw(st.booleans()),
        )
    return draw(st.permutations(phones)), draw(st.permutations(aliases))


BOOL = st.booleans()


# Any run


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_second_run_changes_nothing(cluster, wanted, serving, grow, purge):
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    again = make_plan(phones, aliases, wanted, serving, grow=grow, purge=purge)
    assert changes(again) == 0
    assert describe(again) == []


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_every_wanted_phone_is_there_afterwards(cluster, wanted, serving, grow, purge):
    phones, _aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    there = places(phones)
    for alias in wanted:
        for server_ip in alias["server_ips"]:
            assert there[alias["extension"], server_ip].name == alias["name"]


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_all_phones_of_an_alias_share_their_passwords(cluster, wanted, serving, grow, purge):
    phones, _aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    for alias in wanted:
        passwords = {
            (phone.login_password, phone.registration_password)
            for phone in phones
            if phone.extension == alias["extension"]
        }
        assert len(passwords) == 1
        login, registration = passwords.pop()
        assert login == alias["login_password"] or (login and not alias["login_password"])
        given = alias["registration_password"]
        assert registration == given or (registration and not given)


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_phones_that_stay_keep_their_logins(cluster, wanted, serving, grow, purge):
    before = places(cluster[0])
    after = places(settle(wanted, *cluster, serving, grow=grow, purge=purge)[0])
    for place in before.keys() & after.keys():
        assert after[place].login == before[place].login


@UNHURRIED
@given(clusters(passwords=st.none()), inventories(passwords=st.none()), SERVING, BOOL, BOOL)
def test_phones_that_stay_keep_passwords_that_the_inventory_does_not_give(
    cluster, wanted, serving, grow, purge
):
    before = places(cluster[0])
    after = places(settle(wanted, *cluster, serving, grow=grow, purge=purge)[0])
    for place in before.keys() & after.keys():
        assert after[place].login_password == before[place].login_password
        assert after[place].registration_password == before[place].registration_password


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_two_phones_have_the_same_login_and_none_has_an_aliass_name(
    cluster, wanted, serving, grow, purge
):
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    logins = [phone.login.lower() for phone in phones]
    assert len(set(logins)) == len(logins)
    assert not set(logins) & {alias.alias_id.lower() for alias in aliases}


# Logins lists


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL)
def test_a_list_names_just_the_wanted_phones_that_it_had_or_that_are_serving(
    cluster, wanted, serving, purge
):
    before = lists(cluster[1])
    phones, aliases = settle(wanted, *cluster, serving, purge=purge)
    there, after = places(phones), lists(aliases)
    for alias in wanted:
        had = before.get(alias["alias_id"], [])
        expected = {
            there[alias["extension"], server_ip].login
            for server_ip in alias["server_ips"]
            if server_ip in serving or there[alias["extension"], server_ip].login in had
        }
        named = after.get(alias["alias_id"], [])
        assert len(named) == len(set(named))
        assert set(named) == expected


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_list_keeps_its_order_and_new_entries_come_last_in_the_inventorys(
    cluster, wanted, serving, grow, purge
):
    before = lists(cluster[1])
    phones, aliases = settle(wanted, *cluster, serving, grow=grow, purge=purge)
    server_ips = {phone.login: phone.server_ip for phone in phones}
    after = lists(aliases)
    for alias in wanted:
        had, has = before.get(alias["alias_id"], []), after.get(alias["alias_id"], [])
        kept = [login for login in had if login in has]
        assert has[: len(kept)] == kept
        added = [server_ips[login] for login in has[len(kept) :]]
        assert added == [ip for ip in alias["server_ips"] if ip in added]


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL)
def test_without_grow_no_list_grows_and_no_alias_is_made(cluster, wanted, serving, purge):
    before = lists(cluster[1])
    plan = make_plan(*cluster, wanted, serving, grow=False, purge=purge)
    assert plan.new_aliases == []
    for alias_id, logins in lists(apply(plan, *cluster)[1]).items():
        assert set(logins) <= set(before[alias_id])


@UNHURRIED
@given(inventories(), SERVING)
def test_phones_first_and_lists_later_is_the_same_as_all_at_once(wanted, serving):
    first = settle(wanted, serving=serving, grow=False)
    staged = settle(wanted, *first, serving)
    at_once = settle(wanted, serving=serving)
    assert {place: phone.login for place, phone in places(staged[0]).items()} == {
        place: phone.login for place, phone in places(at_once[0]).items()
    }
    assert lists(staged[1]) == lists(at_once[1])


def test_an_alias_is_not_made_before_a_dialer_serves_it():
    assert settle([want("101", ADDRESSES)], serving=[])[1] == []


def test_an_alias_whose_dialers_all_go_keeps_an_empty_list_until_others_serve():
    cluster = settle([want("101", ADDRESSES[:1])])
    phones, aliases = settle([want("101", ADDRESSES[1:2])], *cluster, serving=[])
    assert lists(aliases) == {"101x": []}
    assert lists(settle([want("101", ADDRESSES[1:2])], phones, aliases)[1]) == {"101x": ["101b"]}


# Strangers and purge


STRANGERS = (
    [
        Phone("900", ADDRESSES[0], "900a", "typed", "spoken", "Stranger"),
        Phone("cc100", "192.0.2.7", "cc100", "", "", ""),
    ],
    [Alias("900x", "Stranger", ("900a", "elsewhere")), Alias("boss", "", ())],
)


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL)
def test_without_purge_strangers_stay_as_they_are(cluster, wanted, serving, grow):
    phones, aliases = cluster[0] + STRANGERS[0], cluster[1] + STRANGERS[1]
    plan = make_plan(phones, aliases, wanted, serving, grow=grow)
    assert plan.removed_aliases == []
    extensions = {alias["extension"] for alias in wanted}
    touched = [*plan.changed_phones, *plan.removed_phones]
    assert {phone.extension for phone in touched} <= extensions
    ids = {alias["alias_id"] for alias in wanted}
    gone = {phone.login for phone in plan.removed_phones}
    for old, new in plan.changed_aliases:
        # A stranger may only let go of a phone that goes.
        assert new.alias_id in ids or set(old.logins) - set(new.logins) <= gone


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL)
def test_purge_leaves_just_what_is_wanted(cluster, wanted, serving, grow):
    phones, aliases = cluster[0] + STRANGERS[0], cluster[1] + STRANGERS[1]
    plan = make_plan(phones, aliases, wanted, serving, grow=grow, purge=True)
    wanted_places = {(alias["extension"], ip) for alias in wanted for ip in alias["server_ips"]}
    wanted_ids = {alias["alias_id"] for alias in wanted}
    assert not places(plan.removed_phones).keys() & wanted_places
    assert not {alias.alias_id for alias in plan.removed_aliases} & wanted_ids
    phones, aliases = apply(plan, phones, aliases)
    assert places(phones).keys() == wanted_places
    assert {alias.alias_id for alias in aliases} <= wanted_ids


def test_a_phone_on_a_dialer_that_its_alias_lost_goes_even_without_purge():
    cluster = settle([want("101", ADDRESSES[:2])])
    phones, aliases = settle([want("101", ADDRESSES[:1])], *cluster)
    assert [phone.login for phone in phones] == ["101a"]
    assert lists(aliases) == {"101x": ["101a"]}


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_list_names_a_phone_that_was_removed(cluster, wanted, serving, grow, purge):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    _phones, aliases = apply(plan, *cluster)
    gone = {phone.login for phone in plan.removed_phones}
    assert not gone & {login for alias in aliases for login in alias.logins}


def test_an_alias_of_yesterdays_suffix_lets_go_of_a_phone_that_goes():
    cluster = settle([want("101", ADDRESSES[:2])])
    _phones, aliases = settle([want("101", ADDRESSES[:1], suffix="z")], *cluster)
    assert lists(aliases) == {"101x": ["101a"], "101z": ["101a"]}


# Dialers come, go and change their order


@st.composite
def dialer_changes(draw):
    """A floor's dialers before and after one is added or removed, or the order is another."""
    before = draw(st.lists(st.sampled_from(ADDRESSES[:4]), min_size=2, unique=True))
    kind = draw(st.sampled_from(["add", "remove", "reorder"]))
    if kind == "add":
        at = draw(st.integers(0, len(before)))
        return before, [*before[:at], ADDRESSES[4], *before[at:]]
    if kind == "remove":
        gone = draw(st.sampled_from(before))
        return before, [ip for ip in before if ip != gone]
    return before, draw(st.permutations(before))


@UNHURRIED
@given(dialer_changes(), BOOL)
def test_a_dialer_that_is_added_removed_or_moved_changes_no_other_dialers_phones(change, purge):
    before, after = change
    cluster = settle([want(extension, before) for extension in EXTENSIONS])
    plan = make_plan(*cluster, [want(extension, after) for extension in EXTENSIONS], after)
    assert plan.changed_phones == []
    assert {phone.server_ip for phone in plan.new_phones} == set(after) - set(before)
    assert {phone.server_ip for phone in plan.removed_phones} == set(before) - set(after)
    for old, new in plan.changed_aliases:
        kept = [login for login in old.logins if login in new.logins]
        assert list(new.logins[: len(kept)]) == kept
    if set(before) == set(after):
        assert changes(plan) == 0


@UNHURRIED
@given(st.sampled_from(["x", "z", "b", "", "X", "B", "ab", "7"]), st.integers(1, 30))
def test_each_new_dialer_gets_the_next_letter_that_is_not_the_suffix(suffix, count):
    addresses = [f"10.0.1.{number}" for number in range(1, count + 1)]
    phones, aliases = [], []
    for number in range(1, count + 1):
        phones, aliases = settle(
            [want("101", addresses[:number], suffix)], phones, aliases, addresses
        )
    free = [letters_of(number) for number in range(1, 40) if letters_of(number) != suffix.lower()]
    assert lists(aliases) == {f"101{suffix}": [f"101{letters}" for letters in free[:count]]}


def test_the_24th_dialer_skips_x_as_102x_is_an_alias():
    addresses = [f"10.0.1.{number}" for number in range(1, 26)]
    _phones, aliases = settle([want("101", addresses)], serving=addresses)
    assert aliases[0].logins[22:] == ("101w", "101y", "101z")


def test_a_letter_that_another_aliass_suffix_takes_is_skipped_for_all():
    wanted = [want("101", ADDRESSES[:3]), want("201", ADDRESSES[:3], suffix="b")]
    _phones, aliases = settle(wanted)
    assert lists(aliases) == {
        "101x": ["101a", "101c", "101d"],
        "201b": ["201a", "201c", "201d"],
    }


def test_a_letter_whose_dialer_is_gone_is_free_again():
    cluster = settle([want("101", ADDRESSES[:3])])
    cluster = settle([want("101", [ADDRESSES[0], ADDRESSES[2]])], *cluster)
    _phones, aliases = settle([want("101", [*ADDRESSES[0:3:2], ADDRESSES[3]])], *cluster)
    assert lists(aliases) == {"101x": ["101a", "101c", "101b"]}


def test_a_new_aliass_phones_take_their_dialers_letters():
    cluster = settle([want("101", ADDRESSES[:3])])
    wanted = [want("101", ADDRESSES[:3]), want("102", [ADDRESSES[2], ADDRESSES[0]])]
    assert lists(settle(wanted, *cluster)[1])["102x"] == ["102c", "102a"]


def test_the_letters_of_phones_that_nobody_wants_any_more_are_not_given_away():
    cluster = settle([want("101", ADDRESSES[:2])])
    plan = make_plan(*cluster, [want("102", [ADDRESSES[2]])], ADDRESSES)
    assert plan.letters == {ADDRESSES[2]: "c"}


def test_a_letter_that_any_phone_has_is_not_free_for_a_new_dialer():
    """As in a cluster that was made by hand, where a dialer's phones have several letters."""
    phones = [
        Phone("101", ADDRESSES[0], "101a", "typed", "spoken", "Agent 101"),
        Phone("102", ADDRESSES[0], "102c", "typed", "spoken", "Agent 102"),
        Phone("101", ADDRESSES[1], "101b", "typed", "spoken", "Agent 101"),
        Phone("102", ADDRESSES[1], "102b", "typed", "spoken", "Agent 102"),
    ]
    wanted = [want("101", ADDRESSES[:3]), want("102", ADDRESSES[:3])]
    plan = make_plan(phones, [], wanted, ADDRESSES)
    assert [phone.login for phone in plan.new_phones] == ["101d", "102d"]


def test_logins_that_follow_no_pattern_are_kept_and_give_no_letters():
    phones = [Phone("101", ADDRESSES[0], "reception", "typed", "spoken", "Agent 101")]
    plan = make_plan(phones, [], [want("101", ADDRESSES[:2])], ADDRESSES)
    assert plan.changed_phones == []
    assert [phone.login for phone in plan.new_phones] == ["101b"]
    assert plan.new_aliases[0].logins == ("reception", "101b")


@UNHURRIED
@given(st.permutations(ADDRESSES), st.sets(st.sampled_from(["a", "b", "x"])))
def test_letters_are_given_once_and_never_those_taken(addresses, taken):
    letters = assign_letters([], addresses, taken)
    assert list(letters) == list(addresses)
    assert len(set(letters.values())) == len(addresses)
    assert not set(letters.values()) & taken


def test_a_dialer_keeps_its_letter_whatever_somebody_calls_an_alias():
    phones = [Phone(e, ADDRESSES[0], f"{e}a", "p", "r", "") for e in EXTENSIONS]
    assert assign_letters(phones, ADDRESSES[:2], {"a", "b"}) == {
        ADDRESSES[0]: "a",
        ADDRESSES[1]: "c",
    }
    with pytest.raises(InventoryError, match="a new phone would have the login '201a'"):
        make_plan(phones, [Alias("201a", "", ())], [want("201", ADDRESSES[:1])], [], shared=[])


# Passwords


def test_passwords_are_made_for_each_alias_and_differ():
    phones, _aliases = settle([want("101", ADDRESSES[:2]), want("102", ADDRESSES[:2])])
    made = [phones[0], phones[2]]
    assert len({phone.login_password for phone in made}) == 2
    assert len({phone.registration_password for phone in made}) == 2
    for phone in made:
        assert phone.login_password.isalnum()
        assert phone.registration_password.isalnum()
        assert len(phone.login_password) >= 10
        assert len(phone.registration_password) >= 20


def test_a_password_that_the_inventory_gives_replaces_the_one_on_every_phone():
    cluster = settle([want("101", ADDRESSES[:3])])
    spoken = cluster[0][0].registration_password
    plan = make_plan(*cluster, [want("101", ADDRESSES[:3], login_password="given")], ADDRESSES)
    assert [phone.login_password for phone in plan.changed_phones] == ["given"] * 3
    assert {phone.registration_password for phone in plan.changed_phones} == {spoken}


@pytest.mark.parametrize("blank", [0, 1])
def test_a_phone_without_passwords_takes_its_siblings_and_never_changes_theirs(blank):
    phones = [
        Phone("101", ADDRESSES[number], login, "typed", "spoken", "Agent 101")
        for number, login in enumerate(["101a", "101b"])
    ]
    phones[blank] = phones[blank]._replace(login_password="", registration_password="")
    plan = make_plan(phones, [], [want("101", ADDRESSES[:2])], ADDRESSES)
    assert plan.changed_phones == [
        phones[blank]._replace(login_password="typed", registration_password="spoken")
    ]


def _texts(plan):
    diff = as_diff(plan)
    return "\n".join([*describe(plan), *(str(value) for value in diff.values())])


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_no_words_about_a_plan_hold_a_password(cluster, wanted, serving, grow, purge):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    text = _texts(plan)
    for phone in [*cluster[0], *plan.new_phones, *plan.changed_phones]:
        assert phone.login_password not in text
        assert phone.registration_password not in text


# What is said about a plan


def test_a_plan_is_described_in_words():
    cluster = settle([want("101", ADDRESSES[:2]), want("102", ADDRESSES[:1])])
    wanted = [
        want("101", ADDRESSES[1:3], login_password="given"),
        want("103", ADDRESSES[1:2]),
    ]
    plan = make_plan(*cluster, wanted, ADDRESSES, purge=True)
    assert describe(plan) == [
        "phone 101c on 10.0.0.3: added",
        "phone 103b on 10.0.0.2: added",
        "phone 101b on 10.0.0.2: changed",
        "alias 103x: added with 103b",
        "alias 101x: 101a,101b becomes 101b,101c",
        "alias 102x: removed",
        "phone 101a on 10.0.0.1: removed",
        "phone 102a on 10.0.0.1: removed",
    ]
    diff = as_diff(plan)
    assert diff["before"].splitlines() == [
        "alias 101x (Agent 101): 101a,101b",
        "alias 102x (Agent 102): 102a",
        "phone 101a on 10.0.0.1",
        "phone 101b on 10.0.0.2 (passwords or name as before)",
        "phone 102a on 10.0.0.1",
    ]
    assert diff["after"].splitlines() == [
        "alias 101x (Agent 101): 101b,101c",
        "alias 103x (Agent 103): 103b",
        "phone 101b on 10.0.0.2 (passwords or name as wanted)",
        "phone 101c on 10.0.0.3",
        "phone 103b on 10.0.0.2",
    ]


@UNHURRIED
@given(clusters(), inventories(), SERVING, BOOL, BOOL)
def test_a_plan_that_changes_something_says_so_and_shows_a_diff(
    cluster, wanted, serving, grow, purge
):
    plan = make_plan(*cluster, wanted, serving, grow=grow, purge=purge)
    diff = as_diff(plan)
    assert len(describe(plan)) == changes(plan)
    assert (diff["before"] != diff["after"]) == bool(changes(plan))


def test_an_alias_that_only_gets_another_name_says_so():
    cluster = settle([want("101", ADDRESSES[:1])])
    plan = make_plan(*cluster, [want("101", ADDRESSES[:1], name="Sales")], ADDRESSES)
    (line,) = [line for line in describe(plan) if line.startswith("alias")]
    assert "Sales" in line


# What can't be


def refusal_of(*arguments, **how):
    with pytest.raises(InventoryError) as refusal:
        make_plan(*arguments, **how)
    return str(refusal.value)


def test_a_phone_login_over_15_characters_is_refused_with_the_mend():
    text = refusal_of([], [], [want("1" * 15, ADDRESSES[:1])], ADDRESSES)
    assert f"alias {'1' * 15}x" in text
    assert f"'{'1' * 15}a' has 16" in text
    assert "15 fit; use shorter extensions" in text


def test_a_logins_list_over_255_is_refused_with_the_mend():
    addresses = [f"10.0.1.{number}" for number in range(1, 23)]
    text = refusal_of([], [], [want("1234567890", addresses)], addresses)
    assert "alias 1234567890x" in text
    assert "22 dialers has 263" in text
    assert "255 fit; give it fewer dialers" in text
    assert "phone_aliases_widen_logins_list" in text


def test_sixty_dialers_fit_where_there_is_room():
    addresses = [f"10.0.1.{number}" for number in range(1, 61)]
    wanted = [want("1001", addresses)]
    assert "has 394" in refusal_of([], [], wanted, addresses)
    _phones, aliases = settle(wanted, serving=addresses, room=4096)
    assert len(aliases[0].logins) == 60


def test_only_what_is_listed_counts_for_the_255():
    addresses = [f"10.0.1.{number}" for number in range(1, 23)]
    wanted = [want("1234567890", addresses)]
    phones, aliases = settle(wanted, serving=addresses[:21])
    assert len(phones) == 22
    assert len(",".join(aliases[0].logins)) == 251
    assert "263" in refusal_of(phones, aliases, wanted, addresses)


def test_a_login_that_is_another_extensions_is_refused_naming_both():
    stranger = Phone("900", "192.0.2.7", "101A", "typed", "spoken", "")
    text = refusal_of([stranger], [], [want("101", ADDRESSES[:1])], ADDRESSES)
    assert "alias 101x" in text
    assert "'101a' belongs to extension 900" in text
    assert "choose other extensions" in text


def test_a_login_is_never_an_alias_that_is_there():
    plan = make_plan([], [Alias("101A", "", ())], [want("101", ADDRESSES[:1])], ADDRESSES)
    assert [phone.login for phone in plan.new_phones] == ["101b"]


def _named_alike(wanted, phones=(), aliases=()):
    """Settle, and return the phone logins that are an alias's name too, to the database."""
    try:
        phones, aliases = settle(wanted, phones, aliases)
    except InventoryError:
        return set()  # saying so before anything is written is as good
    return {phone.login.lower() for phone in phones} & {a.alias_id.lower() for a in aliases}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param([want("101", ADDRESSES[:3], suffix="C")], id="capital suffix"),
        pytest.param(
            [want("101", ADDRESSES[:1], suffix="1a"), want("1011", ADDRESSES[:1])],
            id="suffix with a number",
        ),
    ],
)
def test_a_new_phone_never_has_an_aliass_name(wanted):
    assert _named_alike(wanted) == set()


def test_a_suffix_that_a_phone_has_already_makes_no_alias_of_its_name():
    cluster = settle([want("101", ADDRESSES[:1])])
    assert _named_alike([want("101", ADDRESSES[:1], suffix="a")], *cluster) == set()


@UNHURRIED
@given(
    st.lists(
        st.fixed_dictionaries(
            {"extensions": st.integers(1, 15).map(lambda width: "1" * width)},
            optional={"suffix": st.text("1aAxX", max_size=2)},
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 30),
)
@example([{"extensions": "1" * 14}], 26)
@example([{"extensions": "1"}], 30)
def test_an_inventory_without_problems_can_be_set_up(entries, count):
    addresses = [f"10.0.1.{number}" for number in range(1, count + 1)]
    names = [f"d{number}" for number in range(1, count + 1)]
    hostvars = {name: {"server_ip": ip} for name, ip in zip(names, addresses)}
    hostvars["db"] = {"phone_aliases": entries}
    groups = {"database": ["db"], "login": ["db"], "dialers": names, "all": ["db", *names]}
    if not problems(hostvars, groups):
        dialers = [{"name": name, "server_ip": ip} for name, ip in zip(names, addresses)]
        phones, aliases = settle(expand_aliases(entries, dialers), serving=addresses)
        assert len(phones) == count * len(entries)
        assert len({alias.alias_id.lower() for alias in aliases}) == len(entries)
