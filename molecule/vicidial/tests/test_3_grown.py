"""A dialer more, and one less, on a cluster that VICIdial serves."""

import json

import pytest

NEW_IP = "10.95.0.35"
FLAG = "SELECT active_agent_login_server FROM servers WHERE server_ip = '10.95.0.35'"
LISTS = "SELECT logins_list FROM phones_alias WHERE alias_id IN ('1001x', '1200x', '2001', 'team')"


@pytest.fixture(scope="module", autouse=True)
def inventory(cluster):
    path = cluster.inventory / "dialers.yml"
    before = path.read_text()
    path.write_text(f"{before}    dialer5:\n      server_ip: {NEW_IP}\n")
    cluster.reload()
    yield
    path.write_text(before)
    cluster.reload()


def test_a_check_says_what_adding_would_do_and_does_nothing(cluster):
    done = cluster.playbook("add-dialer.yml", "--check", "--diff")
    assert "New: dialer5" in done.stdout
    assert cluster.sql(f"SELECT COUNT(*) FROM servers WHERE server_ip = '{NEW_IP}'") == [["0"]]


def test_a_dialer_without_a_heartbeat_is_made_but_not_opened(cluster):
    cluster.sql("DELETE FROM lab.rebuilt")
    done = cluster.playbook("add-dialer.yml", "-e", "dialer_heartbeat_timeout=3", check=False)
    assert done.returncode != 0
    assert "dialer5: the server row, rooms and phones exist" in " ".join(done.stdout.split())
    assert "FAILED - RETRYING" in done.stdout, "no progress was shown"
    assert cluster.sql(FLAG) == [["N"]]
    assert not [row for row in cluster.sql(LISTS) if "e" in row[0]]
    assert cluster.sql(f"SELECT COUNT(*) FROM phones WHERE server_ip = '{NEW_IP}'") == [["200"]]
    for table, rooms in (
        ("vicidial_conferences", 249), ("vicidial_confbridges", 249), ("conferences", 49)
    ):  # fmt: skip
        query = f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{NEW_IP}'"
        assert cluster.sql(query) == [[str(rooms)]]
    # Trunks between the servers: every dialer's files are written again.
    rebuilt = {row[0] for row in cluster.sql("SELECT DISTINCT server_ip FROM lab.rebuilt")}
    assert rebuilt == {f"10.95.0.{number}" for number in (20, 31, 32, 33, 40)}
    # Nobody lands there meanwhile.
    cluster.log_in_at_once(range(1001, 1011))
    assert NEW_IP not in cluster.counts()


def test_it_is_opened_once_its_heart_beats_and_gets_the_next_logins(cluster):
    cluster.log_in_at_once(range(1001, 1009))
    cluster.sql(f"INSERT INTO lab.running VALUES ('{NEW_IP}')")
    done = cluster.playbook("add-dialer.yml", "--diff")
    assert "phonepass" not in done.stdout
    assert cluster.sql(FLAG) == [["Y"]]
    assert cluster.sql(LISTS) == [
        ["1001a,1001b,1001c,1001d,1001e"],
        ["1200a,1200b,1200c,1200d,1200e"],
        ["2001a,2001c"],
        ["1001a,1002b"],
    ]
    for extension in (1009, 1010):
        assert f"logged in on [{NEW_IP}]" in cluster.log_in(extension)
    cluster.log_in_at_once(range(1011, 1191))
    assert cluster.spread() <= 1
    again = cluster.playbook("add-dialer.yml")
    assert "Every dialer of the inventory is in service" in again.stdout
    assert "changed=0" in again.stdout.partition("PLAY RECAP")[2].splitlines()[1]


def test_the_clone_is_like_the_other_and_its_phones_like_the_others(cluster):
    columns = "server_id, ASTmgrSECRET, conf_engine, active, generate_vicidial_conf"
    row = cluster.sql(f"SELECT {columns} FROM servers WHERE server_ip = '{NEW_IP}'")
    assert row == [["dialer5", "manager1", "CONFBRIDGE", "Y", "Y"]]
    columns = "pass, conf_secret, protocol, status, template_id, outbound_cid, fullname"
    (phone,) = cluster.sql(f"SELECT {columns} FROM phones WHERE login = '1001e'")
    assert [phone] == cluster.sql(f"SELECT {columns} FROM phones WHERE login = '1001a'")
    # Who had another password on one dialer has the usual one on the new one.
    assert cluster.sql(
        "SELECT pass FROM phones WHERE login IN ('1200d', '1200e') ORDER BY login"
    ) == [
        ["another"],
        ["phonepass"],
    ]


def test_the_doctor_looks_at_what_is_evenfloors(cluster):
    done = cluster.playbook("playbooks/check.yml", "-e", "output=json", check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"findings"')]
    found = {(row["finding"], row["alias"]) for row in json.loads(line)["findings"]}
    assert found == {("login_passwords_differ", "1200x"), ("alias_named_like_phone", "1003d")}


def test_it_drains_and_goes_and_nothing_of_it_is_left(cluster):
    assert "logged in on [10.95.0.35]" in cluster.log_in(1001)
    cluster.sql("DELETE FROM vicidial_live_agents")
    cluster.sql("DELETE FROM lab.rebuilt")
    cluster.playbook("playbooks/remove_dialer.yml", "-e", "dialer=dialer5 confirmed=true")
    for table in ("servers", "phones", "vicidial_conferences", "vicidial_confbridges",
                  "conferences", "server_updater", "evenfloor_dialers",
                  "evenfloor_weights"):  # fmt: skip
        query = f"SELECT COUNT(*) FROM {table} WHERE server_ip = '{NEW_IP}'"
        assert cluster.sql(query) == [["0"]], table
    assert not [row for row in cluster.sql(LISTS) if "e" in row[0]]
    cluster.sql(f"DELETE FROM lab.running WHERE server_ip = '{NEW_IP}'")
    assert "logged in on [10.95.0.20]" in cluster.log_in(1001)
