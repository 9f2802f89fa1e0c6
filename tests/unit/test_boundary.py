"""What plugins and package both have to know is the same on both sides."""

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils import boundary, limits
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import plain
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors import vicidial as beside
from ansible_collections.evenfloor.cluster.plugins.modules import agents_info, doctor_info
from hypothesis import given
from hypothesis import strategies as st

import evenfloor
from evenfloor import config, floor_statements, lock, phones, sessions, vicidial

ROOT = Path(__file__).parents[2]
#: Every setting that the roles and the package both have a default for.
SETTINGS = {
    "balancer_heartbeat_timeout": config.BalancerConfig.heartbeat_timeout,
    "balancer_lock_timeout": config.BalancerConfig.lock_timeout,
    "balancer_reservation_ttl": config.BalancerConfig.reservation_ttl,
    "balancer_decisions_kept": config.BalancerConfig.decisions_kept,
    "balancer_port": config.LoginConfig.port,
    "database_port": config.DatabaseConfig.port,
    "database_name": config.DatabaseConfig.name,
}


def read(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())


def test_the_same_states_mean_that_a_phone_is_registered():
    assert set(boundary.REGISTERED_STATES) == set(vicidial.REGISTERED_STATES)


def test_rooms_are_in_the_same_tables():
    assert boundary.ROOM_TABLES == vicidial.ROOM_TABLES


def test_the_same_rooms_are_free():
    assert boundary.FREE_ROOM == floor_statements.FREE_ROOM


def test_addresses_are_compared_alike():
    assert boundary.DIALER == floor_statements.DIALER


def test_a_session_is_called_alike():
    assert boundary.TAG_PATTERN == sessions.TAG_PATTERN
    assert re.fullmatch(boundary.TAG_PATTERN, sessions.new_tag())


@given(st.text(max_size=100))
def test_the_lock_has_the_same_name(database):
    assert boundary.lock_name(database) == lock.lock_name(database)
    assert len(boundary.lock_name(database)) <= boundary.LONGEST_LOCK_NAME


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


def test_a_phone_without_a_protocol_has_the_same_one():
    assert beside._DEFAULT_PROTOCOL == vicidial.DEFAULT_PROTOCOL


def test_a_value_may_be_as_long_on_both_sides():
    assert vicidial.LONGEST["password"] == limits.LONGEST_PASSWORD
    assert vicidial.LONGEST["campaign"] == limits.LONGEST_CAMPAIGN
    # An alias may also be typed as its logins list.
    assert vicidial.LONGEST["alias"] == limits.LONGEST_LOGINS_LIST


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_has_the_same_default_in_the_roles_and_in_the_package(setting):
    defaults = read("roles/settings/defaults/main.yml")
    assert defaults[setting] == SETTINGS[setting]


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
