"""The use cases on a real database."""

import contextlib
import itertools

import pymysql
import pytest

from evenfloor import LoginRefused
from evenfloor.errors import Malformed
from evenfloor.lock import Lock, lock_name
from tests import mariadb
from tests.integration.conftest import DATABASE

ALIAS = {"alias": "1001x", "password": "secret", "campaign": "TEST"}


@pytest.fixture
def floor_of_three(cluster):
    cluster.add_even_floor(dialers=3, aliases=6)
    return cluster


def refusal(call, **arguments) -> LoginRefused:
    with pytest.raises(LoginRefused) as caught:
        call(**arguments)
    return caught.value


def test_a_login_claims_a_room_asks_for_the_call_and_is_counted(floor_of_three, make_balancer):
    session = make_balancer().login(**ALIAS, user="agent7")
    assert session.counts == {"10.1.0.1": 0, "10.1.0.2": 0, "10.1.0.3": 0}
    assert session.server_ip == "10.1.0.3"  # a tie goes to the last of the list
    room = "SELECT extension FROM vicidial_confbridges WHERE conf_exten = %s AND server_ip = %s"
    assert floor_of_three.run(room, (session.room, session.server_ip)) == (("PJSIP/1001",),)
    assert floor_of_three.run(
        "SELECT status, server_ip, action, callerid, cmd_line_b, cmd_line_c, cmd_line_d,"
        " cmd_line_e FROM vicidial_manager"
    ) == (
        ("NEW", session.server_ip, "Originate", session.tag, "Channel: PJSIP/1001",
         "Context: default", f"Exten: {session.room}", "Priority: 1"),
    )  # fmt: skip
    assert floor_of_three.run(
        "SELECT user, server_ip, conf_exten, extension, campaign_id, status"
        " FROM vicidial_live_agents"
    ) == (("agent7", session.server_ip, session.room, "PJSIP/1001", "TEST", "PAUSED"),)


def test_agents_one_after_the_other_keep_the_floor_even(floor_of_three, make_balancer):
    balancer = make_balancer()
    for number in range(1001, 1007):
        balancer.login(f"{number}x", "secret", f"agent{number}", "TEST")
        counts = floor_of_three.local_agents().values()
        assert max(counts) - min(counts) <= 1


def test_a_choice_counts_until_it_expires(floor_of_three, make_balancer):
    balancer = make_balancer(reservation_ttl=1)
    first = balancer.choose(**ALIAS, user="a")
    second = balancer.choose(**{**ALIAS, "alias": "1002x"}, user="b")
    assert second.counts[first.server_ip] == 1
    floor_of_three.run(
        "UPDATE evenfloor_reservations SET expires = UTC_TIMESTAMP() - INTERVAL 1 SECOND"
    )
    assert set(balancer.choose(**ALIAS, user="c").counts.values()) == {0}


def test_a_reservation_that_went_live_is_counted_once(floor_of_three, make_balancer):
    balancer = make_balancer()
    choice = balancer.choose(**ALIAS, user="a")
    floor_of_three.add_agent(choice.server_ip, "PJSIP/1001", user="a")
    other = balancer.choose(**{**ALIAS, "alias": "1002x"}, user="b")
    assert other.counts[choice.server_ip] == 1


def test_the_old_session_of_an_agent_who_moves_does_not_count(floor_of_three, make_balancer):
    floor_of_three.add_agent("10.1.0.3", user="a")
    floor_of_three.add_agent("10.1.0.2")
    floor_of_three.add_agent("10.1.0.2")
    floor_of_three.run("UPDATE servers SET active = 'N' WHERE server_ip = '10.1.0.3'")
    balancer = make_balancer()
    moved = balancer.choose(**ALIAS, user="a")
    assert moved.server_ip == "10.1.0.1"
    counts = balancer.choose(**{**ALIAS, "alias": "1002x"}, user="b").counts
    assert counts == {"10.1.0.1": 1, "10.1.0.2": 2, "10.1.0.3": 0}
    # VICIdial's page makes it live: counted once, in the new place.
    floor_of_three.run("DELETE FROM vicidial_live_agents WHERE user = 'a'")
    floor_of_three.add_agent("10.1.0.1", user="a")
    counts = balancer.choose(**{**ALIAS, "alias": "1003x"}, user="c").counts
    assert counts == {"10.1.0.1": 2, "10.1.0.2": 2, "10.1.0.3": 0}


def test_live_agents_without_a_campaign_are_counted_like_others(floor_of_three, make_balancer):
    floor_of_three.add_agent("10.1.0.3", user="agent7", campaign_id=None)
    floor_of_three.add_agent("10.1.0.2", campaign_id=None)
    counts = make_balancer().choose(**ALIAS, user="agent7").counts
    assert counts == {"10.1.0.1": 0, "10.1.0.2": 1, "10.1.0.3": 0}


def test_a_login_that_went_live_twice_is_taken_off_its_reservation_once(
    floor_of_three, make_balancer
):
    balancer = make_balancer()
    choice = balancer.choose(**ALIAS, user="a")
    for _submitted in range(2):
        floor_of_three.add_agent(choice.server_ip, "PJSIP/1001", user="a")
    other = balancer.choose(**{**ALIAS, "alias": "1002x"}, user="b")
    assert other.counts[choice.server_ip] == 2


def test_remote_agents_and_rows_without_an_extension_are_not_counted(floor_of_three, make_balancer):
    for extension in ("R/7001", "R/7002", None):
        floor_of_three.add_agent("10.1.0.3", extension)
    assert make_balancer().choose(**ALIAS).counts["10.1.0.3"] == 0


def test_a_registered_phone_is_preferred_required_or_ignored(floor_of_three, make_balancer):
    floor_of_three.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE login = '1001d1'")
    floor_of_three.add_agent("10.1.0.1")
    assert make_balancer(registration="prefer").choose(**ALIAS).server_ip == "10.1.0.1"
    assert make_balancer(registration="require").choose(**ALIAS).server_ip == "10.1.0.1"
    assert make_balancer(registration="ignore").choose(**ALIAS).server_ip == "10.1.0.3"
    floor_of_three.run("UPDATE phones SET peer_status = 'UNREGISTERED'")
    assert make_balancer(registration="prefer").choose(**ALIAS).server_ip == "10.1.0.3"
    none = refusal(make_balancer(registration="require").choose, **ALIAS)
    assert none.reason == "no_dialer_available"


def test_auto_looks_at_registrations_where_any_phone_of_the_dialer_has_one(
    floor_of_three, make_balancer
):
    floor_of_three.run("UPDATE phones SET peer_status = 'UNREACHABLE' WHERE login = '1002d3'")
    auto = make_balancer(registration="auto")
    assert auto.choose(**ALIAS).server_ip == "10.1.0.2"
    explained = auto.explain("1001x")
    assert [phone["remarks"] for phone in explained.phones] == [[], [], ["not registered"]]
    assert explained.registration.endswith("no phone has a peer_status: 10.1.0.1, 10.1.0.2")
    # Whoever has looked just now doesn't look again; whoever hasn't sees what is there.
    floor_of_three.run("UPDATE phones SET peer_status = 'UNKNOWN'")
    assert auto.choose(**ALIAS).server_ip == "10.1.0.2"
    assert make_balancer(registration="auto").choose(**ALIAS).server_ip == "10.1.0.3"


def test_a_dialer_that_is_opened_is_looked_at_anew(floor_of_three, make_balancer):
    """Until its first phone registers it says nothing, and that may be remembered from before."""
    floor_of_three.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE server_ip <> '10.1.0.3'")
    new = "UPDATE servers SET active_agent_login_server = %s WHERE server_ip = '10.1.0.3'"
    floor_of_three.run(new, ("N",))
    auto = make_balancer(registration="auto")
    assert auto.choose(**ALIAS).server_ip == "10.1.0.2"
    # Its first phone registers, which isn't this agent's, and it is opened.
    floor_of_three.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE login = '1002d3'")
    floor_of_three.run(new, ("Y",))
    assert auto.choose(**ALIAS).server_ip == "10.1.0.2"
    assert auto.choose(**{**ALIAS, "alias": "1002x"}).server_ip == "10.1.0.3"


def test_a_web_phone_is_chosen_whether_it_is_registered_or_not(floor_of_three, make_balancer):
    for kind in ("Y", "Y_API_LAUNCH"):
        floor_of_three.run("UPDATE phones SET is_webphone = %s", (kind,))
        for state in ("UNKNOWN", "UNREGISTERED"):
            floor_of_three.run("UPDATE phones SET peer_status = %s", (state,))
            floor_of_three.run("UPDATE phones SET peer_status = 'REACHABLE' WHERE login = '1001d1'")
            for registration in ("auto", "prefer", "require"):
                balancer = make_balancer(registration=registration)
                assert balancer.choose(**ALIAS).server_ip == "10.1.0.3"


def test_a_dialer_carries_as_many_as_its_weight_says(cluster, make_balancer):
    cluster.add_even_floor(dialers=3, aliases=14)
    cluster.keep_alive()
    cluster.run("INSERT INTO evenfloor_weights VALUES ('10.1.0.1', 2), ('10.1.0.2', 0.5)")
    balancer = make_balancer()
    for number in range(1001, 1015):
        balancer.login(f"{number}x", "secret", f"agent{number}", "TEST")
    assert cluster.local_agents() == {"10.1.0.1": 8, "10.1.0.2": 2, "10.1.0.3": 4}
    weights = {entry.server_ip: entry.weight for entry in balancer.floor()}
    assert weights == {"10.1.0.1": 2, "10.1.0.2": 0.5, "10.1.0.3": 1}


def test_a_full_dialer_is_left_out_and_nobody_eligible_says_why_for_each(
    floor_of_three, make_balancer
):
    floor_of_three.run("UPDATE evenfloor_dialers SET max_agents = 1")
    balancer = make_balancer()
    for number in range(1001, 1004):
        balancer.login(f"{number}x", "secret", f"agent{number}", "TEST")
    floor_of_three.run("UPDATE server_updater SET last_update = NULL WHERE server_ip = '10.1.0.2'")
    none = refusal(balancer.login, **{**ALIAS, "alias": "1004x"}, user="late")
    assert none.reason == "no_dialer_available"
    assert none.dialers == {
        "1004d1": "the dialer is full: 1 of at most 1 agents",
        "1004d2": "the dialer has no known heartbeat",
        "1004d3": "the dialer is full: 1 of at most 1 agents",
    }
    assert floor_of_three.run("SELECT COUNT(*) FROM vicidial_live_agents") == ((3,),)


def test_the_reasons_for_a_refusal(floor_of_three, make_balancer):
    balancer = make_balancer()
    wrong = {**ALIAS, "password": "Secret"}
    assert refusal(balancer.choose, **wrong).reason == "bad_credentials"
    assert refusal(balancer.choose, **{**ALIAS, "alias": "7x"}).reason == "bad_credentials"
    unknown = refusal(balancer.choose, **{**ALIAS, "campaign": "NONE"})
    assert unknown.reason == "unknown_campaign" and "NONE" in unknown.detail
    balancer.login(**ALIAS, user="first")
    in_use = refusal(balancer.login, **ALIAS, user="second")
    assert in_use.reason == "alias_in_use" and "first" in in_use.detail
    assert balancer.login(**ALIAS, user="second", take_over=True).user == "second"
    assert floor_of_three.run("SELECT user FROM vicidial_live_agents") == (("second",),)


def test_an_agent_who_logs_in_again_is_moved_and_the_old_call_is_ended(
    floor_of_three, make_balancer
):
    balancer = make_balancer()
    first = balancer.login(**ALIAS, user="agent7")
    second = balancer.login(**ALIAS, user="agent7")
    assert set(second.counts.values()) == {0}
    assert floor_of_three.run("SELECT callerid FROM vicidial_live_agents") == ((second.tag,),)
    hangups = "SELECT callerid, server_ip FROM vicidial_manager WHERE action = 'Hangup'"
    assert floor_of_three.run(hangups) == ((first.tag, first.server_ip),)


def test_a_move_that_finds_no_room_leaves_the_old_session(server, cluster, make_balancer):
    mariadb.create_database(server, DATABASE, "MyISAM")
    cluster.add_even_floor(dialers=1, aliases=2)
    balancer = make_balancer()
    first = balancer.login(**ALIAS, user="agent7")
    other = balancer.login(**{**ALIAS, "alias": "1002x"}, user="agent8")
    cluster.run("DELETE FROM vicidial_confbridges WHERE extension = '' OR extension IS NULL")
    assert refusal(balancer.login, **ALIAS, user="agent7").reason == "no_dialer_available"
    taken_over = {**ALIAS, "alias": "1002x", "user": "agent9", "take_over": True}
    assert refusal(balancer.login, **taken_over).reason == "no_dialer_available"
    live = "SELECT callerid FROM vicidial_live_agents ORDER BY live_agent_id"
    assert cluster.run(live) == ((first.tag,), (other.tag,))
    assert cluster.run("SELECT COUNT(*) FROM vicidial_manager WHERE action = 'Hangup'") == ((0,),)


def test_only_sessions_on_the_alias_are_taken_over(floor_of_three, make_balancer):
    balancer = make_balancer()
    floor_of_three.run("UPDATE vicidial_campaigns SET pllb_grouping = 'CASCADING'")
    first = balancer.login(**ALIAS, user="first")
    floor_of_three.add_agent("10.1.0.1", user="first")
    taken = balancer.login(**ALIAS, user="second", take_over=True)
    assert taken.counts == {"10.1.0.1": 1, "10.1.0.2": 0, "10.1.0.3": 0}
    hangups = "SELECT callerid FROM vicidial_manager WHERE action = 'Hangup'"
    assert floor_of_three.run(hangups) == ((first.tag,),)
    users = "SELECT user FROM vicidial_live_agents ORDER BY live_agent_id"
    assert floor_of_three.run(users) == (("first",), ("second",))


def test_a_phone_without_a_protocol_is_in_use_like_any_other(floor_of_three, make_balancer):
    floor_of_three.run("UPDATE phones SET protocol = NULL")
    balancer = make_balancer()
    assert balancer.login(**ALIAS, user="first").server_ip
    assert refusal(balancer.login, **ALIAS, user="second").reason == "alias_in_use"


def test_a_logout_takes_back_a_choice_that_never_went_live(floor_of_three, make_balancer):
    balancer = make_balancer()
    balancer.choose(**ALIAS, user="agent7")
    assert balancer.logout("agent7") == 0
    assert set(balancer.choose(**ALIAS, user="agent8").counts.values()) == {0}


@pytest.mark.parametrize("use_case", ["login", "choose"])
@pytest.mark.parametrize(
    "wrong",
    [{"user": "x" * 21}, {"campaign": "x" * 9}, {"alias": "x" * 256}, {"alias": ""},
     {"password": "x" * 101}, {"password": None}, {"password": ""}, {"user": None},
     {"user": "half \ud800"}, {"alias": "\udcff"}],
)  # fmt: skip
def test_what_no_column_can_hold_is_refused_before_the_database_is_asked(
    floor_of_three, make_balancer, use_case, wrong
):
    call = getattr(make_balancer(), use_case)
    answer = refusal(call, **{**ALIAS, "user": "agent7", **wrong})
    assert isinstance(answer, Malformed)
    assert answer.reason == ("unknown_campaign" if "campaign" in wrong else "bad_credentials")


@pytest.mark.parametrize(
    "collation",
    [["latin1_swedish_ci"], ["utf8mb3_general_ci"], ["utf8mb3_unicode_ci"], ["utf8mb4_unicode_ci"],
     ["utf8mb4_bin"], ["utf8mb3_general_ci", "utf8mb3_unicode_ci"],
     ["utf8mb3_unicode_ci", "utf8mb3_general_ci", "utf8mb3_swedish_ci"],
     ["utf8mb4_unicode_ci", "utf8mb3_general_ci", "latin1_swedish_ci", "latin1_bin"]],
    ids="-".join,
)  # fmt: skip
def test_vicidials_tables_can_have_any_character_set(floor_of_three, make_balancer, collation):
    shared = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        " AND table_name NOT LIKE 'even%%' ORDER BY table_name"
    )
    # Of several every next table has the next.
    for (table,), name in zip(floor_of_three.run(shared, (DATABASE,)), itertools.cycle(collation)):
        charset = name.partition("_")[0]
        floor_of_three.run(f"ALTER TABLE {table} CONVERT TO CHARACTER SET {charset}"
                           f" COLLATE {name}")  # fmt: skip
    balancer = make_balancer()
    first = balancer.login(**ALIAS, user="agent1")
    balancer.login(**ALIAS, user="agent2", take_over=True)
    chosen = balancer.choose(**{**ALIAS, "alias": "1002x"}, user="agent3")
    floor_of_three.add_agent(chosen.server_ip, user="agent3")
    last = balancer.choose(**{**ALIAS, "alias": "1003x"}, user="agent4")
    assert sorted(last.counts.values()) == [0, 1, 1]
    assert first.server_ip and balancer.explain("1001x").winner and len(balancer.floor()) == 3
    assert refusal(balancer.choose, **{**ALIAS, "alias": "😀"}).reason == "bad_credentials"


@pytest.mark.parametrize(
    "break_it",
    ["RENAME TABLE evenfloor_reservations TO away", "SET GLOBAL max_heap_table_size = 16384"],
)
def test_a_database_that_does_not_do_it_is_a_refusal_and_no_crash(
    floor_of_three, make_balancer, caplog, break_it
):
    balancer = make_balancer()
    floor_of_three.run(break_it)
    try:
        if "heap" in break_it:
            floor_of_three.run("SET max_heap_table_size = 16384")
            floor_of_three.run("ALTER TABLE evenfloor_reservations ENGINE = MEMORY")
            fill = "INSERT IGNORE INTO evenfloor_reservations VALUES (%s, '', '', 0, 0, NOW())"
            with contextlib.suppress(pymysql.err.OperationalError):
                for number in range(1000):
                    floor_of_three.run(fill, (f"filler{number}",))
        answer = refusal(balancer.choose, **ALIAS, user="agent7")
        assert answer.reason == "database_unreachable"
        assert "evenfloor_" in caplog.text and "evenfloor_" not in answer.detail
        lock = "SELECT IS_FREE_LOCK('evenfloor.evenfloor_test')"
        assert floor_of_three.run(lock) == ((1,),)
    finally:
        floor_of_three.run("SET GLOBAL max_heap_table_size = DEFAULT")


def test_a_typed_list_and_a_plain_phone_login_work_like_an_alias(floor_of_three, make_balancer):
    balancer = make_balancer()
    typed = balancer.choose("1001d1,1001d2", "secret", campaign="TEST")
    assert typed.phone_login == "1001d2"
    assert balancer.choose("1001d1", "secret").phone_login == "1001d1"


@pytest.mark.parametrize("password", ['"', "\\", "a'b;--", "Ünïcode €", "tab\there", "{}[],null"])
def test_any_password_is_compared_as_it_is(floor_of_three, make_balancer, password):
    floor_of_three.run("UPDATE phones SET pass = %s", (password,))
    balancer = make_balancer()
    assert balancer.choose("1001x", password).server_ip
    assert refusal(balancer.choose, alias="1001x", password="x").reason == "bad_credentials"


def test_explain_names_the_winner_and_changes_nothing(floor_of_three, make_balancer):
    floor_of_three.run("UPDATE servers SET active = 'N' WHERE server_ip = '10.1.0.2'")
    floor_of_three.run("UPDATE phones SET peer_status = 'LAGGED' WHERE login = '1001d2'")
    explanation = make_balancer().explain("1001x", campaign="TEST")
    assert explanation.winner == "1001d3"
    assert [phone["why_not"] for phone in explanation.phones] == [
        None,
        "the dialer is not active",
        None,
    ]
    assert [phone["registered"] for phone in explanation.phones] == [False, True, False]
    assert all(type(phone["registered"]) is bool for phone in explanation.phones)
    assert "secret" not in repr(explanation)
    assert floor_of_three.run("SELECT COUNT(*) FROM evenfloor_reservations") == ((0,),)


def test_the_floor_has_an_entry_for_every_dialer(floor_of_three, make_balancer):
    floor_of_three.add_agent("10.1.0.1")
    floor_of_three.add_agent("10.1.0.1", "R/1")
    entries = {entry.server_ip: entry for entry in make_balancer().floor()}
    assert sorted(entries) == ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
    first = entries["10.1.0.1"]
    assert (first.local_agents, first.remote_agents, first.free_rooms) == (1, 1, 249)
    assert first.takes_logins and first.phones == 6


def test_a_login_goes_on_without_the_lock(floor_of_three, make_balancer):
    with floor_of_three.lock_held("evenfloor.evenfloor_test"):
        session = make_balancer(lock_timeout=1).login(**ALIAS, user="agent7")
    assert session.room


def test_a_wrong_password_neither_waits_for_the_lock_nor_takes_it(
    floor_of_three, make_balancer, monkeypatch
):
    floor_of_three.run("UPDATE phones SET pass = 'Secret ' WHERE login = '1002d1'")
    balancer = make_balancer(lock_timeout=30)
    taken, waited = [], []
    take = Lock.take

    def noted(lock, *arguments, **more):
        replies = take(lock, *arguments, **more)
        taken.append(lock.held)
        waited.append(lock.seconds)
        return replies

    monkeypatch.setattr(Lock, "take", noted)
    for wrong in ("Secret", "secret1", "😀", "%s"):
        for use_case in (balancer.choose, balancer.login):
            answer = refusal(use_case, **{**ALIAS, "password": wrong}, user="agent7")
            assert answer.reason == "bad_credentials"
    assert taken == [False] * 8
    assert balancer.choose(**ALIAS, user="agent7").server_ip and taken[-1]
    # Another connection holds the lock all the time: waiting for it would take 30 s.
    with floor_of_three.lock_held(lock_name(DATABASE)):
        answer = refusal(balancer.login, **{**ALIAS, "password": "wrong"}, user="agent7")
    assert answer.reason == "bad_credentials"
    assert taken[-1] is False and waited[-1] < 20


def test_decisions_are_kept_with_every_dialers_count(floor_of_three, make_balancer):
    make_balancer().login(**ALIAS, user="agent7")
    ((user, winner, outcome, detail),) = floor_of_three.run(
        "SELECT user, server_ip, outcome, detail FROM evenfloor_decisions"
    )
    assert (user, winner, outcome) == ("agent7", "10.1.0.3", "chosen")
    assert detail.count('"local_agents": 0') == 3 and "secret" not in detail


def test_old_decisions_and_expired_reservations_are_removed(floor_of_three, make_balancer):
    floor_of_three.run(
        "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, outcome) VALUES"
        " (NOW() - INTERVAL 2 HOUR, 'old', '', '', ''),"
        " (NOW() - INTERVAL 1 MINUTE, 'new', '', '', '')"
    )
    floor_of_three.run(
        "INSERT INTO evenfloor_reservations (user, server_ip, campaign_id, newest_id, expires)"
        " VALUES ('gone', '10.1.0.1', 'TEST', 0, UTC_TIMESTAMP() - INTERVAL 1 SECOND)"
    )
    make_balancer(decisions_kept=3600).choose(**ALIAS, user="agent7")
    users = "SELECT user FROM {} ORDER BY user"
    assert floor_of_three.run(users.format("evenfloor_decisions")) == (("agent7",), ("new",))
    assert floor_of_three.run(users.format("evenfloor_reservations")) == (("agent7",),)


def test_a_database_that_was_restarted_is_used_again(server, floor_of_three, make_balancer):
    balancer = make_balancer()
    balancer.floor()
    server.stop()
    assert refusal(balancer.login, **ALIAS, user="a").reason == "database_unreachable"
    server.start()
    assert balancer.logout("a") == 0
    server.stop()
    server.start()
    assert balancer.logout("a") == 0  # by a connection that broke while nobody used it
    assert balancer.login(**ALIAS, user="a").server_ip
