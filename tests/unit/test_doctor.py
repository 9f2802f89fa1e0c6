"""The alias doctor's comparisons: what is right gives no finding, what is broken gives one."""

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import doctor_hosts as doctor
from ansible_collections.evenfloor.cluster.plugins.module_utils.findings import Finding, as_table

NAMES = {"10.0.0.1": "dialer1", "10.0.0.2": "dialer2"}
ENDPOINTS = """
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>
==========================================================================================

 Endpoint:  101/101                                              Not in use    0 of inf
     InAuth:  101/101
        Aor:  101                                                1
      Contact:  101/sip:101-0x555e@10.0.0.51:5060 8f8578d5ff Avail         0.763
  Transport:  transport-udp             udp      0      0  10.0.0.1:5060

 Endpoint:  102/102                                              Unavailable   0 of inf
     InAuth:  102/102
        Aor:  102                                                1
      Contact:  102/sip:102-0x555e@10.0.0.51:5060 8f8578d5ff Unavail         nan
"""
TAG = "S261123075036ikq8hbl"
CHANNELS = (
    "PJSIP/106-00000001!default!8600052!3!Up!ConfBridge!8600052,bridge,agent!8600052!!!3!{}"
    f"!53da2932!{TAG}\n"
    "CBAnn/8600051-00000000;2!default!s!1!Up!(None)!!!!!3!663!e9ec8888!1795420236.2\n"
)


def kinds(findings):
    return [(finding.kind, finding.alias, finding.dialer) for finding in findings]


def test_asterisks_answers_are_read():
    assert doctor.parse_endpoints(ENDPOINTS) == {"101": True, "102": False}
    assert doctor.parse_endpoints("No objects found.\n\n") == {}
    assert doctor.parse_endpoints("Unable to connect to remote asterisk") is None
    assert doctor.parse_endpoints("") is None
    assert doctor.parse_channels(CHANNELS.format(663)) == {TAG: 663}


def dialer(expected=None, sessions=(), endpoints=ENDPOINTS, channels="", serves=True):
    """Look at a dialer; returns the kinds of findings and who isn't registered."""
    expected = {"101": True, "102": False} if expected is None else expected
    state = doctor.DialerState("dialer1", expected, sessions, endpoints, channels, serves)
    found, missing = doctor.look_at_dialer(state, {"101": "101x", "102": "102x"})
    return kinds(found), missing


def session(age, tag=TAG):
    return {"tag": tag, "user": "agent7", "age": age}


def test_what_asterisk_says_is_compared():
    assert dialer() == ([], {"102"})
    assert dialer({"101": True})[0] == [("endpoint_unknown", "", "dialer1")]
    assert dialer({"101": True, "102": False, "103": False}) == (
        [("endpoint_missing", "", "dialer1")], {"102", "103"},
    )  # fmt: skip
    assert dialer({"101": False, "102": False})[0] == [("registration_drift", "101x", "dialer1")]
    assert dialer({"101": False, "102": False}, serves=False)[0] == []
    assert dialer(endpoints="") == ([("asterisk_silent", "", "dialer1")], set())


def test_calls_and_sessions_are_compared_once_they_are_old_enough():
    assert dialer(sessions=[session(663)], channels=CHANNELS.format(663))[0] == []
    assert dialer(sessions=[session(20)])[0] == [("row_without_call", "", "dialer1")]
    assert dialer(sessions=[session(19)])[0] == []
    assert dialer(channels=CHANNELS.format(20))[0] == [("call_without_row", "", "dialer1")]
    assert dialer(channels=CHANNELS.format(19))[0] == []


def test_calls_that_the_daemon_keeps_are_not_told_one_by_one():
    state = doctor.DialerState(
        "dialer1", {}, [], "No objects found.", CHANNELS.format(99), True, calls_kept=1
    )
    assert doctor.look_at_dialer(state, {})[0] == []
    assert kinds(doctor.look_at_dialer(state._replace(calls_kept=0), {})[0]) == [
        ("call_without_row", "", "dialer1")
    ]


def test_a_softphone_that_is_off_is_one_finding():
    aliases = {"101": "101x", "102": "102x"}
    missing = {"dialer1": {"101", "102"}, "dialer2": {"101"}, "dead": {"101", "102"}}
    found = doctor.look_at_registrations(missing, aliases, ["dialer1", "dialer2"])
    assert kinds(found) == [
        ("softphone_off", "101x", ""), ("not_registered", "102x", "dialer1"),
    ]  # fmt: skip
    found = doctor.look_at_registrations(
        missing, aliases, ["dialer1", "dialer2"], {"102x": "microsip"}
    )
    assert [finding.what for finding in found if finding.alias == "102x"] == [
        "102 (microsip) is not registered on dialer1"
    ]
    # A page that is closed is no mistake, one that reaches only some dialers is.
    browsers = {"101x": "browser", "102x": "browser"}
    for alive, expected in ((["dialer1", "dialer2"], [("not_registered", "102x", "dialer1")]),
                            (["dialer2"], [])):  # fmt: skip
        found = doctor.look_at_registrations(missing, aliases, alive, browsers)
        assert kinds(found) == expected
    # With a single dialer nobody can tell.
    found = doctor.look_at_registrations(missing, aliases, ["dialer2"])
    assert kinds(found) == [("not_registered", "101x", "dialer2")]


def test_a_seats_accounts_are_compared():
    there, wanted = ["sip:101@10.0.0.1", "sip:109@10.0.0.2"], ["sip:101@10.0.0.1"]
    assert kinds(doctor.look_at_seat("seat1", wanted, wanted, NAMES)) == []
    assert kinds(doctor.look_at_seat("seat1", there, wanted, NAMES)) == [
        ("account_unknown", "", "dialer2")
    ]
    assert kinds(doctor.look_at_seat("seat1", [], wanted, NAMES)) == [
        ("account_missing", "", "dialer1")
    ]


@pytest.mark.parametrize(
    ("there", "off"), [(99.0, False), (102.0, False), (97.5, True), (105.5, True), (1e6, True)]
)
def test_a_clock_is_off_when_no_slow_answer_explains_it(there, off):
    found = doctor.look_at_clocks({"dialer1": (100.0, there, 103.0)})
    assert kinds(found) == ([("clock_skew", "", "dialer1")] if off else [])


def test_a_certificate_that_expires_soon_or_cannot_be_read_is_found():
    text = "/etc/evenfloor/database.pem notAfter=Dec  1 10:00:00 2026 GMT\n/etc/ssl/login.pem \n"
    found = doctor.look_at_certificates("db1", text)
    assert kinds(found) == [("certificate_expires", "", "db1")] * 2
    assert "database.pem of db1 expires on Dec  1 10:00:00 2026 GMT" in found[0].what
    assert "login.pem of db1 can't be read" in found[1].what
    assert "run site.yml" in found[0].fix and "systemctl reload nginx" in found[1].fix
    (unfit,) = doctor.look_at_certificates("l1", "/etc/ssl/login.pem name=login.example.org")
    assert (unfit.kind, "login.example.org" in unfit.what) == ("certificate_unfit", True)
    (ca,) = doctor.look_at_certificates("db1", "/etc/evenfloor/ca.pem notAfter=Dec  1 2026 GMT")
    assert "ca.key" in ca.fix
    assert doctor.look_at_certificates("db1", "") == []


def test_a_backup_that_failed_is_found():
    (failed,) = doctor.look_at_backups({"db1": "result exit-code\n"})
    assert kinds([failed]) == [("backup_failed", "", "db1")]
    assert "(exit-code)" in failed.what and "journalctl -u evenfloor-backup" in failed.fix
    assert doctor.look_at_backups({"db1": "result success\n", "db2": ""}) == []


HOUR = 3600


def backup(due, made=None, timer="active", now=1_000_000):
    """What a host says whose backup was due, and complete, so many seconds before now."""
    lines = ["result success", f"timer {timer}", f"now {now}", f"due {now - due:.0f}"]
    return "\n".join([*lines, f"made {now - made:.0f}"] if made is not None else lines)


def test_a_backup_that_nobody_made_is_found():
    (late,) = doctor.look_at_backups({"db1": backup(due=3 * HOUR, made=27 * HOUR)})
    assert kinds([late]) == [("backup_overdue", "", "db1")]
    assert "due 3 hours ago" in late.what and "27 hours old" in late.what
    (never,) = doctor.look_at_backups({"db1": backup(due=3 * HOUR)})
    assert "there is none" in never.what


def test_a_backup_may_take_a_while():
    assert doctor.look_at_backups({"db1": backup(due=HOUR / 2, made=24 * HOUR)}) == []
    assert doctor.look_at_backups({"db1": backup(due=-HOUR)}) == []
    runs = backup(due=3 * HOUR, made=27 * HOUR) + "\nstate activating"
    assert doctor.look_at_backups({"db1": runs}) == []
    assert doctor.look_at_backups({"db1": backup(due=13 * HOUR) + "\nstate activating"})


def test_a_host_that_did_not_answer_may_have_the_newest_backup():
    said = {"db1": backup(due=99 * HOUR)}
    assert doctor.look_at_backups(said) and not doctor.look_at_backups(said, everybody=False)


@pytest.mark.parametrize("noise", ["due soon", "due 1", "Welcome", "now", "due -5\nnow 9e9"])
def test_what_a_shell_prints_besides_is_no_backup(noise):
    assert doctor.look_at_backups({"db1": noise}) == []


def test_one_host_makes_the_backup_for_all():
    none, old = backup(due=99 * HOUR), backup(due=3 * HOUR, made=27 * HOUR)
    new = backup(due=-21 * HOUR, made=3 * HOUR)
    assert doctor.look_at_backups({"db1": none, "db2": old, "db3": new}) == []
    (late,) = doctor.look_at_backups({"db1": none, "db2": old})
    assert kinds([late]) == [("backup_overdue", "", "db2")]


def test_a_timer_that_was_stopped_is_found():
    (stopped,) = doctor.look_at_backups({"db1": backup(due=-HOUR, made=HOUR, timer="inactive")})
    assert kinds([stopped]) == [("backup_overdue", "", "db1")]
    assert "systemctl start evenfloor-backup.timer" in stopped.fix


def test_the_table_has_a_line_for_each_finding():
    assert as_table([]) == "All is well."
    rows = [Finding("clock_skew", "it is off", "set it", dialer="dialer1").as_dict()]
    lines = as_table(rows).splitlines()
    assert len(lines) == 2
    assert lines[1].split() == ["-", "dialer1", "clock_skew", "it", "is", "off", "→", "set", "it"]
