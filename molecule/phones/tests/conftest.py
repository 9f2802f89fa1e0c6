"""The cluster that molecule has built, the phones' tokens, and a Linphone on its first host."""

import json

import pytest

from lab.cluster import ROOT
from tests.fixtures import cluster, known_state, on
from tests.linphone import Linphone

__all__ = ["cluster", "known_state", "on"]
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
    phone = Linphone(cluster, HOST, f"{addresses['101x']}linphone.xml")
    phone.install()
    phone.start()
    yield phone
    phone.stop()
