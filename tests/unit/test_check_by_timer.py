"""The example that runs check.yml by a timer: who is told, and of what."""

import http.server
import json
import os
import shutil
import subprocess
import threading

import pytest

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
    """A web server that keeps what is posted to it; ``status`` is what it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posted.append(json.loads(body)["text"])
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.posted, server.status = [], 200
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
