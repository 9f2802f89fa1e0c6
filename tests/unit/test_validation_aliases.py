"""Every mistake of an entry of phone_aliases is named with its fix."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import problems

from tests.unit.inventories import assert_says, inventory, many_dialers, only_problem

# An entry's mistakes


@pytest.mark.parametrize("suffix", ["_x", "-x", "é", "x y", "."])
def test_an_alias_with_characters_that_vicidial_strips_is_a_problem(suffix):
    problem = only_problem(aliases=[{"extensions": "101-160", "suffix": suffix}])
    assert_says(problem, "101-160", f"'101{suffix}'", "VICIdial strips", "only letters and digits")


def test_an_alias_under_2_characters_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "7", "suffix": ""}])
    assert_says(problem, "extensions 7", "'7' has 1", "2 to 20")


def test_an_alias_over_20_characters_is_a_problem():
    suffix = "x" * 18
    problem = only_problem(aliases=[{"extensions": "101", "suffix": suffix}])
    assert_says(problem, "extensions 101", f"'101{suffix}' has 21", "2 to 20")


@pytest.mark.parametrize("suffix", ["x", "x" * 17])
def test_an_alias_of_2_or_of_20_characters_fits(suffix):
    extensions = "1" if suffix == "x" else "101"
    assert problems(*inventory(aliases=[{"extensions": extensions, "suffix": suffix}])) == []


def test_a_range_that_runs_backwards_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "160-101"}])
    assert_says(problem, "phone_aliases", "'160-101'", "backwards", 'write "101-160"')


def test_a_range_that_is_not_numeric_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-sales"}])
    assert_says(problem, "phone_aliases", "'101-sales'", 'write "101" or "101-160"')


def test_an_extension_in_two_aliases_is_a_problem_that_names_both():
    problem = only_problem(
        aliases=[{"extensions": "101-110"}, {"extensions": "110-120", "suffix": "z"}]
    )
    assert_says(problem, "extension 110", "'110x'", "'110z'", "take it out of one of the ranges")


def test_an_extension_twice_in_one_entry_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-103,102"}])
    assert_says(problem, "extension 102", "'102x'", "take it out of one of the ranges")


def test_two_extensions_that_give_the_same_alias_are_a_problem():
    problem = only_problem(
        aliases=[{"extensions": "101", "suffix": "1x"}, {"extensions": "1011", "suffix": "x"}]
    )
    assert_says(problem, "phone_aliases", "'1011x'", "change a suffix")


def test_aliases_that_differ_in_case_only_are_the_same_to_the_database():
    problem = only_problem(
        aliases=[{"extensions": "101", "suffix": "1X"}, {"extensions": "1011", "suffix": "x"}]
    )
    assert_says(problem, "phone_aliases", "'1011x'", "change a suffix")


def test_a_phone_login_over_15_characters_is_a_problem():
    extension = "1" * 15
    problem = only_problem(aliases=[{"extensions": extension}])
    assert_says(problem, f"extensions {extension}", f"'{extension}b'", "16", "shorter", "15 fit")


def test_a_phone_login_of_15_characters_fits():
    assert problems(*inventory(aliases=[{"extensions": "1" * 14}])) == []


def test_a_logins_list_over_255_is_a_problem():
    problem = only_problem(many_dialers(22), [{"extensions": "1234567890"}])
    assert_says(
        problem, "extensions 1234567890", "'1234567890x'", "22 dialers has 263", "fewer dialers"
    )


def test_a_wider_column_holds_sixty_dialers():
    hostvars, groups = inventory(many_dialers(60), [{"extensions": "1001"}])
    assert_says(problems(hostvars, groups)[0], "60 dialers", "phone_aliases_widen_logins_list")
    for variables in hostvars.values():
        variables["phone_aliases_widen_logins_list"] = True
    assert problems(hostvars, groups) == []


def test_a_logins_list_that_just_fits_is_no_problem():
    assert problems(*inventory(many_dialers(21), [{"extensions": "1234567890"}])) == []


def test_an_alias_that_names_an_unknown_dialer_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-160", "dialers": ["dialer7"]}])
    assert_says(problem, "101-160", "'dialer7'", "known are dialer1, dialer2")


def test_one_dialer_without_brackets_is_not_taken_apart_into_letters():
    found = problems(*inventory(aliases=[{"extensions": "101", "dialers": "dialer1"}]))
    assert "'d'" not in " ".join(found)


def test_an_unknown_key_is_a_problem_that_names_the_known_ones():
    problem = only_problem(aliases=[{"extensions": "101-160", "sufix": "z"}])
    assert_says(problem, "101-160", "'sufix'", "known are", "suffix")


@pytest.mark.parametrize("entry", [{"suffix": "z"}, "101-160", None])
def test_an_entry_without_extensions_is_a_problem(entry):
    problem = only_problem(aliases=[entry])
    assert_says(problem, "phone_aliases", "names no extensions", 'extensions: "101-160"')


def test_an_entry_without_extensions_is_reported_without_its_passwords():
    problem = only_problem(
        aliases=[{"suffix": "z", "login_password": "typed1", "registration_password": "spoken1"}]
    )
    assert "typed1" not in problem
    assert "spoken1" not in problem


@pytest.mark.parametrize("setting", ["login_password", "registration_password"])
@pytest.mark.parametrize("password", ["pass word", "pässword", "pass;word", "", "p" * 101])
def test_a_password_that_vicidial_would_change_is_a_problem_that_does_not_show_it(
    setting, password
):
    problem = only_problem(aliases=[{"extensions": "101-160", setting: password}])
    assert_says(problem, "101-160", setting, "letters, digits, - and _", "choose another")
    assert not password or password not in problem


def test_a_name_that_does_not_fit_is_a_problem():
    problem = only_problem(aliases=[{"extensions": "101-160", "name": "n" * 51}])
    assert_says(problem, "101-160", "n" * 51, "51", "at most 50")
