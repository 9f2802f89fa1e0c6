"""The module credentials_info: who gets which password."""

from tests.integration.modules.floor import DIALERS, FIRST, SECOND


def test_credentials_are_read_for_aliases_and_active_phones(modules, cluster):
    modules.server(1, opened=True)
    entries = [{"extensions": "101-102", "login_password": "given1", "registration_password": "g2"}]
    modules.aliases(entries, DIALERS[:2], serving=[SECOND])
    cluster.run("UPDATE phones SET active = 'N' WHERE login = '102b'")
    cluster.add_alias("empty", "")
    read = modules.run("credentials_info")
    assert [(row["alias"], row["extension"], row["login_password"]) for row in read["agents"]] == [
        ("101x", "101", "given1"), ("102x", "102", "given1"),
    ]  # fmt: skip
    assert read["aliases"] == ["101x", "102x", "empty"]
    assert [(r["extension"], r["dialer"], r["server_ip"]) for r in read["registrations"]] == [
        ("101", "dialer1", FIRST), ("101", SECOND, SECOND), ("102", "dialer1", FIRST),
    ]  # fmt: skip
    assert {row["registration_password"] for row in read["registrations"]} == {"g2"}
