"""The module softphone with a baresip that speaks its protocol."""

import json
import socket
import threading

import pytest

from tests.modules import Runner

PHONE = {"extension": "101", "registration_password": "spoken"}
FIRST, SECOND = "sip:101@10.0.0.11", "sip:101@10.0.0.12"


class Baresip:
    """Answers on baresip's control interface, one client at a time, and keeps accounts.

    Attributes:
        accounts: the running accounts by address.
        codes: how the dialer answered a registration, by address; 200 by default.
        calls: what ``listcalls`` says.
        refused: commands that it refuses.
        commands: what it was asked to change.
    """

    def __init__(self):
        self.accounts, self.codes, self.calls = {}, {}, ""
        self.refused, self.commands = set(), []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        """Stop serving, if it still does."""
        if self._thread.is_alive():
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join(10)
            self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            with client:
                self._talk(client)

    def _talk(self, client):
        received = b""
        while part := client.recv(7):  # in small pieces
            received += part
            length, colon, rest = received.partition(b":")
            if colon and len(rest) > int(length):
                message, received = json.loads(rest[: int(length)]), rest[int(length) + 1 :]
                client.sendall(_netstring({"event": True, "class": "register"}))
                client.sendall(_netstring(self._answer(message)))

    def _answer(self, message):
        name, parameters = message["command"], message["params"]
        answer = {"response": True, "ok": name not in self.refused, "data": ""}
        if name == "apistate":
            answer["data"] = json.dumps(
                {a: {"registration": {"code": self.codes.get(a, 200)}} for a in self.accounts}
            )
        elif name == "listcalls":
            answer["data"] = self.calls
        elif answer["ok"]:
            self.commands.append((name, parameters.partition(">")[0].lstrip("<")))
            if name == "uanew":
                self.accounts[parameters[1:].partition(">")[0]] = parameters
            else:
                del self.accounts[parameters]
        return {**answer, "token": message["token"]}


def _netstring(message):
    text = json.dumps(message).encode()
    return b"%d:%s," % (len(text), text)


class Softphone(Runner):
    """Runs softphone with a file of the test's folder."""

    def __init__(self, file, port):
        super().__init__(path=str(file), group="root", control_port=port)
        self.file = file

    def accounts(self, *server_ips, check=False, **arguments) -> dict:
        """Run the module for the phone on these dialers."""
        phones = [{**PHONE, "server_ip": server_ip} for server_ip in server_ips]
        return self.run("softphone", check, phones=phones, **arguments)

    def on_disk(self) -> list[str]:
        """Return the addresses in the file."""
        return [line[1:].partition(">")[0] for line in self.file.read_text().splitlines()]


@pytest.fixture
def baresip():
    running = Baresip()
    yield running
    running.stop()


@pytest.fixture
def softphone(tmp_path, baresip):
    return Softphone(tmp_path / "accounts", baresip.port)


def test_accounts_are_added_to_the_running_softphone_and_to_the_file(softphone, baresip):
    done = softphone.accounts("10.0.0.11", "10.0.0.12")
    assert done["changed"]
    assert done["added"] == [FIRST, SECOND]
    assert sorted(baresip.accounts) == softphone.on_disk() == [FIRST, SECOND]
    assert softphone.file.read_text().splitlines() == [
        baresip.accounts[FIRST],
        baresip.accounts[SECOND],
    ]
    assert softphone.file.stat().st_mode & 0o777 == 0o640
    baresip.commands.clear()
    assert not softphone.accounts("10.0.0.11", "10.0.0.12")["changed"]
    assert baresip.commands == []


def test_an_account_that_nobody_wants_is_removed_and_the_others_are_left_alone(softphone, baresip):
    softphone.accounts("10.0.0.11", "10.0.0.12")
    baresip.commands.clear()
    done = softphone.accounts("10.0.0.12", grow=False)
    assert (done["added"], done["removed"]) == ([], [FIRST])
    assert baresip.commands == [("uadel", FIRST)]
    assert softphone.on_disk() == [SECOND]


def test_check_mode_changes_nothing_and_says_what_a_run_would(softphone, baresip):
    checked = softphone.accounts("10.0.0.11", check=True)
    assert checked["changed"]
    assert checked["diff"] == {"before": "", "after": f"{FIRST}\n"}
    assert baresip.accounts == {}
    assert not softphone.file.exists()


def test_a_registration_that_a_dialer_refused_is_tried_again_unless_there_is_a_call(
    softphone, baresip
):
    softphone.accounts("10.0.0.11", "10.0.0.12")
    baresip.codes = {FIRST: 404, SECOND: 403}
    baresip.calls = "User-Agent: 101@10.0.0.12\n--- Active calls (1) ---\n"
    baresip.commands.clear()
    assert not softphone.accounts("10.0.0.11", "10.0.0.12")["changed"]
    assert baresip.commands == [("uadel", FIRST), ("uanew", FIRST)]


def test_without_a_running_softphone_only_the_file_counts(softphone, baresip):
    baresip.stop()
    assert softphone.accounts("10.0.0.11")["added"] == [FIRST]
    assert softphone.on_disk() == [FIRST]
    assert not softphone.accounts("10.0.0.11")["changed"]


def test_a_softphone_that_refuses_is_an_error_and_the_next_run_goes_on(softphone, baresip):
    baresip.refused = {"uanew"}
    phones = [{**PHONE, "server_ip": "10.0.0.11"}]
    message = softphone.fail("softphone", phones=phones)
    assert "the softphone's control interface: baresip refused uanew; run again" in message
    assert not softphone.file.exists()
    baresip.refused = set()
    assert softphone.accounts("10.0.0.11")["added"] == [FIRST]


def test_no_output_holds_a_password(softphone):
    softphone.accounts("10.0.0.11", check=True)
    shown = softphone.output
    softphone.accounts("10.0.0.11")
    assert "spoken" not in shown + softphone.output


CALL = "User-Agent: 101@10.0.0.11\n--- Active calls (1) ---\n"


def change_password(softphone) -> dict:
    """Run the module for the phone with another registration password."""
    phone = {**PHONE, "server_ip": "10.0.0.11", "registration_password": "whispered"}
    return softphone.run("softphone", phones=[phone])


def test_a_changed_account_in_a_call_keeps_it_and_is_changed_when_it_has_ended(softphone, baresip):
    softphone.accounts("10.0.0.11")
    baresip.calls = CALL
    baresip.commands.clear()
    done = change_password(softphone)
    assert (done["changed"], done["waiting"], done["added"]) == (True, [FIRST], [])
    assert "whispered" in softphone.file.read_text()
    waiting = softphone.file.with_name("accounts.waiting")
    assert waiting.stat().st_mode & 0o777 == 0o640
    again = change_password(softphone)
    assert (again["changed"], again["waiting"]) == (False, [FIRST])
    assert baresip.commands == []
    baresip.calls = ""
    done = change_password(softphone)
    assert (done["changed"], done["waiting"], done["added"]) == (True, [], [FIRST])
    assert baresip.commands == [("uadel", FIRST), ("uanew", FIRST)]
    assert "whispered" in baresip.accounts[FIRST]
    assert not waiting.exists()
    assert not change_password(softphone)["changed"]


def test_a_softphone_that_was_started_anew_waits_for_nothing(softphone, baresip):
    softphone.accounts("10.0.0.11")
    baresip.calls = CALL
    change_password(softphone)
    baresip.stop()
    assert change_password(softphone)["waiting"] == []
    assert not softphone.file.with_name("accounts.waiting").exists()
