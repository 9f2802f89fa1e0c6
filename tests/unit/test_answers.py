"""What commands on hosts print, and what files say."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils.answers import (
    asterisk_version,
    debian_mirror,
    grants,
    schema_parts,
    table_names,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.0~dfsg+~cs6.16.60671435-1\n", "22.10.0"),
        ("Asterisk 16.28.0~dfsg-0+deb11u4", "16.28.0"),
        ("Asterisk certified/18.9-cert4", "18.9"),
        ("Asterisk GIT-master-abc", ""),
        ("command not found", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_asterisks_version_is_found(text, version):
    assert asterisk_version(text) == version


@pytest.mark.parametrize("mirror", ["http://mirror.example.org/debian", "http://mirror/debian/"])
def test_the_first_source_that_is_debians_archive_is_the_mirror(mirror):
    lines = ["http://security.example.org/debian-security", mirror, "http://other/debian"]
    assert debian_mirror(lines) == mirror


@pytest.mark.parametrize("lines", [[], ["http://security.example.org/debian-security/"]])
def test_a_host_without_debians_archive_is_told_what_to_do(lines):
    with pytest.raises(ValueError, match="add Debian's archive to its sources"):
        debian_mirror(lines)


def test_the_tables_of_a_schema_are_listed_in_order():
    text = "-- one\nCREATE TABLE IF NOT EXISTS b (x INT);\nCREATE TABLE IF NOT EXISTS a_2 (y INT);"
    assert table_names(text) == schema_parts(text) == ["b", "a_2"]
    assert table_names("") == []


def test_columns_that_an_earlier_release_lacks_are_parts_of_a_schema():
    text = "CREATE TABLE IF NOT EXISTS b (x INT);\nALTER TABLE b ADD COLUMN IF NOT EXISTS\n  y INT;"
    assert schema_parts(text) == ["b", "b.y"]


def test_a_user_without_rights_may_connect():
    assert grants({}, "asterisk") == {"*.*": "USAGE"}


def test_privileges_are_given_by_database_and_table():
    assert grants({"phones": "SELECT", "*": "INSERT,DELETE"}, "asterisk") == {
        "asterisk.phones": "SELECT",
        "asterisk.*": "INSERT,DELETE",
    }
