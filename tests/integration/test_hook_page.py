"""The hook in a login page: whoever answers, or doesn't, the page goes on within its second."""

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.page import HANG, HOOKS_PATIENCE, Shown, served
from tests.service import Service, running
from tests.waiting import PATIENCE, Limit, wait_until

#: By how much a hook that is lied to raises what PHP uses, at most, in bytes.
MOST_MEMORY = 3 * 1024 * 1024
MEGABYTE = bytes(1024 * 1024)


def _has_php() -> bool:
    if shutil.which("php") is None:
        return False
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True)
    return "mysqli" in modules.stdout.split()


pytestmark = pytest.mark.skipif(not _has_php(), reason="needs PHP with mysqli")


@pytest.fixture(scope="module")
def floor(server):
    """A cluster of VICIdial's shape, and agents whom its page knows."""
    mariadb.create_database(server, DATABASE, "MyISAM", plain_indexes=False)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=4)
        cluster.keep_alive()
        cluster.run(
            "CREATE OR REPLACE TABLE vicidial_users ENGINE=MyISAM SELECT DISTINCT"
            " CONCAT('agent', extension) AS user, 'userpass' AS pass, 'Y' AS active FROM phones"
        )
        yield cluster


@pytest.fixture(scope="module")
def served_page(server, floor):
    with served(server, DATABASE) as page:
        yield page


@pytest.fixture
def page(served_page, floor):
    """The page, on a floor with nobody."""
    for table in ("vicidial_live_agents", "evenfloor_reservations"):
        floor.run(f"DELETE FROM {table}")
    served_page.remove_hook()
    return served_page


# -- strangers ----------------------------------------------------------------------------


class Stranger:
    """Listens on the login service's port, and answers as it likes.

    Args:
        answer: gets each connection after its request has been read.
    """

    def __init__(self, answer):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.asked = 0
        self._client: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._listener.close()

    def leave(self) -> None:
        """Close the connection of the last client, whatever it waits for."""
        self._client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._client = client
                self.asked += 1
                with client, contextlib.suppress(OSError):
                    _read_request(client)
                    self._answer(client)


def _read_request(client: socket.socket) -> None:
    read = b""
    while b"}" not in read:
        read += client.recv(65536)


def until_it_leaves(client: socket.socket) -> None:
    """Say no more, and wait for the page to close the connection."""
    while client.recv(65536):
        pass


def answer_of(body: bytes, *more: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def choice(phone_login: object = "1001d1", counts: object = None) -> bytes:
    counts = {"10.1.0.1": 0, "10.1.0.2": 0} if counts is None else counts
    return json.dumps({"phone_login": phone_login, "counts": counts}).encode() + b"\n"


RIGHT = choice()
LOGINS = {
    "a trailing newline": "1001d1\n",
    "a header": "1001d1\r\nSet-Cookie: evil=1",
    "a script": "1001d1');</script><script>alert(1)//",
    "a NUL": "1001d1\0",
    "a list": "1001d1,1001d2",
    "a blank": "1001d1 ",
    "SQL": "1001d1' OR '1'='1",
    "wide letters": "１００１ｄ１",
    "a letter that looks alike": "1001ԁ1",
    "another agent's": "1002d1",
    "nobody's": "9999d1",
    "empty": "",
    "very long": "1" * 60000,
    "a number": 1001,
    "a truth": True,
    "nothing": None,
    "an array": ["1001d1"],
    "an object": {"0": "1001d1"},
}
BODIES = {
    "no JSON": b"<html>1001d1</html>",
    "no object": b'"1001d1"',
    "an array": b'["1001d1"]',
    "cut off": RIGHT[:-4],
    "deep": b"[" * 60000,
    "not UTF-8": b'{"phone_login": "1001d1\xff", "counts": {}}',
    "no counts": b'{"phone_login": "1001d1"}',
    "counts that are a number": choice(counts=7),
    "counts that are a text": choice(counts="seven"),
    "many counts": choice(counts={str(number): 0 for number in range(100_000)}),
}
PACKED = gzip.compress(16 * MEGABYTE)
ANSWERS = {
    **{f"a phone login: {name}": answer_of(choice(login)) for name, login in LOGINS.items()},
    **{f"a body: {name}": answer_of(body) for name, body in BODIES.items()},
    "nothing": b"",
    "no HTTP": RIGHT,
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n\r\n" + RIGHT,
    "no end of the headers": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + RIGHT,
    "an error": answer_of(RIGHT, status="500 Internal Server Error"),
    "a status that begins alike": answer_of(RIGHT, status="2000 OK"),
    "a huge length": answer_of(RIGHT, length=10**30),
    "a length below": answer_of(RIGHT, length=3),
    "a negative length": answer_of(RIGHT, length=-1),
    "pieces": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(RIGHT), RIGHT),
    "packed": answer_of(gzip.compress(RIGHT), "Content-Encoding: gzip"),
    "packed, 16 MB": answer_of(PACKED, "Content-Encoding: gzip"),
    "a long header": answer_of(RIGHT, f"More: {'x' * 70000}"),
}


def endless(begun: bytes):
    def answer(client):
        client.sendall(begun)
        while True:
            client.sendall(MEGABYTE)

    return answer


def big(client):
    client.sendall(answer_of(b"", length=128 * len(MEGABYTE)))
    for _number in range(128):
        client.sendall(MEGABYTE)


def dripping(client):
    client.sendall(answer_of(b"", length=10**9))
    while True:
        client.sendall(b" ")
        time.sleep(0.001)


def kept_open(client):
    client.sendall(answer_of(RIGHT))
    until_it_leaves(client)


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


BEHAVIOURS = {
    "128 MB": big,
    "a body without end": endless(answer_of(b"", length=10**12)),
    "a header without end": endless(b"HTTP/1.1 200 OK\r\nMore: "),
    "a byte at a time for ever": dripping,
    "not a word": until_it_leaves,
    "an answer, and no end": kept_open,
    "a reset": reset,
}
#: What takes the page's second; the hook is done with everything else as soon as it is there.
SLOW = ("a byte at a time for ever", "not a word", "an answer, and no end")


def check_in_time(shown, limit: Limit) -> None:
    limit.check(shown.seconds, "the hook")
    assert shown.memory <= MOST_MEMORY


def test_what_the_login_service_answers_is_taken(page):
    """So the tests below can fail: the page alone takes the list's last phone."""
    assert "with 1001d3" in page.log_in(1001).text
    with Stranger(lambda client: client.sendall(answer_of(RIGHT))) as service:
        page.set_hook(service.port, patience=HANG)
        shown = page.log_in(1002, phone_login="1001x")
    assert "with 1001d1" in shown.text and "own choice: no" in shown.text
    assert shown.cookies == ("evenfloor=1001d1%3A1001x; HttpOnly",)


@pytest.mark.parametrize("alias", ["1001x", "1001d1"])
def test_a_phone_that_an_alias_is_called_like_is_taken_all_the_same(page, floor, alias):
    floor.run("INSERT INTO phones_alias (alias_id, logins_list) VALUES ('1001d1', '1001d1,1001d3')")
    try:
        with Stranger(lambda client: client.sendall(answer_of(RIGHT))) as service:
            page.set_hook(service.port, patience=HANG)
            shown = page.log_in(1001, phone_login=alias)
            # A form that is shown again may have what the hook gave to the page.
            cookie = f"evenfloor=1001d1%3A{alias}"
            again = page.log_in(1001, phone_login="1001d1,", cookie=cookie)
    finally:
        floor.run("DELETE FROM phones_alias WHERE alias_id = '1001d1'")
    assert "logged in on [10.1.0.1] with 1001d1," in shown.text and "own choice: no" in shown.text
    assert shown.cookies == again.cookies == (f"{cookie}; HttpOnly",)


@pytest.fixture
def alone(page, floor) -> Shown:
    """What the page shows without the hook."""
    shown = page.log_in(1001)
    assert "own choice: yes" in shown.text and "with 1001d3" in shown.text
    floor.run("DELETE FROM vicidial_live_agents")
    return shown


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_a_stranger_changes_nothing_for_the_page(page, alone, name):
    with Stranger(lambda client: client.sendall(ANSWERS[name])) as stranger:
        page.set_hook(stranger.port, patience=HANG)
        shown = page.log_in(1001)
        assert stranger.asked == 1
    assert (shown.text, shown.cookies) == (alone.text, ())
    assert shown.seconds < HANG and shown.memory <= MOST_MEMORY


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_stranger_keeps_the_page_no_longer_than_its_second(page, alone, name):
    with Stranger(BEHAVIOURS[name]) as stranger:
        page.set_hook(stranger.port)
        limit = Limit(HOOKS_PATIENCE)
        shown = page.log_in(1001)
        wait_until(lambda: stranger.asked == 1, PATIENCE, "the stranger is asked")
    assert (shown.text, shown.cookies) == (alone.text, ())
    assert (shown.seconds >= HOOKS_PATIENCE) or name not in SLOW
    check_in_time(shown, limit)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_the_page_is_not_led_elsewhere(page, status):
    with Stranger(lambda client: client.sendall(answer_of(RIGHT))) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/api/v1/choose"
        redirect = answer_of(RIGHT, location, status=status)
        with Stranger(lambda client: client.sendall(redirect)) as stranger:
            page.set_hook(stranger.port, patience=HANG)
            assert "own choice: yes" in page.log_in(1001).text
        assert (stranger.asked, elsewhere.asked) == (1, 0)


def test_a_port_that_takes_no_connection_changes_nothing(page):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as stack:
            for _number in range(3):  # more than the queue holds
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            page.set_hook(full.getsockname()[1])
            limit = Limit(HOOKS_PATIENCE)
            shown = page.log_in(1001)
    assert "own choice: yes" in shown.text
    check_in_time(shown, limit)


@pytest.mark.parametrize("typed", ["1001d1,x\n", "1001d1,';alert(1);'", "1001d1,\r\nSet-Cookie"])
def test_a_cookie_that_somebody_has_made_up_is_not_repeated_to_the_browser(page, typed):
    """It says what was typed."""
    with Stranger(lambda client: client.sendall(answer_of(RIGHT))) as service:
        page.set_hook(service.port, patience=HANG)
        shown = page.log_in(1001, cookie="evenfloor=" + urllib.parse.quote(f"1001x:{typed}"))
    assert "with 1001d1" in shown.text and "own choice: no" in shown.text
    assert typed not in shown.text and shown.cookies == ()


# -- a service that takes too long --------------------------------------------------------

#: For how many seconds the hook doesn't ask after that.
PAUSE = 3600


def answer_right(client: socket.socket) -> None:
    client.sendall(answer_of(RIGHT))


@pytest.fixture
def hung(page):
    """A service that hung once, and answers since; the page has been told to pause."""
    behaviours = iter([until_it_leaves])

    def answer(client):
        next(behaviours, answer_right)(client)

    with Stranger(answer) as stranger:
        page.set_hook(stranger.port, pause=PAUSE)
        yield stranger


def note_of(page, stranger):
    return page.temporary / f"evenfloor-hook-{stranger.port}" / "late"


def is_asked(page, stranger) -> bool:
    before = stranger.asked
    shown = page.log_in(1001)
    asked = stranger.asked > before
    assert ("own choice: no" in shown.text) == asked
    return asked


def test_a_service_that_hangs_costs_one_page_its_second_and_not_the_next(page, hung):
    assert page.log_in(1001).seconds >= HOOKS_PATIENCE
    limit = Limit(HOOKS_PATIENCE / 2)
    for extension in (1001, 1002, 1003):
        shown = page.log_in(extension)
        assert "own choice: yes" in shown.text
        limit.check(shown.seconds, "a page that doesn't ask")
    assert hung.asked == 1
    folder = note_of(page, hung).parent
    assert folder.stat().st_mode & 0o7777 == 0o700 and note_of(page, hung).stat().st_size == 0


def test_after_the_pause_it_is_asked_and_an_answer_ends_the_trouble(page, hung):
    page.log_in(1001)
    note = note_of(page, hung)
    over = time.time() - PAUSE
    os.utime(note, (over, over))
    assert is_asked(page, hung)
    assert not note.exists()
    assert is_asked(page, hung)


def test_after_the_pause_one_page_tries_while_others_go_on(page):
    with Stranger(until_it_leaves) as stranger:
        page.set_hook(stranger.port, pause=PAUSE)
        page.log_in(1001)
        note = note_of(page, stranger)
        over = time.time() - PAUSE
        os.utime(note, (over, over))
        page.set_hook(stranger.port, patience=HANG, pause=PAUSE)
        with ThreadPoolExecutor(1) as pool:
            trying = pool.submit(page.log_in, 1001)
            wait_until(lambda: stranger.asked == 2, PATIENCE, "it is asked again")
            renewed = note.stat().st_mtime
            stranger.leave()
            assert "own choice: yes" in trying.result(PATIENCE).text
        assert renewed > over + PAUSE / 2


def garbage(note):
    note.write_bytes(bytes(range(256)) * 1000)


def a_folder(note):
    note.unlink()
    note.mkdir()


@pytest.mark.parametrize("left", [garbage, a_folder])
def test_what_is_in_the_note_does_not_matter(page, hung, left):
    page.log_in(1001)
    left(note_of(page, hung))
    assert not is_asked(page, hung)
    os.utime(note_of(page, hung), (0, 0))
    assert is_asked(page, hung)


def test_a_clock_that_was_set_back_makes_no_pause(page, hung):
    page.log_in(1001)
    future = time.time() + 60
    os.utime(note_of(page, hung), (future, future))
    assert is_asked(page, hung)


def a_link(folder, elsewhere):
    folder.symlink_to(elsewhere)


def for_everybody(folder, _elsewhere):
    folder.mkdir()
    folder.chmod(0o777)


def a_file(folder, _elsewhere):
    folder.write_text("")


@pytest.mark.parametrize("made", [a_link, for_everybody, a_file])
def test_a_folder_that_somebody_else_has_made_is_not_used(page, hung, tmp_path, made):
    tmp_path.chmod(0o700)
    made(note_of(page, hung).parent, tmp_path)
    shown = page.log_in(1001)
    assert "own choice: yes" in shown.text
    assert is_asked(page, hung)
    assert list(tmp_path.iterdir()) == [] and not note_of(page, hung).exists()


def test_trouble_that_takes_no_time_is_not_remembered(page, alone):
    """A service that restarts refuses connections, and may be back for the next page."""
    with Stranger(lambda client: client.sendall(ANSWERS["an error"])) as stranger:
        page.set_hook(stranger.port, patience=HANG, pause=PAUSE)
        for asked in (1, 2):
            assert "own choice: yes" in page.log_in(1001).text
            assert stranger.asked == asked
    assert "own choice: yes" in page.log_in(1001).text
    assert not note_of(page, stranger).parent.exists()


# -- the login service itself -------------------------------------------------------------


@pytest.fixture
def service(server, floor):
    with running({**server.root, "name": DATABASE}, workers=1) as service:
        yield service


@contextlib.contextmanager
def lock_held(server):
    with (
        server.connect(DATABASE) as connection,
        Cluster(connection).lock_held(f"evenfloor.{DATABASE}"),
    ):
        yield


def test_with_the_lock_stuck_pages_get_the_choice_without_it_in_time(server, page, service):
    page.set_hook(service.port)

    def is_given(extension: int) -> bool:
        limit = Limit(HOOKS_PATIENCE)
        shown = page.log_in(extension)
        check_in_time(shown, limit)
        return "own choice: no" in shown.text

    with lock_held(server):
        for extension in (1001, 1002, 1003):
            # On a busy machine a page may be too late; with the lock waited for all would be.
            wait_until(lambda e=extension: is_given(e), PATIENCE, "a choice within the second")
    assert service.log.read_text().count("the lock could not be acquired in time") >= 3


def stop(service: Service) -> None:
    for pid in service.workers():
        os.kill(int(pid), signal.SIGSTOP)


def go_on(service: Service) -> None:
    for pid in service.workers():
        os.kill(int(pid), signal.SIGCONT)


def reservations(floor) -> tuple:
    return floor.run("SELECT user FROM evenfloor_reservations")


def refused(service: Service, alias: str) -> bool:
    return any(
        "reason=database_unreachable" in line and alias in line
        for line in service.log.read_text().splitlines()
    )


def check_left_alone(page_shown, floor, service, limit) -> None:
    """The page chose by itself in time, and what the service did for it is undone."""
    assert "own choice: yes" in page_shown.text
    check_in_time(page_shown, limit)
    wait_until(lambda: refused(service, "1001x"), PATIENCE, "the service gives it up")
    assert reservations(floor) == ()
    assert floor.run("SELECT user FROM vicidial_live_agents") == (("agent1001",),)


def test_a_service_that_is_frozen_holds_no_page_up_and_reserves_nothing_when_it_wakes(
    page, floor, service
):
    page.set_hook(service.port)
    limit = Limit(HOOKS_PATIENCE)
    stop(service)
    try:
        shown = page.log_in(1001)
    finally:
        go_on(service)
    check_left_alone(shown, floor, service, limit)


def test_a_service_that_freezes_before_it_reserves_does_not_when_it_wakes(
    server, page, floor, service
):
    # The service waits for the lock for less than half of that.
    patience = 6
    page.set_hook(service.port, patience)
    limit = Limit(patience)
    waiting = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'"
    with ThreadPoolExecutor(1) as pool:
        try:
            with lock_held(server):
                coming = pool.submit(page.log_in, 1001)
                wait_until(lambda: floor.run(waiting), PATIENCE, "it waits for the lock", 0.01)
                stop(service)
            shown = coming.result(PATIENCE)
        finally:
            go_on(service)
    check_left_alone(shown, floor, service, limit)
