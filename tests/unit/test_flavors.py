"""Flavors: what each says of itself, and that shared code asks the interface only."""

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.evenfloor.cluster.plugins.doc_fragments.database import ModuleDocFragment
from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors
from ansible_collections.evenfloor.cluster.plugins.module_utils.flavors.base import (
    Flavor,
    ServerColumns,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Alias,
    Phone,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError

PLUGINS = Path(__file__).parents[2] / "plugins"
PLAIN, VICIDIAL = map(flavors.flavor_of, ("plain", "vicidial"))
PHONES = [Phone("101", "10.0.0.1", "101a", "typed", "spoken", "Desk")]
WANTED = {
    "alias_id": "101x",
    "extension": "101",
    "name": "Agent 101",
    "named": False,
    "server_ips": ["10.0.0.1"],
    "login_password": None,
    "registration_password": None,
}


def test_each_flavor_tells_roles_what_they_need():
    assert PLAIN.facts() == {
        "name": "plain",
        "owns_phones": True,
        "manages_dialers": True,
        "adopted": False,
        "registration": "prefer",
        "settling": 0,
        "widest_logins_list": 4096,
    }
    assert VICIDIAL.facts() == {
        "name": "vicidial",
        "owns_phones": False,
        "manages_dialers": False,
        "adopted": True,
        "registration": "auto",
        "settling": 60,
        "widest_logins_list": 4096,
    }


def test_a_cluster_that_says_nothing_is_evenfloors_own():
    assert flavors.flavor_of(flavors.DEFAULT) is PLAIN


@pytest.mark.parametrize("name", ["goautodial", "", None, [], "PLAIN"])
def test_an_unknown_flavor_is_refused_naming_the_known_ones(name):
    with pytest.raises(InventoryError) as refusal:
        flavors.flavor_of(name)
    assert f"cluster_flavor '{name}' is not known" in str(refusal.value)
    assert "plain (Evenfloor builds the cluster) or vicidial (it runs" in str(refusal.value)


def test_a_flavor_that_lacks_an_answer_cannot_be_made():
    class Half(Flavor):
        name = "half"

    with pytest.raises(TypeError, match="abstract"):
        Half()


@pytest.mark.parametrize("flavor", flavors.FLAVORS.values(), ids=flavors.FLAVORS)
def test_every_flavor_says_all_that_the_interface_asks(flavor):
    assert [name for name in Flavor.__annotations__ if not hasattr(flavor, name)] == []
    assert flavors.flavor_of(flavor.name) is flavor


def test_the_documentation_names_the_flavors_that_there_are():
    """It is a constant, so that Ansible's checks can read it."""
    option = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]["cluster_flavor"]
    assert option["choices"] == list(flavors.FLAVORS)
    assert option["default"] == flavors.DEFAULT
    meanings = [f"V({flavor.name}): {flavor.meaning}" for flavor in flavors.FLAVORS.values()]
    assert option["description"][1] == "; ".join(meanings) + "."


def test_only_who_owns_the_phones_may_purge():
    PLAIN.check_purge()
    with pytest.raises(ValueError, match="aren't Evenfloor's alone"):
        VICIDIAL.check_purge()


def test_names_and_passwords_that_the_inventory_does_not_give_are_the_operators():
    old = Alias("101x", "Sales", ("101a", "900z"))
    assert PLAIN.wanted_alias(WANTED, PHONES, old) == WANTED
    kept = VICIDIAL.wanted_alias(WANTED, PHONES, old)
    assert (kept["name"], kept["phone_name"]) == ("Sales", "Desk")
    new = PHONES[0]._replace(login_password="made", name="Agent 101")
    assert PLAIN.wanted_phone(WANTED, new, PHONES[0]) == new
    assert VICIDIAL.wanted_phone(WANTED, new, PHONES[0]) == PHONES[0]
    given = {**WANTED, "login_password": "made"}
    changed = VICIDIAL.wanted_phone(given, new, PHONES[0])
    assert changed == PHONES[0]._replace(login_password="made")


def test_logins_that_somebody_else_listed_stay_beside_vicidial():
    old = Alias("101x", "Sales", ("101a", "900z"))
    assert PLAIN.foreign_logins(old, PHONES, ["10.0.0.1"]) == set()
    assert VICIDIAL.foreign_logins(old, PHONES, ["10.0.0.1"]) == {"900z"}
    assert VICIDIAL.foreign_logins(old, PHONES, ["10.0.0.2"]) == {"101a", "900z"}


def test_servers_that_the_inventory_does_not_have_are_compared_only_where_it_should():
    rows = [{"server_ip": "10.0.0.1"}, {"server_ip": "10.0.0.9"}]
    assert PLAIN.compared_servers(rows, {"10.0.0.1": "d1"}) == rows
    assert VICIDIAL.compared_servers(rows, {"10.0.0.1": "d1"}) == rows[:1]


def test_a_server_row_follows_the_inventory_only_where_evenfloor_made_it():
    given, there = ServerColumns("d1", "first", "22"), ServerColumns("D1", "Lyon", "18")
    assert PLAIN.server_columns(given, there) == given
    assert VICIDIAL.server_columns(given, there) == there
    assert VICIDIAL.server_columns(given, None) == given


#: Where a flavor may be called by its name: its own file, the registry, and the module that is for
#: VICIdial alone.
ALLOWED = {"flavors/__init__.py", "flavors/plain.py", "flavors/vicidial.py", "vicidial_info.py"}
NAMED = re.compile(r"""['"](?:plain|vicidial)['"]|\b(?:Plain|Vicidial|PLAIN|VICIDIAL)\b""")


def test_shared_code_never_asks_which_flavor_it_is():
    found = [
        f"{file.relative_to(PLUGINS)}: {line.strip()}"
        for file in sorted(PLUGINS.rglob("*.py"))
        if "balancer" not in file.parts and not any(str(file).endswith(end) for end in ALLOWED)
        for line in file.read_text().splitlines()
        if NAMED.search(line)
    ]
    assert found == []
