"""The cluster that molecule has built and grown."""

import os

import pytest
import testinfra

from tests.live import Cluster


@pytest.fixture(scope="session")
def cluster():
    return Cluster(os.environ["MOLECULE_TEST_INVENTORY"])


@pytest.fixture(scope="session")
def on(cluster):
    """A function that gives testinfra's view of a host."""

    def look(name: str):
        options = cluster.ssh_options
        return testinfra.get_host(
            f"ssh://root@{cluster.address(name)}",
            ssh_identity_file=cluster.ssh_key,
            ssh_extra_args=options,
        )

    return look


@pytest.fixture
def nobody_logged_in(cluster):
    cluster.logout_everybody()
    yield
    cluster.logout_everybody()
