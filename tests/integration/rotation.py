"""A host's database password in files of a test, and the steps in which it changes."""

from __future__ import annotations

import contextlib

import pymysql

from tests.integration.conftest import DATABASE
from tests.modules import DatabaseRunner, Runner

USER, ADDRESS = "evenfloor_login", "127.0.0.1"
FIRST_PASSWORD = "theFirstPasswordOfThisHost"


class Host:
    """A host with a secret, a file that its programs read, and a database user.

    Args:
        server: the database server.
        folder: for the files.
        config: the file that programs read, with a line ``password = …``; made if None.
    """

    def __init__(self, server, folder, config=None):
        self.server = server
        self.secret = folder / "database.secret"
        self.secret.write_text(f"{FIRST_PASSWORD}\n")
        self.secret.chmod(0o600)
        self.following = folder / "database.secret.next"
        self.config = config or folder / "evenfloor.ini"
        if config is None:
            self.config.write_text(f"[database]\nuser = {USER}\npassword = {FIRST_PASSWORD}\n")
            self.config.chmod(0o640)
        where = {"path": str(self.secret), "files": [{"path": str(self.config), "key": "password"}]}
        self.files = Runner(**where)
        self.database = DatabaseRunner(folder / "none.cnf", DATABASE)
        self.database.defaults |= {
            "login_unix_socket": server.socket, "name": USER, "address": ADDRESS,
        }  # fmt: skip

    def step(self, name, check=False) -> dict:
        """Take a step of the module secret_rotation."""
        return self.files.run("secret_rotation", check, step=name)

    def accept(self, update) -> dict:
        """Have the database accept the secret that is to be used."""
        known = self.step("begin" if update == "add" else "use")["password_hash"]
        return self.database.run("database_user", password_hash=known, update=update)

    def steps(self) -> list:
        """Return the steps of a rotation in order, as the role rotation takes them."""
        return [
            lambda: self.step("begin"),
            lambda: self.accept("add"),
            lambda: self.step("use"),
            lambda: self.accept("only"),
            lambda: self.step("end"),
        ]

    def rotate(self) -> None:
        """Take all steps."""
        for step in self.steps():
            step()

    def site(self) -> dict:
        """Do what site.yml does for the database password."""
        secret = Runner().run("secret", path=str(self.secret))["secret"]
        done = self.database.run("database_user", password=secret)
        lines = self.config.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("password = ")]
        self.config.write_text("\n".join([*kept, f"password = {secret}", ""]))
        return done

    def in_use(self) -> str:
        """Return the password in the file that programs read."""
        lines = self.config.read_text().splitlines()
        return next(line for line in lines if line.startswith("password = ")).partition(" = ")[2]

    def lets_in(self, password) -> bool:
        """Whether the database lets the host in with a password."""
        with contextlib.suppress(pymysql.err.OperationalError):
            pymysql.connect(
                host=ADDRESS, port=self.server.port, user=USER, password=password
            ).close()
            return True
        return False


def kill_connections(cluster) -> None:
    """End the connections of the host's user: whoever uses one has to log in again."""
    rows = cluster.run("SELECT id FROM information_schema.processlist WHERE user = %s", (USER,))
    for (number,) in rows:
        with contextlib.suppress(pymysql.err.OperationalError):
            cluster.run(f"KILL {number}")
