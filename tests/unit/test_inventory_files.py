"""What was adopted is written as YAML that reads back to the same."""

import yaml
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_files import (
    aliases_text,
    dialers_text,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.from_regex(r"[-_0-9a-z]{1,10}|10[.]0[.]0[.][1-9]", fullmatch=True), unique=True))
def test_dialers_of_any_name_are_read_as_they_were_written(names):
    dialers = [
        {"name": name, "server_ip": f"10.1.0.{number}", "server_id": name.upper()}
        for number, name in enumerate(names)
    ]
    read = yaml.safe_load(dialers_text(dialers))["dialers"]["hosts"]
    assert {name: host["server_ip"] for name, host in read.items()} == {
        dialer["name"]: dialer["server_ip"] for dialer in dialers
    }
    for dialer in dialers:
        read_id = read[dialer["name"]].get("server_id", dialer["name"])
        assert read_id == dialer["server_id"]


def test_aliases_are_read_as_they_were_written():
    entries = [
        {"extensions": ["007", "101-160"]},
        {"extensions": ["2001"], "suffix": "", "dialers": ["d1", "no", "10.0.0.1"]},
    ]
    assert yaml.safe_load(aliases_text(entries))["phone_aliases"] == entries
    assert yaml.safe_load(aliases_text([]))["phone_aliases"] == []


#: What YAML could take for something else.
TRAPS = st.sampled_from(
    [
        "",
        "no",
        "y",
        "NULL",
        "~",
        "1e3",
        "0o17",
        "010",
        "1_000",
        "12:30",
        ".5",
        "a: b",
        "#x",
        "-",
        "é",
    ]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12) | TRAPS


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), unique_by=lambda names: names[0]))
def test_dialers_read_back_to_the_same_in_the_same_order(names):
    dialers = [
        {"name": name, "server_ip": server_ip, "server_id": server_id}
        for name, server_ip, server_id in names
    ]
    read = yaml.safe_load(dialers_text(dialers))["dialers"]["hosts"]
    assert [
        {"name": name, "server_id": name, **variables} for name, variables in read.items()
    ] == dialers


@given(
    st.lists(
        st.fixed_dictionaries(
            {"extensions": st.lists(TEXTS, min_size=1)},
            optional={"suffix": TEXTS, "dialers": st.lists(TEXTS)},
        )
    )
)
def test_aliases_read_back_to_the_same_in_the_same_order(entries):
    assert yaml.safe_load(aliases_text(entries))["phone_aliases"] == entries


def test_a_file_begins_with_where_it_comes_from_and_is_what_an_operator_would_write():
    dialers = [
        {"name": "d1", "server_ip": "10.0.0.1", "server_id": "D1"},
        {"name": "d2", "server_ip": "10.0.0.2", "server_id": "d2"},
    ]
    assert dialers_text(dialers).splitlines() == [
        "---",
        "# Written by playbooks/adopt.yml from VICIdial's servers. For a new dialer add its name",
        "# and server_ip, then run add-dialer.yml.",
        "dialers:",
        "  hosts:",
        "    d1:",
        "      server_ip: 10.0.0.1",
        '      server_id: "D1"',
        "    d2:",
        "      server_ip: 10.0.0.2",
    ]
    entries = [{"extensions": ["101-160", "7"], "suffix": "", "dialers": ["d1"]}]
    assert aliases_text(entries).splitlines() == [
        "---",
        "# Written by playbooks/adopt.yml from VICIdial's aliases. Names and passwords stay in the",
        "# database, as they are.",
        "phone_aliases:",
        '  - extensions: ["101-160", "7"]',
        '    suffix: ""',
        "    dialers: [d1]",
    ]
