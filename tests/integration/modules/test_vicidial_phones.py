"""Phones and aliases beside VICIdial: whole rows, and nobody else's touched."""

from tests.integration.modules.guest import DIALERS, FIRST, SECOND, SHARED, THIRD

# Phones and aliases


def test_a_new_dialers_phones_are_like_the_others_of_their_extension(vicidial):
    vicidial.adopt()
    vicidial.sql("UPDATE phones SET codecs_list = 'ulaw', is_webphone = 'Y', phone_ip = '1.2.3.4'")
    vicidial.add_dialer(3)
    done = vicidial.aliases([{"extensions": "101-102"}], DIALERS, serving=[THIRD])
    assert done["rebuilt"] == [THIRD] == sorted(vicidial.flagged())
    columns = (
        "login, pass, conf_secret, fullname, codecs_list, is_webphone, outbound_cid, template_id,"
        " status, active, phone_ip, protocol, peer_status, dialplan_number, voicemail_id"
    )
    (row,) = vicidial.sql(f"SELECT {columns} FROM phones WHERE login = '101c'")
    assert row == (
        "101c", "typed", "registered", "station 101", "ulaw", "Y", "5551234", "", "ACTIVE", "Y",
        "", "SIP", "UNKNOWN", "101", "101",
    )  # fmt: skip
    assert vicidial.sql("SELECT logins_list, alias_name FROM phones_alias") == (
        ("101a,101b,101c", "Desk 101"),
        ("102a,102b,102c", "Desk 102"),
    )


def test_a_new_alias_has_whole_rows_as_vicidials_form_writes_them(vicidial):
    vicidial.adopt()
    vicidial.sql("UPDATE phones SET protocol = 'PJSIP' WHERE server_ip = %s", FIRST)
    vicidial.sql("UPDATE phones SET protocol = 'PJSIP' WHERE login = '101b'")
    vicidial.sql("UPDATE system_settings SET default_local_gmt = '1.00'")
    dialers = [DIALERS[0], {**DIALERS[1], "protocol": "SIP"}]
    done = vicidial.aliases([{"extensions": "201"}], dialers, serving=[FIRST, SECOND])
    assert done["counts"]["phones_added"] == 2
    assert vicidial.flagged() == {FIRST, SECOND}
    columns = (
        "server_ip, dialplan_number, voicemail_id, status, active, phone_type, fullname, protocol,"
        " local_gmt, outbound_cid, template_id, phone_context, user_group, recording_exten"
    )
    rest = ("1.00", "0000000000", "", "default", "---ALL---", "8309")
    made = ("201", "201", "ACTIVE", "Y", "CCagent", "Agent 201")
    assert vicidial.sql(f"SELECT {columns} FROM phones WHERE extension = '201'") == (
        (FIRST, *made, "PJSIP", *rest),
        (SECOND, *made, "SIP", *rest),
    )
    # The others of the cluster are not the inventory's business.
    assert vicidial.sql("SELECT COUNT(*) FROM phones_alias") == ((3,),)


def test_only_what_the_inventory_says_is_changed(vicidial):
    vicidial.adopt()
    vicidial.add_phones("301", dialers=(1,))
    before = vicidial.rows("phones")
    entries = [
        {"extensions": "101", "dialers": ["d1"]},
        {"extensions": "102", "name": "Sales {extension}"},
    ]
    done = vicidial.aliases(entries)
    # The list is the inventory's; the phone that it no longer names may be somebody's.
    assert dict(vicidial.sql("SELECT alias_id, logins_list FROM phones_alias")) == {
        "101x": "101a",
        "102x": "102a,102b",
        "301x": "301a",
    }
    assert done["counts"]["phones_removed"] == done["counts"]["aliases_removed"] == 0
    names = "SELECT DISTINCT fullname FROM phones WHERE extension = '102'"
    assert vicidial.sql(names) == (("Sales 102",),)
    unchanged = set(before["phones"]) & set(vicidial.rows("phones")["phones"])
    assert len(unchanged) == 3
    assert not vicidial.aliases(entries)["changed"]


def test_nothing_is_purged_beside_vicidial(vicidial):
    vicidial.adopt()
    message = vicidial.modules.fail("aliases", phone_aliases=[], dialers=DIALERS[:2], purge=True)
    assert "aren't Evenfloor's" in message


def test_a_check_writes_nothing(vicidial):
    vicidial.adopt()
    before = vicidial.rows(*SHARED)
    assert vicidial.aliases([{"extensions": "101-110"}], check=True)["changed"]
    given = {"check": True, "clone_from": FIRST}
    assert vicidial.server(3, **given)["changed"]
    assert vicidial.rows(*SHARED) == before
