"""One MariaDB for the whole run, a fresh database for each test."""

import pytest

from evenfloor import Balancer
from tests import mariadb
from tests.integration.cluster import Cluster

DATABASE = "evenfloor_test"


@pytest.fixture(scope="session")
def server():
    with mariadb.running() as running:
        yield running


@pytest.fixture
def cluster(server):
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        yield Cluster(connection)


@pytest.fixture
def make_balancer(server, cluster):
    """Make balancers on the test's database; keywords go to the [balancer] section."""
    made = []

    def make(**settings) -> Balancer:
        made.append(mariadb.balancer(server.root, DATABASE, **settings))
        return made[-1]

    yield make
    for balancer in made:
        balancer.close()
