"""The example that runs check.yml by a timer: who is told, and of what."""

import email
import email.policy
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading

import pytest

from tests.mariadb import free_port
from tests.prometheus import ROOT
from tests.waiting import PATIENCE

EXAMPLE = ROOT / "docs/examples/check-by-timer"
PLAY = "- hosts: localhost\n  gather_facts: false\n  connection: local\n  tasks:\n    - "
WELL, WRONG, HANGS = (
    "debug: {msg: well}",
    "fail: {msg: 'dialer3 is \"silent\"'}",
    "pause: {seconds: 900}",
)


@pytest.fixture
def webhook():
    """A web server that keeps what is posted to it; it answers ``status``, and then ``then``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posted.append(json.loads(body)["text"])
            self.send_response(self.server.status)
            self.server.status = self.server.then or self.server.status
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.posted, server.status, server.then = [], 200, None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def check(tmp_path):
    """Run the example with a playbook of one task; returns its exit status and the mail."""
    mailed = tmp_path / "mailed"
    mail = tmp_path / "bin/mail"
    mail.parent.mkdir()
    mail.write_text(f'#!/bin/sh\necho "$@" > {mailed}\ncat >> {mailed}\n')
    mail.chmod(0o755)

    def run(task: str, **environment: str) -> tuple[int, str]:
        playbook = tmp_path / "check.yml"
        playbook.write_text(PLAY + "ansible.builtin." + task + "\n")
        done = subprocess.run(
            [EXAMPLE / "evenfloor-check"],
            env={
                **os.environ,
                "PATH": f"{mail.parent}:{os.environ['PATH']}",
                "EVENFLOOR_PLAYBOOK": str(playbook),
                "EVENFLOOR_INVENTORY": "localhost,",
                **environment,
            },
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, mailed.read_text() if mailed.exists() else ""

    return run


@pytest.fixture
def mail_server():
    """A mail server that keeps what it is given."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 test\r\n")
            for line in self.rfile:
                word = line.split()[0].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    content = b"".join(one.removeprefix(b".") for one in lines)
                    mail = email.message_from_bytes(content, policy=email.policy.default)
                    self.server.mails.append(mail)
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 test\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.mails = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url(webhook) -> str:
    return f"http://127.0.0.1:{webhook.server_port}/hook"


def test_while_all_is_well_nobody_is_told(check, webhook):
    assert check(WELL, EVENFLOOR_MAIL_TO="a@b.c", EVENFLOOR_WEBHOOK=url(webhook)) == (0, "")
    assert webhook.posted == []


def test_what_was_found_goes_out_by_mail_and_webhook(check, webhook):
    status, mail = check(WRONG, EVENFLOOR_MAIL_TO="a@b.c", EVENFLOOR_WEBHOOK=url(webhook))
    assert status == 0 and mail.splitlines()[0].endswith("a@b.c") and "dialer3 is" in mail
    (text,) = webhook.posted
    assert "dialer3 is" in text


ODD = "dialer3 «schläft» 😴 'quoted' $(id)"


def test_odd_letters_arrive_by_mail_and_webhook_and_no_secret_does(check, webhook, mail_server):
    status, _mail = check(
        f'fail: {{msg: "{ODD}"}}',
        EVENFLOOR_MAIL_TO="a@b.c, d@e.f",
        EVENFLOOR_MAIL_SERVER=f"127.0.0.1:{mail_server.server_address[1]}",
        EVENFLOOR_WEBHOOK=url(webhook) + "/a-secret",
    )
    assert status == 0
    (mail,), (text,) = mail_server.mails, webhook.posted
    assert mail["To"] == "a@b.c, d@e.f" and "Evenfloor" in mail["Subject"]
    for said in (mail.get_content(), text):
        assert ODD in said and "a-secret" not in said


def test_a_receiver_that_is_away_is_a_failure_that_says_why_without_a_secret(check, capfd):
    nobody = free_port()
    status, _mail = check(
        WRONG,
        EVENFLOOR_MAIL_TO="a@b.c",
        EVENFLOOR_MAIL_SERVER=f"127.0.0.1:{nobody}",
        EVENFLOOR_WEBHOOK=f"http://127.0.0.1:{nobody}/a-secret",
    )
    journal = capfd.readouterr().err
    assert status == 1 and "a-secret" not in journal
    assert "the mail was not sent: " in journal and f"port {nobody}" in journal


def test_a_webhook_that_is_away_for_a_moment_is_told(check, webhook):
    webhook.status, webhook.then = 503, 200
    assert check(WRONG, EVENFLOOR_WEBHOOK=url(webhook))[0] == 0
    assert len(webhook.posted) == 2


def test_a_check_that_hangs_is_told_of(check, webhook):
    status, _mail = check(HANGS, EVENFLOOR_WEBHOOK=url(webhook), EVENFLOOR_CHECK_SECONDS="10")
    assert status == 0 and "has not ended in time" in webhook.posted[0]


def test_the_service_fails_if_nobody_could_be_told(check, webhook):
    webhook.status = 500
    assert check(WRONG, EVENFLOOR_WEBHOOK=url(webhook))[0] == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd isn't there")
def test_systemd_takes_the_units(tmp_path):
    for name in ("evenfloor-check.service", "evenfloor-check.timer"):
        text = (EXAMPLE / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin/evenfloor-check", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.glob("evenfloor-check.*"))],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "evenfloor-check" not in done.stderr, done.stderr
