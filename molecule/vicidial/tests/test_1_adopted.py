"""What was adopted says what is there, and nothing of VICIdial's has changed."""

import shutil
import subprocess

from tests.waiting import PATIENCE

SHARED = "servers, phones, phones_alias, conferences, vicidial_conferences, vicidial_users"


def changed(done) -> list[str]:
    """Return the hosts on which a run changed something."""
    recap = done.stdout.partition("PLAY RECAP")[2]
    return [line for line in recap.splitlines() if ": ok=" in line and "changed=0 " not in line]


def checksums(cluster):
    """Return what VICIdial's tables hold, without the heartbeats that go on."""
    return cluster.sql(f"CHECKSUM TABLE {SHARED}")


def test_the_inventory_has_every_dialer_and_alias_that_it_can_express(cluster):
    assert cluster.groups["dialers"] == ["dialer1", "dialer2", "dialer3", "web1"]
    assert cluster.hostvars["dialer2"]["server_ip"] == "10.95.0.32"
    assert cluster.hostvars["db1"]["phone_aliases"] == [
        {"extensions": ["1001-1200"]},
        {"extensions": ["2001"], "suffix": "", "dialers": ["dialer1", "dialer3"]},
    ]


def test_adopting_again_changes_nothing_and_names_what_was_left_alone(cluster):
    before = checksums(cluster)
    done = cluster.playbook("playbooks/adopt.yml")
    assert changed(done) == []
    assert "Left alone: alias team: it mixes the extensions 1001, 1002" in done.stdout
    assert "Left alone: alias 1001boss: its phones are those of alias 1001x too" in done.stdout
    assert "Left alone: server archive: no phone is on it" in done.stdout
    assert "Left alone: alias 1003d: its id is a phone's login as well" in done.stdout
    assert "VICIdial's schema 1726" in done.stdout
    assert "nothing, all of it is there" in done.stdout
    assert "phonepass" not in done.stdout
    assert checksums(cluster) == before


def test_a_run_on_what_was_adopted_changes_nothing(cluster):
    before = checksums(cluster)
    for words in (("--check", "--diff"), ()):
        assert changed(cluster.playbook("playbooks/aliases.yml", *words)) == []
    assert checksums(cluster) == before


def test_a_check_of_everything_runs_through(cluster):
    assert changed(cluster.playbook("playbooks/site.yml", "--check", "--diff")) == []


def test_vicidials_tables_have_evenfloors_indexes_and_nothing_else_new(cluster):
    own = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'asterisk'"
        " AND table_name NOT LIKE 'evenfloor%'"
    )
    after = cluster.run(
        "db1",
        f'mariadb-dump --no-data --skip-comments asterisk $(mariadb -BN -e "{own}")'
        " | sed 's/ AUTO_INCREMENT=[0-9]*//; s/,$//' | grep -v evenfloor_ | sort",
    )
    before = cluster.run("db1", "sed 's/,$//' /root/schema.before | sort")
    assert after == before
    engines = dict(cluster.sql(
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = 'asterisk'"
        " AND table_name NOT LIKE 'evenfloor%'"))  # fmt: skip
    in_memory = {name for name, engine in engines.items() if engine == "MEMORY"}
    assert in_memory == {"server_updater", "vicidial_live_agents"}
    assert set(engines.values()) == {"MEMORY", "MyISAM"}


def test_a_schema_that_does_not_fit_is_refused_and_nothing_touched(cluster):
    cluster.sql("ALTER TABLE phones_alias CHANGE logins_list logins VARCHAR(255)")
    try:
        for name in ("adopt", "site"):
            done = cluster.playbook(f"playbooks/{name}.yml", check=False)
            assert done.returncode != 0
            assert "column phones_alias.logins_list is missing" in done.stdout
            assert changed(done) == []
    finally:
        cluster.sql("ALTER TABLE phones_alias CHANGE logins logins_list VARCHAR(255)")


def test_an_inventory_that_does_not_fit_is_refused_with_the_fix(cluster, tmp_path):
    folder = tmp_path / "inventory"
    shutil.copytree(cluster.inventory, folder)
    (folder / "group_vars/all/cluster.yml").write_text("---\ncluster_flavor: vicidail\n")
    done = cluster.playbook_with(folder, "playbooks/adopt.yml")
    assert "cluster_flavor 'vicidail' is none of plain, vicidial" in done.stdout
    done = cluster.playbook_with(folder, "playbooks/aliases.yml")
    assert "cluster_flavor 'vicidail' is none of plain, vicidial" in done.stdout
    done = cluster.playbook_with(folder / "hosts.yml", "playbooks/adopt.yml")
    assert "is not a folder; put the inventory into one of its own" in done.stdout


def test_no_secret_is_where_others_can_read_it(cluster):
    assert cluster.run("db1", "stat -c %a /etc/evenfloor/provisioning.cnf").strip() == "600"
    assert cluster.run("web1", "stat -c '%a %G' /etc/evenfloor/evenfloor.ini").strip() == (
        "640 evenfloor"
    )
    tree = subprocess.run(
        ["grep", "-rl", "-e", "phonepass", "-e", "registration1001", str(cluster.inventory)],
        capture_output=True,
        text=True,
    )
    assert tree.stdout == ""


def test_aliases_are_edited_in_the_inventory(cluster):
    edited = cluster.inventory / "group_vars/all/phone_aliases.yml"
    before = edited.read_text()
    rebuilt = "SELECT DISTINCT server_ip FROM lab.rebuilt ORDER BY server_ip"
    cluster.sql("DELETE FROM lab.rebuilt")
    edited.write_text(
        '---\nphone_aliases:\n  - extensions: ["1001-1200"]\n'
        '  - extensions: "3001-3002"\n    dialers: [dialer1, dialer2]\n'
    )
    try:
        done = cluster.playbook("playbooks/aliases.yml", "--diff")
        assert "alias 3001x (Agent 3001): 3001a,3001b" in done.stdout
        cluster.wait_until(
            lambda: cluster.sql(rebuilt) == [["10.95.0.31"], ["10.95.0.32"]],
            PATIENCE,
            "VICIdial writes the files of those two dialers",
        )
        columns = "status, active, protocol, template_id, dialplan_number, voicemail_id, phone_type"
        rows = cluster.sql(f"SELECT {columns} FROM phones WHERE login LIKE '3001%'")
        assert rows == [["ACTIVE", "Y", "PJSIP", "", "3001", "3001", "CCagent"]] * 2
        # What the inventory doesn't name any more is VICIdial's, and stays.
        assert cluster.sql("SELECT logins_list FROM phones_alias WHERE alias_id = '2001'") == [
            ["2001a,2001c"]
        ]
        assert changed(cluster.playbook("playbooks/aliases.yml")) == []
    finally:
        edited.write_text(before)
        cluster.sql("DELETE FROM phones WHERE extension LIKE '300_'")
        cluster.sql("DELETE FROM phones_alias WHERE alias_id LIKE '300_x'")
