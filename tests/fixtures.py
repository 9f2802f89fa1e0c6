"""Fixtures of the scenarios in which Evenfloor owns the cluster; their conftest.py imports them."""

from __future__ import annotations

import contextlib
import os
import warnings

import pytest
import testinfra

from lab.cluster import Cluster
from tests.state import repair

_FAILED = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def cluster():
    """The cluster that the scenario has built."""
    return Cluster(os.environ["MOLECULE_TEST_INVENTORY"])


@pytest.fixture(scope="session")
def on(cluster):
    """A function that gives testinfra's view of a host."""

    def look(name: str):
        return testinfra.get_host(
            f"ssh://root@{cluster.address(name)}",
            ssh_identity_file=cluster.ssh_key,
            ssh_extra_args=cluster.ssh_options,
        )

    return look


def failed_since_last_time(request) -> bool:
    """Whether a test has failed since this was asked last."""
    stash, failed = request.session.stash, request.session.testsfailed
    before = stash.get(_FAILED, 0)
    stash[_FAILED] = failed
    return failed > before


def last_words(cluster) -> str:
    """Return what the login service has logged last, on each host that answers."""
    said = ""
    for host in cluster.groups.get("login", []):
        with contextlib.suppress(Exception):
            said += cluster.run(host, "journalctl --no-pager --lines 80 --unit evenfloor-login")
    return said


@pytest.fixture(autouse=True)
def known_state(request, cluster):
    """Repair the cluster if the test before has failed, so that this one doesn't fail for it."""
    if failed_since_last_time(request):
        # Its hosts may be gone when somebody asks why.
        said = last_words(cluster)
        warnings.warn(
            f"the cluster was repaired after a failed test; before:\n{said}", stacklevel=1
        )
        repair(cluster)


@pytest.fixture
def nobody_logged_in(cluster, known_state):
    """Nobody is logged in, before the test and after it."""
    cluster.logout_everybody()
    yield
    cluster.logout_everybody()
