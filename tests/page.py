"""A login page of VICIdial's shape with the hook in it, served by PHP."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from tests.mariadb import Server, free_port
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]
HOOK = ROOT / "roles/vicidial_hook/templates/hook.php.j2"
PAGE = ROOT / "molecule/vicidial/files/agc/vicidial.php"
#: How long the hook waits, in seconds: the default of balancer_hook_timeout.
HOOKS_PATIENCE = 1
#: Longer than any page takes on a busy machine, in seconds.
HANG = 60

_DBCONNECT = "<?php $link = mysqli_connect('localhost', 'root', '', '{name}', 0, '{socket}');\n"
_OPTIONS = """<?php
$operators_option = 'kept';
if (isset($VD_login, $VD_pass, $VD_campaign) && is_readable('hook.php')) {
    $before = memory_get_peak_usage();
    $started = microtime(true);
    include 'hook.php';
    $cost = array(microtime(true) - $started, memory_get_peak_usage() - $before);
}
"""
_APPENDED = "<?php if (isset($cost)) { vprintf('<!-- hook: %.3f s, %d bytes -->', $cost); }\n"
_COST = re.compile(r"<!-- hook: ([0-9.]+) s, ([0-9]+) bytes -->")


@dataclass(frozen=True)
class Shown:
    """What the page showed.

    Attributes:
        text: its text, without the cost.
        cookies: what it set, by line.
        seconds: how long the hook took; 0 without it.
        memory: by how many bytes it raised the most that PHP used.
    """

    text: str
    cookies: tuple[str, ...]
    seconds: float
    memory: int


class LoginPage:
    """A page that PHP serves.

    Args:
        folder: for its files and log.
        server: its database's server.
        database: its database.
    """

    def __init__(self, folder: Path, server: Server, database: str):
        self._folder = folder
        self._port = free_port()
        shutil.copy(PAGE, folder)
        connect = _DBCONNECT.format(name=database, socket=server.socket)
        (folder / "dbconnect_mysqli.php").write_text(connect)
        (folder / "options.php").write_text(_OPTIONS)
        (folder / "appended.php").write_text(_APPENDED)
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            [
                "php", "-S", f"127.0.0.1:{self._port}", "-t", str(folder),
                "-d", f"auto_append_file={folder}/appended.php",
                # Which looks only now and then whether a file has changed.
                "-d", "opcache.enable=0",
                "-d", f"sys_temp_dir={self.temporary}",
                "-d", "display_errors=1", "-d", "error_reporting=-1", "-d", "html_errors=0",
            ],
            stdout=(folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def temporary(self) -> Path:
        """Where PHP has its temporary files."""
        return self._folder / "temporary"

    def set_hook(self, port: int, patience: float = HOOKS_PATIENCE, pause: int = 0) -> None:
        """Have the hook ask the login service on a port.

        Args:
            port: the service's.
            patience: how long the hook waits, in seconds.
            pause: for how many seconds it doesn't ask a service that took too long.
        """
        environment = jinja2.Environment(keep_trailing_newline=True)  # noqa: S701 - it is PHP
        text = environment.from_string(HOOK.read_text())
        settings = {
            "balancer_listen": "127.0.0.1",
            "balancer_port": port,
            "balancer_hook_timeout": patience,
            "balancer_hook_pause": pause,
        }
        (self._folder / "hook.php").write_text(text.render(ansible_managed="", **settings))

    def remove_hook(self) -> None:
        """Take the hook out of the page."""
        (self._folder / "hook.php").unlink(missing_ok=True)

    def log_in(self, extension: int, cookie: str = "", **fields: str) -> Shown:
        """Log an agent in as the login form does.

        Args:
            extension: the agent's.
            cookie: what the browser sends.
            fields: of the form, instead of those for the extension.
        """
        given = {
            "phone_login": f"{extension}x",
            "phone_pass": "secret",
            "VD_login": f"agent{extension}",
            "VD_pass": "userpass",
            "VD_campaign": "TEST",
            **fields,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HANG)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        try:
            connection.request("POST", "/vicidial.php", urllib.parse.urlencode(given), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        cost = _COST.search(text)
        seconds, memory = cost.groups() if cost else (0, 0)
        cookies = tuple(answer.headers.get_all("Set-Cookie") or ())
        return Shown(_COST.sub("", text), cookies, float(seconds), int(memory))

    def answers(self) -> bool:
        """Whether PHP serves the page."""
        try:
            return "<form>" in self.log_in(0, VD_login="").text
        except OSError:
            return False


@contextlib.contextmanager
def served(server: Server, database: str) -> Iterator[LoginPage]:
    """Yield a page that is served, with no hook in it yet.

    Args:
        server: its database's server.
        database: its database.
    """
    with tempfile.TemporaryDirectory(prefix="evenfloor-page-") as folder:
        page = LoginPage(Path(folder), server, database)
        try:
            deadline = time.monotonic() + PATIENCE
            while not page.answers():
                if time.monotonic() > deadline or page.process.poll() is not None:
                    raise RuntimeError((Path(folder) / "log").read_text()[-2000:])
                time.sleep(0.05)
            yield page
        finally:
            page.process.terminate()
            page.process.wait(PATIENCE)
