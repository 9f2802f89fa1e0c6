"""A dialer gets another address while agents talk on the others, and gets its own back."""

import json

import pytest

from tests.state import wait_until_settled
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

#: The last part of an address of the cluster's network that no host has.
FREE = ".93"


class Moving:
    """A dialer that has two addresses, and goes from one to the other."""

    def __init__(self, cluster, name: str):
        self.cluster, self.name = cluster, name
        self.old = cluster.address(name)
        self.new = self.old.rpartition(".")[0] + FREE
        self.database = cluster.address("db1")
        route = cluster.run(name, f"ip -o -4 route get {self.database}").split()
        self.device = route[route.index("dev") + 1]

    def add_address(self):
        """Give the host the new address, and have it ask the database from there."""
        self.cluster.run(
            self.name,
            f"ip address replace {self.new}/24 dev {self.device}"
            f" && ip route replace {self.database}/32 dev {self.device} src {self.new}",
        )

    def ask_from_old_address(self):
        """Have the host ask the database from its old address again."""
        self.cluster.run(self.name, f"ip route del {self.database}/32 || true")

    def remove_address(self):
        """Take the new address away from the host."""
        self.cluster.run(self.name, f"ip address del {self.new}/24 dev {self.device} || true")

    def renumber(self, server_ip: str, *words: str, check: bool = True):
        """Run the playbook."""
        order = f"dialer={self.name} server_ip={server_ip} confirmed=true"
        return self.cluster.playbook(
            "playbooks/renumber_dialer.yml", "-e", order, *words, check=check
        )

    def addresses(self) -> list[list[str]]:
        """Return how many rows of each table have the old and the new address."""
        counts = f"SUM(server_ip = '{self.old}') > 0, SUM(server_ip = '{self.new}') > 0"
        tables = ("servers", "phones", "server_updater", "vicidial_confbridges",
                  "evenfloor_dialers", "evenfloor_weights")  # fmt: skip
        return [self.cluster.sql(f"SELECT {counts} FROM {table}")[0] for table in tables]


def quiet_dialer(cluster, session) -> str:
    """Return a dialer on which this session isn't."""
    talking = cluster.dialer_of(session["server_ip"])
    return next(name for name in cluster.dialers if name != talking)


@pytest.fixture
def moving(cluster):
    """A dialer with a second address; 101x talks on another one."""
    session = cluster.login("101x")
    call = cluster.wait_for_call(session)
    made = Moving(cluster, quiet_dialer(cluster, session))
    made.call, made.talking = call, cluster.dialer_of(session["server_ip"])
    try:
        made.add_address()
        yield made
    finally:
        cluster.logout_everybody()
        made.ask_from_old_address()
        made.renumber(made.old, check=False)
        made.remove_address()
        wait_until_settled(cluster)


def expect_the_call_goes_on(cluster, moving):
    now = cluster.calls(moving.talking)["101"]
    assert now.channel == moving.call.channel
    assert now.seconds > moving.call.seconds


def test_a_dialer_gets_another_address_and_its_own_back_while_a_call_goes_on(
    cluster, moving, tmp_path
):
    printed = moving.renumber(moving.new).stdout
    assert f"{moving.name} has the address {moving.new}" in " ".join(printed.split())
    expect_the_call_goes_on(cluster, moving)
    assert moving.addresses() == [["0", "1"]] * 6
    floor = cluster.floor()[moving.name]
    assert floor["takes_logins"] and floor["registered"] == floor["phones"]
    users = "SELECT host FROM mysql.user WHERE user = 'evenfloor_dialer' ORDER BY host"
    hosts = [row[0] for row in cluster.sql(users)]
    assert moving.new in hosts and moving.old not in hosts
    # Until the inventory has it, no other run changes anything.
    refused = cluster.playbook("playbooks/aliases.yml", check=False)
    said = " ".join(refused.stdout.split())
    assert refused.returncode != 0
    assert f"{moving.old} in the inventory, and {moving.new} in the database" in said
    corrected = tmp_path / "corrected.json"
    hosts = {moving.name: {"server_ip": moving.new}}
    corrected.write_text(json.dumps({"dialers": {"hosts": hosts}}))
    done = cluster.playbook("playbooks/aliases.yml", "-i", str(corrected))
    assert "changed=1" not in done.stdout
    # The dialer with the new address has the fewest agents, or as few as the third.
    sessions = [cluster.login(alias) for alias in ("102x", "103x")]
    (there,) = [session for session in sessions if session["server_ip"] == moving.new]
    cluster.wait_until(
        lambda: there["extension"] in cluster.calls(moving.name),
        PATIENCE,
        f"{there['extension']} talks on {moving.name}",
    )
    cluster.logout(there["user"])
    again = moving.renumber(moving.new)
    assert "nothing is left to do" in " ".join(again.stdout.split())
    moving.ask_from_old_address()
    moving.renumber(moving.old)
    assert moving.addresses() == [["1", "0"]] * 6
    expect_the_call_goes_on(cluster, moving)
    assert cluster.sql("SELECT COUNT(*) FROM evenfloor_renumbering") == [["0"]]


def test_a_host_that_does_not_have_the_address_is_left_as_it_is(cluster):
    session = cluster.login("101x")
    name = quiet_dialer(cluster, session)
    free = cluster.address(name).rpartition(".")[0] + ".94"
    done = cluster.playbook(
        "playbooks/renumber_dialer.yml", "-e", f"dialer={name} server_ip={free} confirmed=true",
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"not {free}; give the host that address first" in " ".join(done.stdout.split())
    assert cluster.floor()[name]["takes_logins"]
