"""The module phones_info: which phones there are, and which are awaited."""

import pytest

from tests.integration.modules.floor import FIRST, SECOND, THIRD, everything, passwords, register


@pytest.fixture
def phones(modules, cluster):
    """Phones of 101 to 103 on two dialers, neither of them opened."""
    modules.server(1)
    modules.server(2)
    modules.aliases(serving=[FIRST, SECOND])


def test_phones_are_read_in_order_and_say_whether_they_are_registered(phones, modules, cluster):
    register(cluster, "102a")
    cluster.run("UPDATE phones SET active = 'N' WHERE login = '103a'")
    result = modules.info(server_ips=[FIRST])
    assert not result["changed"]
    assert result["phones"] == [
        {
            "extension": extension,
            "server_ip": FIRST,
            "dialer": "dialer1",
            "login": f"{extension}a",
            "name": f"Agent {extension}",
            "registered": extension == "102",
            "kind": "sip",
        }
        for extension in ("101", "102")
    ]


@pytest.mark.parametrize(
    ("asked", "logins"),
    [
        ({}, ["101a", "101b", "102a", "102b", "103a", "103b"]),
        ({"extensions": ["101", "103"]}, ["101a", "101b", "103a", "103b"]),
        ({"extensions": ["102-103"], "server_ips": [SECOND]}, ["102b", "103b"]),
        ({"extensions": []}, []),
        ({"server_ips": []}, []),
        ({"server_ips": [THIRD]}, []),
    ],
)
def test_only_the_phones_that_were_asked_for_are_read(phones, modules, asked, logins):
    assert [phone["login"] for phone in modules.info(**asked)["phones"]] == logins


def test_before_any_dialer_is_opened_the_managed_extensions_are_awaited(phones, modules, cluster):
    register(cluster, "101a", "103b")
    result = modules.info(managed_extensions=["101-102"])
    assert result["opened"] == []
    assert result["awaited"] == ["101b", "102a", "102b"]
    assert modules.info(managed_extensions=["101-102"], server_ips=[SECOND])["awaited"] == [
        "101b",
        "102b",
    ]
    assert modules.info()["awaited"] == []


def test_later_what_is_registered_on_an_opened_dialer_is_awaited(phones, modules, cluster):
    modules.server(1, opened=True)
    register(cluster, "101a", "103b")
    result = modules.info(managed_extensions=["102"], server_ips=[SECOND])
    assert result["opened"] == [FIRST]
    assert result["awaited"] == ["101b"]
    register(cluster, "101b")
    assert modules.info(managed_extensions=["102"], server_ips=[SECOND])["awaited"] == []


def test_a_dialer_that_an_operator_closed_has_been_opened_all_the_same(phones, modules, cluster):
    modules.server(2, opened=True)
    cluster.run("UPDATE servers SET active_agent_login_server = 'N'")
    assert modules.info()["opened"] == [SECOND]


@pytest.mark.parametrize(
    ("state", "registered"),
    [
        ("REGISTERED", True),
        ("REACHABLE", True),
        ("LAGGED", True),
        ("UNKNOWN", False),
        ("UNREGISTERED", False),
        ("UNREACHABLE", False),
        (None, False),
    ],
)
def test_a_state_means_registered_or_not(phones, modules, cluster, state, registered):
    cluster.run("UPDATE phones SET peer_status = %s WHERE login = '101a'", (state,))
    (phone,) = modules.info(extensions=["101"], server_ips=[FIRST])["phones"]
    assert phone["registered"] is registered


def test_registration_passwords_come_on_request_only_and_login_passwords_never(
    phones, modules, cluster
):
    secrets = dict(cluster.run("SELECT login, conf_secret FROM phones"))
    typed = {row[0] for row in cluster.run("SELECT pass FROM phones")}
    modules.info()
    assert [word for word in passwords(cluster) if word in modules.output] == []
    result = modules.info(with_passwords=True)
    told = {phone["login"]: phone["registration_password"] for phone in result["phones"]}
    assert told == secrets
    assert [word for word in typed if word in modules.output] == []


@pytest.mark.parametrize("argument", ["extensions", "managed_extensions"])
def test_a_range_that_cannot_be_read_fails_with_the_fix(phones, modules, argument):
    message = modules.fail("phones_info", **{argument: ["103-101"]})
    assert "'103-101'" in message
    assert 'write "101-103"' in message


def test_reading_phones_writes_nothing(phones, modules, cluster):
    before = everything(cluster)
    modules.info(with_passwords=True, managed_extensions=["101-103"])
    assert everything(cluster) == before
