"""The cluster that molecule has built, the phones' tokens, and two softphones on its first host."""

import json

import pytest

from lab.cluster import ROOT
from tests.baresip import Baresip
from tests.fixtures import cluster, on
from tests.linphone import Linphone

__all__ = ["cluster", "on"]
HOST = "db1"


@pytest.fixture(scope="session")
def addresses(cluster):
    """Where each alias's phone fetches its accounts, as the agent's page says."""
    # The tokens stay with the cluster, for tests that run on it later.
    folder = ROOT / ".cache/phones"
    cluster.playbook("playbooks/credentials.yml", "-e", f"folder={folder}")
    tokens = json.loads((folder / "phones/tokens.json").read_text())
    host = cluster.address(cluster.groups["login"][0])
    return {alias: f"https://{host}/provision/{token}/" for alias, token in tokens.items()}


@pytest.fixture(scope="session")
def linphone(cluster, addresses):
    """A Linphone of Debian's that knows an address, and nothing else."""
    with Linphone(cluster, HOST, f"{addresses['101x']}linphone.xml") as phone:
        yield phone


@pytest.fixture(scope="session")
def edge_phone(cluster, addresses):
    """A baresip whose one account is at the edge."""
    with Baresip(cluster, HOST, f"{addresses['111x']}baresip-accounts") as phone:
        yield phone
