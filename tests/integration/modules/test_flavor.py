"""A module refuses a cluster whose inventory says another flavor than its database."""

import pytest

from tests.integration.modules.floor import (
    DIALERS,
    ENGINES,
    FIRST,
    SECOND,
    everything,
    lists,
    use_engine,
)
from tests.integration.modules.guest import DIALERS as GUESTS

#: What a run with the wrong flavor would do.
CALLS = [
    ("aliases", {"phone_aliases": [{"extensions": "101"}], "dialers": DIALERS[:2]}),
    ("aliases", {"phone_aliases": [], "dialers": DIALERS[:2], "purge": True, "confirmed": True}),
    ("server", {"server_ip": FIRST, "server_id": "renamed"}),
    ("server", {"server_ip": FIRST, "state": "absent"}),
    ("phones_info", {}),
]


def note(cluster, flavor):
    cluster.run(
        "INSERT INTO evenfloor_cluster (id, flavor, created) VALUES (1, %s, NOW())", (flavor,)
    )


@ENGINES
@pytest.mark.parametrize("call", [(*call, check) for call in CALLS for check in (False, True)])
def test_another_flavor_is_refused_naming_both(modules, cluster, server, engine, call):
    use_engine(cluster, server, engine)
    modules.server(1)
    modules.aliases(serving=[FIRST, SECOND])
    note(cluster, "vicidial")
    before = everything(cluster)
    module, arguments, check = call
    message = modules.fail(module, check, **arguments)
    assert message == (
        "this database belongs to a cluster of flavor vicidial; the inventory says plain; set"
        " cluster_flavor: vicidial in group_vars/all. Nothing has been changed"
    )
    assert everything(cluster) == before


def test_the_flavor_that_is_noted_is_served(modules, cluster):
    note(cluster, "plain")
    modules.aliases(serving=[FIRST])
    words = modules.fail("aliases", **CALLS[0][1], cluster_flavor="vicidial")
    assert "of flavor plain; the inventory says vicidial" in words


@pytest.mark.parametrize("statement", ["DELETE FROM evenfloor_cluster",
                                       "DROP TABLE evenfloor_cluster"])  # fmt: skip
def test_vicidials_cluster_of_an_earlier_release_is_served(vicidial, statement):
    vicidial.adopt()
    vicidial.sql(statement)
    assert not vicidial.aliases([{"extensions": "101"}])["changed"]


def test_a_plain_cluster_of_an_earlier_release_is_served(modules, cluster):
    cluster.run("DROP TABLE evenfloor_cluster")
    modules.aliases(serving=[FIRST])
    assert lists(cluster)


def test_a_user_of_an_earlier_release_is_served(vicidial):
    vicidial.adopt()
    vicidial.sql("REVOKE SELECT ON vicidial.evenfloor_cluster FROM evenfloor_provision@localhost")
    assert not vicidial.aliases([{"extensions": "101"}])["changed"]


# The accident


@pytest.mark.parametrize(
    "earlier", [None, "DELETE FROM evenfloor_cluster", "DROP TABLE evenfloor_cluster"]
)
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("confirmed", [False, True])
def test_group_vars_that_are_not_loaded_remove_nothing_beside_vicidial(
    vicidial, earlier, check, confirmed
):
    """601 phones and 200 aliases went."""
    _grow(vicidial)
    vicidial.adopt(GUESTS)
    if earlier:
        vicidial.sql(earlier)
    tables = [row[0] for row in vicidial.sql("SHOW TABLES")]
    before = vicidial.rows(*tables)
    assert (len(before["phones"]), len(before["phones_alias"])) == (601, 200)
    for grow in (False, True):
        message = vicidial.modules.fail(
            "aliases",
            check,
            phone_aliases=[],
            dialers=GUESTS,
            cluster_flavor="plain",
            purge=True,
            grow=grow,
            confirmed=confirmed,
        )
        assert "of flavor vicidial; the inventory says plain" in message
        assert vicidial.rows(*tables) == before


def test_phone_aliases_alone_that_are_not_loaded_remove_nothing(vicidial):
    _grow(vicidial)
    vicidial.adopt(GUESTS)
    before = vicidial.rows("phones", "phones_alias")
    assert not vicidial.aliases([], GUESTS)["changed"]
    assert vicidial.rows("phones", "phones_alias") == before


def _grow(vicidial):
    """Give it 601 phones and 200 aliases."""
    vicidial.add_dialer(3)
    vicidial.sql("DELETE FROM phones")
    vicidial.sql("DELETE FROM phones_alias")
    for extension in range(1001, 1201):
        vicidial.add_phones(str(extension), dialers=(1, 2, 3))
    vicidial.sql("INSERT INTO phones (extension, server_ip, login, template_id)"
                 " VALUES ('gate', %s, 'gate', '')", FIRST)  # fmt: skip
