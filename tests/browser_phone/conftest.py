"""The cluster that `make test-browser` has built, and a browser that trusts it."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.cluster import Cluster
from tests.browser import HEADSET, browsing

INVENTORY = Path(__file__).parent / "inventory"


@pytest.fixture(scope="session")
def cluster():
    return Cluster(os.environ.get("BROWSER_TEST_INVENTORY", INVENTORY))


@pytest.fixture(scope="session")
def browser(cluster, tmp_path_factory):
    """Chromium with a headset that beeps, in which somebody has installed the cluster's ca.pem."""
    home = tmp_path_factory.mktemp("home")
    authority = home / "ca.pem"
    authority.write_text(cluster.run("login1", "cat /etc/evenfloor/ca.pem"))
    for folder in (".pki/nssdb", ".local/share/pki/nssdb"):
        (home / folder).mkdir(parents=True)
        certutil = ["certutil", "-d", f"sql:{home / folder}"]
        subprocess.run([*certutil, "-N", "--empty-password"], check=True)
        trust = ["-A", "-t", "C,,", "-n", "cluster", "-i", str(authority)]
        subprocess.run([*certutil, *trust], check=True)
    with browsing(*HEADSET, HOME=str(home)) as found:
        yield found
