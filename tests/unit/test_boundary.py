"""What plugins and package both have to know is the same on both sides."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils import (
    boundary,
    database,
    hashing,
    inventory,
    limits,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import plain
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import vicidial as beside
from ansible_collections.evenfloor.cluster.plugins.modules import agents_info, doctor_info
from hypothesis import given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment
from werkzeug.security import check_password_hash, generate_password_hash

import evenfloor
from evenfloor import (
    agents,
    config,
    connection,
    floor_statements,
    lock,
    phones,
    policy,
    sessions,
    vicidial,
)

ROOT = Path(__file__).parents[2]
#: Every setting that the roles and the package both have a default for.
SETTINGS = {
    "balancer_heartbeat_timeout": config.BalancerConfig.heartbeat_timeout,
    "balancer_lock_timeout": config.BalancerConfig.lock_timeout,
    "balancer_request_timeout": config.BalancerConfig.request_timeout,
    "balancer_reservation_ttl": config.BalancerConfig.reservation_ttl,
    "balancer_decisions_kept": config.BalancerConfig.decisions_kept,
    "balancer_guard_load": config.BalancerConfig.guard_load,
    "balancer_guard_channels": config.BalancerConfig.guard_channels,
    "balancer_guard_idle": config.BalancerConfig.guard_idle,
    "balancer_port": config.LoginConfig.port,
    "database_port": config.DatabaseConfig.port,
    "database_name": config.DatabaseConfig.name,
}


def read(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())


def test_the_same_states_mean_that_a_phone_is_registered():
    assert set(boundary.REGISTERED_STATES) == set(vicidial.REGISTERED_STATES)


def test_the_same_states_say_nothing_of_a_phone():
    assert set(boundary.UNKNOWN_STATES) == set(vicidial.UNKNOWN_STATES)


def test_the_same_phones_are_opened_in_the_browser():
    assert set(boundary.WEBPHONES) == set(vicidial.WEBPHONES)


def test_rooms_are_in_the_same_tables():
    assert boundary.ROOM_TABLES == vicidial.ROOM_TABLES


def test_the_same_rooms_are_free():
    assert boundary.FREE_ROOM == floor_statements.FREE_ROOM


def test_addresses_are_compared_alike():
    assert boundary.DIALER == floor_statements.DIALER


def test_the_age_of_a_heartbeat_is_reckoned_alike():
    assert boundary.heartbeat_age("u", "e") == floor_statements.heartbeat_age("u", "e")


def test_the_same_reservations_count():
    assert boundary.UNEXPIRED == floor_statements.UNEXPIRED


def test_the_same_errors_of_the_database_mean_that_it_can_be_tried_again():
    assert database.LOST_RACE == connection.LOST_RACE


def test_a_wait_is_compared_with_what_a_request_takes_by_default():
    defaults = read("roles/settings/defaults/main.yml")
    assert defaults["balancer_request_timeout"] == limits.REQUEST_TIMEOUT
    assert {name: defaults[name] for name in limits.WAITS_OF_REQUESTS} == limits.WAITS_OF_REQUESTS


def test_a_reservation_lasts_no_longer_than_one_that_counts():
    setting = next(
        setting for setting in fields(config.BalancerConfig) if setting.name == "reservation_ttl"
    )
    assert f"INTERVAL {setting.metadata['most']} SECOND" in floor_statements.UNEXPIRED


def test_the_daemon_ends_as_many_calls_by_default_as_its_role_says():
    default = read("roles/dialer/defaults/main.yml")["dialer_max_orphans"]
    assert default == config.DialerConfig.max_orphans


def test_a_session_is_called_alike():
    assert boundary.TAG_PATTERN == sessions.TAG_PATTERN
    assert re.fullmatch(boundary.TAG_PATTERN, sessions.new_tag())


@given(st.text(max_size=100), st.sampled_from(["", "k3y", "x" * 32]))
def test_the_lock_has_the_same_name(database, secret):
    name = boundary.lock_name(database, secret)
    assert name == lock.lock_name(database, secret)
    assert len(name) <= boundary.LONGEST_LOCK_NAME
    assert secret in name


@given(st.text(st.sampled_from("ab1 ,\t")))
def test_a_logins_list_names_the_same_phones(text):
    assert boundary.split_logins(text) == phones.parse_logins(text)


@pytest.mark.parametrize(
    ("text", "logins"),
    [
        ("101a,101b", ["101a", "101b"]),
        (" 101a , 101b,", ["101a", "101b"]),
        (",,", []),
        ("", []),
        (None, []),
    ],
)
def test_spaces_and_empty_entries_of_a_logins_list_do_not_count(text, logins):
    assert boundary.split_logins(text) == logins


@given(st.lists(st.from_regex(r"[0-9a-z]{1,5}", fullmatch=True)))
def test_a_logins_list_is_read_as_it_was_written(logins):
    assert boundary.split_logins(boundary.join_logins(logins)) == logins


def test_collection_and_package_have_the_same_version():
    assert read("galaxy.yml")["version"] == evenfloor.__version__


def test_a_weight_has_as_many_decimals_and_the_same_default():
    assert 10**limits.WEIGHT_DECIMALS == policy.WHOLE
    assert read("roles/settings/defaults/main.yml")["weight"] == inventory.DEFAULT_WEIGHT
    assert policy.Dialer._field_defaults["weight"] == policy.WHOLE * inventory.DEFAULT_WEIGHT


def test_a_phone_without_a_protocol_has_the_same_one():
    assert beside._DEFAULT_PROTOCOL == vicidial.DEFAULT_PROTOCOL


def test_a_value_may_be_as_long_on_both_sides():
    assert vicidial.LONGEST["password"] == limits.LONGEST_PASSWORD
    assert vicidial.LONGEST["user_password"] == limits.LONGEST_PASSWORD
    assert vicidial.LONGEST["user"] == limits.LONGEST_USER
    assert vicidial.LONGEST["campaign"] == limits.LONGEST_CAMPAIGN
    # An alias may also be typed as its logins list.
    assert vicidial.LONGEST["alias"] == limits.LONGEST_LOGINS_LIST


@pytest.mark.parametrize("password", ["typed by hand", "p$1$2", "pässwörd ☎", "x" * 100])
def test_werkzeug_knows_the_hashes_that_playbooks_write(password):
    made = hashing.hash_password(password)
    assert check_password_hash(made, password)
    assert not check_password_hash(made, password + "x")
    theirs = generate_password_hash(password, method=hashing.METHOD)
    assert hashing.is_hash_of(theirs, password)


def test_a_user_whom_nobody_knows_takes_as_long_as_an_agent():
    method, _salt, made = hashing.hash_password("typed by hand").split("$")
    nobodys_method, _salt, nobodys = agents.NOBODYS.split("$")
    assert (nobodys_method, len(nobodys)) == (method, len(made))


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_has_the_same_default_in_the_roles_and_in_the_package(setting):
    default = str(read("roles/settings/defaults/main.yml")[setting])
    usual = NativeEnvironment().from_string(default).render(groups={"database": ["db1"]})
    assert usual == SETTINGS[setting]


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_the_roles_document_is_the_default(setting):
    documented = [
        options[setting]["default"]
        for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values()
        for options in [entry.get("options", {})]
        if "default" in options.get(setting, {})
    ]
    assert documented
    assert set(documented) == {SETTINGS[setting]}


@pytest.mark.parametrize("module", [agents_info, doctor_info])
def test_a_dialer_is_dead_after_the_same_time_for_modules_and_package(module):
    option = yaml.safe_load(module.DOCUMENTATION)["options"]["heartbeat_timeout"]
    assert option["default"] == config.BalancerConfig.heartbeat_timeout


@pytest.mark.parametrize("flavor", [plain.Plain, beside.Vicidial])
def test_what_a_flavor_trusts_of_registrations_is_a_setting_of_the_package(flavor):
    assert flavor.registration in config.REGISTRATIONS
