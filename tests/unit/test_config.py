"""The INI file and the environment over it."""

import pytest

from evenfloor.config import BalancerConfig, load, main
from evenfloor.errors import ConfigurationError


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "evenfloor.ini"
        path.write_text(text)
        return str(path)

    return write


def test_what_is_not_written_has_its_default_and_the_environment_wins(written):
    path = written("[balancer]\nlock_timeout = 7\nreservation_ttl = 20\n")
    config = load(path, {"EVENFLOOR_BALANCER_LOCK_TIMEOUT": "0", "EVENFLOOR_DATABASE_HOST": "db"})
    assert (config.balancer.lock_timeout, config.balancer.reservation_ttl) == (0, 20)
    assert (config.balancer.heartbeat_timeout, config.database.host) == (5, "db")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[balancer]\nlock_timeout = -1\n", "lock_timeout: -1 is not between 0 and 300"),
        ("[balancer]\nheartbeat_timeout = 0\n", "heartbeat_timeout: 0 is not between 1"),
        ("[balancer]\nlock_timeout = soon\n", "'soon' is not a whole number"),
        ("[dialer]\npoll_interval = often\n", "'often' is not a number"),
        ("[dialer]\npoll_interval = nan\n", "nan is not between 0.001 and 60"),
        ("[database]\nport = 70000\n", "70000 is not between 1 and 65535"),
        ("[balancer]\nregistration = maybe\n", "none of auto, prefer, require, ignore"),
        ("[balancer]\nlock = 3\n", "lock is not a setting; known are"),
        ("[balance]\n", "[balance] is not a section; known are"),
        ("lock_timeout = 3\n", "is not an INI file"),
    ],
)
def test_what_cannot_be_used_is_named(written, text, words):
    with pytest.raises(ConfigurationError) as caught:
        load(written(text), {})
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("3.0", 3), ("2.5", 2.5), ("10", 10)])
def test_a_time_may_be_a_part_of_a_second_where_the_setting_is_a_float(written, text, seconds):
    assert load(written(f"[balancer]\nrequest_timeout = {text}\n"), {}).balancer == BalancerConfig(
        request_timeout=seconds
    )


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere.ini can't be read"):
        load(str(tmp_path / "nowhere.ini"), {})


def test_secrets_are_not_in_what_is_printed(written):
    path = written("[database]\npassword = hush\n[dialer]\nami_secret = hush\n")
    assert "hush" not in repr(load(path, {}))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [("[login]\nport = 8080\n", 0, ""), ("garbage", 2, "evenfloor: {path} is not an INI file")],
)
def test_a_reload_can_ask_first_whether_it_is_usable(
    written, monkeypatch, capsys, text, code, said
):
    path = written(text)
    monkeypatch.setenv("EVENFLOOR_CONFIG", path)
    assert main() == code
    assert capsys.readouterr().err.startswith(said.format(path=path))
