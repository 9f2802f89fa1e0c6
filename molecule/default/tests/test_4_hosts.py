"""What the hosts do and don't do."""

import socket

import pytest

from tests.waiting import PATIENCE

DIALERS = ["dialer1", "dialer2", "dialer3"]
INVITE = (
    "INVITE sip:8600051@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{branch}\r\n"
    "From: <sip:anonymous@{me}>;tag=1\r\nTo: <sip:8600051@{to}>\r\nCall-ID: {branch}@{me}\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:anonymous@{me}>\r\nMax-Forwards: 70\r\n"
    "Content-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("host", "service"),
    [("db1", "mariadb"), ("login1", "evenfloor-login"), ("seat1", "evenfloor-softphone")]
    + [(dialer, service) for dialer in DIALERS for service in ("asterisk", "evenfloor-dialer")],
)
def test_services_run_and_start_with_the_host(on, host, service):
    assert on(host).service(service).is_running
    assert on(host).service(service).is_enabled


def test_the_manager_interface_is_on_loopback_only(cluster):
    for dialer in DIALERS:
        listening = cluster.run(dialer, "ss -Hltn 'sport = :5038'").split()
        assert listening[3] == "127.0.0.1:5038"


def test_the_manager_interface_knows_the_daemon_alone_and_a_secret_of_its_own(cluster):
    secrets = set()
    for dialer in DIALERS:
        users = cluster.run(dialer, "asterisk -rx 'manager show users'")
        assert "\n1 manager users configured." in users, users
        lines = cluster.run(dialer, "cat /etc/asterisk/manager.conf").splitlines()
        (secret,) = [line.partition("=")[2].strip() for line in lines if line.startswith("secret")]
        assert len(secret) >= 20
        secrets.add(secret)
    assert len(secrets) == len(DIALERS)


def test_the_database_listens_on_the_clusters_address_only(cluster):
    lines = cluster.run("db1", "ss -Hltn 'sport = :3306'").splitlines()
    assert [line.split()[3] for line in lines] == [f"{cluster.address('db1')}:3306"]


@pytest.mark.parametrize(
    ("host", "path", "group"),
    [
        ("db1", "/etc/evenfloor/provisioning.cnf", "root"),
        ("db1", "/etc/evenfloor/database.key", "mysql"),
        ("login1", "/etc/evenfloor/evenfloor.ini", "evenfloor"),
        ("dialer1", "/etc/evenfloor/evenfloor.ini", "evenfloor"),
        ("dialer1", "/etc/asterisk/manager.conf", "asterisk"),
        ("dialer2", "/etc/asterisk/evenfloor/endpoints.conf", "asterisk"),
        ("seat1", "/etc/baresip/accounts", "baresip"),
    ],
)
def test_files_with_secrets_are_nobody_elses(on, host, path, group):
    file = on(host).file(path)
    assert (file.user, file.group) == ("root", group)
    assert file.mode & 0o007 == 0
    assert file.mode & 0o020 == 0


def test_no_secret_is_in_a_process_list_or_a_journal(cluster):
    secrets = {v for row in cluster.sql("SELECT pass, conf_secret FROM phones") for v in row}
    for host in ("db1", "login1", *DIALERS, "seat1", "seat2"):
        text = cluster.run(host, "ps axww; journalctl -b --no-pager")
        assert [secret for secret in secrets if secret in text] == []


def test_a_dialers_database_user_reads_no_password(cluster):
    words = "import configparser as c, pymysql; i = c.ConfigParser(); " \
        "i.read('/etc/evenfloor/evenfloor.ini'); d = i['database']; " \
        "k = pymysql.connect(host=d['host'], user=d['user'], password=d['password'], " \
        "database=d['name']).cursor(); "  # fmt: skip
    python = "/opt/evenfloor/venv/bin/python"
    allowed = cluster.run("dialer1", f"{python} -c \"{words} k.execute('SELECT extension FROM "
                          "phones'); print(k.rowcount)\"")  # fmt: skip
    assert int(allowed) > 0
    for column in ("pass", "conf_secret"):
        for table in ("phones", "asterisk.phones"):
            with pytest.raises(RuntimeError, match="denied|Unknown column"):
                cluster.run("dialer1", f"{python} -c \"{words} k.execute('SELECT {column} FROM "
                            f"{table}')\"")  # fmt: skip


def test_hosts_speak_to_the_database_over_tls_alone(cluster):
    without = "SELECT CONCAT(user, '@', host) FROM mysql.user WHERE ssl_type = '' AND user IN"
    assert cluster.sql(f"{without} ('evenfloor_login', 'evenfloor_dialer')") == []
    for host in ("login1", *DIALERS):
        cluster.run(host, "grep -x 'tls_ca = /etc/evenfloor/ca.pem' /etc/evenfloor/evenfloor.ini")


def test_only_the_database_host_has_the_authoritys_key(on, cluster):
    assert on("db1").file("/etc/evenfloor/ca.key").exists
    for host in ("login1", *DIALERS):
        assert not on(host).file("/etc/evenfloor/ca.key").exists


def test_anonymous_sip_is_refused(cluster):
    for dialer in DIALERS:
        to = cluster.address(dialer)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(PATIENCE)
            phone.connect((to, 5060))
            me = "{}:{}".format(*phone.getsockname())
            phone.send(INVITE.format(to=to, me=me, branch=f"x{dialer}").encode())
            assert phone.recv(2000).startswith(b"SIP/2.0 401")


def test_both_generations_of_asterisk_are_in_the_cluster(cluster):
    versions = dict(cluster.sql("SELECT server_id, asterisk_version FROM servers"))
    assert versions["dialer1"].startswith("22.")
    assert versions["dialer2"].startswith("16.")
